# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What is odd about the numbers of a dataset: another unit, or actions that lead nowhere."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..contract import Contract
from .episode import Episode

BEYOND = 0.1
"""Further outside its limits than this no joint should be [rad or m]..."""
SHARE = 0.1
"""... or this share of their range, whichever is less."""
EQUAL = 0.1
"""An action is the position it goes with if it is off by less than this share of a step."""


class Doubts:
    """Looks at episodes one by one and says at the end what is odd about all of them."""

    def __init__(self, contract: Contract) -> None:
        """Start with nothing; the contract names the joints and their limits."""
        self._contract = contract
        self._found: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}
        self._moving = 0
        self._still = 0
        places = {name: place for place, name in enumerate(contract.joints)}
        # Without a robot an action may be anything; only one that is seen too can be compared.
        self._seen = [
            (i, places[name]) for i, name in enumerate(contract.actions) if name in places
        ]

    def add(self, episode: Episode) -> None:
        """Look at one episode."""
        for what, values in (('position', episode.q), ('action', episode.action)):
            rows = np.asarray(values, np.float64)
            low, high = rows.min(axis=0), rows.max(axis=0)
            if what in self._found:
                before = self._found[what]
                low, high = np.minimum(low, before[0]), np.maximum(high, before[1])
            self._found[what] = (low, high)
        if len(self._seen) == len(self._contract.actions):
            self._compare(episode)

    def _compare(self, episode: Episode) -> None:
        """Count whether every action is the position it goes with, or the one before."""
        q = np.asarray(episode.q, np.float64)[:, [place for _, place in self._seen]]
        action = np.asarray(episode.action, np.float64)[:, [place for place, _ in self._seen]]
        step = float(np.abs(np.diff(q, axis=0)).mean())
        if step < 1e-6:
            return
        self._moving += 1
        off = min(np.abs(action - q).mean(), np.abs(action[1:] - q[:-1]).mean())
        self._still += bool(off < EQUAL * step)

    def found(self) -> Iterator[str]:
        """Say what is odd, one sentence each."""
        yield from self._outside()
        if self._still:
            yield (
                f'in {self._still} of {self._moving} episodes every action is the position it '
                'goes with: a policy can only learn to stand still; choose the topic or feature '
                'of what was commanded'
            )

    def _outside(self) -> Iterator[str]:
        contract, limits = self._contract, self._contract.limits
        for what, (low, high) in self._found.items():
            # Without a robot nobody said what is measured, but perhaps what may be done.
            if contract.data_only and what == 'position':
                continue
            for place, name in enumerate(contract.actions):
                lower, upper = float(limits.lower[place]), float(limits.upper[place])
                bound = min(BEYOND, SHARE * (upper - lower))
                far = max(lower - low[place], high[place] - upper)
                if far > bound:
                    yield (
                        f'{what} of {name}: {low[place]:.4g} to {high[place]:.4g} is outside the '
                        f"contract's limits, {lower:.4g} to {upper:.4g}, by {far:.3g}; is it in "
                        'another unit?'
                    )
