# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Practice with a reward that is known before it begins: CSIL and MaxEnt.

The policy is improved as under an adversary, by PPO from the cloned one, and guarded in the same
way; only the classifier, and what it has to learn, is missing.
"""

import numpy as np
import torch
from torch import Tensor

from ..contract import Contract
from ..data.windows import Windows
from ..errors import TrainingError
from ..training.state import Trained
from .adversarial.discriminator import Transitions
from .adversarial.learner import Learner, SLIDE_NOISE
from .config import CsilConfig, MaxEntConfig, PpoConfig
from .environment import Environment
from .iq.csil import coherent_reward, CoherentReward
from .maxent.linear import learn, LinearReward
from .reward import Reward
from .rollouts import Rollout

REWARD = 'reward.'
"""Prefix of the reward's tensors in a checkpoint."""


class KnownRewardLearner(Learner):
    """PPO with a reward that does not change.

    Attributes:
        paid: The reward.
        values: What checkpoints say of it.
    """

    def __init__(
        self,
        config: PpoConfig,
        contract: Contract,
        trained: Trained,
        windows: Windows,
        environment: Environment,
    ) -> None:
        """Find the reward, then begin with a policy; arguments as `Learner`, and the robot."""
        super().__init__(config, trained, windows, environment)
        self._kept: dict[str, Tensor] = {}
        self.paid = self._find(config, contract, trained, windows, environment)

    def _find(
        self,
        config: PpoConfig,
        contract: Contract,
        trained: Trained,
        windows: Windows,
        environment: Environment,
    ) -> Reward:
        slides = environment.slides
        if isinstance(config, CsilConfig):
            spread = config.ppo.std * np.where(slides, SLIDE_NOISE, 1.0)
            coherent = coherent_reward(trained.actor, windows, spread, config)
            self._kept = coherent_tensors(coherent)
            return coherent
        if isinstance(config, MaxEntConfig):
            found = learn(config, contract, trained.actor, windows, environment, slides)
            self.values['preference'] = found.rows()
            self._kept = linear_tensors(found.reward)
            return found.reward
        raise TrainingError(f'{config.method} has no reward before practice')

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


def coherent_tensors(reward: CoherentReward) -> dict[str, Tensor]:
    """A coherent reward for a checkpoint."""
    return {
        f'{REWARD}{name}': torch.from_numpy(np.asarray(value, dtype=np.float64).copy())
        for name, value in reward.density.to_dict().items()
    }


def linear_tensors(reward: LinearReward) -> dict[str, Tensor]:
    """A linear reward for a checkpoint."""
    found = {name: getattr(reward, name) for name in ('weights', 'mean', 'scale')}
    place = reward.features.place
    if place is not None:
        found['place'] = np.append(place.position, float(place.relative))
    return {f'{REWARD}{name}': torch.from_numpy(value.copy()) for name, value in found.items()}
