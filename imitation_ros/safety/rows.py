# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Rows of the QP: how fast near links may approach each other."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import daqp
import numpy as np

from ..contract import Safety
from ..data.frame import Array
from ..kinematics.braking import stoppable_speed
from .geometry import Indices

if TYPE_CHECKING:
    from .collisions import SelfCollision

RELAXATION = 0.1
"""A row asks for no more than this share, from the most cautious end, of what the box allows."""


NO_BOUND = -1e30
"""What DAQP takes for minus infinity."""

SLACK_PRICE = 1e4
"""A slack of 1 cm/s costs as much as a velocity that is 1 rad/s from the wanted one."""


@lru_cache(maxsize=8)
def _identity(n: int) -> Array:
    """The weight of the QP; the solver only reads it."""
    return np.eye(n)


@dataclass(frozen=True)
class Rows:
    """What keeps links apart: matrix @ x <= bound for the next velocity x.

    Attributes:
        matrix: Minus the gradients of the distances, shape (m, n) [m/rad or 1].
        bound: Highest speed of approach [m/s], shape (m,).
        pairs: Numbers of the pairs, shape (m,).
    """

    matrix: Array
    bound: Array
    pairs: Indices

    def excess(self, x: Array) -> Array:
        """By how much a velocity breaks each row [m/s], shape (m,)."""
        result: Array = self.matrix @ x - self.bound
        return result

    def met_by(self, x: Array) -> 'Rows':
        """The same rows, relaxed as far as a velocity breaks them, shape (n,)."""
        return replace(self, bound=np.maximum(self.bound, self.matrix @ x))

    def within(self, lower: Array, upper: Array) -> 'Rows | None':
        """The rows that a velocity between two can break; None if there are none."""
        most = np.maximum(self.matrix * lower, self.matrix * upper).sum(axis=1)
        keep = most > self.bound
        if not keep.any():
            return None
        return Rows(self.matrix[keep], self.bound[keep], self.pairs[keep])

    def closest(self, wanted: Array, lower: Array, upper: Array) -> Array | None:
        """Velocity that is closest to the wanted one, in the box and within the rows.

        Solves min |x - wanted|^2 with DAQP, whose active set is exact about feasibility.

        Args:
            wanted: Finite velocity [rad/s or m/s], shape (n,).
            lower: Lowest velocities, shape (n,).
            upper: Highest velocities, shape (n,).

        Returns:
            The velocity, or None if there is no solution.
        """
        n, m = len(wanted), len(self.bound)
        limits = np.empty((2, n + m))
        limits[0, :n], limits[0, n:] = upper, self.bound
        limits[1, :n], limits[1, n:] = lower, NO_BOUND
        x, _, flag, _ = daqp.solve(
            _identity(n), -wanted, np.ascontiguousarray(self.matrix), limits[0], limits[1]
        )
        solution: Array = np.asarray(x)
        if flag != 1 or not np.isfinite(solution).all():
            return None
        return np.minimum(np.maximum(solution, lower), upper)


def join(one: Rows | None, other: Rows | None) -> Rows | None:
    """The rows of both; None if there are none. Each keeps its own numbers."""
    if one is None or other is None:
        return other if one is None else one
    return Rows(
        np.vstack([one.matrix, other.matrix]),
        np.concatenate([one.bound, other.bound]),
        np.concatenate([one.pairs, other.pairs]),
    )


def closest_softly(
    hard: Rows | None, soft: Rows, wanted: Array, lower: Array, upper: Array
) -> Array | None:
    """As `Rows.closest`, where soft rows may be broken by a common slack s, at a price.

    min |x - wanted|^2 + SLACK_PRICE s^2, hard within their bounds, soft within bound + s, s >= 0;
    s is scaled so that the weight of the QP stays the identity.
    """
    n, firm = len(wanted), 0 if hard is None else len(hard.bound)
    m = firm + len(soft.bound)
    matrix, limits = np.zeros((m, n + 1)), np.full((2, n + 1 + m), NO_BOUND)
    if hard is not None:
        matrix[:firm, :n], limits[0, n + 1 : n + 1 + firm] = hard.matrix, hard.bound
    matrix[firm:, :n], limits[0, n + 1 + firm :] = soft.matrix, soft.bound
    matrix[firm:, n] = -(SLACK_PRICE**-0.5)
    limits[0, :n], limits[1, :n] = upper, lower
    limits[0, n], limits[1, n] = -NO_BOUND, 0.0
    x, _, flag, _ = daqp.solve(_identity(n + 1), -np.append(wanted, 0.0), matrix, *limits)
    solution: Array = np.asarray(x)
    if flag != 1 or not np.isfinite(solution).all():
        return None
    return np.minimum(np.maximum(solution[:n], lower), upper)


class Approach:
    """Makes the rows of the pairs that are near.

    A pair may approach no faster than what a deceleration of `row_acceleration` can stop
    `row_margin` before its threshold; nearer than that it has to open again.
    """

    def __init__(self, safety: Safety, collisions: 'SelfCollision', dt: float) -> None:
        """Keep the margins."""
        self._safety = safety
        self._collisions = collisions
        self._dt = dt
        self._near = safety.self_collision_distance + safety.row_distance

    def rows(
        self,
        q: Array,
        distance: Array,
        threshold: Array,
        lower: Array,
        upper: Array,
        tried: Array,
    ) -> Rows | None:
        """Rows at a pose; None if no pair is near enough to matter.

        Args:
            q: Positions [rad or m], shape (n,): those `distance` was taken at.
            distance: Distance of every pair [m], shape (pairs,).
            threshold: Distance every pair has to keep [m], shape (pairs,).
            lower: Lowest next velocities, shape (n,).
            upper: Highest next velocities, shape (n,).
            tried: Velocity that the rows are for, shape (n,); no joint will be faster.
        """
        chosen = np.flatnonzero(distance < self._near)
        if not len(chosen):
            return None
        safety = self._safety
        if len(chosen) > safety.row_limit:
            order = np.argpartition(distance[chosen], safety.row_limit - 1)
            chosen = chosen[order[: safety.row_limit]]
        unit = safety.row_acceleration * self._dt
        gap = distance[chosen] - threshold[chosen] - safety.row_margin
        bound = unit * stoppable_speed(gap / (unit * self._dt))
        bound = np.where(gap < 0.0, safety.row_return_rate * gap, bound)
        # A pair cannot approach faster than reach @ |velocity|: often no gradient is needed.
        reach = self._collisions.reach[chosen]
        if (reach @ np.abs(tried) <= bound).all():
            return None
        able = reach @ np.maximum(-lower, upper) > bound
        chosen, bound = chosen[able], bound[able]
        if not len(chosen):
            return None
        matrix = -self._collisions.gradients(q, chosen)
        # Ask for nothing that the box cannot reach: a row alone is never infeasible.
        at_lower, at_upper = matrix * lower, matrix * upper
        least = np.minimum(at_lower, at_upper).sum(axis=1)
        most = np.maximum(at_lower, at_upper).sum(axis=1)
        bound = np.maximum(bound, least + RELAXATION * (most - least))
        keep = most > bound
        if not keep.any():
            return None
        return Rows(matrix[keep], bound[keep], chosen[keep])
