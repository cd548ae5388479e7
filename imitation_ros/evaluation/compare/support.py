# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The tube of the demonstrations: which states they visited, and when a trial was outside."""

from collections.abc import Sequence

import numpy as np

from ...contract import Contract
from ...data.frame import Array
from ...data.store import Dataset
from ...sim.perturbations import Sensed

MOST = 1500
"""States of the demonstrations that are kept, evenly spaced."""

QUANTILE = 0.99
FLOOR = 0.01
"""Least spread of an entry [rad or m]."""

MOVES = 5e-3
"""A joint that moves less than this in the demonstrations says nothing [rad or m]."""


class Tube:
    """Nearest-neighbour distance to the demonstrations, in standard deviations.

    A state is outside if it is further from the demonstrations than 99 % of their own states are
    from those of the other episodes.
    """

    def __init__(self, dataset: Dataset, contract: Contract) -> None:
        """Gather the states of all episodes: moving joints and the object's place."""
        episodes = list(dataset.episodes())
        pose = next((p.name for p in contract.poses if p.name in episodes[0].poses), None)
        q = np.concatenate([np.asarray(e.q, np.float64) for e in episodes])
        self._columns = np.flatnonzero(np.ptp(q, axis=0) > MOVES)
        self._pose = pose
        parts = [q[:, self._columns]]
        if pose is not None:
            parts.append(np.concatenate([np.asarray(e.poses[pose])[:, :3] for e in episodes]))
        states = np.concatenate(parts, axis=1)
        owner = np.repeat(np.arange(len(episodes)), [len(e) for e in episodes])
        keep = np.unique(np.linspace(0, len(states) - 1, MOST).round().astype(int))
        self._scale = np.maximum(states.std(axis=0), FLOOR)
        self._states = states[keep] / self._scale
        self.limit = self._own(owner[keep])

    def _own(self, owner: Array) -> float:
        """Quantile of the distances of its own states to those of other episodes."""
        nearest = []
        for i, state in enumerate(self._states):
            others = self._states[owner != owner[i]]
            if not len(others):  # a single demonstration: its neighbours in time do not count
                others = np.delete(self._states, range(max(0, i - 5), i + 6), axis=0)
            nearest.append(float(np.sqrt(((others - state) ** 2).sum(axis=1).min())))
        return float(np.quantile(nearest, QUANTILE))

    def state(self, sim: Sensed) -> Array:
        """State of a simulated robot, as the tube compares it."""
        parts = [sim.q[self._columns]]
        if self._pose is not None:
            parts.append(np.asarray(sim.object_pose)[:3])
        result: Array = np.concatenate(parts) / self._scale
        return result

    def outside(self, states: Sequence[Array]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Whether each state is outside, shape (T,)."""
        distance = [np.sqrt(((self._states - s) ** 2).sum(axis=1).min()) for s in states]
        return np.asarray(distance) > self.limit


def back_s(outside: Sequence[bool], step_s: float) -> float | None:
    """Time from the first state outside to the first one after which all are inside [s].

    None if it never was outside, or is still.
    """
    where = np.flatnonzero(outside)
    if not len(where) or where[-1] == len(outside) - 1:
        return None
    return float((where[-1] + 1 - where[0]) * step_s)
