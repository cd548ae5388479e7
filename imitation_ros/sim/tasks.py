# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The tasks: where the object starts and when the task is done.

All coordinates are in the robot's base frame; the table top is at `TABLE_TOP`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
import math

import numpy as np

from ..data.frame import Array

TABLE_TOP = 0.0
"""Height of the table top in the base frame [m]."""

CUBE_HALF = 0.02
BOX_HALF = (0.10, 0.13, 0.08)
BIN_CENTRE = (0.40, -0.04, TABLE_TOP)
BIN_HALF = 0.07
"""Half sizes of the objects and the place of the bin [m]."""


@dataclass(frozen=True)
class Task(ABC):
    """One task.

    Attributes:
        name: Name of the task.
        body: Body whose pose is the tracked `object`.
        centre: Middle of the region the object starts in: x, y, z [m] and yaw [rad].
        reach: Half width of that region in each of the four.
        time_limit_s: Time after which an attempt has failed [s].
        hold_s: How long the rule must hold without a break [s].
        tools: Tool frames the rule looks at; the contract must have them.
    """

    name: str
    body: str
    centre: tuple[float, float, float, float]
    reach: tuple[float, float, float, float]
    time_limit_s: float
    hold_s: float = 0.3
    tools: tuple[str, ...] = ()

    def place(self, rng: np.random.Generator, spread: float = 1.0) -> Array:
        """Random start of the object: x y z qx qy qz qw, shape (7,).

        Args:
            rng: Source of randomness.
            spread: Factor on the half width of the region; 0 is always the centre.
        """
        half = spread * np.array(self.reach)
        x, y, z, yaw = np.array(self.centre) + half * rng.uniform(-1.0, 1.0, 4)
        return np.array([x, y, z, 0.0, 0.0, math.sin(yaw / 2), math.cos(yaw / 2)])

    @abstractmethod
    def rule(self, pose: Array, start: Array, tools: Mapping[str, Array]) -> bool:
        """Whether the success rule is met at this instant.

        Args:
            pose: Pose of the object, shape (7,).
            start: Its pose after the reset.
            tools: Position of each tool frame of the contract, shape (3,).
        """


@dataclass(frozen=True)
class Reach(Task):
    """Bring the right tool to the target."""

    tolerance: float = 0.02

    def rule(self, pose: Array, start: Array, tools: Mapping[str, Array]) -> bool:
        """Right tool within `tolerance` of the target."""
        return bool(np.linalg.norm(tools['right_tool_link'] - pose[:3]) < self.tolerance)


@dataclass(frozen=True)
class Lift(Task):
    """Lift the box with both hands, level."""

    height: float = 0.12
    tilt: float = 0.28

    def rule(self, pose: Array, start: Array, tools: Mapping[str, Array]) -> bool:
        """Box raised by more than `height` [m] and tilted by less than `tilt` [rad]."""
        x, y = pose[3], pose[4]
        upright = 1.0 - 2.0 * (x * x + y * y)
        return bool(pose[2] - start[2] > self.height and upright > math.cos(self.tilt))


@dataclass(frozen=True)
class PickPlace(Task):
    """Put the cube into the bin and let go."""

    released: float = 0.05

    def rule(self, pose: Array, start: Array, tools: Mapping[str, Array]) -> bool:
        """Cube inside the bin, near its floor, and the tool away from it."""
        inside = np.abs(pose[:2] - BIN_CENTRE[:2]).max() < BIN_HALF - 0.5 * CUBE_HALF
        low = pose[2] < TABLE_TOP + 2.5 * CUBE_HALF
        away = np.linalg.norm(tools['right_tool_link'] - pose[:3]) > self.released
        return bool(inside and low and away)


TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        Reach(
            name='reach',
            body='target',
            centre=(0.40, -0.20, 0.185, 0.0),
            reach=(0.06, 0.13, 0.095, 0.0),
            time_limit_s=4.0,
            tools=('right_tool_link',),
        ),
        Lift(
            name='lift',
            body='box',
            centre=(0.40, 0.0, BOX_HALF[2], 0.0),
            reach=(0.03, 0.04, 0.0, 0.15),
            time_limit_s=7.0,
        ),
        PickPlace(
            name='pick_place',
            body='cube',
            centre=(0.37, -0.26, CUBE_HALF, 0.0),
            reach=(0.05, 0.08, 0.0, 0.7),
            time_limit_s=10.0,
            tools=('right_tool_link',),
        ),
    )
}
"""Every task by name."""
