# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The back end that is always there: distances by coal, read in one view, and numpy."""

import ctypes
from itertools import pairwise

import numpy as np
import pinocchio as pin

from ..contract import Contract
from ..data.frame import Array
from ..errors import SafetyError
from .backend import Backend
from .certificate import BrakeCertificate
from .constraints.dynamics import PinocchioDynamics
from .constraints.limits import ViabilityBox
from .constraints.tools import ToolMotion
from .geometry import pairs
from .geometry.model import Indices
from .geometry.self_collision import SelfCollision
from .proximity import NumpyProximityQuery

MAX_SHARE_ONE_BY_ONE = 0.1
"""Share of the pairs above which it is cheaper to take all distances than one by one."""


class CoalBackend(Backend):
    """Signed distances and gradients of the pairs of a geometry model.

    Attributes:
        name: `coal`.
        batched: Whether results are read in one view instead of pair by pair.
    """

    name = 'coal'

    def __init__(self, geometry: SelfCollision) -> None:
        """Prepare the results and the masks of the joints that move each shape."""
        self.geometry, self._robot = geometry, geometry.robot
        self._model = model = geometry.robot.model
        self._data = model.createData()
        self._shapes = shapes = geometry.shapes
        self._results = pin.GeometryData(shapes)
        items = shapes.geometryObjects
        self._count = len(geometry)
        self._moves_first, self._moves_second = (
            pairs.moves(model, [items[which].parentJoint for which in side])
            for side in (
                [pair.first for pair in shapes.collisionPairs],
                [pair.second for pair in shapes.collisionPairs],
            )
        )
        joints = range(1, model.njoints)
        if any(model.joints[j].nvExtended != 1 for j in joints):
            raise SafetyError('a joint with more than one degree of freedom is not supported')
        # Jacobian column per joint -> column per contract joint; a mimic adds to its leader.
        fold = np.zeros((model.njoints - 1, model.nv))
        for j in joints:
            fold[j - 1, model.joints[j].idx_v] = 1.0
        self._fold: Array = self._robot.to_contract(fold)
        self._view: Array | None = None
        self._verify_view()

    @property
    def batched(self) -> bool:
        """Whether results are read in one view instead of pair by pair."""
        return self._view is not None

    def capsule_distances(self, q: Array) -> Array:
        """See `Backend`."""
        model_q = self._robot.to_model(q)
        pin.computeDistances(self._model, self._data, self._shapes, self._results, model_q)
        return self._read()[:, 0].copy()

    def some_distances(self, q: Array, chosen: Indices) -> Array:
        """Distance of the chosen pairs alone [m], shape (len(chosen),).

        Args:
            q: Positions [rad or m], shape (n,), in the model's order.
            chosen: Numbers of the pairs.
        """
        if len(chosen) > MAX_SHARE_ONE_BY_ONE * self._count:
            pin.computeDistances(self._model, self._data, self._shapes, self._results, q)
            return self._read(chosen)[:, 0]
        shapes, results, distance = self._shapes, self._results, pin.computeDistance
        pin.forwardKinematics(self._model, self._data, q)
        pin.updateGeometryPlacements(self._model, self._data, shapes, results)
        return np.array([distance(shapes, results, i).min_distance for i in chosen.tolist()])

    def gradients(self, q: Array, chosen: Indices) -> Array:
        """Gradients of the chosen distances, shape (len(chosen), n) [m/rad or 1].

        With n the unit normal from the first to the second link and p1, p2 the closest points,
        d distance / dt = n . (velocity of p2 - velocity of p1); in penetration as well, where
        (p2 - p1) points against n.
        """
        jacobian = pin.computeJointJacobians(
            self._model, self._data, self._robot.to_model(q)
        ).reshape(6, -1)
        _, n1, n2, n3, *points = self._read(chosen).T
        wrench = np.empty((6, len(chosen)))
        wrench[0], wrench[1], wrench[2] = n1, n2, n3
        moved = np.zeros((len(chosen), jacobian.shape[1]))
        for sign, moves, (x, y, z) in (
            (1.0, self._moves_second, points[3:]),
            (-1.0, self._moves_first, points[:3]),
        ):
            # point x normal; np.cross takes ten times as long.
            wrench[3], wrench[4], wrench[5] = y * n3 - z * n2, z * n1 - x * n3, x * n2 - y * n1
            moved += sign * (wrench.T @ jacobian) * moves[chosen]
        result: Array = moved @ self._fold
        return result

    def proximity_query(self, contract: Contract, box: ViabilityBox) -> NumpyProximityQuery:
        """See `Backend`."""
        return NumpyProximityQuery(contract, box, self.geometry, self)

    def capsule_certificate(self, box: ViabilityBox) -> BrakeCertificate:
        """See `Backend`."""
        return BrakeCertificate(box, self.geometry, self)

    def dynamics(self) -> PinocchioDynamics:
        """See `Backend`."""
        return PinocchioDynamics(self._robot)

    def tool_motion(self, frames: list[int], box: ViabilityBox) -> ToolMotion:
        """See `Backend`."""
        return ToolMotion(self._robot, frames, box)

    def _read(self, chosen: Indices | None = None) -> Array:
        """[distance, normal, p1, p2] of all or the chosen pairs, shape (pairs, 10)."""
        if self._view is not None:
            return self._view if chosen is None else self._view[chosen]
        results = self._results.distanceResults
        numbers = range(self._count) if chosen is None else chosen.tolist()
        rows = np.empty((len(numbers), 10))
        for row, number in zip(rows, numbers, strict=True):
            result = results[number]
            row[0] = result.min_distance
            row[1:4] = result.normal
            row[4:7] = result.getNearestPoint1()
            row[7:10] = result.getNearestPoint2()
        return rows

    def _verify_view(self) -> None:
        """Read the results in place where their memory layout is what we expect.

        coal keeps distance, normal, p1 and p2 side by side in every result, and the results in
        one array. That is no promise of its API, so it is checked against it before it is used.
        """
        results = self._results.distanceResults
        if len(results) < 2:
            return
        low = np.asarray(self._model.lowerPositionLimit)
        high = np.asarray(self._model.upperPositionLimit)
        address = [results[i].normal.__array_interface__['data'][0] for i in range(len(results))]
        stride = address[1] - address[0]
        if any(b - a != stride for a, b in pairwise(address)):
            return
        inside = [
            point.__array_interface__['data'][0] - address[0]
            for point in (results[0].getNearestPoint1(), results[0].getNearestPoint2())
        ]
        # getNearestPoint returns a copy in some versions; the values below decide then.
        if stride < 80 or stride % 8 or (0 < inside[0] < stride and inside != [24, 48]):
            return
        first = np.ctypeslib.as_array((ctypes.c_double * 1).from_address(address[0] - 8))
        view = np.lib.stride_tricks.as_strided(
            first, shape=(len(results), 10), strides=(stride, 8), writeable=False
        )
        for share in (0.3, 0.5, 0.8):
            self.capsule_distances(self._robot.to_contract(low + share * (high - low)))
            if not np.array_equal(view, self._read()):
                return
        self._view = view
