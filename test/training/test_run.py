# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Training, end to end, on demonstrations of an arm that goes where an object is."""

import io
import json
import os
from pathlib import Path
import signal
import subprocess
import sys
import time
from typing import Any

import demonstrations
import numpy as np
import pytest
from rich.console import Console
import torch

from imitation_ros.contract import Contract
from imitation_ros.data.store import Dataset
from imitation_ros.errors import ImitationError, TrainingError
from imitation_ros.training import checkpoint, loop
from imitation_ros.training.config import load, METHODS, parse, TrainConfig
from imitation_ros.training.journal import read_metrics
from imitation_ros.training.run import train
from imitation_ros.training.selection import select_episodes
from imitation_ros.training.state import load_trained

SMALL = {
    'updates': 60,
    'warmup': 10,
    'batch': 32,
    'eval_every': 20,
    'held_out': 0.2,
    'chunk': 6,
    'execute': 3,
    'noise': 0.02,
    'lr': 3e-3,
    'network': {'width': 32, 'depth': 2, 'image_features': 16, 'keypoints': 8, 'crop': 1},
}


def small(method: str = 'bc', **changes: Any) -> TrainConfig:
    return load(method, {**SMALL, **changes})


@pytest.fixture(scope='module')
def dataset(tmp_path_factory: pytest.TempPathFactory, contract: Contract) -> Dataset:
    return demonstrations.dataset(tmp_path_factory.mktemp('train') / 'dataset', contract, 40, 20)


@pytest.fixture(scope='module')
def pictures(tmp_path_factory: pytest.TempPathFactory, contract: Contract) -> Dataset:
    root = tmp_path_factory.mktemp('pictures') / 'dataset'
    return demonstrations.dataset(root, contract, 60, 8, camera=True)


def tensors(path: Path) -> dict[str, torch.Tensor]:
    return checkpoint.read(path / 'checkpoints' / 'last.safetensors')[0]


@pytest.mark.parametrize(('action', 'share'), [('residual', 0.3), ('absolute', 0.6)])
def test_it_learns(
    dataset: Dataset, contract: Contract, tmp_path: Path, action: str, share: float
) -> None:
    config = small(updates=500, eval_every=100, action=action)
    result = train(dataset, config, tmp_path / 'run')
    assert result.finished
    assert result.held_out is not None
    assert result.held_out.mae < share * result.held_out.hold_mae
    trained = load_trained(tmp_path / 'run')
    # Only the group that moves in the data is moved.
    assert trained.spec.joints == contract.group('right_arm').joints
    assert {path.name for path in (tmp_path / 'run').iterdir()} == {
        'config.yaml',
        'versions.json',
        'metrics.jsonl',
        'curves.png',
        'tensorboard',
        'checkpoints',
    }
    rows = read_metrics(tmp_path / 'run')
    assert [row['update'] for row in rows] == [100, 200, 300, 400, 500]
    assert rows[-1]['loss'] < 0.3 * rows[0]['loss']
    kept = min(row['held_out_loss'] for row in rows)
    assert trained.values['metrics']['held_out_loss'] == kept
    assert list((tmp_path / 'run' / 'tensorboard').iterdir())


