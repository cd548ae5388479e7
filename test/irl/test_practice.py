# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Practice of online IQ-Learn, CSIL and MaxEnt: runs, resume, and the rewards read back."""

from pathlib import Path
import signal
from typing import Any

import numpy as np
import pytest
import torch

from imitation_ros.contract import Contract
from imitation_ros.data.store import Dataset
from imitation_ros.data.windows import Windows
from imitation_ros.errors import TrainingError
from imitation_ros.evaluation.reward_study import study
from imitation_ros.irl.adversarial import run as irl_run
from imitation_ros.irl.adversarial.run import train
from imitation_ros.irl.config import PractisedConfig
from imitation_ros.irl.environment import Environment
from imitation_ros.irl.iq.csil import CoherentReward
from imitation_ros.irl.iq.online import experience, Explorer
from imitation_ros.irl.loading import load_reward
from imitation_ros.irl.maxent.linear import LinearReward
from imitation_ros.irl.methods import load, METHODS
from imitation_ros.irl.reward import recorded
from imitation_ros.irl.rollouts import Rollout, rollout
from imitation_ros.irl.transitions import ABSORBING
from imitation_ros.rollout.collection import collect
from imitation_ros.training import checkpoint
from imitation_ros.training.config import BCConfig
from imitation_ros.training.run import train as train_bc
from imitation_ros.training.state import load_trained

pytestmark = pytest.mark.sim

SHORT = {
    'iterations': 2,
    'steps': 40,
    'horizon_s': 0.8,
    'guard': {'every': 2, 'episodes': 1},
}
PPO = {**SHORT, 'critic_only': 0, 'ppo': {'epochs': 1}}
CHANGES: dict[str, dict[str, Any]] = {
    'irl-iq': {
        **SHORT,
        'mode': 'online',
        'practice_updates': 3,
        'batch': 16,
        'critic_width': 16,
    },
    'irl-csil': {**PPO, 'features': 32},
    'irl-maxent': {**PPO, 'starts': 2, 'each': 4},
    'irl-airl': {**PPO, 'discriminator': {'updates': 2, 'first_updates': 2}},
    'irl-gail': {**PPO, 'discriminator': {'updates': 2, 'first_updates': 2}},
}
OURS = ('irl-iq', 'irl-csil', 'irl-maxent')
"""Methods whose resume is tested here; that of the adversarial ones is elsewhere."""
CLONING = BCConfig(updates=200, warmup=20, eval_every=200, network={'width': 32, 'depth': 2})  # type: ignore[arg-type]


