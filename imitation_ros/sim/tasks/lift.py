# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Lift: both hands squeeze a box and raise it, level."""

from collections.abc import Mapping
from dataclasses import dataclass
import math
from typing import Any, ClassVar

import mujoco
import numpy as np
import pinocchio as pin

from ...contract import Contract
from ...data.frame import Array
from ..dimensions import BOX_HALF, BOX_MASS, TABLE_TOP
from ..task import Task
from .expert import Goal, HandExpert, LEFT, ramp, RIGHT, turn, yaw_of
from .objects import add_free_box


@dataclass(frozen=True)
class Lift(Task):
    """Lift the box with both hands, level."""

    height: float = 0.12
    tilt: float = 0.28

    def add_objects(self, spec: Any, contract: Contract) -> None:
        """Add the carton of lift, with a strip of tape that shows which way it points."""
        body = add_free_box(spec.worldbody, 'box', BOX_HALF, [0.80, 0.62, 0.36, 1], BOX_MASS)
        body.add_geom(
            name='tape',
            type=mujoco.mjtGeom.mjGEOM_BOX,
            size=[BOX_HALF[0] + 0.0005, 0.02, BOX_HALF[2] + 0.0005],
            rgba=[0.93, 0.87, 0.70, 1],
            mass=0.0,
            contype=0,
            conaffinity=0,
        )

    def rule(self, pose: Array, start: Array, tools: Mapping[str, Array]) -> bool:
        """Box raised by more than `height` [m] and tilted by less than `tilt` [rad]."""
        x, y = pose[3], pose[4]
        upright = 1.0 - 2.0 * (x * x + y * y)
        return bool(pose[2] - start[2] > self.height and upright > math.cos(self.tilt))


class LiftExpert(HandExpert):
    """Presses the palms against both sides of the box and lifts it."""

    tools = (LEFT, RIGHT)
    CLEAR: ClassVar[float] = 0.07
    SQUEEZE: ClassVar[float] = -0.016
    PALM: ClassVar[float] = 0.05
    HEIGHT: ClassVar[float] = 0.17
    PITCH: ClassVar[float] = -1.0
    GRIP: ClassVar[float] = 0.0

    def _goals(
        self, hands: Mapping[str, Any], grips: Mapping[str, float], thing: Array
    ) -> dict[str, Goal]:
        yaw = yaw_of(thing)
        box = pin.SE3(turn(yaw), thing[:3])
        face = BOX_HALF[1] + self.PALM
        sides = {LEFT: 1.0, RIGHT: -1.0}
        local = {tool: box.actInv(hands[tool]).translation for tool in self.tools}
        gaps = {tool: sides[tool] * local[tool][1] - face for tool in self.tools}
        raised = float(thing[2]) - (TABLE_TOP + BOX_HALF[2])
        goals = {}
        # Both hands: neither presses before the other is there.
        aside = max(math.hypot(local[tool][0], local[tool][2]) for tool in self.tools)
        squeezed = max(gaps.values()) < self.SQUEEZE + 0.004
        for tool in self.tools:
            rotation = turn(yaw, self.PITCH)
            if squeezed or raised > 0.01:
                # Up from where the hand is, not from where the box is: no feedback, no drift.
                position = hands[tool].translation.copy()
                position[2] = TABLE_TOP + BOX_HALF[2] + self.HEIGHT
            else:
                gap = self.SQUEEZE + (self.CLEAR - self.SQUEEZE) * ramp(aside, 0.01, 0.05)
                position = box.act(np.array([0.0, sides[tool] * (face + gap), 0.0]))
            goals[tool] = Goal(pin.SE3(rotation, position), self.GRIP)
        return goals

    def _finished(
        self, hands: Mapping[str, Any], grips: Mapping[str, float], thing: Array
    ) -> bool:
        return bool(thing[2] > TABLE_TOP + BOX_HALF[2] + self.HEIGHT - 0.03)


LIFT = Lift(
    name='lift',
    body='box',
    centre=(0.40, 0.0, BOX_HALF[2], 0.0),
    reach=(0.03, 0.04, 0.0, 0.15),
    time_limit_s=7.0,
)
