# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Demonstrations: what a method that learns in simulation imitates, and with what it begins."""

import json

from ..data.outcomes import is_wanted
from ..data.stats import measure
from ..data.store import Dataset
from ..data.windows import Windows
from ..errors import TrainingError
from ..sim.tasks import TASKS
from ..training.selection import (
    contract_of,
    fingerprint,
    left_out,
    observation_spec,
    refuse_corrections,
    select_episodes,
)
from ..training.state import build_actor, Trained
from .config import PractisedConfig


def untrained(dataset: Dataset, config: PractisedConfig) -> Trained:
    """A policy as BC begins: knows its data's statistics, and nothing else."""
    own = config.bc.model_copy(update={'seed': config.seed})
    episodes, held_out = select_episodes(dataset, own)
    spec = observation_spec(dataset, contract_of(dataset), own, episodes)
    windows = Windows(dataset, episodes, spec)
    stats = measure(windows, residual=own.action == 'residual')
    metas = dataset.manifest.episodes
    names = {
        'train': [metas[i].episode for i in episodes],
        'held_out': [metas[i].episode for i in held_out],
    }
    values = {'episodes': names, 'data': fingerprint(dataset)}
    return Trained(build_actor(own, spec, stats).eval(), own, spec, stats, values)


def demonstrations(
    dataset: Dataset, config: PractisedConfig, trained: Trained
) -> tuple[Windows, str]:
    """Windows of the episodes that a policy was trained on, and the task they are of.

    The episodes it was not trained on stay held out.

    Raises:
        TrainingError: If they are not those of the dataset, or of no or several tasks.
    """
    if trained.values['data'] != json.loads(json.dumps(fingerprint(dataset))):
        raise TrainingError(f'the policy to begin with was not trained on {dataset.root}')
    metas = dataset.manifest.episodes
    used = trained.values['episodes']['train']
    chosen = [
        i
        for i, meta in enumerate(metas)
        if meta.episode in used and is_wanted(meta, config.outcomes)
    ]
    if not chosen:
        raise TrainingError(
            f'{dataset.root}: none of the {len(used)} episodes that the policy to begin with was '
            f'trained on has an outcome asked for ({", ".join(config.outcomes)}); '
            f'{left_out(dataset, config.outcomes)}'
        )
    refuse_corrections(dataset, chosen)
    windows = Windows(dataset, chosen, trained.spec)
    tasks = {metas[i].task for i in chosen} if config.task is None else {config.task}
    if len(tasks) > 1:
        raise TrainingError(
            f'the demonstrations are of several tasks ({", ".join(tasks)}): choose'
        )
    (task,) = tasks
    TASKS.find(task, TrainingError)
    return windows, task
