# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""IRL end to end, on two demonstrations of reaching: practice in MuJoCo, guard, resume, export."""

import io
import os
from pathlib import Path
import signal
from typing import Any

import demonstrations
import pytest
from rich.console import Console
import torch

from imitation_ros.contract import Contract
from imitation_ros.data.store import Dataset
from imitation_ros.errors import TrainingError
from imitation_ros.export.onnx import export
from imitation_ros.irl.adversarial import run as irl_run
from imitation_ros.irl.adversarial.learner import Learner
from imitation_ros.irl.adversarial.run import train
from imitation_ros.irl.config import AdversarialConfig
from imitation_ros.irl.methods import parse
from imitation_ros.rollout.rollout import rollout
from imitation_ros.runtime import bundle
from imitation_ros.training import checkpoint
from imitation_ros.training.config import load
from imitation_ros.training.journal import read_metrics
from imitation_ros.training.loop import LAST
from imitation_ros.training.run import train as train_bc
from imitation_ros.training.state import load_trained, TrainState

pytestmark = pytest.mark.sim

SMALL = {
    'iterations': 3,
    'steps': 60,
    'horizon_s': 1.0,
    'timestep_s': 0.005,
    'critic_only': 1,
    'guard': {'every': 2, 'episodes': 2, 'patience': 9, 'spread': 1.0},
    'discriminator': {'updates': 3, 'first_updates': 3, 'width': 16},
    'ppo': {'epochs': 2, 'width': 16},
}


def small(method: str = 'irl-airl', **changes: Any) -> AdversarialConfig:
    config = parse({'method': method, **SMALL, **changes}, 'test')
    assert isinstance(config, AdversarialConfig)
    return config


