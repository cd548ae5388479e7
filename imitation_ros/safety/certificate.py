# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The brake certificate: if full braking starts now, does every pair keep its distance to the end?

By conservative advancement: a distance cannot fall faster than `reach @ |velocity|`, so after a
look at a pair the next one is due only when that bound has used up what was left.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..data.frame import Array
from ..kinematics.braking import braking_distance
from .coal_backend import CoalBackend
from .limits import ViabilityBox

if TYPE_CHECKING:
    from .collisions import SelfCollision

HORIZON = 10**9
"""Longer than any braking, in set-points."""


class BrakeCertificate:
    """Proves, set-point by set-point, that braking from a state stays at a distance."""

    def __init__(
        self, box: ViabilityBox, collisions: 'SelfCollision', backend: CoalBackend
    ) -> None:
        """Keep the braking law and the distances."""
        self._box = box
        self._collisions = collisions
        self._backend = backend

    def refused(self, q: Array, x: Array, distance: Array, threshold: Array) -> int | None:
        """Look for a pair that would come too close.

        Checks every set-point from q + dt x on, under full braking until rest. After a pair was
        found with clearance c at set-point k, it cannot be too close for the next
        floor(c / (dt reach @ |v_k+1|)) set-points, because speeds only fall.

        Args:
            q: Last set-point [rad or m], shape (n,).
            x: Velocity under test [rad/s or m/s], shape (n,).
            distance: Distances at `q` [m], shape (pairs,).
            threshold: Distance each pair has to keep [m], shape (pairs,).

        Returns:
            None if every pair keeps its threshold at every set-point, else a pair that does not.
        """
        dt, step = self._box.dt, self._box.step
        speed = np.abs(x)
        units = speed / step
        travel = braking_distance(units) * step * dt
        clearance = distance - threshold
        reach = self._collisions.reach
        chosen: NDArray[np.intp] = np.flatnonzero(~(clearance >= reach @ travel))
        if not len(chosen):
            return None
        reach, threshold = reach[chosen], threshold[chosen]
        # Every set-point k of the braking, and what speed and travel are left after it.
        k = np.arange(int(np.ceil(units.max())) + 1)[:, None]
        m = np.minimum(np.floor(units), k)
        done = (m * units - 0.5 * m * (m + 1.0)) * step * dt
        poses = (q + dt * x + np.sign(x) * done)[:, self._collisions.order]
        slower = np.maximum(speed - (k + 1.0) * step, 0.0)
        left = np.stack([slower * dt, braking_distance(slower / step) * step * dt], axis=2)
        # Set-point 0 is q + dt x; pairs with room now need no look before `due`.
        due = self._quiet(clearance[chosen], reach @ np.stack([speed * dt, travel], axis=1))
        while True:
            at = int(due.min())
            if at >= len(poses):
                return None
            now = np.flatnonzero(due <= at)
            looked = chosen[now]
            room = self._backend.some_distances(poses[at], looked) - threshold[now]
            least = int(room.argmin())
            if not room[least] >= 0.0:  # NaN is no room either
                return int(looked[least])
            due[now] = at + 1 + self._quiet(room, reach[now] @ left[at])

    @staticmethod
    def _quiet(room: Array, ahead: Array) -> NDArray[np.int64]:
        """For how many set-points a clearance lasts.

        Args:
            room: Clearance of each pair [m], shape (m,).
            ahead: Most it can fall in the next step, and until rest [m], shape (m, 2).
        """
        ratio = np.fmax(room / np.maximum(ahead[:, 0], 1e-15), 0.0)  # NaN is looked at now
        ratio[room >= ahead[:, 1]] = HORIZON
        return np.minimum(ratio, HORIZON).astype(np.int64)
