# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Linear inequality constraints G x <= h on the next velocity x, and the QP that meets them."""

from functools import lru_cache
import math
from typing import NamedTuple

import daqp
import numpy as np

from ...data.frame import Array
from ..geometry.model import Indices

ACTIVE, LOWER = 1, 2
"""How DAQP marks a constraint that it begins with, and that it is the lower one."""

NO_BOUND = -1e30
"""What DAQP takes for minus infinity."""

SLACK_PRICE = 1e4
"""A slack of 1 cm/s costs as much as a velocity that is 1 rad/s from the wanted one."""


@lru_cache(maxsize=8)
def _identity(n: int) -> Array:
    """The weight of the QP; the solver only reads it."""
    return np.eye(n)


NOTHING: Array = np.zeros(0)
NOTHING.flags.writeable = False


def _solved(
    weight: Array,
    matrix: Array,
    limits: Array,
    wanted: Array,
    lower: Array,
    upper: Array,
    broken: Indices | None,
) -> Array | None:
    """The velocity that DAQP finds, inside the box to the last digit; None if it finds none.

    Args:
        weight: Of the QP, shape (k, k), k >= n.
        matrix: Its rows, shape (m, k).
        limits: Upper and lower, first of the k variables, then of the rows, shape (2, k + m).
        wanted: Velocity to stay close to, shape (n,), and zeros, together of shape (k,).
        lower: Lowest velocities, shape (n,).
        upper: Highest velocities, shape (n,).
        broken: Bounds that the wanted velocity breaks, shape (n,): see `broken_bounds`.
    """
    n = len(lower)
    active = np.zeros(limits.shape[1], dtype=np.int32)
    if broken is not None:
        # Most of them stay active.
        active[:n] = broken
    x, _, flag, _ = daqp.solve(weight, -wanted, matrix, limits[0], limits[1], active)
    if flag != 1 or not math.isfinite(x.dot(x)):
        return None
    found: Array = np.minimum(np.maximum(x[:n], lower), upper)
    return found


def broken_bounds(wanted: Array, lower: Array, upper: Array) -> Indices:
    """Bounds of the box that the wanted velocity breaks, as DAQP marks them, all of shape (n,)."""
    marks: Indices = ACTIVE * (wanted > upper) + (ACTIVE + LOWER) * (wanted < lower)
    return marks


class InequalityConstraints(NamedTuple):
    """G x <= h for the next velocity x.

    Attributes:
        G: What a velocity changes in each row; for a pair of links how much nearer it brings
            them, shape (m, n) [m s/rad or s].
        h: The most that is allowed, for a pair of links [m], shape (m,).
        pairs: Numbers of what each row constrains: pairs of links, joints or edges, shape (m,).
        kept: Distance that is left then, to first order [m], shape (m,).
    """

    G: Array
    h: Array
    pairs: Indices
    kept: Array = NOTHING

    def excess(self, x: Array) -> Array:
        """By how much a velocity breaks each row [m], shape (m,)."""
        result: Array = self.G @ x - self.h
        return result

    def met_by(self, x: Array) -> 'InequalityConstraints':
        """The same rows, relaxed as far as a velocity breaks them, shape (n,)."""
        return self._replace(h=np.maximum(self.h, self.G @ x))

    def within(self, lower: Array, upper: Array) -> 'InequalityConstraints | None':
        """The rows that a velocity between two can break; None if there are none."""
        most = np.maximum(self.G * lower, self.G * upper).sum(axis=1)
        keep = most > self.h
        if not keep.any():
            return None
        return InequalityConstraints(self.G[keep], self.h[keep], self.pairs[keep])

    def closest(
        self, wanted: Array, lower: Array, upper: Array, broken: Indices | None = None
    ) -> Array | None:
        """Velocity that is closest to the wanted one, in the box and within the rows.

        Solves min |x - wanted|^2 with DAQP, whose active set is exact about feasibility.

        Args:
            wanted: Finite velocity [rad/s or m/s], shape (n,).
            lower: Lowest velocities, shape (n,).
            upper: Highest velocities, shape (n,).
            broken: `broken_bounds` of these, to begin with: it saves time, no more.

        Returns:
            The velocity, or None if there is no solution.
        """
        n, m = len(wanted), len(self.h)
        limits = np.empty((2, n + m))
        limits[0, :n], limits[0, n:] = upper, self.h
        limits[1, :n], limits[1, n:] = lower, NO_BOUND
        matrix = np.ascontiguousarray(self.G)
        return _solved(_identity(n), matrix, limits, wanted, lower, upper, broken)


def join(
    one: InequalityConstraints | None, other: InequalityConstraints | None
) -> InequalityConstraints | None:
    """The rows of both; None if there are none. Each keeps its own numbers."""
    if one is None or other is None:
        return other if one is None else one
    return InequalityConstraints(
        np.vstack([one.G, other.G]),
        np.concatenate([one.h, other.h]),
        np.concatenate([one.pairs, other.pairs]),
    )


def closest_softly(
    hard: InequalityConstraints | None,
    soft: InequalityConstraints,
    wanted: Array,
    lower: Array,
    upper: Array,
    broken: Indices | None = None,
) -> Array | None:
    """As `InequalityConstraints.closest`, but soft rows may be broken by a slack s, at a price.

    min |x - wanted|^2 + SLACK_PRICE s^2, hard within h, soft within h + s, s >= 0;
    s is scaled so that the weight of the QP stays the identity.
    """
    n, firm = len(wanted), 0 if hard is None else len(hard.h)
    m = firm + len(soft.h)
    matrix, limits = np.zeros((m, n + 1)), np.full((2, n + 1 + m), NO_BOUND)
    if hard is not None:
        matrix[:firm, :n], limits[0, n + 1 : n + 1 + firm] = hard.G, hard.h
    matrix[firm:, :n], limits[0, n + 1 + firm :] = soft.G, soft.h
    matrix[firm:, n] = -(SLACK_PRICE**-0.5)
    limits[0, :n], limits[1, :n] = upper, lower
    limits[0, n], limits[1, n] = -NO_BOUND, 0.0
    most = np.zeros(n + 1)
    most[:n] = wanted
    return _solved(_identity(n + 1), matrix, limits, most, lower, upper, broken)
