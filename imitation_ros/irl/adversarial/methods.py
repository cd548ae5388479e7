# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Adversarial methods: how each builds its classifier, learns with it, and reads its reward."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
import torch

from ...contract import Contract
from ...data.observation import ObservationSpec
from ..config import AdversarialConfig, AirlConfig, GailConfig
from ..demonstrations import demonstrations
from ..online import Setting
from ..ppo import Decisions, GaussianPolicy
from ..reward import Array, Saved
from .airl import Airl
from .discriminator import Adversary, Experience
from .features import HandsView
from .gail import Gail
from .learner import BuildAdversary, Learner


def gail(config: GailConfig, states: int, actions: int) -> Gail:
    """The classifier of GAIL, for states and actions of these lengths."""
    return Gail(states, actions, config.discriminator.width)


def airl(config: AirlConfig, states: int, actions: int) -> Airl:
    """The classifier of AIRL, for states and actions of these lengths."""
    width = config.discriminator.width
    return Airl(states, actions, width, config.gamma, config.state_only, config.policy_term)


def adversarial(build: BuildAdversary) -> Callable[[Any, Setting], Learner]:
    """A learner with the classifier that `build` makes."""

    def begin(config: AdversarialConfig, setting: Setting) -> Learner:
        view = _view(config, setting.contract, setting.trained.spec)
        return Learner(config, setting.trained, setting.windows, setting.environment, view, build)

    return begin


def classified(build: BuildAdversary) -> Callable[[Saved], 'ClassifiedReward']:
    """A reader of the rewards of runs whose classifier `build` makes."""

    def read(saved: Saved) -> ClassifiedReward:
        # The demonstrations give the classifier its scales.
        config, trained, spec = saved.config, saved.trained, saved.trained.spec
        windows, _ = demonstrations(saved.dataset, config, trained)
        std = np.full(len(spec.joints), config.ppo.std)
        policy = GaussianPolicy(trained.actor, std, min(spec.chunk, spec.execute + 2))
        experience = Experience(policy, windows, _view(config, saved.contract, spec))
        adversary = build(config, *experience.sizes)
        own = {
            name.removeprefix('adversary.'): tensor
            for name, tensor in saved.tensors.items()
            if name.startswith('adversary.')
        }
        adversary.load_state_dict(own)
        return ClassifiedReward(adversary, experience)

    return read


def _view(
    config: AdversarialConfig, contract: Contract, spec: ObservationSpec
) -> HandsView | None:
    """How the classifier sees transitions; None is as the policy does."""
    return HandsView(contract, spec) if config.view == 'hands' else None


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
        result: Array = self._adversary.learned_reward(one).numpy().astype(np.float64)
        return result
