# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Interpolation takes nothing from the future, says how old its value is, turns as SciPy does."""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from imitation_ros.contract import loads
from imitation_ros.data import interpolation
from imitation_ros.data.timeline import SampleBuffer, Timeline

MS = 1_000_000
stamps = st.lists(st.integers(0, 10**9), min_size=1, max_size=60)
delays = st.integers(1, 10**8)


def buffer(delay, age=10**9, horizon=None):
    return SampleBuffer(age, horizon, lambda a, b, share: a + share * (b - a), delay)


@given(stamps=stamps, tick=st.integers(0, 11 * 10**8), delay=delays)
@settings(max_examples=300)
def test_what_comes_after_the_tick_changes_nothing(stamps, tick, delay):
    """Live, nothing of it is there yet; offline, all of it: the value must be the same."""
    live, offline = buffer(delay), buffer(delay)
    for stamp in sorted(stamps):
        offline.push(stamp, float(stamp) ** 0.5)
        if stamp <= tick:
            live.push(stamp, float(stamp) ** 0.5)
    assert live.sample(tick) == offline.sample(tick)


@given(stamps=stamps, tick=st.integers(0, 11 * 10**8), delay=delays, age=st.integers(0, 10**9))
@settings(max_examples=300)
def test_between_two_samples_or_held(stamps, tick, delay, age):
    """On a straight line the value tells its own time, which must be the stamp."""
    signal = buffer(delay, age)
    for stamp in stamps:
        signal.push(stamp, float(stamp))
    found = signal.sample(tick)
    before = [stamp for stamp in stamps if stamp <= tick - delay]
    after = [stamp for stamp in stamps if tick - delay < stamp <= tick]
    if not before or tick - max(before) > age:
        assert found is None
    else:
        stamp = tick - delay if after else max(before)
        assert found == (stamp, pytest.approx(stamp, abs=1e-3))


def test_the_value_at_a_sample_is_the_sample():
    signal = buffer(10)
    for stamp in (0, 10, 20):
        signal.push(stamp, 0.1 * stamp)
    assert signal.sample(20) == (10, 1.0)
    assert signal.latest_ns(20) == 10
    assert signal.latest_ns(9) is None


def quaternion(rng):
    values = rng.normal(size=4)
    return values / np.linalg.norm(values)


def test_orientations_turn_as_scipy_turns_them(rng):
    transform = pytest.importorskip('scipy.spatial.transform', reason='scipy is not installed')
    for share in (0.0, 0.25, 0.5, 0.9, 1.0):
        for near in (1.0, 0.1, 1e-3, 1e-9):
            first = quaternion(rng)
            second = first + near * quaternion(rng)
            before = np.concatenate([rng.normal(size=3), first])
            after = np.concatenate([rng.normal(size=3), -3.0 * second])
            found = interpolation.pose(before, after, share)
            np.testing.assert_allclose(found[:3], before[:3] + share * (after[:3] - before[:3]))
            turns = transform.Rotation.from_quat([before[3:], after[3:]])
            expected = transform.Slerp([0.0, 1.0], turns)(share)
            away = (expected.inv() * transform.Rotation.from_quat(found[3:])).magnitude()
            assert away < 1e-6
            assert np.linalg.norm(found[3:]) == pytest.approx(1.0)


def test_a_timeline_interpolates_what_its_contract_says(contract):
    text = contract.text.replace(
        'max_age_s: 0.06', 'max_age_s: 0.06, resample: linear, delay_s: 0.01'
    ).replace('max_age_s: 0.2}', 'max_age_s: 0.2, resample: slerp, delay_s: 0.03}')
    robot = loads(text, Path('robot.yaml'), contract.urdf_text)
    timeline = Timeline(robot, ['joint_states', 'object'])
    zero = 0.0 * robot.home
    for k in range(20):
        timeline.push_state(5 * k * MS, zero + 5.0 * k, zero + k)
    half = np.sqrt(0.5)
    timeline.push_pose('object', 50 * MS, np.array([0.0, 0, 0, 0, 0, 0, 1]))
    timeline.push_pose('object', 70 * MS, np.array([2.0, 0, 0, 0, 0, half, half]))
    frame = timeline.frame(92 * MS)
    np.testing.assert_allclose(frame.q, 82.0)
    np.testing.assert_allclose(frame.v, 82.0 / 5)
    assert frame.age_ns('joint_states') == 10 * MS
    assert frame.age_ns('object') == 30 * MS
    eighth = np.deg2rad(0.6 * 90 / 2)
    expected = [1.2, 0, 0, 0, 0, np.sin(eighth), np.cos(eighth)]
    np.testing.assert_allclose(frame.poses['object'], expected, atol=1e-12)
    assert timeline.missing(55 * MS) == {'object': 'first sample 25 ms after the time asked for'}
