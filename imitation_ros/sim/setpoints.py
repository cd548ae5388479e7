# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the simulated controllers hold: the newest trajectory of each group, played by time."""

from dataclasses import dataclass

import numpy as np

from ..contract import Contract, Group
from ..data.frame import Array
from ..errors import DataError


@dataclass(frozen=True)
class _Track:
    """Positions of one group over time; `times_s` [s] rises, `positions` has shape (k, m)."""

    times_s: Array
    positions: Array


class Setpoints:
    """Set-point of every joint, in contract order.

    A trajectory starts at the set-point of the moment it comes in and runs in straight lines
    through its points; then the last point is held.
    """

    def __init__(self, contract: Contract) -> None:
        """Hold the home position."""
        self._contract = contract
        self._columns = {
            group.name: np.array([contract.index(name) for name in group.joints])
            for group in contract.groups
        }
        self.reset(contract.home)

    def reset(self, q: Array) -> None:
        """Forget every trajectory and hold q, shape (n,)."""
        self._held = np.array(q)
        self._tracks: dict[str, _Track] = {}

    def follow(self, group: Group, now_s: float, times_s: Array, positions: Array) -> None:
        """Take a new trajectory for one group, instead of its old one.

        Args:
            group: The group.
            now_s: Time of receipt [s].
            times_s: Time of each point after receipt [s], not negative, rising, shape (k,).
            positions: Joint positions [rad or m], shape (k, joints of the group), group order.

        Raises:
            DataError: If the shapes do not fit, a value is not finite, or time does not rise.
        """
        shape = (len(times_s), len(group.joints))
        if not len(times_s) or positions.shape != shape:
            raise DataError(f'{group.name}: positions of shape {positions.shape}, not {shape}')
        if not (np.isfinite(positions).all() and np.isfinite(times_s).all()):
            raise DataError(f'{group.name}: a position or time is not finite')
        if times_s[0] < 0 or (np.diff(times_s) <= 0).any():
            raise DataError(f'{group.name}: time_from_start must not be negative, and must rise')
        start = self.at(now_s)[self._columns[group.name]]
        if times_s[0] > 0:
            times_s = np.concatenate([[0.0], times_s])
            positions = np.vstack([start, positions])
        self._tracks[group.name] = _Track(now_s + times_s, positions)

    def at(self, now_s: float) -> Array:
        """Set-point of every joint at a time [s], shape (n,)."""
        for name, track in list(self._tracks.items()):
            i = int(np.searchsorted(track.times_s, now_s, side='right'))
            if i == len(track.times_s):
                value = track.positions[-1]
                del self._tracks[name]
            else:
                before, after = track.times_s[max(i - 1, 0)], track.times_s[i]
                share = (now_s - before) / (after - before) if i else 1.0
                value = track.positions[max(i - 1, 0)] * (1 - share) + track.positions[i] * share
            self._held[self._columns[name]] = value
        return self._held.copy()
