# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
r"""Adversarial inverse reinforcement learning (Fu, Luo and Levine 2018).

The logit of the classifier is built so that its parts mean something (eq. 4 and sec. 6):

    D(s, a, s') = exp f / (exp f + pi(a|s)),   logit = f(s, a, s') - w log pi(a|s)
    f(s, a, s') = g(s, a) + gamma h(s') - h(s)

g is the reward, up to a constant, and h takes up what a potential could explain, so that g does
not. With `state_only` it is g(s), which cannot hold what is the robot's dynamics and not the
task, and can be used on another robot (sec. 5). The policy is paid log D - log(1 - D), the logit.
"""

import torch
from torch import Tensor

from ...policies.encoders import mlp
from .discriminator import Adversary, Transitions

HIGHEST = 5.0
"""Rewards are clipped to this, however sure the classifier is."""


class Airl(Adversary):
    """Reward g and potential h."""

    def __init__(
        self, states: int, actions: int, width: int, gamma: float, state_only: bool, policy: float
    ) -> None:
        """Build the networks.

        Args:
            states: Length of a state as it is seen, S.
            actions: Length of an action as it is seen, A.
            width: Width of the two layers of each network.
            gamma: Discount of one decision.
            state_only: Whether the reward is that of a state, whatever is done in it.
            policy: Weight w of the policy's density; 1 is the paper's.
        """
        super().__init__()
        self.gamma, self.state_only, self.policy = gamma, state_only, policy
        self.g = mlp([states + (0 if state_only else actions), width, width, 1])
        self.h = mlp([states, width, width, 1])

    def learned(self, state: Tensor, action: Tensor) -> Tensor:
        """The reward that was learned, g, shape (N,)."""
        seen = state if self.state_only else torch.cat([state, action], dim=1)
        result: Tensor = self.g(seen).squeeze(1)
        return result

    def logit(self, one: Transitions) -> Tensor:
        """Log odds of being demonstrated: f - w log pi."""
        shaping = self.gamma * self.h(one.after) - self.h(one.state)
        f = self.learned(one.state, one.action) + shaping.squeeze(1)
        result: Tensor = f - self.policy * one.log_pi
        return result

    def reward(self, one: Transitions) -> Tensor:
        """The logit, log D - log(1 - D)."""
        return self.logit(one).clamp(-HIGHEST, HIGHEST)

    def learned_reward(self, one: Transitions) -> Tensor:
        """G alone: what was learned apart from its shaping."""
        return self.learned(one.state, one.action)
