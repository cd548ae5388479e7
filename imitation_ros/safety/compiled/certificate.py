# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The brake certificate, compiled; `..certificate` states what it proves and how."""

import numpy as np

from ...data.frame import Array
from ..constraints.limits import ViabilityBox
from ..proximity import Proximity
from ..velocity_bounds import VelocityBounds
from .robot import CompiledRobot


class CompiledCertificate:
    """`BrakeCertificate`, compiled."""

    def __init__(self, box: ViabilityBox, robot: CompiledRobot) -> None:
        """Keep the braking law, and compile."""
        self._dt, self._step = box.dt, np.array(box.step)
        self._robot = robot
        zero, room = np.zeros(len(box.step)), np.ones(len(robot.bodies.pairs))
        robot.refused(zero, zero, self._dt, self._step, zero, room, room, room)

    def refused(
        self, q: Array, x: Array, bounds: VelocityBounds, proximity: Proximity, threshold: Array
    ) -> int | None:
        """A pair that would come too close, or None: see `BrakeCertificate.refused`."""
        numbers = self._dt, self._step, bounds.rest, proximity.distance, proximity.ahead, threshold
        pair = self._robot.refused(q, x, *numbers)
        return None if pair < 0 else pair