@pytest.fixture(autouse=True)
def never_perfect(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two easy starts may all be met by BC: go on all the same."""
    monkeypatch.setattr(irl_run._Run, 'over', False)


@pytest.mark.parametrize('method', ['irl-airl', 'irl-airl-state', 'irl-gail'])
def test_every_method_practises_and_keeps_the_best(
    reaching: Dataset, bc: Path, tmp_path: Path, method: str
) -> None:
    text = Console(file=io.StringIO(), width=160)
    result = train(reaching, small(method), tmp_path / 'run', init=bc, console=text)
    assert result.finished
    assert result.iterations == 3
    assert result.steps == 3 * 3 * 28  # 3 episodes of 7 decisions, each of 4 steps
    rows = read_metrics(tmp_path / 'run')
    assert [row['update'] for row in rows] == [0, 1, 2, 3]
    judged = [row['update'] for row in rows if row['held_out_success'] is not None]
    assert judged == [0, 2, 3]
    assert result.success == max(row['held_out_success'] for row in rows[::2] + rows[3:])
    assert result.success >= result.began == rows[0]['held_out_success']
    # Critic only: the first iteration leaves the policy alone, later ones do not.
    assert rows[1]['kl'] == 0.0
    assert rows[2]['kl'] > 0.0
    assert {path.name for path in (tmp_path / 'run').iterdir()} == {
        'config.yaml',
        'versions.json',
        'metrics.jsonl',
        'curves.png',
        'tensorboard',
        'checkpoints',
    }
    said = text.file.getvalue()  # type: ignore[attr-defined]
    assert 'iteration 3' in said
    assert 'told right' in said


def test_the_result_is_never_worse_than_its_beginning(
    reaching: Dataset, bc: Path, tmp_path: Path
) -> None:
    """A learning rate that ruins the policy: what is kept is BC, weight by weight."""
    config = small(ppo={'lr': 1.0, 'epochs': 2, 'width': 16, 'bc': 0.0, 'max_kl': 1e9})
    result = train(reaching, config, tmp_path / 'run', init=bc)
    assert result.best_iteration == 0
    kept, began = load_trained(tmp_path / 'run').actor, load_trained(bc).actor
    for one, other in zip(kept.parameters(), began.parameters(), strict=True):
        assert torch.equal(one, other)
    last = load_trained(tmp_path / 'run' / 'checkpoints' / 'last.safetensors').actor
    assert not torch.equal(next(iter(last.parameters())), next(iter(kept.parameters())))


@pytest.mark.slow
def test_one_command_resumed_bit_for_bit_exports_and_deploys(
    reaching: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, contract: Contract
) -> None:
    """BC and IRL, stopped by SIGTERM in each of them, against the same without a break."""
    own = {'updates': 60, 'warmup': 10, 'held_out': 0.0, 'keep': 'last', 'eval_every': 30}
    repair = {'rounds': 1, 'starts': 3, 'tries': 2, 'updates': 5, 'position': 0.06}
    config = small('bc+irl', repair=repair, bc={**own, 'network': {'width': 32, 'depth': 2}})
    train(reaching, config, tmp_path / 'whole')
    for owner, at in ((TrainState, 40), (Learner, 2)):
        method = owner.step  # type: ignore[attr-defined]
        count = 0

        def terminate(*arguments: Any, method: Any = method, at: int = at) -> Any:
            nonlocal count
            count += 1
            if count == at:
                os.kill(os.getpid(), signal.SIGTERM)
            return method(*arguments)

        with monkeypatch.context() as patch:
            patch.setattr(owner, 'step', terminate)
            resume = (tmp_path / 'parts').exists()
            assert not train(reaching, config, tmp_path / 'parts', resume=resume).finished
    assert train(reaching, config, tmp_path / 'parts', resume=True).finished
    for name in ('last', 'best'):
        whole, parts = (
            checkpoint.read(tmp_path / run / 'checkpoints' / f'{name}.safetensors')
            for run in ('whole', 'parts')
        )
        assert whole[1]['selection'] == parts[1]['selection']
        assert whole[0].keys() == parts[0].keys()
        assert all(torch.equal(whole[0][key], parts[0][key]) for key in whole[0])
    assert 'repaired.steps' in checkpoint.read(tmp_path / 'whole' / 'checkpoints' / LAST)[0]
    success = [
        [row['held_out_success'] for row in read_metrics(tmp_path / run)]
        for run in ('whole', 'parts')
    ]
    assert success[0] == success[1]
    policy = tmp_path / 'policy.onnx'
    assert export(tmp_path / 'whole', policy, reaching).parity.max_abs_difference <= 1e-5
    loaded = bundle.load(policy)
    assert loaded.method == 'bc+irl'
    trials = rollout(contract, policy, 'reach', [100_000], renderer=None).trials.trials
    assert [trial.seed for trial in trials] == [100_000]


def test_an_untrained_beginning_is_possible_and_takes_no_other(
    reaching: Dataset, bc: Path, tmp_path: Path
) -> None:
    config = small(start='untrained', iterations=1)
    result = train(reaching, config, tmp_path / 'run')
    assert result.finished
    assert not (tmp_path / 'run' / 'bc').exists()
    with pytest.raises(TrainingError, match='start: untrained takes no policy to begin with'):
        train(reaching, config, tmp_path / 'other', init=bc)


def test_what_does_not_fit_is_refused(
    reaching: Dataset, bc: Path, tmp_path: Path, contract: Contract
) -> None:
    run = tmp_path / 'run'
    with pytest.raises(TrainingError, match='nothing to resume'):
        train(reaching, small(), run, resume=True)
    train(reaching, small(iterations=1), run, init=bc)
    with pytest.raises(TrainingError, match='holds a training; resume it'):
        train(reaching, small(iterations=1), run, init=bc)
    with pytest.raises(TrainingError, match=r'iterations: 1 then, 2 now'):
        train(reaching, small(iterations=2), run, resume=True)
    other = demonstrations.dataset(tmp_path / 'other', contract, 3, 20)
    with pytest.raises(TrainingError, match='was not trained on'):
        train(other, small(), tmp_path / 'x', init=bc)
    noisy = load('flow', {'updates': 2, 'warmup': 1, 'eval_every': 2, 'network': {'width': 16}})
    train_bc(reaching, noisy, tmp_path / 'flow')
    with pytest.raises(TrainingError, match='begins with a policy of method bc'):
        train(reaching, small(), tmp_path / 'y', init=tmp_path / 'flow')
