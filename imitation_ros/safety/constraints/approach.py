# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Approach constraints of the QP: how far the next velocity may move near links together.

A row looks at a pose on the way that full braking takes from here, which the last certificate
covers: at its end, where the robot would come to rest, and at its first set-point, for a pair
that is passing. To first order it bounds how much nearer a velocity brings the pair there than
braking does. So braking meets every row, no deceleration of an approach has to be guessed, and a
velocity within the rows is rarely refused. After Gurriet et al. 2018, "An online approach to
active set invariance" (constraints along the trajectory of a backup law).
"""

from typing import Protocol

import numpy as np

from ...contract import Safety
from ...data.frame import Array
from ...kinematics.braking import braking_distance
from ..geometry.model import Indices
from ..geometry.self_collision import SelfCollision
from ..velocity_bounds import VelocityBounds
from .inequality import InequalityConstraints
from .limits import ViabilityBox

RELAXATION = 0.1
"""A pair inside its margin is led out no harder than to this share, from the most cautious end, of
what the box allows."""

PASSING = 0.2
"""Share of `row_margin` that a row for the next set-point aims inside."""


class Measures(Protocol):
    """What measures distances: see `CoalBackend`."""

    def capsule_distances(self, q: Array) -> Array:
        """Distance of every pair [m], at positions in contract order."""

    def some_distances(self, q: Array, chosen: Indices) -> Array:
        """Distances of the chosen pairs [m], at positions in the model's order."""

    def gradients(self, q: Array, chosen: Indices) -> Array:
        """Gradients of the chosen distances where they were measured last, in contract order."""


class ApproachConstraints:
    """Makes the inequality constraints of the pairs that are near."""

    def __init__(
        self, safety: Safety, box: ViabilityBox, geometry: SelfCollision, measures: Measures
    ) -> None:
        """Keep the margins, the braking law and the distances."""
        self._safety = safety
        self._geometry = geometry
        self._measures = measures
        self._box = box

    def constraints(
        self, q: Array, distance: Array, threshold: Array, bounds: VelocityBounds
    ) -> tuple[InequalityConstraints | None, Array]:
        """Constraints at a pose, or None if no pair is near enough to matter; `Proximity.ahead`.

        Args:
            q: Last set-point [rad or m], shape (n,): where `distance` was taken.
            distance: Distance of every pair [m], shape (pairs,).
            threshold: Distance every pair has to keep [m], shape (pairs,).
            bounds: The box, and full braking.
        """
        box, margin = self._box, self._safety.row_margin
        room = distance - threshold
        fastest = np.maximum(-bounds.lower, bounds.upper)
        # How much nearer a pair can come by braking after this step, in this step alone, and at
        # rest compared with full braking. One that cannot come near at all needs no row.
        travel = braking_distance(fastest / box.step) * box.quantum
        able = np.maximum(bounds.upper - bounds.brake, bounds.brake - bounds.lower)
        most, soon, at_rest = (
            self._geometry.rate_bounds
            @ np.stack([travel, box.dt * fastest, bounds.horizon * able], 1)
        ).T
        chosen = np.flatnonzero(room - margin < most)
        everywhere = np.full(len(distance), np.inf)
        if not len(chosen):
            return None, everywhere
        first = chosen[room[chosen] - PASSING * margin < soon[chosen]]
        toward = -box.dt * self._gradients(q, first)
        ahead = self._measures.some_distances(bounds.rest[self._geometry.order], chosen)
        everywhere[chosen] = ahead
        gap = ahead - threshold[chosen] - margin
        able_to = gap < at_rest[chosen]
        gap, last = gap[able_to], chosen[able_to]
        opens = distance[first] < everywhere[first]
        toward, first = toward[opens], first[opens]
        passing = room[first] - PASSING * margin - toward @ bounds.brake
        limit = self._safety.row_limit
        if len(last) + len(first) > limit:
            least = np.partition(np.concatenate([gap, passing]), limit - 1)[limit - 1]
            few, some = gap <= least, passing <= least
            gap, last = gap[few], last[few]
            passing, first, toward = passing[some], first[some], toward[some]
        final = -self._gradients(bounds.rest, last) * bounds.horizon
        G = np.concatenate([final, toward])
        gaps, pairs = np.concatenate([gap, passing]), np.concatenate([last, first])
        kept = threshold[pairs] + margin
        kept[len(last) :] -= (1.0 - PASSING) * margin
        share = self._safety.row_return_rate * box.dt
        return _relative(G, gaps, pairs, kept, bounds, share), everywhere

    def _gradients(self, q: Array, chosen: Indices) -> Array:
        """Gradients where the distances were taken last; none of no pairs."""
        return self._measures.gradients(q, chosen) if len(chosen) else np.empty((0, len(q)))


def _relative(
    G: Array, gaps: Array, pairs: Indices, kept: Array, bounds: VelocityBounds, share: float
) -> InequalityConstraints | None:
    """InequalityConstraints that full braking meets; None if the box meets them all.

    Args:
        G: As in `InequalityConstraints`.
        gaps: What full braking leaves of each distance above the one to keep [m], shape (m,).
        pairs: As in `InequalityConstraints`.
        kept: The distances to keep [m], shape (m,).
        bounds: The box, and full braking.
        share: Of a gap that is missing, what a row asks back in one step.
    """
    braking = G @ bounds.brake
    at_lower, at_upper = G * bounds.lower, G * bounds.upper
    least = np.minimum(at_lower, at_upper).sum(axis=1)
    most = np.maximum(at_lower, at_upper).sum(axis=1)
    back = np.minimum(braking, least + RELAXATION * (most - least))
    moved = np.where(gaps >= 0.0, gaps, np.maximum(share * gaps, back - braking))
    h = braking + moved
    keep = most > h
    if not keep.any():
        return None
    return InequalityConstraints(G[keep], h[keep], pairs[keep], (kept + gaps - moved)[keep])