@pytest.mark.parametrize('method', METHODS)
def test_the_policy_does_the_task(
    dataset: Dataset, contract: Contract, tmp_path: Path, method: str
) -> None:
    """Closed loop, from starts it has not seen: the arm comes where the object asks it to."""
    wide = {} if method in ('bc', 'act') else {'width': 96}
    updates = 200 if method == 'act' else 500
    config = small(method, updates=updates, held_out=0.1, eval_every=updates, batch=48)
    config = parse({**config.to_dict(), 'network': {**SMALL['network'], **wide}}, 'test')
    train(dataset, config, tmp_path / 'run')
    trained = load_trained(tmp_path / 'run')
    columns = trained.spec.indices(contract)
    before, after = [], []
    shape = (1, trained.spec.chunk, len(trained.spec.joints))
    for seed in range(1000, 1020):
        rng = np.random.default_rng(seed)
        place = rng.uniform(-0.08, 0.08, 2)
        q = np.array(contract.home)
        pose = np.array([[0.4 + place[0], place[1], 0.1, 0.0, 0.0, 0.0, 1.0]])
        wanted = demonstrations.goal(contract, place)
        before.append(np.abs(q - wanted).max())
        for _ in range(12):
            state = trained.spec.states(q[None, columns], q[None, columns], {'object': pose})
            noise = rng.standard_normal(shape, np.float32)
            chunk = trained.actor.predict(state[None], {}, noise)[0]
            for action in chunk[: trained.spec.execute]:
                command = np.array(contract.home)
                command[columns] = action
                q = demonstrations.follow(q, command)
        after.append(np.abs(q - wanted).max())
    assert np.mean(after) < 0.2 * np.mean(before)


def test_what_only_the_camera_sees_is_learned_from_it(pictures: Dataset, tmp_path: Path) -> None:
    common = {'updates': 250, 'warmup': 20, 'eval_every': 250, 'poses': []}
    cameras = [{'name': 'head_camera', 'height': 24, 'width': 32}]
    blind = train(pictures, small(**common), tmp_path / 'blind').held_out
    seeing = train(pictures, small(**common, cameras=cameras), tmp_path / 'seeing').held_out
    assert blind is not None
    assert seeing is not None
    assert seeing.mae < 0.6 * blind.mae
    assert blind.mae > 0.8 * blind.hold_mae


@pytest.mark.parametrize(
    ('method', 'cameras'),
    [('bc', False), ('bc', True), ('act', True), ('flow', True), ('diffusion', False)],
)
def test_a_resumed_training_equals_an_uninterrupted_one(
    pictures: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    cameras: bool,
) -> None:
    """Bit for bit, with noise and augmentation, stopped between two evaluations."""
    seen = [{'name': 'head_camera', 'height': 24, 'width': 32}] if cameras else []
    config = small(method, updates=40, batch=16, cameras=seen)
    train(pictures, config, tmp_path / 'whole')
    count = 0

    def sigterm_after_27(*arguments: Any) -> Any:
        nonlocal count
        count += 1
        if count == 27:
            os.kill(os.getpid(), signal.SIGTERM)
        return step(*arguments)

    step = loop.TrainState.step
    monkeypatch.setattr(loop.TrainState, 'step', sigterm_after_27)
    stopped = train(pictures, config, tmp_path / 'parts')
    monkeypatch.undo()
    assert not stopped.finished
    assert stopped.updates == 27
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    resumed = train(pictures, config, tmp_path / 'parts', resume=True)
    assert resumed.finished
    whole, parts = tensors(tmp_path / 'whole'), tensors(tmp_path / 'parts')
    assert whole.keys() == parts.keys()
    for name in whole:
        assert torch.equal(whole[name], parts[name]), name
    losses = [
        [row['held_out_loss'] for row in read_metrics(tmp_path / run)]
        for run in ('whole', 'parts')
    ]
    assert len(losses[0]) == 2
    assert losses[0] == losses[1]


def test_the_same_seed_gives_the_same_policy(dataset: Dataset, tmp_path: Path) -> None:
    for run, seed in (('a', 0), ('b', 0), ('c', 1)):
        torch.manual_seed(hash(run))
        train(dataset, small(updates=20, seed=seed), tmp_path / run)
    a, b, c = (tensors(tmp_path / run) for run in 'abc')
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert not torch.equal(a['model.policy.head.0.weight'], c['model.policy.head.0.weight'])


