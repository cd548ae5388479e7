# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Certification: what a velocity has to prove before it is sent."""

import numpy as np

from ..data.frame import Array
from .certificate import Certificate
from .constraints.optional import OptionalConstraints
from .constraints.tools import ToolSpeed
from .decision import Refusal, Subject
from .proximity import Proximity
from .velocity_bounds import VelocityBounds

TOUCH = 1e-4
"""While it recovers from a contact, a pair may come this much closer [m]."""


class Certification:
    """The brake certificate, and those of tools and of the torque that holds the robot."""

    def __init__(
        self,
        distances: Certificate | None,
        optional: OptionalConstraints | None,
        tools: ToolSpeed | None,
        needed: float,
    ) -> None:
        """Keep them.

        Args:
            distances: Certificate of the distances; None certifies everything.
            optional: Torque and support, where the contract asks for them.
            tools: Cap on the speed of tools, where the contract has one.
            needed: Distance that every pair keeps, but while it recovers [m].
        """
        self._distances, self._optional, self._tools = distances, optional, tools
        self._needed = needed

    def start(self, distance: Array) -> Array:
        """Thresholds at a start: less than needed for pairs that are closer [m], (pairs,)."""
        threshold: Array = np.minimum(self._needed, distance - TOUCH)
        threshold[distance >= self._needed] = self._needed
        return threshold

    def recovers(self, threshold: Array) -> bool:
        """Whether a pair still has a threshold of its own."""
        return bool((threshold < self._needed).any())

    def check(
        self,
        q: Array,
        v: Array,
        x: Array,
        bounds: VelocityBounds,
        proximity: Proximity,
        threshold: Array,
        recovers: bool,
    ) -> tuple[Refusal | None, Array]:
        """Try a velocity.

        Args:
            q: Last set-point [rad or m], shape (n,).
            v: Its velocity [rad/s or m/s], shape (n,).
            x: Velocity under test [rad/s or m/s], shape (n,).
            bounds: Where full braking leads.
            proximity: Distances there and here.
            threshold: Distance each pair has to keep [m], shape (pairs,).
            recovers: Whether that is less than needed for one of them.

        Returns:
            Why it is refused, or None, and the thresholds from now on.
        """
        if self._distances is None:
            return None, threshold
        if self._optional is not None:
            joint = self._optional.refused(q, v, x)
            if joint is not None:
                return Refusal(Subject.JOINT, joint), threshold
        if self._tools is not None:
            tool = self._tools.refused(q, x)
            if tool is not None:
                return Refusal(Subject.TOOL, tool), threshold
        if recovers:
            # While it recovers, a pair that opened may not close again: raise its threshold.
            raised = np.clip(proximity.distance - TOUCH, threshold, self._needed)
            if self._distances.refused(q, x, bounds, proximity, raised) is None:
                return None, raised
        pair = self._distances.refused(q, x, bounds, proximity, threshold)
        return (None if pair is None else Refusal(Subject.PAIR, pair)), threshold
