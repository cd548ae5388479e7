# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The resampler never looks into the future, and never serves what is too old."""

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from imitation_ros.data.timeline import SampleBuffer, Timeline
from imitation_ros.errors import DataError

MS = 1_000_000

stamps = st.lists(st.integers(0, 10**9), min_size=1, max_size=60)


@given(stamps=stamps, tick=st.integers(-(10**8), 11 * 10**8), age=st.integers(0, 10**9))
@settings(max_examples=300, deadline=None)
def test_sample_is_the_latest_at_or_before_the_tick(stamps, tick, age):
    buffer: SampleBuffer[int] = SampleBuffer(age)
    for i, stamp in enumerate(stamps):
        buffer.push(stamp, i)
    fresh = [stamp for stamp in stamps if tick - age <= stamp <= tick]
    found = buffer.sample(tick)
    if not fresh:
        assert found is None
    else:
        assert found is not None
        assert found[0] == max(fresh)
        # Of equal stamps the one that came last stands.
        assert found[1] == max(i for i, stamp in enumerate(stamps) if stamp == max(fresh))


@given(stamps=stamps, tick=st.integers(0, 10**9))
@settings(max_examples=100, deadline=None)
def test_order_of_arrival_does_not_matter(stamps, tick):
    one: SampleBuffer[int] = SampleBuffer(10**9)
    two: SampleBuffer[int] = SampleBuffer(10**9)
    for stamp in stamps:
        one.push(stamp, stamp)
    for stamp in reversed(stamps):
        two.push(stamp, stamp)
    assert one.sample(tick) == two.sample(tick)


@given(stamps=stamps, horizon=st.integers(1, 10**9))
@settings(max_examples=100, deadline=None)
def test_a_horizon_hides_nothing_younger_than_itself(stamps, horizon):
    bounded: SampleBuffer[int] = SampleBuffer(horizon - 1, horizon)
    whole: SampleBuffer[int] = SampleBuffer(horizon - 1)
    for stamp in sorted(stamps):
        bounded.push(stamp, stamp)
        whole.push(stamp, stamp)
    newest = max(stamps)
    assert bounded.sample(newest) == whole.sample(newest)
    assert len(bounded) <= len(whole)


def test_timeline_frame_and_ages(contract):
    timeline = Timeline(contract, ['joint_states', 'object'])
    q = contract.home.copy()
    assert timeline.frame(0) is None
    timeline.push_state(100 * MS, q, 0 * q)
    timeline.push_pose('object', 90 * MS, np.array([1.0, 2, 3, 0, 0, 0, 1]))
    assert timeline.frame(99 * MS) is None
    frame = timeline.frame(110 * MS)
    assert frame.age_ns('joint_states') == 10 * MS
    assert frame.age_ns('object') == 20 * MS
    assert frame.newest_ns == 100 * MS
    np.testing.assert_array_equal(frame.poses['object'][:3], [1, 2, 3])
    assert timeline.span_ns() == (100 * MS, 100 * MS)
    timeline.clear()
    assert timeline.frame(110 * MS) is None
    assert timeline.newest_ns() is None
    assert timeline.span_ns() is None


def test_missing_says_what_and_how_long(contract):
    timeline = Timeline(contract, ['joint_states', 'object', 'head_camera'])
    q = contract.home
    timeline.push_state(0, q, 0 * q)
    timeline.push_state(500 * MS, q, 0 * q)
    timeline.push_pose('object', 400 * MS, np.array([0.0, 0, 0, 0, 0, 0, 1]))
    assert timeline.missing(300 * MS) == {
        'joint_states': 'last sample 300 ms old, allowed 60 ms',
        'object': 'first sample 100 ms after the tick',
        'head_camera': 'nothing received',
    }


def test_cameras_that_are_not_asked_for_are_not_kept(contract):
    timeline = Timeline(contract, ['joint_states'])
    q = contract.home
    timeline.push_state(0, q, 0 * q)
    timeline.push_image('head_camera', 0, np.zeros((2, 2, 3), np.uint8))
    assert timeline.frame(0).images == {}


def test_unknown_modality_and_bad_values(contract):
    with pytest.raises(DataError, match='did you mean "head_camera"'):
        Timeline(contract, ['head_cam'])
    timeline = Timeline(contract)
    q = contract.home.copy()
    with pytest.raises(DataError, match='must have shape'):
        timeline.push_state(0, q[:3], q[:3])
    q[2] = np.nan
    with pytest.raises(DataError, match='NaN'):
        timeline.push_state(0, q, 0 * contract.home)
    with pytest.raises(DataError, match='pose "object"'):
        timeline.push_pose('object', 0, np.full(7, np.inf))
