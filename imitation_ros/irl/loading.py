# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Loading: the reward of a run, whatever method found it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..contract import Contract
from ..data.store import Dataset
from ..errors import TrainingError
from ..training import checkpoint
from ..training.state import load_trained, Trained
from .methods import method_of, METHODS, parse
from .offline import METHOD
from .reward import Reward, Saved


@dataclass(frozen=True)
class Believed:
    """The reward of a run.

    Attributes:
        method: Name of the method.
        reward: The reward.
        trained: The policy of the run.
        preference: For a linear reward: name, unit, weight, error and sentence of each feature.
        notes: What to keep in mind.
    """

    method: str
    reward: Reward
    trained: Trained
    preference: tuple[dict[str, Any], ...] = ()
    notes: tuple[str, ...] = ()


def load_reward(run: Path, dataset: Dataset, contract: Contract) -> Believed:
    """Read what the run of an IRL method believes.

    Args:
        run: Run folder or checkpoint.
        dataset: What it was trained on.
        contract: The robot.

    Raises:
        TrainingError: If it is the run of a method that learns no reward.
    """
    file = checkpoint.find(run)
    tensors, values = checkpoint.read(file)
    if METHOD not in values:
        raise TrainingError(
            f'{file} was trained by {values["config"].get("method", "?")}, which learns no '
            f'reward; those that do: {", ".join(sorted(METHODS))}'
        )
    config = parse(values[METHOD], file)
    method = method_of(config)
    if method.reward is None:
        raise TrainingError(f'the reward of {config.method} cannot be read')
    trained = load_trained(file)
    reward = method.reward(Saved(config, trained, dataset, contract, tensors, values))
    preference = tuple(values.get('preference', ()))
    return Believed(config.method, reward, trained, preference, method.notes)
