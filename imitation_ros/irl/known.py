# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Practice with a reward that is known before it begins: CSIL and MaxEnt.

The policy is improved as under an adversary, by PPO from the cloned one, and guarded in the same
way; only the classifier, and what it has to learn, is missing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .adversarial.discriminator import Transitions
from .adversarial.learner import Learner, SLIDE_NOISE
from .config import CsilConfig, MaxEntConfig, PpoConfig
from .iq.csil import Coherent, coherent_reward, CoherentReward
from .maxent.features import Features, Place
from .maxent.linear import learn, LinearReward
from .online import Setting
from .reward import Reward, Saved
from .rollouts import Rollout

REWARD = 'reward.'
"""Prefix of the reward's tensors in a checkpoint."""


@dataclass(frozen=True)
class Known:
    """A reward that is found before practice.

    Attributes:
        reward: The reward.
        tensors: What a checkpoint keeps of it.
        values: The same in words and numbers.
    """

    reward: Reward
    tensors: Mapping[str, Tensor]
    values: Mapping[str, Any]


class KnownRewardLearner(Learner):
    """PPO with a reward that does not change.

    Attributes:
        paid: The reward.
        values: What checkpoints say of it.
    """

    def __init__(
        self, config: PpoConfig, setting: Setting, find: Callable[[Any, Setting], Known]
    ) -> None:
        """Begin with a policy, then find the reward.

        Args:
            config: The configuration.
            setting: What it begins with.
            find: How the reward is found.
        """
        super().__init__(config, setting.trained, setting.windows, setting.environment)
        found = find(config, setting)
        self.paid = found.reward
        self._kept = dict(found.tensors)
        self.values.update(found.values)

    def _pay(
        self, found: Rollout, own: Transitions, generator: torch.Generator
    ) -> tuple[Tensor, None]:
        """Rewards of a rollout, shape (E, T); nothing is classified."""
        each = [
            self.paid.reward(state, action)
            for state, action in zip(found.state, found.action, strict=True)
        ]
        return torch.from_numpy(np.stack(each).astype(np.float32)), None

    def tensors(self) -> dict[str, Tensor]:
        """Everything, for a checkpoint, and the reward."""
        return {**super().tensors(), **self._kept}


def coherent(config: CsilConfig, setting: Setting) -> Known:
    """Find the reward of CSIL."""
    spread = config.ppo.std * np.where(setting.environment.slides, SLIDE_NOISE, 1.0)
    found = coherent_reward(setting.trained.actor, setting.windows, spread, config)
    tensors = {
        f'{REWARD}{name}': torch.from_numpy(np.asarray(value, dtype=np.float64).copy())
        for name, value in found.density.to_dict().items()
    }
    return Known(found, tensors, {})


def read_coherent(saved: Saved) -> CoherentReward:
    """Read the reward of a run of CSIL."""
    values = {k: float(v) if v.ndim == 0 else v for k, v in _kept(saved).items()}
    return CoherentReward(saved.trained.actor, Coherent.from_dict(values))


def linear(config: MaxEntConfig, setting: Setting) -> Known:
    """Find the reward of MaxEnt."""
    actor, environment = setting.trained.actor, setting.environment
    slides = environment.slides
    found = learn(config, setting.contract, actor, setting.windows, environment, slides)
    reward = found.reward
    kept = {name: getattr(reward, name) for name in ('weights', 'mean', 'scale')}
    place = reward.features.place
    if place is not None:
        kept['place'] = np.append(place.position, float(place.relative))
    tensors = {f'{REWARD}{name}': torch.from_numpy(value.copy()) for name, value in kept.items()}
    return Known(reward, tensors, {'preference': found.rows()})


def read_linear(saved: Saved) -> LinearReward:
    """Read the reward of a run of MaxEnt."""
    kept = _kept(saved)
    place = kept.get('place')
    where = None if place is None else Place(place[:3], bool(place[3]))
    features = Features(saved.contract, saved.trained.spec, where)
    return LinearReward(features, kept['weights'], kept['mean'], kept['scale'])


def _kept(saved: Saved) -> dict[str, Any]:
    """The reward's arrays in a checkpoint, by name."""
    return {
        name.removeprefix(REWARD): tensor.numpy()
        for name, tensor in saved.tensors.items()
        if name.startswith(REWARD)
    }
