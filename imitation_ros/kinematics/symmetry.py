# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Symmetry: which joint is which on the other side of a robot that is its own mirror image."""

import numpy as np
from numpy.typing import NDArray
import pinocchio as pin

from ..contract import Contract
from ..data.frame import Array
from ..data.mirror import Mirror
from ..errors import ContractError
from ..urdf import parse
from .model import RobotModel

PLACE = 2e-3
"""How far a joint may stand from where the mirror image of its partner stands [m]."""

AXIS = 1e-2
"""How far their axes may be apart (as unit vectors)."""

POSES = 20
"""Random postures in which the two are compared."""

SAGITTAL = np.array([1.0, -1.0, 1.0])
"""The reflection at the plane y = 0 of the base (REP 103: x forward, y left)."""


def sagittal(contract: Contract) -> Mirror:
    """Find the partner of every joint under the reflection at the base's plane y = 0.

    A rotation about an axis a is seen in the mirror as one about -M a, M = diag(1, -1, 1), since
    M R(a, t) M = R(M a, -t); a translation along a as one along M a. Names play no part: place
    and axis at the zero posture decide, and random postures prove it. Of a gripper whose other
    finger mimics the first, either finger may be the mirror image, so its limits decide the sign.

    Raises:
        ContractError: If a joint has no partner, or the robot is not its own mirror image.
    """
    contract.require_robot('mirroring')
    robot = RobotModel(contract)
    places, axes, turning = _joints(robot, np.zeros(contract.n))
    partner = np.empty(contract.n, dtype=np.intp)
    sign = np.empty(contract.n)
    for joint, name in enumerate(contract.joints):
        wanted = SAGITTAL * axes[joint] * (-1.0 if turning[joint] else 1.0)
        along = axes @ wanted
        fit = (
            (np.linalg.norm(places - SAGITTAL * places[joint], axis=1) < PLACE)
            & (np.linalg.norm(axes - np.sign(along)[:, None] * wanted, axis=1) < AXIS)
            & (turning == turning[joint])
        )
        found = np.flatnonzero(fit)
        if len(found) != 1:
            raise ContractError(
                f'mirroring: {len(found)} joints are the mirror image of "{name}" at the plane '
                f'y = 0 of the base, not one; "{contract.name}" cannot be mirrored'
            )
        partner[joint], sign[joint] = found[0], np.sign(along[found[0]])
    fingers = _led(contract)
    lower, upper = contract.limits.lower, contract.limits.upper
    sign[fingers & (sign * upper[partner] < lower)] = 1.0
    mirror = Mirror(contract.joints, partner, sign)
    _prove(robot, mirror, ~fingers)
    return mirror


def _led(contract: Contract) -> NDArray[np.bool_]:
    """Which joints another one mimics, shape (n,)."""
    leaders = {joint.mimic for joint in parse(contract.urdf_text).joints.values()}
    return np.array([name in leaders for name in contract.joints])


def _joints(robot: RobotModel, q: Array) -> tuple[Array, Array, Array]:
    """Place (n, 3), axis (n, 3) in the base, and whether it turns (n,), in contract order."""
    model, data = robot.model, robot.data
    pin.computeJointJacobians(model, data, robot.to_model(q))
    places, axes, turning = [], [], []
    for name in robot.contract.joints:
        joint = model.getJointId(name)
        jacobian = pin.getJointJacobian(model, data, joint, pin.LOCAL_WORLD_ALIGNED)
        column = jacobian[:, model.joints[joint].idx_v]
        turns = bool(np.linalg.norm(column[3:]) > 0.5)
        places.append(data.oMi[joint].translation.copy())
        axes.append(column[3:] if turns else column[:3])
        turning.append(turns)
    return np.array(places), np.array(axes), np.array(turning)


def _prove(robot: RobotModel, mirror: Mirror, judged: NDArray[np.bool_]) -> None:
    """Compare places of joints (those judged) in random postures and their mirror images."""
    contract = robot.contract
    rng = np.random.default_rng(0)
    for _ in range(POSES):
        q = rng.uniform(contract.limits.lower, contract.limits.upper)
        here, there = _joints(robot, q)[0], _joints(robot, mirror.joint_values(q))[0]
        off = np.linalg.norm(there - SAGITTAL * here[mirror.partner], axis=1)
        worst = int(np.where(judged, off, 0.0).argmax())
        if off[worst] > 2 * PLACE:
            raise ContractError(
                f'mirroring: "{contract.joints[worst]}" stands {off[worst] * 1e3:.0f} mm beside '
                f'the mirror image of "{contract.joints[mirror.partner[worst]]}" in some '
                f'postures; "{contract.name}" cannot be mirrored'
            )
