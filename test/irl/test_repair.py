# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Repairs: failed starts tried again as if the object stood elsewhere, and learning from them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from imitation_ros.contract import Contract
from imitation_ros.data.store import Dataset
from imitation_ros.data.windows import Windows
from imitation_ros.errors import DataError, TrainingError
from imitation_ros.irl.adversarial import run as irl_run
from imitation_ros.irl.adversarial.learner import Learner
from imitation_ros.irl.adversarial.methods import airl
from imitation_ros.irl.config import AdversarialConfig
from imitation_ros.irl.environment import Environment
from imitation_ros.irl.methods import parse
from imitation_ros.irl.rollouts import FIRST_SEED
from imitation_ros.irl.self_imitation import moved, Repair, Repairs
from imitation_ros.rollout.collection import collect
from imitation_ros.training.journal import read_metrics
from imitation_ros.training.loop import LAST
from imitation_ros.training.state import load_trained, Trained

pytestmark = pytest.mark.sim

QUICK = Repair(rounds=1, starts=4, tries=8, spread=1.0, position=0.03, yaw=0.0, updates=40)


@pytest.fixture(scope='module')
def data(contract: Contract, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return collect(contract, 'reach', 12, tmp_path_factory.mktemp('repair') / 'data')


@pytest.fixture(scope='module')
def cloned(
    data: Dataset,
    tmp_path_factory: pytest.TempPathFactory,
    clone: Callable[[Dataset, Path, int, int], Path],
) -> Path:
    return clone(data, tmp_path_factory.mktemp('repair') / 'bc', 800, 64)


@pytest.fixture
def trained(cloned: Path) -> Trained:
    """A good policy that takes the target to be 3 cm from where it is, and so misses it always."""
    found = load_trained(cloned)
    place = found.spec.size - 9
    found.actor.state_mean[place] += 0.03
    return found


@pytest.fixture
def windows(data: Dataset, trained: Trained) -> Windows:
    return Windows(data, list(range(12)), trained.spec)


@pytest.fixture(scope='module')
def environment(contract: Contract, cloned: Path) -> Environment:
    return Environment(contract, 'reach', load_trained(cloned).spec, 1.0, timestep_s=0.005)


def _repairs(
    trained: Trained, windows: Windows, environment: Environment, **changes: Any
) -> Repairs:
    actor = trained.actor.requires_grad_(True)
    return Repairs(QUICK.model_copy(update=changes), actor, windows, environment)


def _random() -> tuple[np.random.Generator, torch.Generator]:
    return np.random.default_rng(3), torch.Generator().manual_seed(3)


def test_the_object_is_seen_beside_its_place_and_turned(trained: Trained) -> None:
    spec = trained.spec
    state = np.random.default_rng(0).normal(size=(spec.history, spec.size)).astype(np.float32)
    begin = spec.size - 9 * len(spec.poses)
    state[:, begin + 3 : begin + 9] = [1, 0, 0, 0, 1, 0]
    before = state.copy()
    seen = moved(spec, state, np.array([0.1, -0.2, 0.3]), np.pi / 2)
    np.testing.assert_array_equal(state, before)
    np.testing.assert_array_equal(seen[:, :begin], state[:, :begin])
    np.testing.assert_allclose(
        seen[:, begin : begin + 3] - state[:, begin : begin + 3],
        np.tile([0.1, -0.2, 0.3], (len(state), 1)),
        atol=1e-6,
    )
    # Turned to the left by a quarter: its x axis is where y was.
    turned = np.tile([0, 1, 0, -1, 0, 0], (len(state), 1))
    np.testing.assert_allclose(seen[:, begin + 3 : begin + 9], turned, atol=1e-6)


def test_windows_of_own_episodes_stand_behind_those_of_the_data(windows: Windows) -> None:
    rng = np.random.default_rng(1)
    k, length = windows.action.shape[1], windows.spec.chunk + 3
    state = rng.normal(size=(length, windows.spec.size)).astype(np.float32)
    action = rng.normal(size=(length, k)).astype(np.float32)
    both = windows.extended([(state, action)])
    assert len(both) == len(windows) + length
    assert both.names == (*windows.names, 'own_0')
    old = np.arange(len(windows))
    one, two = windows.batch(old), both.batch(old)
    for name in ('state', 'action', 'mask'):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    first, last = both.batch(np.array([len(windows), len(both) - 1])).state[:, -1]
    np.testing.assert_array_equal([first, last], state[[0, -1]])
    mine = both.batch(np.array([len(windows) + 1]))
    np.testing.assert_array_equal(mine.action[0], action[1 : 1 + windows.spec.chunk])
    assert mine.mask.all()
    assert both.batch(np.array([len(both) - 1])).mask.sum() == 1
    with pytest.raises(DataError, match='2 frames, fewer than the chunk'):
        windows.extended([(state[:2], action[:2])])


def test_the_track_is_what_a_dataset_would_hold(
    environment: Environment, trained: Trained
) -> None:
    """States as the policy saw them, and the command that was in force a step later."""
    spec, state = trained.spec, environment.reset(5)
    seen, held = [state[-1]], []
    for _ in range(3):
        state, _ = environment.step(trained.actor.predict(state[None], {})[0])
        seen.append(state[-1])
        held.append(environment.command)
    states, commands = environment.track
    assert len(states) == len(commands) == 3 * spec.execute
    np.testing.assert_array_equal(states[:: spec.execute], seen[:-1])
    np.testing.assert_allclose(commands[spec.execute - 1 :: spec.execute], held, atol=1e-6)
    environment.reset(5)
    environment.step(trained.actor.predict(state[None], {})[0])
    assert len(environment.track[0]) == spec.execute


def test_what_is_repaired_was_failed_before_and_is_learnt(
    trained: Trained, windows: Windows, environment: Environment
) -> None:
    repairs = _repairs(trained, windows, environment)
    before = [weight.clone() for weight in trained.actor.parameters()]
    found = repairs.round(*_random(), noise=0.01)
    assert found.repaired is not None and found.success == 0.0
    assert len(repairs.episodes) == round(found.repaired * QUICK.starts) > 0
    assert found.loss is not None and np.isfinite(found.loss)
    assert found.steps == repairs.steps > 0
    assert any(
        not torch.equal(one, other)
        for one, other in zip(before, trained.actor.parameters(), strict=True)
    )
    limit = environment.time_limit_s * trained.spec.policy_hz
    for state, command in repairs.episodes:
        assert state.shape == (len(command), trained.spec.size)
        assert trained.spec.chunk <= len(command) <= limit + trained.spec.execute
    # The object is remembered where it was, not where it was seen: the start's own place.
    places = {round(float(state[0, -9]), 4) for state, _ in repairs.episodes}
    rng = _random()[0]
    starts = rng.integers(FIRST_SEED, 2**31, QUICK.starts)
    own = {round(float(environment.reset(int(s), QUICK.spread)[-1, -9]), 4) for s in starts}
    assert places <= own


def test_nothing_repaired_leaves_the_policy_alone(
    trained: Trained, windows: Windows, environment: Environment
) -> None:
    """Seen where it is, the object is missed again in the same way."""
    repairs = _repairs(trained, windows, environment, position=0.0, yaw=0.0, tries=1)
    before = [weight.clone() for weight in trained.actor.parameters()]
    found = repairs.round(*_random(), noise=0.01)
    assert (found.repaired, found.loss, repairs.episodes) == (0.0, None, [])
    for one, other in zip(before, trained.actor.parameters(), strict=True):
        assert torch.equal(one, other)


def test_repaired_episodes_survive_a_checkpoint(
    trained: Trained, windows: Windows, environment: Environment
) -> None:
    repairs = _repairs(trained, windows, environment)
    assert repairs.tensors() == {}
    repairs.round(*_random(), noise=0.01)
    again = _repairs(trained, windows, environment)
    again.restore(repairs.tensors())
    assert again.steps == repairs.steps
    assert len(again.episodes) == len(repairs.episodes)
    for one, other in zip(repairs.episodes, again.episodes, strict=True):
        for first, second in zip(one, other, strict=True):
            np.testing.assert_array_equal(first, second)


def test_airl_takes_what_was_repaired_for_demonstrated(
    trained: Trained, windows: Windows, environment: Environment
) -> None:
    changes = {
        'method': 'bc+irl',
        'iterations': 2,
        'steps': 30,
        'critic_only': 0,
        'view': 'observation',
        'repair': QUICK.model_dump(),
        'discriminator': {'updates': 2, 'first_updates': 2, 'width': 8},
    }
    config = parse(changes, 'test')
    assert isinstance(config, AdversarialConfig)
    learner = Learner(config, trained, windows, environment, adversary=airl)
    first = learner.step()
    assert first.reward is None and first.repaired is not None and first.repaired > 0.0
    spent = learner.steps
    assert spent > 0
    second = learner.step()
    assert second.reward is not None and second.repaired is None
    assert learner.steps == spent + learner.episodes * environment.horizon * trained.spec.execute
    assert len(learner._windows) > len(windows)


def test_a_policy_that_sees_no_object_has_nothing_to_shift(
    data: Dataset, trained: Trained, environment: Environment
) -> None:
    spec = trained.spec
    blind = Windows(data, [0, 1], type(spec)(**{**spec.__dict__, 'poses': ()}))
    with pytest.raises(TrainingError, match='sees no object'):
        Repairs(QUICK, trained.actor, blind, environment)
    Repairs(Repair(), trained.actor, blind, environment)


def test_a_round_that_taught_something_wrong_is_taken_back(
    data: Dataset, cloned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A learning rate that ruins the policy: the next round, and AIRL, go on from the best one."""
    monkeypatch.setattr(irl_run._Run, 'over', False)
    repair = {'rounds': 2, 'starts': 10, 'tries': 12, 'spread': 1.3, 'position': 0.03, 'lr': 3.0}
    config = parse(
        {
            'method': 'bc+irl',
            'iterations': 2,
            'view': 'observation',
            'timestep_s': 0.005,
            'repair': {**repair, 'yaw': 0.0, 'updates': 60},
            'guard': {'every': 1, 'episodes': 6, 'spread': 1.0},
        },
        'test',
    )
    assert isinstance(config, AdversarialConfig)
    result = irl_run.train(data, config, tmp_path / 'run', init=cloned)
    rows = read_metrics(tmp_path / 'run')
    assert rows[1]['repaired'] > 0.0
    assert rows[1]['held_out_success'] < rows[0]['held_out_success']
    assert result.best_iteration == 0
    last = load_trained(tmp_path / 'run' / 'checkpoints' / LAST).actor
    began = load_trained(cloned).actor
    for one, other in zip(last.parameters(), began.parameters(), strict=True):
        assert torch.equal(one, other)
