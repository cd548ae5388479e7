# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The spline asks for no more speed and acceleration than the samples have."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from imitation_ros.teleop.spline import Spline

MS = 1_000_000
PERIOD = 20 * MS
DELAY = 60 * MS
START = 1_000_000 * MS


def play(spline: Spline, stamps: list[int], values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The newest piece of each chunk, one after the other: times [s] after START, positions."""
    curve: dict[int, np.ndarray] = {}
    for stamp, value in zip(stamps, values, strict=True):
        times, points = spline.push(stamp, value)
        assert list(times) == sorted(set(times)) and times[0] >= stamp
        for time, point in zip(times, points, strict=True):
            if time in curve:
                # Chunks agree where they overlap, or playing them would jerk.
                np.testing.assert_allclose(point, curve[time], atol=1e-9)
            curve[time] = point
    order = sorted(curve)
    return (np.array(order) - START) / 1e9, np.array([curve[time] for time in order])


def test_straight_motion_stays_straight_and_late_by_the_delay() -> None:
    spline = Spline(PERIOD, DELAY)
    stamps = [START + k * PERIOD for k in range(20)]
    values = np.array([[0.02 * k] for k in range(20)])
    spline.restart(START, values[0] - 0.02)
    when, where = play(spline, stamps, values)
    after = when > 0.12
    np.testing.assert_allclose(where[after, 0], when[after] - 0.06, atol=1e-9)


@pytest.mark.parametrize('jitter_ms', [0, 2])
def test_acceleration_is_no_more_than_the_samples_have(jitter_ms: int) -> None:
    rng = np.random.default_rng(0)
    ticks = np.arange(100) * 0.02 + rng.uniform(-1, 1, 100) * jitter_ms / 1e3
    path = 0.3 * np.sin(4.0 * ticks)  # up to 1.2 rad/s and 4.8 rad/s^2
    spline = Spline(PERIOD, DELAY)
    spline.restart(START, np.zeros(1))
    when, where = play(spline, [START + round(t * 1e9) for t in ticks], path[:, None])
    grid = np.arange(0.2, 1.9, 0.01)  # as a 100 Hz filter samples it
    played = np.interp(grid, when, where[:, 0])
    speed = np.diff(played) / 0.01
    assert np.abs(speed).max() <= 1.21
    assert np.abs(np.diff(speed)).max() / 0.01 <= (5.5 if jitter_ms == 0 else 6.5)


@given(
    st.lists(st.floats(-3, 3), min_size=1, max_size=30),
    st.lists(st.integers(1, 60), min_size=30, max_size=30),
)
def test_curve_stays_between_its_samples(values: list[float], gaps: list[int]) -> None:
    spline = Spline(PERIOD, DELAY)
    spline.restart(START, np.zeros(1))
    stamp = START
    for value, gap in zip(values, gaps, strict=False):
        times, points = spline.push(stamp, np.array([value]))
        assert (points >= min([0.0, *values]) - 1e-12).all()
        assert (points <= max([0.0, *values]) + 1e-12).all()
        assert all(b > a for a, b in pairwise(times))
        stamp += gap * MS


def test_braking_piece_stops_smoothly_in_the_direction_of_motion() -> None:
    spline = Spline(PERIOD, DELAY)
    speed, braking = np.array([1.2, -0.6]), np.array([4.8, 4.8])
    spline.restart(START, -0.02 * speed)
    for k in range(10):
        times, points = spline.push(START + k * PERIOD, 0.02 * k * speed, braking)
    # 1.2 / 4.8 = 0.25 s behind the end of the curve, half of the way at full speed.
    end = START + 9 * PERIOD + DELAY - PERIOD // 2
    assert times[-1] - end == pytest.approx(250 * MS, abs=2)
    np.testing.assert_allclose(points[-1], (0.02 * 8.5 + 0.125) * speed, atol=1e-6)
    velocity = np.diff(points, axis=0) / (np.diff(times)[:, None] / 1e9)
    assert (np.diff(np.abs(velocity[:, 0])) < 1e-6).all()
    np.testing.assert_allclose(velocity[:, 0], -2 * velocity[:, 1], atol=1e-6)
    assert np.abs(velocity[-1]).max() < 0.05


def test_at_rest_there_is_nothing_to_brake() -> None:
    spline = Spline(PERIOD, DELAY)
    spline.restart(START, np.ones(2))
    times, points = spline.push(START, np.ones(2), np.ones(2))
    assert times[-1] == START + DELAY - PERIOD // 2
    np.testing.assert_allclose(points, 1.0)


@given(
    st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=8),
    st.lists(st.integers(1, 60), min_size=8, max_size=8),
)
def test_times_rise_with_braking_too(values: list[float], gaps: list[int]) -> None:
    spline = Spline(PERIOD, DELAY)
    spline.restart(START, np.zeros(1))
    stamp = START
    for value, gap in zip(values, gaps, strict=False):
        times, points = spline.push(stamp, np.array([value]), np.array([5.0]))
        assert all(b > a for a, b in pairwise(times)) and np.isfinite(points).all()
        assert times[-1] - stamp <= 60 * MS + 500 * MS + 2
        stamp += gap * MS
