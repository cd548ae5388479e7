# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Smooth motion of a tool, or of one joint, towards a goal that may move."""

import math
from typing import Any

import numpy as np
import pinocchio as pin

from ..data.frame import Array

CLOSING_GAIN = 0.25
"""Share of a small remaining way covered in one period, so that the end is reached softly."""


def _speed(way: float, velocity: float, acceleration: float, dt_s: float) -> float:
    """Speed that still stops in time when it brakes with `acceleration`."""
    half = 0.5 * acceleration * dt_s
    braking = math.sqrt(half * half + 2.0 * acceleration * way) - half
    return min(velocity, braking, CLOSING_GAIN * way / dt_s)


def _follow(way: Array, velocity: Array, limits: tuple[float, float], dt_s: float) -> Array:
    """Next velocity towards the end of `way`; its change and size keep the limits."""
    top, acceleration = limits
    length = float(np.linalg.norm(way))
    # Braking is planned a little softer than allowed: some is left to follow a moving goal.
    wanted = way * (_speed(length, top, 0.7 * acceleration, dt_s) / length if length else 0.0)
    change = wanted - velocity
    size = float(np.linalg.norm(change))
    if size > acceleration * dt_s:
        change *= acceleration * dt_s / size
    result: Array = velocity + change
    return result


class ToolMotion:
    """Speed- and acceleration-limited motion of a pose.

    Attributes:
        linear: Velocity of the last step [m/s], shape (3,), base axes.
        angular: Angular velocity of the last step [rad/s], shape (3,), base axes.
    """

    def __init__(
        self,
        velocity: float = 0.35,
        acceleration: float = 0.7,
        angular_velocity: float = 1.0,
        angular_acceleration: float = 1.8,
    ) -> None:
        """Set the limits [m/s, m/s^2, rad/s, rad/s^2]."""
        self._limits = (velocity, acceleration)
        self._angular_limits = (angular_velocity, angular_acceleration)
        self.stop()

    def stop(self) -> None:
        """Start again from rest."""
        self.linear, self.angular = np.zeros(3), np.zeros(3)

    def step(self, pose: Any, goal: Any, dt_s: float) -> Any:
        """Pose (`pinocchio.SE3`) one period later on the way to the goal.

        Args:
            pose: Where the tool is.
            goal: Where it should go.
            dt_s: Duration of the period [s].
        """
        way = goal.translation - pose.translation
        turn = pin.log3(goal.rotation @ pose.rotation.T)
        self.linear = _follow(way, self.linear, self._limits, dt_s)
        self.angular = _follow(turn, self.angular, self._angular_limits, dt_s)
        return pin.SE3(
            pin.exp3(self.angular * dt_s) @ pose.rotation, pose.translation + self.linear * dt_s
        )


class JointMotion:
    """Speed- and acceleration-limited motion of one joint, such as a gripper."""

    def __init__(self, velocity: float, acceleration: float) -> None:
        """Set the limits [rad/s or m/s, rad/s^2 or m/s^2]."""
        self._limits = (velocity, acceleration)
        self.stop()

    def stop(self) -> None:
        """Start again from rest."""
        self._velocity = np.zeros(1)

    def step(self, position: float, goal: float, dt_s: float) -> float:
        """Position one period later on the way to the goal."""
        self._velocity = _follow(np.array([goal - position]), self._velocity, self._limits, dt_s)
        return position + float(self._velocity[0]) * dt_s
