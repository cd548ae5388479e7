# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Latencies: a running account of how long something takes."""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Summary:
    """Durations in numbers.

    Attributes:
        count: How many there were.
        p50_ms: Median [ms].
        p99_ms: 99th percentile [ms].
        max_ms: Longest of all, also of those no longer in the ring [ms].
    """

    count: int = 0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    max_ms: float = 0.0

    def to_dict(self) -> dict[str, float]:
        """Plain values for JSON and diagnostics."""
        return {key: round(value, 3) for key, value in asdict(self).items()}


class Latencies:
    """Durations of the last calls in a ring; count and maximum are of all calls."""

    def __init__(self, capacity: int = 10_000) -> None:
        """Make an empty ring; memory is taken now, not while the robot moves."""
        if capacity < 1:
            raise ValueError(f'a ring of {capacity} durations holds nothing')
        self._ring: NDArray[np.int64] = np.zeros(capacity, dtype=np.int64)
        self._count = 0
        self._max_ns = 0

    def __len__(self) -> int:
        """Count all durations."""
        return self._count

    def add(self, duration_ns: int) -> None:
        """Add one duration [ns]."""
        self._ring[self._count % len(self._ring)] = duration_ns
        self._count += 1
        self._max_ns = max(self._max_ns, duration_ns)

    def values_ns(self) -> NDArray[np.int64]:
        """Durations still in the ring [ns], in no particular order."""
        return self._ring[: min(self._count, len(self._ring))].copy()

    def summary(self) -> Summary:
        """Freeze the account."""
        values = self.values_ns()
        if not len(values):
            return Summary()
        p50, p99 = np.percentile(values, [50, 99]) / 1e6
        return Summary(self._count, float(p50), float(p99), self._max_ns / 1e6)
