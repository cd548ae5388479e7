# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Distributions of times."""

import numpy as np
import pytest

from imitation_ros.data.latency import Distribution, first_after, jitter, table
from imitation_ros.errors import DataError


def test_a_distribution() -> None:
    times = Distribution.of(np.arange(1, 102) * 1_000_000)
    assert times.count == 101
    assert times.mean_ms == times.p50_ms == 51
    assert times.p90_ms == 91
    assert times.p99_ms == 100
    assert times.max_ms == 101
    assert times.to_dict()['p99_ms'] == 100
    half = Distribution.of(np.arange(1, 102) * 500_000)
    assert times.ratio(half) == {'p50': 2, 'p90': 2, 'p99': 2}
    assert table({'ours': times})[1] == ('ours', '101', '51.00', '100.00', '101.00')


@pytest.mark.parametrize('times', [[], [[1.0]], [np.nan, 1.0]])
def test_no_times(times: list) -> None:
    with pytest.raises(DataError, match='no times'):
        Distribution.of(times)


def test_jitter_counts_early_and_late() -> None:
    found = jitter([0, 11_000_000, 20_000_000, 30_000_000], 10_000_000)
    assert found.count == 3
    assert found.max_ms == 1
    assert found.p50_ms == 1


def test_the_first_event_after_a_time() -> None:
    np.testing.assert_array_equal(first_after([10, 20, 30], [0, 10, 11, 31]), [0, 0, 1, 3])
    with pytest.raises(DataError, match='order'):
        first_after([2, 1], [0])
