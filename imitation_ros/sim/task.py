# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a task is: where its object starts, and when it is done.

All coordinates are in the robot's base frame; the table top is at `TABLE_TOP`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
import math
from typing import Any

import numpy as np

from ..contract import Contract
from ..data.frame import Array


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
        turns: Whether the object's orientation is tracked; a ball has none that could be.
        from_s: The rule counts only from this time after the first motion on [s].
        floating: Whether the robot stands on its own feet, without table and gravity compensation.
            It hangs from a gantry until it is first told to move.
        history: Frames a policy has to see: two where the speed of something matters.
        gains: Stiffness [Nm/rad] and damping [Nms/rad] of servos that differ in this task, by
            part of the joint's name.
    """

    name: str
    body: str
    centre: tuple[float, float, float, float]
    reach: tuple[float, float, float, float]
    time_limit_s: float
    hold_s: float = 0.3
    tools: tuple[str, ...] = ()
    turns: bool = True
    from_s: float = 0.0
    floating: bool = False
    gains: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    history: int = 1

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
    def add_objects(self, spec: Any, contract: Contract) -> None:
        """Put the task's objects into the scene.

        Args:
            spec: The `mujoco.MjSpec` with the robot in it, its base at `BASE_HEIGHT`.
            contract: The robot.
        """

    def shoves(self, rng: np.random.Generator) -> list[tuple[float, Array]]:
        """Pushes that are a part of the task.

        Returns:
            When [s since the robot was first told to move], and by how much [m/s], shape (3,).
        """
        return []

    @abstractmethod
    def rule(self, pose: Array, start: Array, tools: Mapping[str, Array]) -> bool:
        """Whether the success rule is met at this instant.

        Args:
            pose: Pose of the object, shape (7,).
            start: Its pose after the reset.
            tools: Position of each tool frame of the contract, shape (3,).
        """
