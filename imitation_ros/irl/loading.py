# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Loading: the reward of a run, whatever method found it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from ..errors import TrainingError
from ..policies.actor import Actor
from ..training import checkpoint
from ..training.state import load_trained, Trained
from .config import IrlConfig, METHODS, parse
from .iq import IqConfig, IqLearner
from .offline import METHOD
from .reward import Array, Reward
from .transitions import Memory

NOTES = {
    'irl-iq': (
        "The reward is Q(s, A) - g V(s'): what the critic implies, not a network of its own. Of "
        'failed and play episodes it says how far they are on the way to what was demonstrated.',
        'Where neither demonstrations nor other episodes went, it means nothing.',
    ),
}
"""What to keep in mind of a method's reward."""


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


class ImpliedReward:
    """Reward that an IQ-Learn critic implies."""

    def __init__(self, learner: IqLearner) -> None:
        """Take the learner."""
        self._learner, self._actor = learner, learner.average

    def reward(
        self, states: NDArray[np.floating[Any]], actions: NDArray[np.floating[Any]]
    ) -> Array:
        """Reward of every decision, shape (T,); arguments as `reward.Reward`."""
        memory = remember_decisions(self._actor, states, actions)
        result: Array = self._learner.reward(memory).numpy().astype(np.float64)
        return result


def remember_decisions(
    actor: Actor, states: NDArray[np.floating[Any]], actions: NDArray[np.floating[Any]]
) -> Memory:
    """Normalise decisions that follow each other; what was played stands for the whole chunk."""
    spec = actor.policy.spec
    k, steps = len(spec.joints), len(actions)
    state = torch.from_numpy(np.asarray(states, dtype=np.float32))
    offset = torch.from_numpy(np.asarray(actions, dtype=np.float32))
    played = slice(0, spec.execute)
    target = offset if actor.residual else offset + state[:-1, -1, :k]
    mean = (target - actor.action_mean[played].mean(dim=0)) / actor.action_std[played].mean(dim=0)
    chunk = torch.cat([mean, torch.zeros(1, k)])[:, None].expand(-1, spec.chunk, -1)
    return Memory(
        state=actor.observe(state, {}).state,
        chunk=chunk,
        mask=torch.ones(steps + 1, spec.chunk, dtype=torch.bool),
        here=torch.arange(steps),
        there=torch.arange(1, steps + 1),
    )


def load_reward(run: Path) -> Believed:
    """Read what the run of an IRL method believes.

    Args:
        run: Run folder or checkpoint.

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
    return _believed(config, load_trained(file), tensors, values)


def _believed(
    config: IrlConfig, trained: Trained, tensors: Mapping[str, Tensor], values: Mapping[str, Any]
) -> Believed:
    notes = NOTES.get(config.method, ())
    if isinstance(config, IqConfig):
        learner = IqLearner(trained.actor, config, config.seed)
        learner.restore(tensors, int(values['update']))
        return Believed(config.method, ImpliedReward(learner), trained, notes=notes)
    raise TrainingError(f'the reward of {config.method} cannot be read')
