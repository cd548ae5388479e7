# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Training on corrections: the policy's own mistakes are not learnt, and the result says so."""

from dataclasses import replace
import json
from pathlib import Path

import demonstrations
import numpy as np
import onnx
import pytest

from imitation_ros.contract import Contract
from imitation_ros.data.store import Dataset
from imitation_ros.errors import TrainingError
from imitation_ros.export.onnx import export, KEY
from imitation_ros.training.config import load
from imitation_ros.training.run import train
from imitation_ros.training.selection import refuse_corrections, select_episodes
from imitation_ros.training.state import load_trained


def mixed(root: Path, contract: Contract, frames: int = 40) -> Dataset:
    """Episodes in whose first half a policy goes the wrong way; one that a policy did alone."""
    half = np.arange(frames) >= frames // 2
    episodes = []
    for seed in range(4):

        def astray(arrays: dict[str, np.ndarray]) -> None:
            arrays['action'][~half] += 0.3

        episode = demonstrations.demonstrate(contract, f'e{seed}', seed, frames, change=astray)
        episodes.append(replace(episode, by_operator=half & (seed < 3)))
    return demonstrations.write(root, contract, episodes)


@pytest.fixture
def dataset(tmp_path: Path, contract: Contract) -> Dataset:
    return mixed(tmp_path / 'data', contract)


def test_what_the_policy_did_is_not_learnt(dataset: Dataset, tmp_path: Path) -> None:
    config = load('bc', {'updates': 60, 'warmup': 5, 'noise': 0.0, 'held_out': 0.0, 'ema': 0.5})
    result = train(dataset, config, tmp_path / 'run')
    trained = load_trained(result.best_checkpoint)
    # A policy that had learnt the first half as well would ask for 0.15 rad more on average.
    assert np.abs(trained.stats.action.mean).max() < 0.1
    assert trained.values['corrections'] == {
        'weight': 1,
        'frames': {'e0': 20, 'e1': 20, 'e2': 20},
    }
    assert trained.values['episodes']['train'] == ['e0', 'e1', 'e2']
    export(tmp_path / 'run', tmp_path / 'policy.onnx', dataset)
    model = onnx.load(tmp_path / 'policy.onnx')
    (text,) = (entry.value for entry in model.metadata_props if entry.key == KEY)
    assert json.loads(text)['corrections']['frames']['e2'] == 20


def test_an_episode_that_a_policy_did_alone_is_left_out(
    dataset: Dataset, tmp_path: Path, contract: Contract
) -> None:
    assert select_episodes(dataset, load('bc', {'held_out': 0.0}))[0] == [0, 1, 2]
    alone = replace(dataset.episode(3), by_operator=np.zeros(40, dtype=bool))
    only = demonstrations.write(tmp_path / 'alone', contract, [alone])
    with pytest.raises(TrainingError, match='1 driven by a policy alone'):
        select_episodes(only, load('bc'))


def test_inverse_rl_refuses_them_by_name(dataset: Dataset) -> None:
    with pytest.raises(TrainingError, match=r'in 2 episodes a policy drove .*\(e0, e1\)'):
        refuse_corrections(dataset, [0, 1])
    refuse_corrections(dataset, [])
