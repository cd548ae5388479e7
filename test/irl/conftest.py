# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Two demonstrations of reaching, and a small BC of them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from imitation_ros.contract import Contract
from imitation_ros.data.store import Dataset
from imitation_ros.rollout.collection import collect
from imitation_ros.training.config import load
from imitation_ros.training.run import train


@pytest.fixture(scope='session')
def reaching(tmp_path_factory: pytest.TempPathFactory, contract: Contract) -> Dataset:
    """Two demonstrations of the scripted expert."""
    return collect(contract, 'reach', 2, tmp_path_factory.mktemp('irl') / 'data')


Clone = Callable[[Dataset, Path, int, int], Path]


@pytest.fixture(scope='session')
def clone() -> Clone:
    """Trains a BC of all episodes: from data, folder, updates and width to the run."""

    def train_all(data: Dataset, out: Path, updates: int, width: int) -> Path:
        changes = {
            'updates': updates,
            'warmup': 20,
            'held_out': 0.0,
            'keep': 'last',
            'eval_every': updates,
            'network': {'width': width, 'depth': 2},
        }
        return train(data, load('bc', changes), out).folder

    return train_all


@pytest.fixture(scope='session')
def bc(tmp_path_factory: pytest.TempPathFactory, reaching: Dataset, clone: Clone) -> Path:
    """Run of a small BC of both."""
    return clone(reaching, tmp_path_factory.mktemp('irl') / 'bc', 150, 32)