@pytest.mark.slow
def test_sigterm_leaves_a_checkpoint_and_a_clean_exit(dataset: Dataset, tmp_path: Path) -> None:
    code = (
        'import sys; from pathlib import Path\n'
        'from imitation_ros.training.config import load\n'
        'from imitation_ros.training.run import train\n'
        "config = load('bc', {'updates': 200000, 'eval_every': 50})\n"
        'result = train(Path(sys.argv[1]), config, Path(sys.argv[2]))\n'
        "print('finished' if result.finished else 'stopped', result.updates)\n"
    )
    run = tmp_path / 'run'
    process = subprocess.Popen(
        [sys.executable, '-c', code, str(dataset.root), str(run)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    try:
        deadline = time.monotonic() + 120
        while not (run / 'checkpoints' / 'last.safetensors').exists():
            assert process.poll() is None, 'the training ended by itself'
            assert time.monotonic() < deadline, 'no checkpoint came'
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0
    word, updates = output.split()
    assert word == 'stopped'
    assert checkpoint.read(run / 'checkpoints' / 'last.safetensors')[1]['update'] == int(updates)


def test_rows_after_the_last_checkpoint_are_not_doubled(dataset: Dataset, tmp_path: Path) -> None:
    """As after a SIGKILL: the journal is ahead of the checkpoint, its last line cut."""
    run = tmp_path / 'run'
    train(dataset, small(), run)
    rows = (run / 'metrics.jsonl').read_text().splitlines()
    more = json.dumps({**json.loads(rows[-1]), 'update': 80})
    (run / 'metrics.jsonl').write_text('\n'.join([*rows, more, more[:30]]))
    train(dataset, small(), run, resume=True)
    assert [row['update'] for row in read_metrics(run)] == [20, 40, 60]


def test_the_length_is_cut_to_fit_the_time(dataset: Dataset, tmp_path: Path) -> None:
    config = small(updates=100_000, eval_every=50, max_minutes=0.01)
    result = train(dataset, config, tmp_path / 'run')
    assert result.finished
    assert 50 < result.updates < 20_000
    values = checkpoint.read(tmp_path / 'run' / 'checkpoints' / 'last.safetensors')[1]
    assert values['metrics']['lr'] < 1e-5  # the cosine ran to its end all the same


def test_progress_goes_to_the_console(dataset: Dataset, tmp_path: Path) -> None:
    plain = Console(file=io.StringIO(), width=120)
    train(dataset, small(updates=20), tmp_path / 'plain', console=plain)
    text = plain.file.getvalue()  # type: ignore[attr-defined]
    assert '32 episodes (640 frames), held out: 8 episodes' in text
    assert 'channels never change' in text
    assert 'held-out' in text
    terminal = Console(file=io.StringIO(), width=160, force_terminal=True)
    train(dataset, small(updates=20), tmp_path / 'terminal', console=terminal)
    bar = terminal.file.getvalue()  # type: ignore[attr-defined]
    assert '20/20' in bar
    assert 'ETA' in bar


def test_a_folder_with_a_training_is_not_overwritten(dataset: Dataset, tmp_path: Path) -> None:
    train(dataset, small(updates=20), tmp_path / 'run')
    with pytest.raises(TrainingError, match='holds a training; resume it'):
        train(dataset, small(updates=20), tmp_path / 'run')


def test_another_training_is_not_resumed(
    dataset: Dataset, pictures: Dataset, tmp_path: Path
) -> None:
    run = tmp_path / 'run'
    with pytest.raises(TrainingError, match='there is no checkpoint'):
        train(dataset, small(), run, resume=True)
    train(dataset, small(updates=20), run)
    with pytest.raises(TrainingError, match=r'lr: 0.003 then, 0.01 now'):
        train(dataset, small(updates=20, lr=0.01), run, resume=True)
    with pytest.raises(TrainingError, match='episodes of the data; frames of the data'):
        train(pictures, small(updates=20), run, resume=True)


def test_a_loss_that_explodes_is_an_error_and_the_weights_stay(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = loop.TrainState.step

    def poisoned(state: Any, loss: torch.Tensor, *rest: Any) -> bool:
        return step(state, loss * float('nan') if state.update == 30 else loss, *rest)

    monkeypatch.setattr(loop.TrainState, 'step', poisoned)
    with pytest.raises(TrainingError, match=r'update 30: the loss is nan .* lower lr'):
        train(dataset, small(), tmp_path / 'run')
    saved = tensors(tmp_path / 'run')
    assert all(torch.isfinite(saved[name].float()).all() for name in saved)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'cameras': [{'name': 'head_camera', 'height': 24, 'width': 32}]}, 'camera of the data'),
        ({'poses': ['box']}, '"box" is not a pose of the data'),
        ({'groups': ['right_arn']}, 'did you mean "right_arm"'),
        ({'chunk': 21}, 'has 20 frames, fewer than the chunk of 21'),
        (
            {'outcomes': ['failure']},
            'none of its 40 episodes .*: 40 outcome success',
        ),
    ],
)
def test_data_that_does_not_fit_is_refused(
    dataset: Dataset, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ImitationError, match=message):
        train(dataset, small(**changes), tmp_path / 'run')
    assert not (tmp_path / 'run').exists()


