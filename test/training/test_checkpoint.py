# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest
import torch

from imitation_ros import files
from imitation_ros.errors import TrainingError
from imitation_ros.training import checkpoint


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / 'checkpoints' / 'last.safetensors'
    checkpoint.write(
        path,
        {'a': torch.arange(600.0).reshape(20, 30).T, 'b': torch.tensor(3), 'c': torch.randn(4)},
        {'update': 7, 'names': ['x', 'y'], 'mean': 0.1 + 0.2},
    )
    return path


def test_what_is_written_is_read(path: Path) -> None:
    tensors, values = checkpoint.read(path)
    assert torch.equal(tensors['a'], torch.arange(600.0).reshape(20, 30).T)
    assert int(tensors['b']) == 3
    assert (values['update'], values['names'], values['mean']) == (7, ['x', 'y'], 0.1 + 0.2)
    assert [file.name for file in path.parent.iterdir()] == ['last.safetensors']


@pytest.mark.parametrize('keep', [0, 5, 100, 1000])
def test_a_truncated_file_is_damaged(path: Path, keep: int) -> None:
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(TrainingError, match=r'last.safetensors is damaged'):
        checkpoint.read(path)


def test_one_flipped_bit_is_found(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-40] ^= 1
    path.write_bytes(data)
    with pytest.raises(TrainingError, match='do not match their digest'):
        checkpoint.read(path)


def test_a_file_of_another_kind_is_damaged(path: Path) -> None:
    path.write_bytes(b'not a checkpoint at all, but long enough to be read')
    with pytest.raises(TrainingError, match='damaged'):
        checkpoint.read(path)


def test_another_version_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, 'VERSION', 2)
    with pytest.raises(TrainingError, match='version 1, not 2'):
        checkpoint.read(path)


def test_a_write_that_fails_leaves_the_former_one(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(fd: int) -> None:
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(files.os, 'fsync', full)
    with pytest.raises(TrainingError, match='No space left'):
        checkpoint.write(path, {'a': torch.zeros(2)}, {})
    monkeypatch.undo()
    assert checkpoint.read(path)[1]['update'] == 7
    assert [file.name for file in path.parent.iterdir()] == ['last.safetensors']


def test_a_run_folder_means_its_best_checkpoint(path: Path) -> None:
    run = path.parent.parent
    with pytest.raises(TrainingError, match=r'best.safetensors \(there: last.safetensors\)'):
        checkpoint.find(run)
    best = path.with_name('best.safetensors')
    path.rename(best)
    assert checkpoint.find(run) == checkpoint.find(path.parent) == checkpoint.find(best) == best
    with pytest.raises(TrainingError, match='there is no checkpoint'):
        checkpoint.read(run / 'nothing.safetensors')
