# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A small dataset with everything that goes to LeRobot: images, poses, ages, two tasks."""

from dataclasses import replace

import demonstrations
import numpy as np
import pytest
from scenes import scene

from imitation_ros.data.episode import Episode
from imitation_ros.data.store import Dataset

STEP_NS = 40_000_000


def furnish(episode: Episode, number: int, task: str) -> Episode:
    """Give an episode images, ages, a task and a start of its own."""
    rng = np.random.default_rng(number)
    steps = len(episode)
    ages = {
        'joint_states': rng.integers(0, 5_000_000, steps),
        'head_camera': rng.integers(0, 250_000_000, steps),
    }
    return replace(
        episode,
        meta=replace(episode.meta, task=task, extra={'host': 'bench'}, verdict='ok'),
        tick_ns=1_700_000_000_123_456_789 + number * 10**10 + STEP_NS * np.arange(steps),
        images={'head_camera': scene(steps, 20 * number)},
        age_ns=ages,
    )


@pytest.fixture(scope='session')
def dataset(contract, tmp_path_factory) -> Dataset:
    """Three episodes of different lengths; the second has another task."""
    episodes = [
        furnish(demonstrations.demonstrate(contract, f'reach_{i}', i, frames), i, task)
        for i, (frames, task) in enumerate([(12, 'reach'), (9, 'wave'), (15, 'reach')])
    ]
    return demonstrations.write(tmp_path_factory.mktemp('data') / 'set', contract, episodes)
