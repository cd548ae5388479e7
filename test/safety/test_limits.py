# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The viability box: U inverts D, braking is always inside, and no bound is ever crossed."""

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from imitation_ros.contract import Limits
from imitation_ros.kinematics.braking import braking_distance, stoppable_speed
from imitation_ros.safety.constraints.limits import ViabilityBox

speeds = st.floats(0.0, 200.0)


def travel(u: float) -> float:
    """Braking distance by adding up the steps."""
    total = 0.0
    while u > 0.0:
        total += u
        u -= 1.0
    return total


@given(speeds)
def test_braking_distance_is_the_sum_of_the_steps(u: float) -> None:
    assert braking_distance(np.array(u)) == pytest.approx(travel(u), rel=1e-12, abs=1e-12)


@given(speeds)
def test_stoppable_speed_inverts_braking_distance(u: float) -> None:
    assert stoppable_speed(braking_distance(np.array(u))) == pytest.approx(u, rel=1e-9, abs=1e-9)


@given(st.floats(0.0, 2e4))
def test_stoppable_speed_is_the_largest_that_stops(s: float) -> None:
    u = float(stoppable_speed(np.array(s)))
    assert travel(u) <= s * (1 + 1e-12) + 1e-9
    assert travel(u + 1e-3) > s


def test_no_room_means_no_speed() -> None:
    assert stoppable_speed(np.array([-3.0, 0.0])).tolist() == [0.0, 0.0]


def make_box(velocity: float, acceleration: float, dt: float, n: int = 4) -> ViabilityBox:
    ones = np.ones(n)
    return ViabilityBox(
        Limits(-0.3 * ones, 0.5 * ones, velocity * ones, acceleration * ones, ones), dt
    )


@settings(deadline=None)
@given(
    st.floats(0.2, 10.0),
    st.floats(1.0, 60.0),
    st.sampled_from([0.002, 0.005, 0.01, 0.033]),
    st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=60),
)
def test_any_choice_in_the_box_keeps_every_limit_and_the_box_open(
    velocity: float, acceleration: float, dt: float, seeds: list[int]
) -> None:
    box = make_box(velocity, acceleration, dt)
    q, v = np.zeros(4), np.zeros(4)
    for seed in seeds:
        lower, upper = box.bounds(q, v)
        brake = box.brake(v)
        assert (lower <= upper).all()
        assert (brake >= lower - 1e-9).all() and (brake <= upper + 1e-9).all()
        rng = np.random.default_rng(seed)
        # Corners are the hardest choices.
        x = np.where(rng.random(4) < 0.7, upper, lower + rng.random(4) * (upper - lower))
        if seed % 3 == 0:
            x = lower
        assert (np.abs(x) <= velocity * (1 + 1e-9)).all()
        assert (np.abs(x - v) <= acceleration * dt * (1 + 1e-9)).all()
        q, v = q + dt * x, x
        assert (q <= 0.5).all() and (q >= -0.3).all()
        rest = box.stop(q, v)
        assert (rest <= 0.5).all() and (rest >= -0.3).all()


@given(st.floats(-3.0, 3.0), st.floats(-0.3, 0.5))
def test_stop_is_where_braking_ends(v0: float, q0: float) -> None:
    box = make_box(4.0, 20.0, 0.01)
    q, v = np.full(4, q0), np.full(4, v0)
    expected = box.stop(q, v)
    for _ in range(1000):
        v = box.brake(v)
        q = q + 0.01 * v
    assert not v.any()
    assert q == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize('start', [0.62, -0.41, 0.5001])
def test_a_start_outside_comes_back_and_never_goes_further(start: float) -> None:
    box = make_box(1.5, 6.0, 0.01)
    q, v = np.full(4, start), np.zeros(4)
    furthest = max(start - 0.5, -0.3 - start)
    for _ in range(600):
        lower, upper = box.bounds(q, v)
        assert (lower <= upper).all()
        x = upper if start > 0 else lower  # the worst that may be chosen
        assert (np.abs(x - v) <= 6.0 * 0.01 + 1e-12).all()
        q, v = q + 0.01 * x, x
        assert (np.maximum(q - 0.5, -0.3 - q) <= furthest + 1e-9).all()
    assert (q <= 0.5).all() and (q >= -0.3).all()


@given(st.floats(-0.8, 0.8), st.floats(-1.5, 1.5))
def test_approach_arrives_without_overshoot(goal: float, v0: float) -> None:
    ones = np.ones(1)
    box = ViabilityBox(Limits(-9 * ones, 9 * ones, 1.5 * ones, 6.0 * ones, ones), 0.01)
    q, v = np.zeros(1), np.array([v0])
    rest = float(box.stop(q, v)[0])
    for _ in range(400):
        lower, upper = box.bounds(q, v)
        v = np.clip(box.approach(goal - q), lower, upper)
        q = q + 0.01 * v
        # Overshoot only as far as braking from the start velocity needs.
        assert min(0.0, goal, rest) - 1e-6 <= q[0] <= max(0.0, goal, rest) + 1e-6
    assert q[0] == pytest.approx(goal, abs=1e-6)
