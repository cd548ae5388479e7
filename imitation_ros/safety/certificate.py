# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The brake certificate: if full braking starts now, does every pair keep its distance to the end?

By conservative advancement: a distance cannot fall faster than `rate_bounds @ |velocity|`, so
after a look at a pair the next one is due only when that bound has used up what was left. The end
of the way is known, too: it lies close to where the robot would come to rest anyhow. A pair that
has c left at a set-point and e at the end, with at most b between, keeps (c + e - b) / 2 there.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..data.frame import Array
from ..kinematics.braking import braking_distance
from .constraints.limits import ViabilityBox
from .geometry.model import Indices
from .proximity import Proximity
from .velocity_bounds import VelocityBounds

HORIZON = 10**9
"""Longer than any braking, in set-points."""


class Certificate(Protocol):
    """Proves that full braking after a velocity keeps every pair at its distance."""

    def refused(
        self, q: Array, x: Array, bounds: VelocityBounds, proximity: Proximity, threshold: Array
    ) -> int | None:
        """A pair that would come too close, or None: see `BrakeCertificate.refused`."""


class RateBounds(Protocol):
    """How fast distances can change: see `SelfCollision`."""

    @property
    def rate_bounds(self) -> Array:
        """Bound on |d distance / d q|, shape (pairs, n)."""

    @property
    def order(self) -> Indices:
        """Where each coordinate of the model stands in the contract."""


class Measures(Protocol):
    """What measures distances: see `CoalBackend`."""

    def some_distances(self, q: Array, chosen: Indices) -> Array:
        """Distances of the chosen pairs [m], at positions in the model's order."""


class BrakeCertificate:
    """Proves, set-point by set-point, that braking from a state stays at a distance."""

    def __init__(self, box: ViabilityBox, geometry: RateBounds, measures: Measures) -> None:
        """Keep the braking law and the distances."""
        self._box = box
        self._geometry = geometry
        self._measures = measures

    def refused(
        self, q: Array, x: Array, bounds: VelocityBounds, proximity: Proximity, threshold: Array
    ) -> int | None:
        """A pair that would come too close.

        Checks every set-point from q + dt x on, under full braking until rest.

        Args:
            q: Last set-point [rad or m], shape (n,).
            x: Velocity under test [rad/s or m/s], shape (n,).
            bounds: Where full braking from `q` comes to rest.
            proximity: Distances at `q` and there.
            threshold: Distance each pair has to keep [m], shape (pairs,).

        Returns:
            None if every pair keeps its threshold at every set-point, else a pair that does not.
        """
        dt, step = self._box.dt, self._box.step
        speed = np.abs(x)
        units = speed / step
        travel = braking_distance(units) * step * dt
        room = proximity.distance - threshold
        rate_bounds = self._geometry.rate_bounds
        chosen: NDArray[np.intp] = np.flatnonzero(~(room >= rate_bounds @ travel))
        if not len(chosen):
            return None
        room, threshold, rate_bounds = room[chosen], threshold[chosen], rate_bounds[chosen]
        # Braking after x comes to rest so far from where it would without x.
        moved = q + np.sign(x) * travel - bounds.rest
        after = proximity.ahead[chosen] - threshold - rate_bounds @ np.abs(moved)
        after[~np.isfinite(after)] = -np.inf  # not looked at there: nothing is known
        # Every set-point k of the braking, and what speed and travel are left after it.
        k = np.arange(int(np.ceil(units.max())) + 1)[:, None]
        m = np.minimum(np.floor(units), k)
        done = (m * units - 0.5 * m * (m + 1.0)) * step * dt
        poses = (q + dt * x + np.sign(x) * done)[:, self._geometry.order]
        slower = np.maximum(speed - (k + 1.0) * step, 0.0)
        left = np.stack([slower * dt, braking_distance(slower / step) * step * dt], axis=2)
        # Set-point 0 is q + dt x; pairs with room now need no look before they are due.
        due = self._quiet(room, after, rate_bounds @ np.stack([speed * dt, travel], axis=1))
        plan: list[list[int]] = [[] for _ in poses]
        for i in np.flatnonzero(due < len(poses)).tolist():
            plan[due[i]].append(i)
        for at, now in enumerate(plan):
            if not now:
                continue
            looked = chosen[now]
            room = self._measures.some_distances(poses[at], looked) - threshold[now]
            least = int(room.argmin())
            if not room[least] >= 0.0:  # NaN is no room either
                return int(looked[least])
            lasts = self._quiet(room, after[now], rate_bounds[now] @ left[at]).tolist()
            for i, last in zip(now, lasts, strict=True):
                if at + 1 + last < len(poses):
                    plan[at + 1 + last].append(i)
        return None

    @staticmethod
    def _quiet(room: Array, after: Array, ahead: Array) -> NDArray[np.int64]:
        """For how many set-points a clearance lasts.

        Args:
            room: Clearance of each pair [m], shape (m,).
            after: At least that much is left of it at rest [m], shape (m,).
            ahead: Most it can fall in the next step, and until rest [m], shape (m, 2).
        """
        ratio = np.fmax(room / np.maximum(ahead[:, 0], 1e-15), 0.0)  # NaN is looked at now
        ratio[room + np.maximum(after, 0.0) >= ahead[:, 1]] = HORIZON
        return np.minimum(ratio, HORIZON).astype(np.int64)
