# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One row per method: what has no row is refused, and never trained as another."""

from pathlib import Path
from typing import Any

import demonstrations
import pytest
import torch

from imitation_ros.contract import Contract
from imitation_ros.data.store import Dataset
from imitation_ros.errors import TrainingError
from imitation_ros.irl.adversarial.run import train as train_in_simulation
from imitation_ros.irl.config import AdversarialConfig, GailConfig, IqConfig, IrlConfig
from imitation_ros.irl.methods import load, method_of, METHODS
from imitation_ros.learning import configure, train
from imitation_ros.training import checkpoint
from imitation_ros.training.config import ActConfig, BCConfig, TrainConfig
from imitation_ros.training.run import train as train_bc

SMALL = {'updates': 2, 'warmup': 1, 'batch': 4, 'network': {'width': 8, 'depth': 1}}


class ForeignConfig(AdversarialConfig):
    """Of nobody's row."""

    method: str = 'foreign'


@pytest.fixture(scope='module')
def data(contract: Contract, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    episodes = [demonstrations.demonstrate(contract, f'd_{i}', i, 20) for i in range(3)]
    return demonstrations.write(tmp_path_factory.mktemp('methods') / 'data', contract, episodes)


def test_every_row_is_trained_somewhere() -> None:
    for name, row in METHODS.items():
        config = load(name)
        assert method_of(config) is row
        assert (row.learner if config.in_simulation else row.offline) is not None, name


@pytest.mark.parametrize(
    ('config', 'message'),
    [
        (ForeignConfig(), '"foreign" is not a method of inverse RL.*choices: '),
        (ForeignConfig(method='irl-gail'), 'irl-gail is not configured by ForeignConfig'),
        (GailConfig(method='irl-airl'), 'irl-airl is not configured by GailConfig'),
        (IrlConfig(method='irl-iq'), 'irl-iq is not configured by IrlConfig'),
    ],
)
def test_an_unknown_configuration_is_refused(
    config: IrlConfig, message: str, data: Dataset, tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match=message):
        train(data, tmp_path / 'run', config)
    assert not (tmp_path / 'run').exists()


def test_the_trainer_in_simulation_refuses_it_before_it_trains_bc(
    data: Dataset, tmp_path: Path
) -> None:
    """Who calls the trainer itself gets the same answer: never GAIL, and no hour of BC first."""
    with pytest.raises(TrainingError, match='"foreign" is not a method of inverse RL'):
        train_in_simulation(data, ForeignConfig(), tmp_path / 'run')
    assert not (tmp_path / 'run').exists()


def test_a_method_of_bags_alone_does_not_learn_in_simulation(
    data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = METHODS['irl-iq']
    monkeypatch.setitem(METHODS.built_in, 'irl-iq', type(row)(row.config, learner=row.learner))
    with pytest.raises(TrainingError, match='cannot be trained from a dataset alone'):
        train(data, tmp_path / 'run', IqConfig())
    monkeypatch.setitem(METHODS.built_in, 'irl-iq', type(row)(row.config, offline=row.offline))
    with pytest.raises(TrainingError, match='does not learn in simulation'):
        train(data, tmp_path / 'run', IqConfig(mode='online'))


def test_one_call_trains_every_kind(data: Dataset, tmp_path: Path) -> None:
    cloned = train(data, tmp_path / 'bc', changes=SMALL)
    assert cloned.finished and cloned.best_checkpoint is not None
    changes = {'updates': 2, 'batch': 4, 'critic_width': 8}
    found = train(data.root, str(tmp_path / 'iq'), 'irl-iq', changes=changes, init=tmp_path / 'bc')
    assert found.finished and found.best_checkpoint is not None
    with pytest.raises(TrainingError, match='bc begins with no other run'):
        train(data, tmp_path / 'no', init=tmp_path / 'bc')


def test_one_call_gives_what_the_trainer_gives(data: Dataset, tmp_path: Path) -> None:
    config = configure('bc', SMALL)
    assert isinstance(config, BCConfig)
    ours, theirs = train(data, tmp_path / 'a', config), train_bc(data, config, tmp_path / 'b')
    mine, his = (
        checkpoint.read(result.best_checkpoint)[0]
        for result in (ours, theirs)
        if result.best_checkpoint is not None
    )
    assert mine.keys() == his.keys()
    assert all(torch.equal(mine[name], his[name]) for name in mine)


@pytest.mark.parametrize(
    ('method', 'changes', 'wanted'),
    [
        ('act', {'updates': 100}, {'updates': 100, 'warmup': 20}),
        (ActConfig(), {'seed': 3}, {'seed': 3}),
        ('irl-gail', {'iterations': 2}, {'iterations': 2}),
        (GailConfig(), {'seed': 4}, {'seed': 4}),
    ],
)
def test_changes_replace_values_of_any_configuration(
    method: str | TrainConfig | IrlConfig, changes: dict[str, Any], wanted: dict[str, Any]
) -> None:
    config = configure(method, changes)
    assert {key: getattr(config, key) for key in wanted} == wanted
    with pytest.raises(TrainingError, match='sed'):
        configure(method, {'sed': 1})


def test_a_short_bc_before_irl_warms_up_within_itself() -> None:
    config = configure('irl-gail', {'bc': {'updates': 50}})
    assert isinstance(config, GailConfig)
    assert (config.bc.updates, config.bc.warmup) == (50, 10)
