# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Action noise: noise on the servos while somebody demonstrates (DART; Laskey et al. 2017).

The robot is pushed off its way by small correlated noise that is no command: what is recorded as
the action stays clean, and leads back.
"""

import math
from typing import Any

import mujoco
import numpy as np

from ..contract import Contract
from ..data.frame import Array

CORRELATION_S = 0.2
"""Time over which the noise forgets itself [s]: faster noise would be filtered by the servos."""

SLIDE_NOISE = 0.1
"""Noise on a sliding joint, per noise on a turning one [m/rad]."""

MOVES = 5e-3
"""Only groups that have been commanded further than this from the start get noise [rad or m]."""


def noise_scale(contract: Contract, model: Any) -> Array:
    """Noise of each joint per noise asked for [1 or m/rad], shape (n,), contract order."""
    joints = [model.joint(name).id for name in contract.joints]
    slides = model.jnt_type[joints] == mujoco.mjtJoint.mjJNT_SLIDE
    return np.where(slides, SLIDE_NOISE, 1.0)


class OrnsteinUhlenbeckNoise:
    """Correlated noise on the joints of the groups that move: an Ornstein-Uhlenbeck process."""

    def __init__(
        self,
        contract: Contract,
        scale: Array,
        rng: np.random.Generator,
        rate_hz: float | None = None,
    ) -> None:
        """Begin at zero.

        Args:
            contract: The robot.
            scale: Standard deviation of each joint [rad or m], shape (n,).
            rng: Source of randomness.
            rate_hz: Steps per second [Hz]; the rate of commands if None.
        """
        self._groups = [
            np.array([contract.index(joint) for joint in group.joints])
            for group in contract.groups
        ]
        self._scale, self._rng = scale, rng
        self._keep = math.exp(-1.0 / (CORRELATION_S * (rate_hz or contract.rates.command_hz)))
        self._value = np.zeros(contract.n)
        self._moved = np.zeros(contract.n, dtype=bool)

    def step(self, command: Array, start: Array) -> Array:
        """Noise of the next period [rad or m], shape (n,).

        Args:
            command: What is commanded, shape (n,).
            start: What was commanded at the start.
        """
        for columns in self._groups:
            if np.abs(command[columns] - start[columns]).max() > MOVES:
                self._moved[columns] = True
        fresh = math.sqrt(1.0 - self._keep**2) * self._rng.standard_normal(len(self._value))
        self._value = np.where(self._moved, self._keep * self._value + self._scale * fresh, 0.0)
        return self._value
