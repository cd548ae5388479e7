# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Rows of the QP: how far the next velocity may move near links together.

A row looks at a pose on the way that full braking takes from here, which the last certificate
covers: at its end, where the robot would come to rest, and at its first set-point, for a pair
that is passing. To first order it bounds how much nearer a velocity brings the pair there than
braking does. So braking meets every row, no deceleration of an approach has to be guessed, and a
velocity within the rows is rarely refused. After Gurriet et al. 2018, "An online approach to
active set invariance" (constraints along the trajectory of a backup law).
"""

from functools import lru_cache
import math
from typing import NamedTuple, TYPE_CHECKING

import daqp
import numpy as np

from ...contract import Safety
from ...data.frame import Array
from ...kinematics.braking import braking_distance
from ..coal_backend import CoalBackend
from ..geometry.model import Indices
from .limits import ViabilityBox

if TYPE_CHECKING:
    from ..geometry.distances import SelfCollision
    from ..velocity_bounds import Aim

RELAXATION = 0.1
"""A pair inside its margin is led out no harder than to this share, from the most cautious end, of
what the box allows."""

PASSING = 0.2
"""Share of `row_margin` that a row for the next set-point aims inside."""

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


class Rows(NamedTuple):
    """What keeps links apart: matrix @ x <= bound for the next velocity x.

    Attributes:
        matrix: How much nearer a velocity brings each pair, shape (m, n) [m s/rad or s].
        bound: The most that is allowed [m], shape (m,).
        pairs: Numbers of the pairs, shape (m,).
        kept: Distance that is left then, to first order [m], shape (m,).
    """

    matrix: Array
    bound: Array
    pairs: Indices
    kept: Array = NOTHING

    def excess(self, x: Array) -> Array:
        """By how much a velocity breaks each row [m], shape (m,)."""
        result: Array = self.matrix @ x - self.bound
        return result

    def met_by(self, x: Array) -> 'Rows':
        """The same rows, relaxed as far as a velocity breaks them, shape (n,)."""
        return self._replace(bound=np.maximum(self.bound, self.matrix @ x))

    def within(self, lower: Array, upper: Array) -> 'Rows | None':
        """The rows that a velocity between two can break; None if there are none."""
        most = np.maximum(self.matrix * lower, self.matrix * upper).sum(axis=1)
        keep = most > self.bound
        if not keep.any():
            return None
        return Rows(self.matrix[keep], self.bound[keep], self.pairs[keep])

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
        n, m = len(wanted), len(self.bound)
        limits = np.empty((2, n + m))
        limits[0, :n], limits[0, n:] = upper, self.bound
        limits[1, :n], limits[1, n:] = lower, NO_BOUND
        matrix = np.ascontiguousarray(self.matrix)
        return _solved(_identity(n), matrix, limits, wanted, lower, upper, broken)


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
    hard: Rows | None,
    soft: Rows,
    wanted: Array,
    lower: Array,
    upper: Array,
    broken: Indices | None = None,
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
    most = np.zeros(n + 1)
    most[:n] = wanted
    return _solved(_identity(n + 1), matrix, limits, most, lower, upper, broken)


class Approach:
    """Makes the rows of the pairs that are near."""

    def __init__(
        self, safety: Safety, box: ViabilityBox, collisions: 'SelfCollision', backend: CoalBackend
    ) -> None:
        """Keep the margins, the braking law and the distances."""
        self._safety = safety
        self._collisions = collisions
        self._backend = backend
        self._box = box

    def rows(
        self, q: Array, distance: Array, threshold: Array, aim: 'Aim'
    ) -> tuple[Rows | None, Array]:
        """Rows at a pose, or None if no pair is near enough to matter; `Look.ahead`.

        Args:
            q: Last set-point [rad or m], shape (n,): where `distance` was taken.
            distance: Distance of every pair [m], shape (pairs,).
            threshold: Distance every pair has to keep [m], shape (pairs,).
            aim: The box, and full braking.
        """
        box, margin = self._box, self._safety.row_margin
        room = distance - threshold
        fastest = np.maximum(-aim.lower, aim.upper)
        # How much nearer a pair can come by braking after this step, in this step alone, and at
        # rest compared with full braking. One that cannot come near at all needs no row.
        travel = braking_distance(fastest / box.step) * box.quantum
        able = np.maximum(aim.upper - aim.brake, aim.brake - aim.lower)
        most, soon, late = (
            self._collisions.reach @ np.stack([travel, box.dt * fastest, aim.horizon * able], 1)
        ).T
        chosen = np.flatnonzero(room - margin < most)
        everywhere = np.full(len(distance), np.inf)
        if not len(chosen):
            return None, everywhere
        first = chosen[room[chosen] - PASSING * margin < soon[chosen]]
        toward = -box.dt * self._gradients(q, first)
        ahead = self._backend.some_distances(aim.rest[self._collisions.order], chosen)
        everywhere[chosen] = ahead
        gap = ahead - threshold[chosen] - margin
        able_to = gap < late[chosen]
        gap, last = gap[able_to], chosen[able_to]
        opens = distance[first] < everywhere[first]
        toward, first = toward[opens], first[opens]
        passing = room[first] - PASSING * margin - toward @ aim.brake
        limit = self._safety.row_limit
        if len(last) + len(first) > limit:
            least = np.partition(np.concatenate([gap, passing]), limit - 1)[limit - 1]
            few, some = gap <= least, passing <= least
            gap, last = gap[few], last[few]
            passing, first, toward = passing[some], first[some], toward[some]
        final = -self._gradients(aim.rest, last) * aim.horizon
        matrix = np.concatenate([final, toward])
        gaps, pairs = np.concatenate([gap, passing]), np.concatenate([last, first])
        kept = threshold[pairs] + margin
        kept[len(last) :] -= (1.0 - PASSING) * margin
        share = self._safety.row_return_rate * box.dt
        return _relative(matrix, gaps, pairs, kept, aim, share), everywhere

    def _gradients(self, q: Array, chosen: Indices) -> Array:
        """Gradients where the distances were taken last; none of no pairs."""
        return self._backend.gradients(q, chosen) if len(chosen) else np.empty((0, len(q)))


def _relative(
    matrix: Array, gaps: Array, pairs: Indices, kept: Array, aim: 'Aim', share: float
) -> Rows | None:
    """Rows that full braking meets; None if the box meets them all.

    Args:
        matrix: As in `Rows`.
        gaps: What full braking leaves of each distance above the one to keep [m], shape (m,).
        pairs: As in `Rows`.
        kept: The distances to keep [m], shape (m,).
        aim: The box, and full braking.
        share: Of a gap that is missing, what a row asks back in one step.
    """
    braking = matrix @ aim.brake
    at_lower, at_upper = matrix * aim.lower, matrix * aim.upper
    least = np.minimum(at_lower, at_upper).sum(axis=1)
    most = np.maximum(at_lower, at_upper).sum(axis=1)
    back = np.minimum(braking, least + RELAXATION * (most - least))
    moved = np.where(gaps >= 0.0, gaps, np.maximum(share * gaps, back - braking))
    bound = braking + moved
    keep = most > bound
    if not keep.any():
        return None
    return Rows(matrix[keep], bound[keep], pairs[keep], (kept + gaps - moved)[keep])
