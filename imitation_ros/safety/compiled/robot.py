# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""CompiledRobot: a robot and its shapes as arrays, and the kernels that measure them."""

from typing import Any

import coal
import numpy as np
import pinocchio as pin

from ...data.frame import Array
from ...errors import SafetyError
from ...kinematics.model import RobotModel
from ..geometry import pairs
from ..geometry.model import Indices
from . import bounds, braking, distance
from .arrays import Bodies, BOX, CAPSULE, pack, Packed, PLANE, Pose, Tree, unpack


class CompiledRobot:
    """Signed distances, gradients, proximity and braking of the pairs of a geometry model.

    Attributes:
        ahead: Distances where full braking comes to rest [m], shape (pairs,), as `proximity` left
            them: infinite for a pair that is not looked at there.
    """

    def __init__(self, robot: RobotModel, geometry: Any, rate_bounds: Array) -> None:
        """Copy the robot into arrays, and compile what is not on the disk yet."""
        n = robot.contract.n
        tree, bodies = _tree(robot), _bodies(robot, geometry, rate_bounds)
        self._here = pack(tree, bodies, _pose(tree, bodies))
        self._ahead = Packed(self._here.floats, self._here.numbers, self._here.pose.copy())
        # The same memory, by name.
        self.tree: Tree
        self.bodies: Bodies
        self._pose: Pose
        self.tree, self.bodies, self._pose = unpack.py_func(*self._here)
        self.ahead: Array = unpack.py_func(*self._ahead)[2].distance
        count = len(self.bodies.pairs)
        # Own, contiguous and writable: kernels are compiled for such arrays, and for no others.
        self._q = np.zeros(n)
        self._due, self._chosen = np.zeros(count, np.int64), np.zeros(count, np.int64)
        self._scratch = np.zeros((4, n))
        self.distances(robot.contract.home)
        self.gradients(robot.contract.home, np.zeros(1, np.intp))

    def distances(self, q: Array) -> Array:
        """Distance of every pair [m] at a pose in contract order, shape (pairs,)."""
        self._q[:] = q
        distance.measure(self.tree, self.bodies, self._q, self._pose)
        return self.measured.copy()

    @property
    def measured(self) -> Array:
        """Distances at the pose measured last [m], shape (pairs,); overwritten by the next."""
        return self._pose.distance

    @property
    def packed(self) -> Packed:
        """Robot and pose in three arrays."""
        return self._here

    def gradients(self, q: Array, chosen: Indices) -> Array:
        """Gradients of the chosen distances, shape (len(chosen), n), at the pose measured last."""
        rows = np.empty((len(chosen), len(q)))
        numbers = np.array(chosen, dtype=np.int64)
        distance.gradients(self.tree, self.bodies, self._pose, numbers, rows)
        return rows

    def proximity(self, *numbers: Any) -> tuple[int, bool, bool]:
        """Measure a pose, and fill in the constraints of the QP there: `bounds.proximity`."""
        count, close, behind = bounds.proximity(*self._here, self._ahead.pose, *numbers)
        return int(count), bool(close), bool(behind)

    def refused(self, *numbers: Any) -> int:
        """A pair that comes too close under full braking, or -1: `braking.refused`."""
        scratch = self._due, self._chosen, self._scratch
        return int(braking.refused(*self._ahead, *numbers, *scratch))


def _tree(robot: RobotModel) -> Tree:
    """Joints of the Pinocchio model as arrays."""
    model = robot.model
    count = model.njoints
    column = robot.to_model(np.arange(robot.contract.n, dtype=np.float64))
    data = model.createData()
    # Pinocchio gives that of a single joint without its second axis.
    jacobian = pin.computeJointJacobians(model, data, pin.neutral(model)).reshape(6, -1)
    tree = Tree(
        parent=np.array(model.parents, dtype=np.int64),
        turn=np.array([np.array(pose.rotation) for pose in model.jointPlacements]),
        offset=np.array([np.array(pose.translation) for pose in model.jointPlacements]),
        axis=np.zeros((count, 3)),
        prismatic=np.zeros(count, dtype=np.bool_),
        column=np.zeros(count, dtype=np.int64),
        ratio=np.ones(count),
        shift=np.zeros(count),
    )
    for j in range(1, count):
        joint = model.joints[j]
        linear, angular = jacobian[:3, j - 1], jacobian[3:, j - 1]
        tree.prismatic[j] = np.abs(angular).max() < 1e-9
        tree.column[j] = int(column[joint.idx_q])
        if 'Mimic' in joint.shortname():
            follower = joint.extract()
            tree.ratio[j], tree.shift[j] = follower.scaling, follower.offset
        axis = data.oMi[j].rotation.T @ (linear if tree.prismatic[j] else angular)
        # A mimic's column is scaled, and points backwards where the ratio is negative.
        tree.axis[j] = axis / np.linalg.norm(axis) * np.sign(tree.ratio[j])
    return tree


def _bodies(robot: RobotModel, geometry: Any, rate_bounds: Array) -> Bodies:
    """Shapes and pairs of the geometry model as arrays."""
    items = geometry.geometryObjects
    count, joints = len(items), robot.model.njoints
    bodies = Bodies(
        kind=np.full(count, CAPSULE, dtype=np.int64),
        joint=np.array([item.parentJoint for item in items], dtype=np.int64),
        start=np.zeros((count, 3)),
        end=np.zeros((count, 3)),
        turn=np.tile(np.eye(3), (count, 1, 1)),
        radius=np.zeros(count),
        pairs=np.array([(p.first, p.second) for p in geometry.collisionPairs], dtype=np.int64),
        moves=np.zeros((joints, joints), dtype=np.bool_),
        rate_bounds=np.ascontiguousarray(rate_bounds),
        widest=rate_bounds.max(axis=1, initial=0.0),
    )
    bodies.moves[:, 1:] = pairs.moves(robot.model, list(range(joints))) > 0.0
    for i, item in enumerate(items):
        shape, pose = item.geometry, item.placement
        center, R = np.array(pose.translation), np.array(pose.rotation)
        if isinstance(shape, coal.Halfspace):
            bodies.kind[i] = PLANE
            bodies.start[i] = R @ np.array(shape.n).reshape(3)
            bodies.radius[i] = shape.d + bodies.start[i] @ center
        elif isinstance(shape, coal.Box):
            bodies.kind[i] = BOX
            bodies.start[i], bodies.end[i] = np.array(shape.halfSide).reshape(3), center
            bodies.turn[i] = R
        elif isinstance(shape, (coal.Capsule, coal.Sphere)):
            tip = R[:, 2] * getattr(shape, 'halfLength', 0.0)
            bodies.start[i], bodies.end[i], bodies.radius[i] = (
                center - tip,
                center + tip,
                shape.radius,
            )
        else:
            raise SafetyError(f'{item.name}: the compiled back end takes capsules, not {shape}')
    return bodies


def _pose(tree: Tree, bodies: Bodies) -> Pose:
    """Room for one pose; the root and shapes on it that have no segment stay as they are."""
    joints, shapes, count = len(tree.parent), len(bodies.kind), len(bodies.pairs)
    return Pose(
        turn=np.tile(np.eye(3), (joints, 1, 1)),
        origin=np.zeros((joints, 3)),
        start=np.zeros((shapes, 3)),
        end=np.zeros((shapes, 3)),
        distance=np.zeros(count),
        first=np.zeros(3),
        second=np.zeros(3),
        normal=np.zeros(3),
    )
