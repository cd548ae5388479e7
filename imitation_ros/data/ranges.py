# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Values of a dataset beside the limits of its contract: another unit gives itself away."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..contract import Contract
from .episode import Episode

BEYOND = 0.1
"""Further outside its limits than this no joint should be [rad or m]..."""
SHARE = 0.1
"""... or this share of their range, whichever is less."""


class Ranges:
    """Lowest and highest value of every joint and action, over the episodes that were added."""

    def __init__(self, contract: Contract) -> None:
        """Start with nothing."""
        self._contract = contract
        self._found: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}

    def add(self, episode: Episode) -> None:
        """Look at one episode."""
        for what, values in (('position', episode.q), ('action', episode.action)):
            rows = np.asarray(values, np.float64)
            low, high = rows.min(axis=0), rows.max(axis=0)
            if what in self._found:
                before = self._found[what]
                low, high = np.minimum(low, before[0]), np.maximum(high, before[1])
            self._found[what] = (low, high)

    def outside(self) -> Iterator[str]:
        """Say of every joint whose values are far outside the contract's limits by how much."""
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
