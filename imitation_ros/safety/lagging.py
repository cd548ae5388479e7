# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Lagging joints: those that a velocity does not bring where they were asked to be, and why."""

import numpy as np

from ..contract import Contract
from ..data.frame import Array
from .geometry.model import Indices

NOT_LAGGING, BEYOND, FAST, SUDDEN = 0, 1, 2, 3
"""Where it was asked to be; asked beyond a limit of position, of velocity, of acceleration."""


class LaggingJoints:
    """Judges joints against the limits of the contract.

    Attributes:
        outside: Positions [rad or m] beyond which one is outside the limits, shape (2, n).
        fastest: Way of every joint in one period at its top speed [rad or m], shape (n,).
        tolerance: Lag that is not worth a word [rad or m].
    """

    def __init__(self, contract: Contract, dt: float) -> None:
        """Take the limits (dt: period of the commands [s])."""
        limits = contract.limits
        self.outside: Array = np.array([limits.lower - 1e-9, limits.upper + 1e-9])
        self.fastest: Array = limits.velocity * dt * (1.0 + 1e-9)
        self.tolerance = float(contract.safety.lag_tolerance)
        self._dt = dt

    def kinds(self, q: Array, q_des: Array, x: Array) -> Indices:
        """NOT_LAGGING, BEYOND, FAST or SUDDEN for every joint, shape (n,).

        Args:
            q: Last set-point [rad or m], shape (n,).
            q_des: Positions that are asked for [rad or m], shape (n,).
            x: Velocity that is sent [rad/s or m/s], shape (n,).
        """
        way = q_des - q
        lower, upper = self.outside
        beyond = (q_des > upper) | (q_des < lower)
        kinds = np.where(beyond, BEYOND, np.where(np.abs(way) > self.fastest, FAST, SUDDEN))
        lagging = np.abs(way - self._dt * x) > self.tolerance
        found: Indices = np.where(beyond | lagging, kinds, NOT_LAGGING)
        return found

    def any(self, q: Array, q_des: Array, x: Array) -> bool:
        """Whether a joint is left more than the tolerance away: see `kinds`."""
        return bool((np.abs(q_des - q - self._dt * x) > self.tolerance).any())
