# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Windows of corrections: what the operator did is imitated, what the policy did is not."""

from dataclasses import replace
from pathlib import Path

import demonstrations
import numpy as np
import pytest

from imitation_ros.contract import Contract
from imitation_ros.data.observation import ObservationSpec
from imitation_ros.data.stats import measure
from imitation_ros.data.store import Dataset
from imitation_ros.data.windows import Windows
from imitation_ros.errors import DataError

MARKS = np.array([0, 0, 0, 1, 1, 1, 1, 0, 0, 1, 1, 1], dtype=bool)
"""The operator drives at ticks 3 to 6, and from 9 to the end."""


@pytest.fixture
def dataset(tmp_path: Path, contract: Contract) -> Dataset:
    shown = demonstrations.demonstrate(contract, 'shown', 0, frames=8)
    corrected = demonstrations.demonstrate(contract, 'corrected', 1, frames=12)
    alone = demonstrations.demonstrate(contract, 'alone', 2, frames=8)
    episodes = [
        shown,
        replace(corrected, by_operator=MARKS),
        replace(alone, by_operator=np.zeros(8, dtype=bool)),
    ]
    return demonstrations.write(tmp_path / 'set', contract, episodes)


@pytest.fixture
def spec(contract: Contract) -> ObservationSpec:
    return ObservationSpec(
        joints=contract.group('right_arm').joints,
        velocity=False,
        poses=('object',),
        cameras=(),
        history=2,
        policy_hz=25.0,
        chunk=4,
        execute=2,
    )


def test_only_the_operator_is_imitated(dataset: Dataset, spec: ObservationSpec) -> None:
    windows = Windows(dataset, [0, 1], spec, corrections=1)
    assert len(windows) == 8 + 7
    assert windows.corrections == {'corrected': 7}
    batch = windows.batch(np.arange(8, 15))
    # Ticks 3, 4, 5, 6: the chunk ends where the policy drives again. 9, 10, 11: at the end.
    np.testing.assert_array_equal(batch.mask.sum(axis=1), [4, 3, 2, 1, 3, 2, 1])
    assert batch.mask[:, 0].all()
    # The first of them sees what the policy did before as history.
    np.testing.assert_array_equal(batch.state[0], windows.state[8 + 2 : 8 + 4])
    np.testing.assert_array_equal(batch.action[0], windows.action[8 + 3 : 8 + 7])


def test_a_demonstration_is_cut_as_ever(dataset: Dataset, spec: ObservationSpec) -> None:
    ours, plain = Windows(dataset, [0], spec, corrections=3), Windows(dataset, [0], spec)
    assert len(ours) == len(plain) == 8
    mine, theirs = ours.batch(np.arange(8)), plain.batch(np.arange(8))
    for name in ('state', 'action', 'mask'):
        np.testing.assert_array_equal(getattr(mine, name), getattr(theirs, name))


def test_the_weight_repeats_corrections_alone(dataset: Dataset, spec: ObservationSpec) -> None:
    windows = Windows(dataset, [0, 1], spec, corrections=3)
    assert len(windows) == 8 + 3 * 7
    assert len(Windows(dataset, [0, 1], spec)) == 8 + 12, 'who drove makes no difference then'


def test_statistics_of_actions_are_those_of_the_operator(
    dataset: Dataset, spec: ObservationSpec
) -> None:
    """States are all that are seen, also as history."""
    stats = measure(Windows(dataset, [1], spec, corrections=1), residual=False)
    episode = dataset.episode(1)
    columns = [dataset.manifest.joints.index(joint) for joint in spec.joints]
    action = np.asarray(episode.action)[MARKS][:, columns]
    np.testing.assert_allclose(stats.action.mean[0], action.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(
        stats.state.mean[: len(columns)], np.asarray(episode.q)[:, columns].mean(axis=0), atol=1e-6
    )


def test_a_policy_alone_is_nothing_to_imitate(dataset: Dataset, spec: ObservationSpec) -> None:
    with pytest.raises(DataError, match='a policy drove at every frame'):
        Windows(dataset, [2], spec, corrections=1)
