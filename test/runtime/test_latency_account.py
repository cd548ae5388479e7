# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The ring of durations and its percentiles."""

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from imitation_ros.runtime.latency import Latencies, Summary


def test_an_empty_account() -> None:
    assert Latencies().summary() == Summary()
    assert Summary().to_dict() == {'count': 0, 'p50_ms': 0, 'p99_ms': 0, 'max_ms': 0}


def test_a_ring_needs_room() -> None:
    with pytest.raises(ValueError, match='holds nothing'):
        Latencies(0)


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=40), st.integers(1, 16))
def test_the_last_durations_and_the_maximum_of_all(durations: list[int], room: int) -> None:
    account = Latencies(room)
    for duration in durations:
        account.add(duration)
    kept = durations[-room:]
    assert sorted(account.values_ns()) == sorted(kept)
    summary = account.summary()
    assert summary.count == len(account) == len(durations)
    assert summary.max_ms == max(durations) / 1e6
    assert summary.p50_ms == pytest.approx(np.percentile(kept, 50) / 1e6)
