# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From bags of others to a policy.onnx that anybody can run on bare vectors."""

from pathlib import Path
import shutil

import numpy as np
import pytest
from typer.testing import CliRunner
import vectors

from imitation_ros.cli.app import app
from imitation_ros.data.store import Dataset
from imitation_ros.errors import DataError, TrainingError
from imitation_ros.export.onnx import export
from imitation_ros.irl.offline import beginning
from imitation_ros.policies.bc import BCNetwork
from imitation_ros.reports.run_folder import ReportData
from imitation_ros.reports.summary import summary
from imitation_ros.runtime import bundle, VectorPolicy
from imitation_ros.training import config
from imitation_ros.training.config import BCConfig, load
from imitation_ros.training.run import train
from imitation_ros.training.selection import contract_of


@pytest.fixture(scope='module')
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two full demonstrations, by the verbs."""
    root = tmp_path_factory.mktemp('theirs')
    for i in range(2):
        vectors.demonstration(root / 'bags' / f'ep{i}', i, 400)
    run = CliRunner().invoke
    bags, theirs, data = str(root / 'bags'), str(root / 'theirs.yaml'), str(root / 'data')
    for verb in (
        ['contract-from-bag', bags, '--out', theirs],
        ['audit', bags, '--robot', theirs],
        ['convert', bags, '--robot', theirs, '--out', data],
    ):
        result = run(app, verb)
        assert result.exit_code == 0, (result.output, result.exception)
    assert 'max [ms]' in result.output
    return root / 'data'


def test_two_demonstrations_are_learnt_and_run_on_vectors(data: Path, tmp_path: Path) -> None:
    dataset = Dataset(data)
    contract = contract_of(dataset)
    changes = {
        'updates': 400,
        'eval_every': 400,
        'batch': 64,
        'lr': 3e-3,
        'network': {'width': 64, 'members': 3},
    }
    settings = load('bc', changes, bare=True)
    assert (settings.chunk, settings.action) == (1, 'absolute')
    assert load('bc', bare=True).network == BCNetwork(
        width=128, depth=2, members=4, loss='absolute'
    )
    result = train(dataset, settings, tmp_path / 'run')
    assert result.held_out is None, 'both demonstrations are needed to learn from'
    exported = export(tmp_path / 'run', tmp_path / 'policy.onnx', dataset)
    assert exported.parity.holds
    assert exported.unit == ''
    policy = VectorPolicy(tmp_path / 'policy.onnx')
    assert policy.action_names == contract.actions
    assert len(policy.observation_names) == 11
    rng = np.random.default_rng(9)
    seen = np.concatenate([np.asarray(e.q) for e in dataset.episodes()])
    states = seen[rng.integers(len(seen), size=200)] + 0.05 * rng.standard_normal((200, 11))
    asked = np.stack([policy.act(state) for state in states])
    wanted = np.stack([vectors.expert(state) for state in states])
    assert np.abs(asked - wanted).mean() < 0.15 * np.abs(wanted - wanted.mean(axis=0)).mean()
    # Without limits in the contract an action stays near the range of the data.
    far = policy.act(np.full(11, 1e6))
    limits = np.array([policy.bundle.joint_limits[name] for name in policy.action_names])
    assert (limits[:, 0] - 1e-6 <= far).all()
    assert (far <= limits[:, 1] + 1e-6).all()
    with pytest.raises(DataError, match='sees 11 entries: leg/0'):
        policy.act(np.zeros(10))
    with pytest.raises(DataError, match='not finite'):
        policy.act(np.full(11, np.nan))
    with pytest.raises(Exception, match='names no urdf'):
        bundle.check_against(policy.bundle, contract)


def test_nobody_calls_its_unit_radians(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The export, the open-loop table and the report of such data name no unit."""
    monkeypatch.setenv('COLUMNS', '200')
    run, model = tmp_path / 'run', tmp_path / 'policy.onnx'
    train(data, load('bc', {'updates': 20, 'held_out': 0.5, 'eval_every': 10}, bare=True), run)
    told = ''
    for verb in (
        ['export', str(run), '--data', str(data), '--out', str(model)],
        ['evaluate', str(model), '--data', str(data)],
    ):
        result = CliRunner().invoke(app, verb)
        assert result.exit_code == 0, result.output
        told += result.output
    assert 'largest difference from torch' in told and 'mean absolute error' in told
    assert 'rad' not in told.split()
    assert '[rad]' not in told
    shutil.copytree(run, tmp_path / 'train')
    for folder in (tmp_path, run):
        found = summary(ReportData.from_run(folder))['training']
        assert 'times as much' in str(found['held-out error'])
        assert not any('rad ' in str(text) or 'rad;' in str(text) for text in found.values())


@pytest.mark.parametrize('method', ['act', 'diffusion'])
def test_every_method_takes_such_data(data: Path, tmp_path: Path, method: str) -> None:
    changes = {'updates': 8, 'warmup': 2, 'eval_every': 8, 'batch': 16, 'chunk': 4, 'execute': 2}
    result = train(data, load(method, changes, bare=True), tmp_path / 'run')
    assert result.finished


def test_such_data_has_no_left_and_right(data: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match='no left and right'):
        train(data, load('bc', {'mirror': True}, bare=True), tmp_path / 'run')


def test_defaults_of_robots_are_not_touched() -> None:
    assert load('bc') == BCConfig()


def test_irl_from_bags_alone_begins_with_what_such_data_can_give(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = {'updates': 4, 'warmup': 1, 'eval_every': 4, 'network': {'width': 16}}
    monkeypatch.setattr(config, 'BARE_BC', {**config.BARE_BC, **short})
    begun = beginning(Dataset(data), None, tmp_path, 0, None)
    assert begun is not None
    assert (begun.config.action, begun.spec.chunk) == ('absolute', 1)
