# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
import json
from pathlib import Path

import demonstrations
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
import numpy as np
import pytest

from imitation_ros.contract import Contract
from imitation_ros.data.observation import ObservationSpec
from imitation_ros.data.stats import (
    CHANGE_FLOOR,
    DataStats,
    JOINT_FLOOR,
    measure,
    Normalizer,
    OTHER_FLOOR,
    RunningStats,
    Stats,
)
from imitation_ros.data.windows import Windows
from imitation_ros.errors import DataError

arrays = hnp.arrays(
    np.float64, st.tuples(st.integers(2, 60), st.just(3)), elements=st.floats(-1e3, 1e3, width=32)
)


@settings(max_examples=80, deadline=None)
@given(values=arrays, cut=st.integers(0, 60))
def test_blocks_give_what_the_whole_gives(values: np.ndarray, cut: int) -> None:
    running = RunningStats((3,))
    for block in (values[:cut], values[cut:]):
        if len(block):
            running.update(block)
    stats = running.stats()
    np.testing.assert_allclose(stats.mean, values.mean(axis=0), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(stats.std, values.std(axis=0), rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(stats.min, values.min(axis=0))
    np.testing.assert_array_equal(stats.max, values.max(axis=0))


def test_digits_survive_a_large_offset(rng: np.random.Generator) -> None:
    values = 1e8 + rng.normal(size=(1000, 1))
    running = RunningStats((1,))
    for block in np.split(values, 10):
        running.update(block)
    assert running.stats().std == pytest.approx(values.std(axis=0), rel=1e-6)


def test_masked_samples_do_not_count() -> None:
    running = RunningStats((2,))
    values = np.array([[1.0, 5.0], [3.0, 1e6]])
    running.update(values, np.array([[True, True], [True, False]]))
    stats = running.stats()
    np.testing.assert_allclose(stats.mean, [2.0, 5.0])
    np.testing.assert_allclose(stats.max, [3.0, 5.0])


def test_statistics_of_nothing() -> None:
    with pytest.raises(DataError, match='no samples'):
        RunningStats((2,)).stats()


def test_a_locked_joint_is_not_blown_up(rng: np.random.Generator) -> None:
    running = RunningStats((2,))
    running.update(np.stack([rng.normal(size=50), 1.0 + 1e-7 * rng.normal(size=50)], axis=1))
    normalizer = running.stats().normalizer(np.array([JOINT_FLOOR, JOINT_FLOOR]))
    assert normalizer.std[1] == JOINT_FLOOR
    assert abs(normalizer.apply(np.array([0.0, 1.01]))[1]) < 0.6


def test_without_a_robot_what_never_changed_is_not_seen(rng: np.random.Generator) -> None:
    running = RunningStats((3,))
    running.update(np.stack([rng.normal(size=50), np.full(50, 7.0), np.zeros(50)], axis=1))
    actions = RunningStats((1, 1))
    actions.update(rng.normal(size=(50, 1, 1)))
    stats = DataStats(running.stats(), actions.stats(), residual=False)
    spec = ObservationSpec(('a', 'b', 'c'), False, (), (), 1, 50.0, 1, 1, ('u',), bare=True)
    seen = stats.state_normalizer(spec).apply(np.array([1.0, 9.0, -0.5]))
    assert abs(seen[0]) > 0.1
    np.testing.assert_allclose(seen[1:], 0.0, atol=1e-8)


@settings(max_examples=50, deadline=None)
@given(values=arrays)
def test_the_normaliser_can_be_undone(values: np.ndarray) -> None:
    running = RunningStats((3,))
    running.update(values)
    normalizer = running.stats().normalizer(0.01)
    np.testing.assert_allclose(
        normalizer.invert(normalizer.apply(values)), values, rtol=1e-9, atol=1e-7
    )


def test_a_scale_of_zero_is_refused() -> None:
    with pytest.raises(DataError, match='floor'):
        Normalizer(np.zeros(2), np.array([1.0, 0.0]))


def test_nan_is_refused() -> None:
    one = np.ones(2)
    with pytest.raises(DataError, match='NaN'):
        Stats(3, np.array([0.0, np.nan]), one, one, one)


def test_statistics_of_a_dataset(tmp_path: Path, contract: Contract) -> None:
    dataset = demonstrations.dataset(tmp_path / 'dataset', contract, 6)
    joints = (*demonstrations.MOVING, 'right_wrist_roll_joint')
    spec = ObservationSpec(joints, False, ('object',), (), 1, 25.0, 8, 4)
    windows = Windows(dataset, range(6), spec)
    stats = measure(windows, residual=True)
    assert stats.action.mean.shape == (8, 5)
    # Later steps of a chunk are further from the measured position.
    assert (stats.action.std[-1, :4] > 1.5 * stats.action.std[0, :4]).all()
    floor = stats.state_normalizer(spec).std
    assert floor[4] == JOINT_FLOOR
    assert floor[-1] == OTHER_FLOOR
    (seen, done) = stats.warnings(spec)
    assert 'right_wrist_roll_joint.position' in seen
    assert 'object.x' not in seen
    assert 'right_wrist_roll_joint' in done
    again = DataStats.from_dict(json.loads(json.dumps(stats.to_dict())))
    np.testing.assert_array_equal(again.action.std, stats.action.std)
    assert again.residual
    assert again.change is None
    # What was kept before histories had a spread of their own.
    old = {key: value for key, value in stats.to_dict().items() if key != 'change'}
    assert DataStats.from_dict(old).change is None


def test_statistics_of_a_history(tmp_path: Path, contract: Contract) -> None:
    dataset = demonstrations.dataset(tmp_path / 'dataset', contract, 3)
    spec = ObservationSpec(demonstrations.MOVING, False, ('object',), (), 3, 25.0, 4, 2)
    windows = Windows(dataset, range(3), spec)
    stats = measure(windows, residual=True)
    assert stats.change is not None
    assert stats.change.mean.shape == (2, spec.size)
    state = windows.batch(np.arange(len(windows))).state
    np.testing.assert_allclose(
        stats.change.std, (state[:, -1:] - state[:, :-1]).std(axis=0), atol=1e-6
    )
    scale = stats.change_normalizer(spec)
    assert scale is not None
    # What stands still is not blown up, and two steps change more than one.
    assert (scale.std >= CHANGE_FLOOR * OTHER_FLOOR).all()
    assert (scale.std[0, :4] > 1.5 * scale.std[1, :4]).all()
    again = DataStats.from_dict(json.loads(json.dumps(stats.to_dict())))
    assert again.change is not None
    np.testing.assert_array_equal(again.change.std, stats.change.std)


def test_absolute_and_residual_targets_differ_by_the_position(
    tmp_path: Path, contract: Contract
) -> None:
    dataset = demonstrations.dataset(tmp_path / 'dataset', contract, 2)
    spec = ObservationSpec(demonstrations.MOVING, False, (), (), 1, 25.0, 1, 1)
    windows = Windows(dataset, [0, 1], spec)
    absolute, residual = (measure(windows, flag) for flag in (False, True))
    np.testing.assert_allclose(
        absolute.action.mean[0] - residual.action.mean[0], windows.state.mean(axis=0), atol=1e-6
    )
