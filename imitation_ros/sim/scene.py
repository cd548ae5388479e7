# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The MuJoCo model: the contract's URDF with servos and cameras, a table, the task's objects."""

from dataclasses import dataclass
import re
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from .. import resources
from ..contract import Contract
from ..errors import ContractError, unknown
from .dimensions import BASE_HEIGHT, FIELD_OF_VIEW
from .surroundings import add_surroundings
from .task import Task

GAINS = {
    'waist': (1500.0, 60.0),
    'neck': (60.0, 4.0),
    'shoulder': (400.0, 25.0),
    'elbow': (400.0, 25.0),
    'wrist': (120.0, 7.0),
    'gripper': (1500.0, 40.0),
    'hip': (1500.0, 60.0),
    'knee': (1500.0, 60.0),
    'ankle': (600.0, 30.0),
}
"""Stiffness [Nm/rad] and damping [Nms/rad] of the position servos, by part of the joint's name."""

GANTRY = 'gantry'
"""Name of the weld that holds a floating base until the robot is told to move."""

COLLISION_GROUP = 3
"""Collision shapes are not drawn; groups 0 to 2 are."""

# The robot touches the world but not itself: keeping it off itself is the safety filter's work,
# and a filter that fails must be seen in the distances, not hidden by a contact.
ROBOT_CONTACT = {'contype': 1, 'conaffinity': 2}
# Soft, sticky pads: with the elliptic cone a held object slips less than 1 mm in 10 s.
PAD = {
    'friction': [1.5, 0.02, 0.002],
    'condim': 4,
    'solref': [0.01, 1.0],
    'solimp': [0.95, 0.99, 0.001, 0.5, 2.0],
    'priority': 1,
}


@dataclass(frozen=True)
class Scene:
    """A compiled scene and where the robot stands in it.

    Attributes:
        model: The `mujoco.MjModel`.
        task: The task whose objects are in it.
        q_index: Index into qpos of each joint, contract order, shape (n,).
        v_index: Index into qvel.
        actuator: Index into ctrl.
        mimic: Pairs (index into qpos of a mimic joint, position in contract order it follows).
        base: Id of the robot's root body.
        object: Id of the body tracked as `object`.
        pushed: Id of the body that pushes hit: the object, or the base if that cannot move.
        gantry: Id of the weld that holds a floating base; -1 for a base that is fixed.
        tools: Body id of each tool frame of the contract.
    """

    model: Any
    task: Task
    q_index: NDArray[np.intp]
    v_index: NDArray[np.intp]
    actuator: NDArray[np.intp]
    mimic: tuple[tuple[int, int], ...]
    base: int
    object: int
    pushed: int
    gantry: int
    tools: dict[str, int]


def build(contract: Contract, task: Task, timestep_s: float = 0.002) -> Scene:
    """Build the scene of a task.

    Args:
        contract: The robot.
        task: The task.
        timestep_s: Step of the physics [s].

    Raises:
        ContractError: If the contract lacks a tool of the task, or MuJoCo cannot read the URDF
            (it needs a `<camera>_link` per camera, and meshes as STL or OBJ).
    """
    for tool in task.tools:
        if tool not in contract.tools:
            raise ContractError(
                f'task {task.name}: {unknown(tool, "tool of the contract", contract.tools)}'
            )
    spec = _load(contract)
    option = spec.option
    option.timestep = timestep_s
    option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    option.impratio = 10.0
    root = spec.worldbody.first_body()
    root.pos = [0.0, 0.0, BASE_HEIGHT]
    base_name = root.name
    _prepare_robot(spec, contract, task)
    _add_cameras(spec, contract)
    add_surroundings(spec, table=not task.floating)
    if task.floating:
        _hang(spec, root)
    task.add_objects(spec, contract)
    try:
        model = spec.compile()
    except ValueError as error:
        raise ContractError(f'MuJoCo cannot build {contract.urdf_path}: {error}') from error
    return _locate(model, contract, task, base_name)


def _load(contract: Contract) -> Any:
    """Read the URDF, keeping visuals and fixed links, which MuJoCo drops by default."""
    contract.require_robot('a simulation')
    keep = '<mujoco><compiler discardvisual="false" fusestatic="false"/></mujoco>'
    text, found = re.subn(r'(<robot\b[^>]*>)', rf'\1{keep}', contract.urdf_text, count=1)
    if not found:
        raise ContractError(f'{contract.urdf_path}: no <robot> element')
    # MuJoCo knows no packages.
    text = re.sub(r'package://([^"\']+)', lambda found: str(resources.find_share(found[1])), text)
    try:
        return mujoco.MjSpec.from_string(text)
    except ValueError as error:
        raise ContractError(f'MuJoCo cannot read {contract.urdf_path}: {error}') from error


