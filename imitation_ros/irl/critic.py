# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Critic: two Q-functions of a state and the actions that are run in it."""

import torch
from torch import nn, Tensor


class Critic(nn.Module):
    """Two Q-functions of state, executed actions and the flag of the absorbing state."""

    def __init__(self, states: int, actions: int, width: int) -> None:
        """Build them."""
        super().__init__()

        def one() -> nn.Sequential:
            # Normalised layers keep values bounded where no data is (Ball et al. 2023, sec. 4.2).
            return nn.Sequential(
                nn.Linear(states + actions + 1, width),
                nn.LayerNorm(width),
                nn.GELU(),
                nn.Linear(width, width),
                nn.LayerNorm(width),
                nn.GELU(),
                nn.Linear(width, 1),
            )

        self.first, self.second = one(), one()

    def forward(self, state: Tensor, action: Tensor, absorbing: Tensor) -> Tensor:
        """Both values, shape (B, 2)."""
        x = torch.cat([state, action, absorbing], dim=1)
        return torch.cat([self.first(x), self.second(x)], dim=1)
