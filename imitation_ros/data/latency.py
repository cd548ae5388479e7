# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Latency: distributions of times, jitter of ticks, and who of two is slower by how much."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError


@dataclass(frozen=True)
class Distribution:
    """Times in numbers.

    Attributes:
        count: How many were measured.
        mean_ms: Mean [ms].
        p50_ms: Median [ms].
        p90_ms: 90th percentile [ms].
        p99_ms: 99th percentile [ms].
        max_ms: Longest [ms].
    """

    count: int
    mean_ms: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    max_ms: float

    @classmethod
    def of(cls, times_ns: Any) -> 'Distribution':
        """Numbers of measured times [ns], shape (m,).

        Raises:
            DataError: If there is none, or one is not finite.
        """
        times = np.asarray(times_ns, dtype=np.float64) / 1e6
        if times.ndim != 1 or not len(times) or not np.isfinite(times).all():
            raise DataError(f'no times in an array of shape {times.shape}')
        p50, p90, p99 = (float(p) for p in np.percentile(times, [50, 90, 99]))
        return cls(len(times), float(times.mean()), p50, p90, p99, float(times.max()))

    def to_dict(self) -> dict[str, float]:
        """Plain values for JSON."""
        return {key: round(value, 4) for key, value in asdict(self).items()}

    def ratio(self, other: 'Distribution') -> dict[str, float]:
        """How many times longer than another one, by percentile."""
        return {
            name: getattr(self, f'{name}_ms') / getattr(other, f'{name}_ms')
            for name in ('p50', 'p90', 'p99')
        }


def jitter(ticks_ns: Any, period_ns: int) -> Distribution:
    """How far the time between two ticks is from the period, either way.

    Args:
        ticks_ns: When each tick came [ns], shape (m,), m >= 2.
        period_ns: When it should have come after the one before [ns].
    """
    ticks = np.asarray(ticks_ns, dtype=np.int64)
    return Distribution.of(np.abs(np.diff(ticks) - period_ns))


def first_after(events_ns: Any, times_ns: Any) -> NDArray[np.int64]:
    """Index of the first event at or after each time; len(events_ns) where none is.

    Args:
        events_ns: Rising event times [ns], shape (m,).
        times_ns: Times to look from [ns], shape (k,).

    Raises:
        DataError: If the events do not rise.
    """
    events = np.asarray(events_ns, dtype=np.int64)
    if (np.diff(events) < 0).any():
        raise DataError('events must be in order of time')
    result: NDArray[np.int64] = np.searchsorted(events, np.asarray(times_ns, np.int64), 'left')
    return result


def table(rows: Mapping[str, Distribution]) -> list[Sequence[str]]:
    """Rows of text, a heading first: name, count, p50, p99, max [ms]."""
    heading: Sequence[str] = ('', 'count', 'p50 ms', 'p99 ms', 'max ms')
    return [
        heading,
        *(
            (name, str(d.count), f'{d.p50_ms:.2f}', f'{d.p99_ms:.2f}', f'{d.max_ms:.2f}')
            for name, d in rows.items()
        ),
    ]
