# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Two demonstrations of reaching, and a small BC of them."""

from pathlib import Path

import pytest

from imitation_ros.contract import Contract
from imitation_ros.data.store import Dataset
from imitation_ros.evaluation.collection import collect
from imitation_ros.training.config import load
from imitation_ros.training.run import train


@pytest.fixture(scope='session')
def reaching(tmp_path_factory: pytest.TempPathFactory, contract: Contract) -> Dataset:
    """Two demonstrations of the scripted expert."""
    return collect(contract, 'reach', 2, tmp_path_factory.mktemp('irl') / 'data')


@pytest.fixture(scope='session')
def bc(tmp_path_factory: pytest.TempPathFactory, reaching: Dataset) -> Path:
    """Run of a small BC of both."""
    changes = {
        'updates': 150,
        'warmup': 20,
        'held_out': 0.0,
        'keep': 'last',
        'eval_every': 150,
        'network': {'width': 32, 'depth': 2},
    }
    out = tmp_path_factory.mktemp('irl') / 'bc'
    train(reaching, load('bc', changes), out)
    return out
