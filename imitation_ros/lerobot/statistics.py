# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Statistics as LeRobot keeps them: of every episode, and of all together."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.frame import Image
from ..data.stats import RunningStats

QUANTILES = {'q01': 0.01, 'q10': 0.1, 'q50': 0.5, 'q90': 0.9, 'q99': 0.99}
FRAMES = 100
"""Images of an episode that are looked at, spread evenly."""
PIXELS = 4
"""Of each, every so many rows and columns."""

Table = dict[str, dict[str, NDArray[Any]]]
"""Feature -> statistic -> values."""


class Statistics:
    """Gathers episodes; means and spreads are merged, quantiles averaged as LeRobot does."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._running: dict[str, RunningStats] = {}
        self._quantiles: dict[str, dict[str, NDArray[Any]]] = {}
        self._counts: dict[str, int] = {}

    def add(self, numbers: Mapping[str, NDArray[Any]], images: Mapping[str, Image]) -> Table:
        """Add an episode and return its own statistics.

        Args:
            numbers: Values by feature, shape (T,) or (T, k).
            images: Images by feature, shape (T, height, width, channels).
        """
        found = {name: self._vector(name, values) for name, values in numbers.items()}
        return found | {name: self._pictures(name, values) for name, values in images.items()}

    def _vector(self, name: str, values: NDArray[Any]) -> dict[str, NDArray[Any]]:
        return self._add(name, values.reshape(len(values), -1), len(values))

    def _pictures(self, name: str, images: Image) -> dict[str, NDArray[Any]]:
        """Statistics of each channel, colour in [0, 1], depth in [mm], shape (channels, 1, 1)."""
        chosen = np.unique(np.linspace(0, len(images) - 1, min(len(images), FRAMES)).astype(int))
        most = 255.0 if images.dtype == np.uint8 else 1.0
        pixels = images[chosen][:, ::PIXELS, ::PIXELS].reshape(-1, images.shape[3]) / most
        found = self._add(name, pixels, len(chosen))
        return {k: v if k == 'count' else v.reshape(-1, 1, 1) for k, v in found.items()}

    def _add(self, name: str, rows: NDArray[Any], count: int) -> dict[str, NDArray[Any]]:
        one = RunningStats((rows.shape[1],))
        one.update(rows)
        total = self._running.setdefault(name, RunningStats((rows.shape[1],)))
        total.update(rows)
        quantiles = dict(
            zip(QUANTILES, np.quantile(rows, list(QUANTILES.values()), axis=0), strict=True)
        )
        sums = self._quantiles.setdefault(
            name, {key: np.zeros(rows.shape[1]) for key in QUANTILES}
        )
        for key, value in quantiles.items():
            sums[key] = sums[key] + value * count
        self._counts[name] = self._counts.get(name, 0) + count
        return {**_values(one), 'count': np.array([count]), **quantiles}

    def total(self) -> Table:
        """Statistics of everything added."""
        found: Table = {}
        for name, running in self._running.items():
            count = self._counts[name]
            quantiles = {key: value / count for key, value in self._quantiles[name].items()}
            table = {**_values(running), **quantiles}
            if name.startswith('observation.images.'):
                table = {key: value.reshape(-1, 1, 1) for key, value in table.items()}
            found[name] = {**table, 'count': np.array([count])}
        return found


def _values(running: RunningStats) -> dict[str, NDArray[Any]]:
    done = running.stats()
    return {'min': done.min, 'max': done.max, 'mean': done.mean, 'std': done.std}
