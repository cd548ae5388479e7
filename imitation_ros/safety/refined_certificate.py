# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A brake certificate for which convex hulls may stand in for capsules, all along the braking."""

import numpy as np

from ..data.frame import Array
from .certificate import BrakeCertificate, Certificate
from .constraints.limits import ViabilityBox
from .geometry.model import Indices
from .geometry.refinement import ConvexHullRefinement, MAX_REFINED_PAIRS
from .proximity import Proximity
from .velocity_bounds import VelocityBounds

FREE = -1e9
"""Threshold of a pair that another certificate looks after [m]."""


class RefinedCertificate:
    """A brake certificate for which hulls may stand in for capsules, all along the braking."""

    def __init__(
        self, inner: Certificate, box: ViabilityBox, refinement: ConvexHullRefinement
    ) -> None:
        """Keep both (inner: the certificate of the capsules)."""
        self._inner = inner
        self._refinement = refinement
        self._box = box
        self._lately: list[int] = []

    def refused(
        self, q: Array, x: Array, bounds: VelocityBounds, proximity: Proximity, threshold: Array
    ) -> int | None:
        """A pair that would come too close, or None: see `BrakeCertificate.refused`.

        Pairs of links whose capsules come too close are left to their hulls, and those whose
        hulls do to their capsules. Who needed hulls lately is likely to need them again: which
        ones are tried first changes the time it takes, not the answer.
        """
        refinement = self._refinement
        # The last one is of pairs without hulls.
        least = np.full(len(refinement.links) + 1, np.inf)
        np.minimum.at(least, refinement.pair, proximity.distance - threshold)
        by_hulls = [number for number in self._lately if least[number] < 0.0]
        closed: set[int] = set()
        while by_hulls:
            found = self._too_close(by_hulls, q, x, bounds, threshold)
            if found is None:
                break
            by_hulls.remove(found)
            closed.add(found)
        while True:
            left = threshold
            if by_hulls:
                free = np.zeros(len(refinement.links) + 1, dtype=np.bool_)
                free[by_hulls] = True
                left = np.where(free[refinement.pair], FREE, threshold)
            pair = self._inner.refused(q, x, bounds, proximity, left)
            if pair is None:
                self._lately = by_hulls
                return None
            number = int(refinement.pair[pair])
            if number < 0 or number in closed or len(by_hulls) == MAX_REFINED_PAIRS:
                return pair
            if self._too_close([number], q, x, bounds, threshold) is not None:
                return pair
            by_hulls.append(number)

    def _too_close(
        self, chosen: list[int], q: Array, x: Array, bounds: VelocityBounds, threshold: Array
    ) -> int | None:
        """One of the chosen pairs of links whose hulls come too close under braking; or None."""
        refinement = self._refinement
        needed = np.full(len(refinement.links) + 1, -np.inf)
        np.maximum.at(needed, refinement.pair, threshold)
        kept = needed[chosen]
        few = _ChosenPairs(refinement, np.array(chosen))
        # Without room at q every one of them is looked at from the first set-point on.
        unknown = np.full(len(chosen), np.inf)
        proximity = Proximity(x, kept, unknown, None, False, np.zeros(0, np.intp), None)
        found = BrakeCertificate(self._box, few, few).refused(q, x, bounds, proximity, kept)
        return None if found is None else chosen[found]


class _ChosenPairs:
    """Some pairs of links, renumbered."""

    def __init__(self, refinement: ConvexHullRefinement, chosen: Indices) -> None:
        self.rate_bounds, self.order = refinement.rate_bounds[chosen], refinement.order
        self._refinement, self._chosen = refinement, chosen

    def some_distances(self, q: Array, chosen: Indices) -> Array:
        """Distances of their hulls: see `ConvexHullRefinement.some_distances`."""
        return self._refinement.some_distances(q, self._chosen[chosen])
