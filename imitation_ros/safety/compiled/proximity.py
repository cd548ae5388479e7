# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Velocity bounds and proximity, compiled; `..proximity` states what is asked."""

import numpy as np

from ...contract import Contract
from ...data.frame import Array
from ..constraints.approach import PASSING, RELAXATION
from ..constraints.inequality import InequalityConstraints
from ..constraints.limits import ViabilityBox
from ..lagging import LaggingJoints
from ..proximity import Proximity
from ..velocity_bounds import VelocityBounds
from . import bounds as kernels
from .robot import CompiledRobot


class CompiledProximityQuery:
    """`ProximityQuery`, compiled."""

    def __init__(self, contract: Contract, box: ViabilityBox, robot: CompiledRobot) -> None:
        """Allocate the constraints, and compile."""
        self._robot = robot
        safety, n = contract.safety, contract.n
        self._dt = box.dt
        self._limits = np.array([box.lower, box.upper, box.velocity, box.step, box.quantum])
        lagging = LaggingJoints(contract, box.dt)
        self._outside, self._fastest = lagging.outside, lagging.fastest
        self._numbers = (
            float(box.dt),
            lagging.tolerance,
            float(safety.row_margin),
            PASSING * safety.row_margin,
            float(safety.row_return_rate * box.dt),
            RELAXATION,
        )
        self._asked = np.zeros((2, n))
        self._G = np.zeros((safety.row_limit, n))
        self._h, self._kept = np.zeros(safety.row_limit), np.zeros(safety.row_limit)
        self._pairs = np.zeros(safety.row_limit, np.int64)
        q = contract.home.copy()
        bounds = self.velocity_bounds(q, np.zeros(n), q, None)
        if bounds is not None:
            self.proximity(q, q, bounds, np.zeros(len(robot.measured)))

    def velocity_bounds(
        self, q: Array, v: Array, q_des: Array, v_des: Array | None
    ) -> VelocityBounds | None:
        """See `ProximityQuery`."""
        asked, found = self._asked, np.empty((6, len(q)))
        asked[0] = q_des
        if v_des is not None:
            asked[1] = v_des
        moving = v_des is not None
        if not kernels.velocity_bounds(q, v, asked, moving, self._limits, self._dt, found):
            return None
        return VelocityBounds.of(found)

    def proximity(
        self, q: Array, q_des: Array, bounds: VelocityBounds, threshold: Array
    ) -> Proximity:
        """See `ProximityQuery`."""
        clipped, marks = np.empty(len(q)), np.empty((2, len(q)), np.int64)
        broken, lagging = marks[0], marks[1]
        count, close, behind = self._robot.proximity(
            q,
            self._asked[0],
            bounds.table,
            clipped,
            threshold,
            self._limits,
            self._outside,
            self._fastest,
            *self._numbers,
            self._G,
            self._h,
            self._kept,
            self._pairs,
            broken,
            lagging,
        )
        constraints = None
        if count:
            constraints = InequalityConstraints(
                self._G[:count], self._h[:count], self._pairs[:count], self._kept[:count]
            )
        measured, ahead = self._robot.measured, self._robot.ahead
        left = lagging if behind else None
        return Proximity(clipped, measured, ahead, constraints, close, broken, left)
