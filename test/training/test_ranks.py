# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Training in two processes under torchrun: the same on both, and the same as in one."""

import os
from pathlib import Path
import subprocess
import sys

import demonstrations
import numpy as np
import pytest
import torch
import yaml

from imitation_ros.contract import Contract
from imitation_ros.errors import TrainingError
from imitation_ros.training.config import load
from imitation_ros.training.journal import read_metrics
from imitation_ros.training.ranks import Ranks
from imitation_ros.training.run import train
from imitation_ros.training.state import load_trained

SMALL = {
    'updates': 30,
    'warmup': 5,
    'batch': 33,  # shares of 17 and 16
    'eval_every': 15,
    'chunk': 6,
    'execute': 3,
    'noise': 0.0,
    'network': {'width': 32, 'depth': 2},
}

# Keeps what each rank ends with; only the first writes checkpoints.
SCRIPT = """
import os, sys
from pathlib import Path
import torch
from imitation_ros.training import run
from imitation_ros.training.config import load
fit = run.fit
def kept(state, *args, **rest):
    outcome = fit(state, *args, **rest)
    own = [p.detach() for p in state.average.parameters()]
    torch.save(own, sys.argv[3] + os.environ['RANK'])
    return outcome
run.fit = kept
run.train(Path(sys.argv[1]), load(sys.argv[2]), Path(sys.argv[4]), resume=len(sys.argv) > 5)
"""


def torchrun(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    script = tmp_path / 'script.py'
    script.write_text(SCRIPT)
    return launch(str(script), *arguments)


def launch(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, '-m', 'torch.distributed.run', '--standalone']
    return subprocess.run(
        [*command, '--nproc_per_node', '2', *arguments],
        capture_output=True,
        text=True,
        timeout=200,
        env={**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)},
        check=False,
    )


def test_two_ranks_are_one_training(tmp_path: Path, contract: Contract) -> None:
    dataset = demonstrations.dataset(tmp_path / 'data', contract, 10, 20)
    config = load('bc', SMALL)
    path = tmp_path / 'config.yaml'
    path.write_text(yaml.safe_dump(config.to_dict()))
    result = train(dataset, config, tmp_path / 'alone')
    assert result.finished
    done = torchrun(
        tmp_path, str(dataset.root), str(path), str(tmp_path / 'rank'), str(tmp_path / 'both')
    )
    assert done.returncode == 0, done.stderr[-3000:]
    first, second = (torch.load(tmp_path / f'rank{rank}') for rank in (0, 1))
    for a, b in zip(first, second, strict=True):
        assert torch.equal(a, b), 'the ranks drifted apart'
    alone = list(load_trained(tmp_path / 'alone').actor.parameters())
    both = list(load_trained(tmp_path / 'both').actor.parameters())
    for a, b in zip(alone, both, strict=True):
        np.testing.assert_allclose(a.detach(), b.detach(), atol=1e-5)
    # Rank 0 wrote one journal, as if it were alone.
    assert [row['update'] for row in read_metrics(tmp_path / 'both')] == [15, 30]
    a, b = (read_metrics(tmp_path / name)[-1]['held_out_loss'] for name in ('alone', 'both'))
    assert a == pytest.approx(b, abs=1e-5)


def test_the_command_says_what_was_written_once(tmp_path: Path, contract: Contract) -> None:
    data = demonstrations.dataset(tmp_path / 'data', contract, 4, 20).root
    path = tmp_path / 'config.yaml'
    path.write_text(yaml.safe_dump(load('bc', SMALL).to_dict()))
    words = ['train', '--data', str(data), '--config', str(path), '--out', str(tmp_path / 'run')]
    done = launch('-m', 'imitation_ros', *words)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count('curves:') == 1
    assert 'None' not in done.stdout


def test_shares_cover_a_batch_once() -> None:
    batch = np.arange(33)
    shares = [Ranks(rank, 4).share(batch) for rank in range(4)]
    assert sorted(np.concatenate(shares)) == list(batch)
    with pytest.raises(TrainingError, match='too small for 4 ranks'):
        Ranks(0, 4).share(np.arange(3))


def test_ranks_of_one_have_noise_of_their_own_that_can_be_drawn_again() -> None:
    drawn = []
    for rank in (0, 1, 0):
        generator = torch.Generator()
        Ranks(rank, 2).seed(generator, 7, 11)
        drawn.append(float(torch.randn((), generator=generator)))
    assert drawn[0] == drawn[2] != drawn[1]


def test_an_incomplete_environment_says_how_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('WORLD_SIZE', '2')
    for name in ('RANK', 'MASTER_ADDR', 'MASTER_PORT'):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(TrainingError, match='torchrun --nproc_per_node'):
        Ranks.join()
