# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Offline IQ-Learn as a run: folder, interruption, resume, and the reward read back."""

from pathlib import Path
import signal
from typing import Any

import demonstrations
import numpy as np
import pytest
import torch

from imitation_ros.contract import Contract
from imitation_ros.data.store import Dataset
from imitation_ros.data.windows import Windows
from imitation_ros.errors import TrainingError
from imitation_ros.irl.config import IqConfig
from imitation_ros.irl.iq.iq_learn import IqLearner
from imitation_ros.irl.loading import load_reward
from imitation_ros.irl.methods import parse
from imitation_ros.irl.offline import train_offline
from imitation_ros.irl.reward import recorded
from imitation_ros.training import checkpoint
from imitation_ros.training.config import BCConfig
from imitation_ros.training.journal import read_metrics
from imitation_ros.training.run import train
from imitation_ros.training.state import load_trained

CONFIG = IqConfig(updates=12, eval_every=4, batch=16, critic_width=16, refresh=5, policy_steps=2)
CLONING = BCConfig(updates=40, warmup=5, chunk=4, execute=2, network={'width': 16, 'depth': 1})  # type: ignore[arg-type]


@pytest.fixture(scope='module')
def data(contract: Contract, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    episodes = [demonstrations.demonstrate(contract, f'demo_{i}', i, 20) for i in range(4)]
    episodes += [
        demonstrations.demonstrate(contract, f'bad_{i}', 50 + i, 20, outcome='failure')
        for i in range(3)
    ]
    return demonstrations.write(tmp_path_factory.mktemp('offline') / 'data', contract, episodes)


@pytest.fixture(scope='module')
def cloned(data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(data, CLONING, tmp_path_factory.mktemp('offline') / 'bc').folder


@pytest.fixture(scope='module')
def whole(data: Dataset, cloned: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    result = train_offline(data, CONFIG, tmp_path_factory.mktemp('offline') / 'iq', cloned)
    assert result.finished and result.warnings == ()
    return result.folder


def test_a_run_holds_a_policy_that_anything_can_read(whole: Path, data: Dataset) -> None:
    trained = load_trained(whole)
    assert trained.config.method == 'bc'
    assert set(trained.values['episodes']['extra']) == {'bad_0', 'bad_1', 'bad_2'}
    window = Windows(data, [0], trained.spec).batch(np.arange(3))
    assert np.isfinite(trained.actor.predict(window.state, {})).all()
    rows = read_metrics(whole)
    assert [row['update'] for row in rows] == [4, 8, 12]
    assert {'imitation', 'recovery', 'reward_demonstrations', 'held_out_loss'} <= set(rows[0])
    assert (whole / 'curves.png').stat().st_size > 5000


def test_sigterm_leaves_a_checkpoint_and_a_resumed_run_is_the_whole_one(
    whole: Path, data: Dataset, cloned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    update = IqLearner.update

    def interrupted(self: IqLearner, *args: Any) -> dict[str, float]:
        if self.updates == 5:
            signal.raise_signal(signal.SIGTERM)
        return update(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(IqLearner, 'update', interrupted)
        first = train_offline(data, CONFIG, tmp_path / 'iq', cloned)
    assert not first.finished and first.updates == 6
    with pytest.raises(TrainingError, match='holds a training; resume it'):
        train_offline(data, CONFIG, tmp_path / 'iq', cloned)
    with pytest.raises(TrainingError, match=r'alpha: 0\.5 then, 2\.0 now'):
        other = CONFIG.model_copy(update={'alpha': 2.0})
        train_offline(data, other, tmp_path / 'iq', cloned, resume=True)
    assert train_offline(data, CONFIG, tmp_path / 'iq', cloned, resume=True).finished
    ours, _ = checkpoint.read(checkpoint.find(tmp_path / 'iq', 'last'))
    theirs, _ = checkpoint.read(checkpoint.find(whole, 'last'))
    assert ours.keys() == theirs.keys()
    for name, tensor in theirs.items():
        assert torch.equal(tensor, ours[name]), name


def test_the_reward_is_read_back(
    whole: Path, data: Dataset, cloned: Path, contract: Contract
) -> None:
    believed = load_reward(whole, data, contract)
    assert believed.method == 'irl-iq' and believed.notes
    windows = Windows(data, [0, 4], believed.trained.spec)
    one, two = recorded(windows, {'demo_0': 'success', 'bad_0': 'failure'})
    assert (one.success, two.success) == (True, False)
    # 20 frames, a look every 2: ten looks, nine decisions between them.
    assert one.states.shape[0] == 10 and len(one) == 9
    reward = believed.reward.reward(one.states, one.actions)
    assert reward.shape == (9,) and np.isfinite(reward).all()
    assert not np.allclose(reward, believed.reward.reward(one.states, one.actions + 0.3))
    with pytest.raises(TrainingError, match='trained by bc, which learns no reward'):
        load_reward(cloned, data, contract)


def test_without_other_episodes_it_says_what_it_is(
    contract: Contract, cloned: Path, data: Dataset, tmp_path: Path
) -> None:
    none = CONFIG.model_copy(update={'extra': (), 'updates': 2})
    result = train_offline(data, none, tmp_path / 'iq', cloned)
    assert 'no method knows more than cloning' in result.warnings[0]


def test_a_configuration_that_contradicts_itself_is_refused() -> None:
    with pytest.raises(TrainingError, match='outcomes and extra both name failure'):
        parse({'method': 'irl-iq', 'outcomes': ['failure'], 'extra': ['failure']}, 'here')
    with pytest.raises(TrainingError, match='alhpa'):
        parse({'method': 'irl-iq', 'alhpa': 1.0}, 'here')