def test_failures_are_not_imitated(contract: Contract, tmp_path: Path) -> None:
    episodes = [
        demonstrations.demonstrate(contract, f'e{i}', i, outcome='failure' if i < 2 else 'success')
        for i in range(6)
    ]
    dataset = demonstrations.write(tmp_path / 'dataset', contract, episodes)
    train(dataset, small(updates=20), tmp_path / 'run')
    used = load_trained(tmp_path / 'run').values['episodes']
    assert sorted(used['train'] + used['held_out']) == ['e2', 'e3', 'e4', 'e5']


def test_unmarked_episodes_are_left_out_of_training_and_told(
    contract: Contract, tmp_path: Path
) -> None:
    outcomes = ('unknown', 'success', '', 'success')
    episodes = [
        demonstrations.demonstrate(contract, f'e{i}', i, outcome=outcome)
        for i, outcome in enumerate(outcomes)
    ]
    dataset = demonstrations.write(tmp_path / 'dataset', contract, episodes)
    shown = Console(record=True, width=200)
    train(dataset, small(), tmp_path / 'run', console=shown)
    used = load_trained(tmp_path / 'run').values['episodes']
    assert sorted(used['train'] + used['held_out']) == ['e1', 'e2', 'e3']
    told = 'left out: 1 of 4 episodes: 1 never marked as success or failure (--with-unknown'
    assert told in shown.export_text()
    asked = small(outcomes=['success', 'unknown'])
    fit, held_out = select_episodes(dataset, asked)
    assert sorted([*fit, *held_out]) == [0, 1, 2, 3]
    only = demonstrations.write(tmp_path / 'only', contract, episodes[:1])
    with pytest.raises(TrainingError, match=r'none of its 1 .*never marked.*--with-unknown'):
        train(only, small(updates=20), tmp_path / 'none')


def test_a_robot_that_never_moves_is_refused(contract: Contract, tmp_path: Path) -> None:
    def freeze(arrays: dict[str, np.ndarray]) -> None:
        for name in ('q', 'action'):
            arrays[name][:] = contract.home

    episode = demonstrations.demonstrate(contract, 'still', 0, change=freeze)
    dataset = demonstrations.write(tmp_path / 'dataset', contract, [episode])
    with pytest.raises(TrainingError, match='no joint moves'):
        train(dataset, small(), tmp_path / 'run')


def test_one_episode_is_enough(contract: Contract, tmp_path: Path) -> None:
    dataset = demonstrations.dataset(tmp_path / 'dataset', contract, 1)
    result = train(dataset, small(), tmp_path / 'run')
    assert result.finished
    assert result.held_out is None
    assert result.best_checkpoint is not None
    assert load_trained(tmp_path / 'run').values['update'] == 60
