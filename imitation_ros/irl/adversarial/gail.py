# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
r"""Generative adversarial imitation learning (Ho and Ermon 2016).

A classifier D(s, a) tells demonstrated pairs from those of the policy, which minimises the
Jensen-Shannon divergence between the two (eq. 15). Here D is the probability of being
demonstrated (the paper's is that of being the policy's), and the policy is paid -log(1 - D). It
gives a policy, and no reward that means anything: at the end D is one half everywhere.
"""

import torch
from torch import Tensor
from torch.nn.functional import softplus

from ...policies.encoders import mlp
from .discriminator import Adversary, Transitions


class Gail(Adversary):
    """One network for the logit of D."""

    def __init__(self, states: int, actions: int, width: int) -> None:
        """Build the network for states and actions of these lengths."""
        super().__init__()
        self.layers = mlp([states + actions, width, width, 1])

    def logit(self, one: Transitions) -> Tensor:
        """Log odds of being demonstrated."""
        result: Tensor = self.layers(torch.cat([one.state, one.action], dim=1)).squeeze(1)
        return result

    def reward(self, one: Transitions) -> Tensor:
        """-log(1 - D) = log(1 + exp(logit))."""
        return softplus(self.logit(one))
