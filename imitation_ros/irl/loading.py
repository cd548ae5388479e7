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

from ..contract import Contract
from ..data.store import Dataset
from ..errors import TrainingError
from ..policies.actor import Actor
from ..training import checkpoint
from ..training.state import load_trained, Trained
from .adversarial.airl import Airl
from .adversarial.discriminator import Adversary, Experience
from .adversarial.features import HandsView
from .adversarial.learner import build_adversary
from .adversarial.run import demonstrations
from .config import (
    AdversarialConfig,
    AirlConfig,
    CsilConfig,
    IqConfig,
    IrlConfig,
    MaxEntConfig,
    METHODS,
    parse,
)
from .iq.csil import Coherent, CoherentReward
from .iq.iq_learn import IqLearner
from .known import REWARD
from .maxent.features import Features, Place
from .maxent.linear import LinearReward
from .offline import METHOD
from .ppo import Decisions, GaussianPolicy
from .reward import Array, Reward
from .transitions import Memory

NOTES = {
    'irl-iq': (
        "The reward is Q(s, A) - g V(s'): what the critic implies, not a network of its own. Of "
        'failed and play episodes it says how far they are on the way to what was demonstrated.',
        'Where neither demonstrations nor other episodes went, it means nothing.',
    ),
    'irl-airl': (
        'The reward is g: what the classifier found, without the potential that shapes it.',
    ),
    'irl-gail': (
        'GAIL learns a policy, not a reward: once it is done, its classifier tells nothing apart.',
    ),
    'irl-csil': (
        'The reward is log q - log p: above zero for doing what was demonstrated where something '
        'was demonstrated, below zero for anything else there, about zero anywhere else.',
    ),
    'irl-maxent': (
        'Weights are of features that may go together: what one of them explains another cannot. '
        'They explain why demonstrations differ from a shaken policy, not the whole task.',
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


class ClassifiedReward:
    """Reward of a classifier: what AIRL learned apart from its shaping, what GAIL pays."""

    def __init__(self, adversary: Adversary, experience: Experience) -> None:
        """Take a classifier, and how it sees transitions."""
        self._adversary, self._experience = adversary, experience

    @torch.no_grad()
    def reward(
        self, states: NDArray[np.floating[Any]], actions: NDArray[np.floating[Any]]
    ) -> Array:
        """Reward of every decision, shape (T,); arguments as `reward.Reward`."""
        state = torch.from_numpy(np.asarray(states, dtype=np.float32))
        offset = torch.from_numpy(np.asarray(actions, dtype=np.float32))
        left = torch.zeros(len(offset), 1)
        one = self._experience.own(Decisions(state[:-1], state[1:], offset, left, len(offset)))
        if isinstance(self._adversary, Airl):
            paid = self._adversary.learned(one.state, one.action)
        else:
            paid = self._adversary.reward(one)
        result: Array = paid.numpy().astype(np.float64)
        return result


def _classified(
    config: AdversarialConfig,
    trained: Trained,
    dataset: Dataset,
    contract: Contract,
    tensors: Mapping[str, Tensor],
) -> ClassifiedReward:
    """The classifier of a run; the demonstrations give its scales."""
    windows, _ = demonstrations(dataset, config, trained)
    spec = trained.spec
    std = np.full(len(spec.joints), config.ppo.std)
    policy = GaussianPolicy(trained.actor, std, min(spec.chunk, spec.execute + 2))
    view = HandsView(contract, spec) if config.view == 'hands' else None
    experience = Experience(policy, windows, view)
    adversary = build_adversary(config, *experience.sizes)
    if adversary is None:
        raise TrainingError(f'{config.method} has no classifier')
    own = {
        name.removeprefix('adversary.'): tensor
        for name, tensor in tensors.items()
        if name.startswith('adversary.')
    }
    adversary.load_state_dict(own)
    return ClassifiedReward(adversary, experience)


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
    return _believed(config, load_trained(file), dataset, contract, tensors, values)


def _believed(
    config: IrlConfig,
    trained: Trained,
    dataset: Dataset,
    contract: Contract,
    tensors: Mapping[str, Tensor],
    values: Mapping[str, Any],
) -> Believed:
    kind = 'irl-airl' if isinstance(config, AirlConfig) else config.method
    notes = NOTES.get(kind, ())
    if isinstance(config, IqConfig):
        learner = IqLearner(trained.actor, config, config.seed)
        learner.restore(tensors, int(values['update']))
        return Believed(config.method, ImpliedReward(learner), trained, notes=notes)
    kept = {k.removeprefix(REWARD): t.numpy() for k, t in tensors.items() if k.startswith(REWARD)}
    if isinstance(config, CsilConfig):
        density = Coherent.from_dict({k: float(v) if v.ndim == 0 else v for k, v in kept.items()})
        coherent = CoherentReward(trained.actor, density)
        return Believed(config.method, coherent, trained, notes=notes)
    if isinstance(config, MaxEntConfig):
        place = kept.get('place')
        features = Features(
            contract, trained.spec, None if place is None else Place(place[:3], bool(place[3]))
        )
        linear = LinearReward(features, kept['weights'], kept['mean'], kept['scale'])
        rows = tuple(values['preference'])
        return Believed(config.method, linear, trained, rows, notes)
    if isinstance(config, AdversarialConfig):
        reward = _classified(config, trained, dataset, contract, tensors)
        return Believed(config.method, reward, trained, notes=notes)
    raise TrainingError(f'the reward of {config.method} cannot be read')