def _hang(spec: Any, root: Any) -> None:
    """Let the base float, held by a gantry that can be let go."""
    root.add_freejoint(name='base_free')
    gantry = spec.add_equality(
        name=GANTRY,
        type=mujoco.mjtEq.mjEQ_WELD,
        objtype=mujoco.mjtObj.mjOBJ_BODY,
        name1=root.name,
    )
    gantry.data[10] = 1.0


def _prepare_robot(spec: Any, contract: Contract, task: Task) -> None:
    """Give the robot servos, contact rules and gravity compensation."""
    servos = {**GAINS, **task.gains}
    for body in spec.bodies:
        if body.name != 'world':
            body.gravcomp = 0.0 if task.floating else 1.0
    for geom in spec.geoms:
        if geom.contype or geom.conaffinity:
            geom.contype, geom.conaffinity = ROBOT_CONTACT['contype'], ROBOT_CONTACT['conaffinity']
            geom.group = COLLISION_GROUP
            if 'finger' in geom.parent.name:
                for key, value in PAD.items():
                    setattr(geom, key, value)
        else:
            geom.group = 1
    mimics = {equality.name1 for equality in spec.equalities}
    for joint in spec.joints:
        slides = joint.type == mujoco.mjtJoint.mjJNT_SLIDE
        joint.armature = 0.05 if slides else 0.02
        joint.damping = [5.0, 0.0, 0.0] if slides else [1.0, 0.0, 0.0]
        if joint.name in mimics:
            continue
        effort = float(joint.actfrcrange[1])
        gains = (gain for part, gain in servos.items() if part in joint.name)
        stiffness, damping = next(gains, (6.0 * effort, 0.4 * effort))
        servo = spec.add_actuator(
            name=joint.name, target=joint.name, trntype=mujoco.mjtTrn.mjTRN_JOINT
        )
        servo.set_to_position(kp=stiffness, kv=damping)
        servo.ctrllimited, servo.ctrlrange = True, joint.range
        servo.forcelimited, servo.forcerange = True, joint.actfrcrange
        joint.actfrclimited = False


def _add_cameras(spec: Any, contract: Contract) -> None:
    """Put each camera of the contract on its `<name>_link`, looking along the link's x axis."""
    for camera in contract.cameras:
        name = f'{camera.name}_link'
        body = spec.body(name)
        if body is None:
            links = (body.name for body in spec.bodies)
            raise ContractError(f'camera {camera.name}: {unknown(name, "link", links)}')
        body.add_camera(name=camera.name, xyaxes=[0, -1, 0, 0, 0, 1], fovy=FIELD_OF_VIEW)
    # Seen from here, a picture shows the whole robot and the table.
    spec.worldbody.add_camera(
        name='front', pos=[2.05, -1.25, 1.62], xyaxes=[0.56, 0.83, 0, -0.27, 0.18, 0.95], fovy=42
    )


def _locate(model: Any, contract: Contract, task: Task, base: str) -> Scene:
    """Find the robot's joints, tools and the object in the compiled model."""

    def body(name: str) -> int:
        return int(mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, name))

    joints = [model.joint(name).id for name in contract.joints]
    q_index = model.jnt_qposadr[joints].astype(np.intp)
    follows = {}
    for i in range(model.neq):
        if model.eq_type[i] == mujoco.mjtEq.mjEQ_JOINT and model.eq_obj2id[i] in joints:
            follows[int(model.jnt_qposadr[model.eq_obj1id[i]])] = joints.index(model.eq_obj2id[i])
    return Scene(
        model=model,
        task=task,
        q_index=q_index,
        v_index=model.jnt_dofadr[joints].astype(np.intp),
        actuator=np.array([model.actuator(name).id for name in contract.joints], dtype=np.intp),
        mimic=tuple(follows.items()),
        base=body(base),
        object=body(task.body),
        pushed=body(base if task.floating else task.body),
        gantry=int(mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_EQUALITY, GANTRY)),
        tools={name: body(name) for name in contract.tools},
    )
