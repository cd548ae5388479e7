# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A method by its name alone, from data to trials in simulation, through the command line."""

import json
from pathlib import Path

import demonstrations
from onnx_models import write_hold
import pytest
from typer.testing import CliRunner

from imitation_ros.cli.app import app
from imitation_ros.contract import Contract
from imitation_ros.errors import DataError
from imitation_ros.rollout.trials import Trials
from imitation_ros.runtime import bundle

RUNNER = CliRunner()


def call(*words: str) -> str:
    """Run a verb that must succeed; what it prints."""
    done = RUNNER.invoke(app, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.sim
def test_train_export_evaluate(contract: Contract, tmp_path: Path) -> None:
    demonstrations.dataset(tmp_path / 'data', contract, 4, 20)
    data, run, model = (str(tmp_path / name) for name in ('data', 'run', 'policy.onnx'))
    call(
        *('train', '--data', data, '--out', run, '--method', 'flow', '--updates', '210'),
        *('--history', '2'),
    )
    assert 'history: 2\n' in (Path(run) / 'config.yaml').read_text()
    call('export', run, '--data', data, '--out', model)
    assert 'mean absolute error [rad]' in call('evaluate', model, '--data', data)
    words = ['evaluate', model, '--task', 'reach', '--trials', '1']
    assert 'of 1 succeeded' in call(*words, '--out', str(tmp_path / 'plain.json'))
    call(*words, '--perturb', 'pull:3', '--zero-noise', '--out', str(tmp_path / 'pulled.json'))
    plain, pulled = (
        json.loads((tmp_path / f'{name}.json').read_text())['trials']
        for name in ('plain', 'pulled')
    )
    assert [trial['seed'] for trial in pulled] == [100_000]
    assert pulled != plain
    told = Trials.read(tmp_path / 'pulled.json').conditions
    assert told == {
        'policy': bundle.load(Path(model)).sha256,
        'spread': 1.0,
        'perturb': ['pull:3'],
        'filter': True,
    }
    with pytest.raises(DataError, match='"pusch" is not a perturbation'):
        RUNNER.invoke(app, [*words, '--perturb', 'pusch:1'], catch_exceptions=False)


def test_the_length_of_bc_holds_before_irl_from_bags_too(
    contract: Contract, tmp_path: Path
) -> None:
    """Also where it is shorter than the warm-up; what would be ignored is refused."""
    demonstrations.dataset(tmp_path / 'data', contract, 3, 20)
    short = tmp_path / 'short.yaml'
    short.write_text('{method: irl-iq, updates: 2, eval_every: 1, critic_width: 16}')
    begin = ['train', '--data', str(tmp_path / 'data'), '--config', str(short)]
    call(*begin, '--updates', '20', '--out', str(tmp_path / 'run'))
    settings = (tmp_path / 'run' / 'bc' / 'config.yaml').read_text()
    assert 'updates: 20\n' in settings and 'warmup: 4\n' in settings
    assert 'a training of irl-iq' in call('report', str(tmp_path / 'run'))
    model = tmp_path / 'policy.onnx'
    call('export', str(tmp_path / 'run'), '--data', begin[2], '--out', str(model))
    assert bundle.load(model).method == 'irl-iq'
    begin += ['--out', str(tmp_path / 'no')]
    for words, why in (
        (['--init', str(tmp_path / 'run'), '--updates', '20'], '--updates means nothing to a run'),
        (['--iterations', '3'], '--iterations means nothing to method irl-iq from bags alone'),
    ):
        with pytest.raises(DataError, match=why):
            RUNNER.invoke(app, [*begin, *words], catch_exceptions=False)


def test_wrong_seeds_and_regions_are_told(contract: Contract, tmp_path: Path) -> None:
    for words in (
        ['evaluate', 'policy.onnx', '--task', 'reach', '--seed', '-5'],
        ['collect', '--task', 'reach', '--out', str(tmp_path / 'data'), '--seed', '-5'],
    ):
        done = RUNNER.invoke(app, words)
        assert done.exit_code == 2 and "'--seed'" in done.output, done.output
    for spread in ('nan', '-1'):
        words = ['collect', '--task', 'reach', '--out', str(tmp_path / 'data')]
        with pytest.raises(DataError, match=f'spread is {spread}.*not a factor'):
            RUNNER.invoke(app, [*words, '--spread', spread], catch_exceptions=False)


def test_failures_say_nothing_of_a_policy(contract: Contract, tmp_path: Path) -> None:
    """The open-loop error is that on what a policy should imitate, not on failed attempts."""
    episodes = [
        demonstrations.demonstrate(contract, f'reach_{i:04d}', i, 20, False, outcome=outcome)
        for i, outcome in enumerate(('success', 'failure', 'play'), start=5)
    ]
    data = demonstrations.write(tmp_path / 'data', contract, episodes)
    model = write_hold(tmp_path / 'policy.onnx', contract)
    told = call('evaluate', str(model), '--data', str(data.root), '--json')
    assert json.loads(told)['episodes'] == ['reach_0005']
    shown = ' '.join(call('evaluate', str(model), '--data', str(data.root)).split())
    assert '1 unseen episode (2 failed, played or rejected left out)' in shown


@pytest.mark.sim
def test_a_policy_that_sees_only_a_camera(tmp_path: Path) -> None:
    data, run, model = (str(tmp_path / name) for name in ('data', 'run', 'policy.onnx'))
    camera = ('--camera', 'head_camera:24x32')
    call('collect', '--task', 'reach', '-n', '2', *camera, '--out', data)
    call('train', '--data', data, '--out', run, *camera, '--no-poses', '--updates', '10')
    call('export', run, '--data', data, '--out', model)
    assert 'of 1 succeeded' in call('evaluate', model, '--task', 'reach', '--trials', '1')
    spec = bundle.load(Path(model)).observation
    assert not spec.poses
    assert [one.name for one in spec.cameras] == ['head_camera']
    for wrong, why in (
        (('collect', '--policy', model, *camera), '--camera means nothing to corrections'),
        (
            ('train', '--data', data, '--method', 'irl-airl', '--no-poses'),
            '--no-poses means nothing to method irl-airl',
        ),
    ):
        with pytest.raises(DataError, match=why):
            RUNNER.invoke(app, [*wrong, '--out', str(tmp_path / 'no')], catch_exceptions=False)
