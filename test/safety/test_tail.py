# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The tail sent behind a command is the braking that the certificate proved."""

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from imitation_ros.contract import Contract
from imitation_ros.safety.constraints.limits import ViabilityBox
from imitation_ros.safety.tail import brake_tail, MAX_TAIL_POINTS, spacing


@given(st.integers(0, 3000))
def test_spacing_ends_at_rest_and_its_gaps_grow(periods: int) -> None:
    chosen = spacing(periods)
    assert len(chosen) == min(periods, MAX_TAIL_POINTS)
    if periods:
        assert chosen[-1] == periods
        gaps = np.diff(chosen, prepend=0)
        assert gaps.min() >= 1
        assert (np.diff(gaps) >= -1).all()  # growing, but for rounding
        assert periods <= MAX_TAIL_POINTS or gaps[-3:].sum() >= gaps[:3].sum()


@settings(max_examples=60, deadline=None)
@given(hz=st.sampled_from([50.0, 100.0, 500.0]), seed=st.integers(0, 2**31 - 1))
def test_every_point_is_a_set_point_of_full_braking(
    contract: Contract, hz: float, seed: int
) -> None:
    box = ViabilityBox(contract.limits, 1.0 / hz)
    rng = np.random.default_rng(seed)
    columns = rng.permutation(contract.n)[:8]
    v = rng.uniform(-1.0, 1.0, contract.n) * contract.limits.velocity
    v[rng.random(contract.n) < 0.3] = 0.0
    tail = brake_tail(box, contract.home, v, columns)
    path, q, x = [contract.home], contract.home, v
    while x.any():
        x = box.brake(x)
        q = q + box.dt * x
        path.append(q)
    for periods, row in zip(tail.periods, tail.positions, strict=True):
        assert row == pytest.approx(path[min(periods, len(path) - 1)][columns], abs=1e-12)
    if len(tail.periods):
        assert tail.positions[-1] == pytest.approx(q[columns], abs=1e-12)
        assert tail.positions[-1] == pytest.approx(box.stop(contract.home, v)[columns], abs=1e-12)


def test_at_rest_there_is_no_tail(contract: Contract) -> None:
    box = ViabilityBox(contract.limits, 0.01)
    tail = brake_tail(box, contract.home, np.zeros(contract.n), np.arange(4))
    assert tail.positions.shape == (0, 4)
    assert len(tail.periods) == 0
