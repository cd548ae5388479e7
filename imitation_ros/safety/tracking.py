# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Tracking: does the robot still do what it is commanded?

The filter guarantees the commands. Here the measured pose is looked at: no joint may be far from
its command, and no two links closer than commands are allowed to bring them. The second follows
from the first only while nothing holds a limb back: a foot that meets the floor is within its
error and may all the same touch the other one.
"""

import numpy as np

from ..contract import Contract
from ..data.frame import Array
from .filter import SafetyFilter
from .intervention import Intervention, Rule


class Tracking:
    """Counts the ticks in a row at which the robot is not where it should be."""

    def __init__(self, contract: Contract, safety_filter: SafetyFilter) -> None:
        """Start with a robot that follows."""
        self._contract = contract
        self._filter = safety_filter
        self._ticks = 0

    def restart(self) -> None:
        """Forget what was, at arming."""
        self._ticks = 0

    def lost(self, q: Array) -> Intervention | None:
        """Proximity at a tick.

        Args:
            q: Measured positions [rad or m], shape (n,).

        Returns:
            Why tracking is lost; None if it is not, or not yet for `tracking_error_ticks`.
        """
        why = self._far(q) or self._close(q)
        self._ticks = self._ticks + 1 if why else 0
        return why if self._ticks >= self._contract.safety.tracking_error_ticks else None

    def _far(self, q: Array) -> Intervention | None:
        """Joint that is too far from its command."""
        error = np.abs(self._filter.q - q)
        worst = int(np.argmax(error))
        if error[worst] <= self._contract.safety.tracking_error:
            return None
        return Intervention(
            Rule.TRACKING_LOST,
            f'the robot is {error[worst]:.3f} away from its command',
            joint=self._contract.joints[worst],
            asked=float(self._filter.q[worst]),
            sent=float(q[worst]),
        )

    def _close(self, q: Array) -> Intervention | None:
        """Links that are closer than any command may bring them."""
        safety, backend = self._contract.safety, self._filter.backend
        if not len(backend):
            return None
        allowed = np.minimum(safety.self_collision_distance, self._filter.threshold)
        distance = backend.distances(q)
        excess = allowed - safety.tracking_distance - distance
        worst = int(np.argmax(excess))
        if excess[worst] <= 0.0:
            return None
        one, other = backend.links[worst]
        return Intervention(
            Rule.TRACKING_LOST,
            f'{one} and {other} of the robot are {distance[worst]:.4f} m apart',
            pair=(one, other),
            asked=float(allowed[worst]),
            sent=float(distance[worst]),
        )