@pytest.fixture(scope='module')
def data(contract: Contract, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return collect(contract, 'reach', 3, tmp_path_factory.mktemp('practice') / 'data')


@pytest.fixture(scope='module')
def cloned(data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_bc(data, CLONING, tmp_path_factory.mktemp('practice') / 'bc').folder


def _config(method: str) -> PractisedConfig:
    config = load(method, CHANGES[method])
    assert isinstance(config, PractisedConfig)
    return config


@pytest.fixture(scope='module', params=sorted(CHANGES))
def run(
    request: pytest.FixtureRequest,
    data: Dataset,
    cloned: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[str, Path]:
    folder = tmp_path_factory.mktemp('practice') / request.param
    result = train(data, _config(request.param), folder, init=cloned)
    assert result.finished and result.iterations == 2
    assert result.success is not None and result.began is not None
    assert result.success >= result.began
    return request.param, folder


def test_every_method_has_its_yaml_and_refuses_other_keys() -> None:
    for method in OURS:
        config = load(method)
        assert config == METHODS[method].config(method=method)
        with pytest.raises(TrainingError, match='discriminator'):
            load(method, {'discriminator': {}})


@pytest.mark.parametrize('run', OURS, indirect=True)
def test_a_resumed_practice_is_the_whole_one(
    run: tuple[str, Path],
    data: Dataset,
    cloned: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    method, whole = run
    config = _config(method)
    judge = irl_run.rollout

    def interrupted(*args: Any, **options: Any) -> Rollout:
        signal.raise_signal(signal.SIGTERM)
        monkeypatch.setattr(irl_run, 'rollout', judge)
        return judge(*args, **options)

    # The signal comes in the first evaluation: what is left is all of the practice.
    monkeypatch.setattr(irl_run, 'rollout', interrupted)
    first = train(data, config, tmp_path / 'run', init=cloned)
    assert not first.finished and first.iterations < 2
    assert train(data, config, tmp_path / 'run', resume=True).finished
    ours, _ = checkpoint.read(checkpoint.find(tmp_path / 'run', 'last'))
    theirs, _ = checkpoint.read(checkpoint.find(whole, 'last'))
    assert ours.keys() == theirs.keys()
    for name, tensor in theirs.items():
        assert torch.equal(tensor, ours[name]), name


def test_the_reward_of_every_method_is_read_back(
    run: tuple[str, Path], data: Dataset, contract: Contract
) -> None:
    method, folder = run
    believed = load_reward(folder, data, contract)
    assert believed.method == method and believed.notes
    windows = Windows(data, [0], believed.trained.spec)
    (one,) = recorded(windows, {windows.names[0]: 'success'})
    shown = believed.reward.reward(one.states, one.actions)
    assert shown.shape == (len(one),) and np.isfinite(shown).all()
    wild = believed.reward.reward(one.states, one.actions + 0.2)
    if method == 'irl-csil':
        assert isinstance(believed.reward, CoherentReward)
        assert shown.mean() > 0 > wild.mean()
        found = study(believed, data, contract, 'reach', attempts=4)
        assert [one.source for one in found.told] == ['recorded'] * 3 + ['simulated'] * 4
        assert found.agreement('recorded').successes == 3
        assert found.agreement('simulated').episodes == 4
    if method == 'irl-maxent':
        assert isinstance(believed.reward, LinearReward)
        names = {row['name'] for row in believed.preference}
        # The target of reach does not move: where it is left cannot be preferred.
        assert {'reach', 'effort', 'speed', 'jerkiness'} <= names
        assert all(row['sentence'].startswith(row['name']) for row in believed.preference)
        parts = believed.reward.by_feature(one.states, one.actions)
        np.testing.assert_allclose(parts.sum(axis=1), shown, atol=1e-9)


def test_attempts_become_transitions_that_end_where_the_task_was_done(
    cloned: Path, contract: Contract
) -> None:
    trained = load_trained(cloned)
    environment = Environment(contract, 'reach', trained.spec, 0.8, timestep_s=0.004)
    explorer = Explorer(trained.actor, np.zeros(len(trained.spec.joints)))
    found = rollout(environment, explorer.decide(None), [1, 2])
    horizon = environment.horizon
    done = type(found)(
        found.seeds,
        found.state,
        found.action,
        np.array([True, False]),
        np.array([3, horizon]),
    )
    memory = experience(trained.actor, [done])
    assert len(memory) == 3 + horizon
    np.testing.assert_array_equal(memory.here[:3], [0, 1, 2])
    np.testing.assert_array_equal(memory.there[:3], [1, 2, ABSORBING])
    begin = horizon + 1
    np.testing.assert_array_equal(memory.here[3:], begin + np.arange(horizon))
    np.testing.assert_array_equal(memory.there[3:], begin + 1 + np.arange(horizon))
    # The chunk of a decision, put through the actor's own statistics, is what was played.
    chunk = memory.chunk[0] * trained.actor.action_std + trained.actor.action_mean
    raw = chunk + torch.from_numpy(found.state[0, 0, -1, : len(trained.spec.joints)])
    played = found.action[0, 0].reshape(trained.spec.chunk, -1)
    np.testing.assert_allclose(raw, played, atol=1e-5)
