# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
r"""Proximal policy optimisation, on what IRL needs of it.

The policy is a Gaussian of fixed, small spread around a trained actor. Its action is one offset
per joint, in which the whole chunk of a decision is moved:

    chunk(s) + eps,   eps ~ N(0, sigma^2),   a = mean_i(chunk(s)_i) - q + eps,   i < played

and its density is that of `a` (one offset is what 160 ms of a smooth motion can tell apart; the
shape of a chunk stays what BC made it). With the ratio r = pi(a|s) / pi_old(a|s) and an advantage
A by generalised advantage estimation (Schulman et al. 2016, eq. 16) the policy minimises

    -E[min(r A, clip(r, 1 - clip, 1 + clip) A)] + w * E_demo[(chunk - a_demo)^2 / sigma^2]

(Schulman et al. 2017, eq. 7), the second term being BC in units of the exploration. Updates stop
when the mean KL divergence from the policy that acted passes `max_kl`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
import torch
from torch import nn, Tensor

from ..data.windows import WindowBatch
from ..policies.actor import Actor
from ..policies.base import Count, masked_mean
from ..policies.encoders import mlp
from ..training.config import NotNegative, Positive, Share
from .rollouts import Decide, Floats, Rollout


class Ppo(BaseModel):
    """Settings of PPO.

    Attributes:
        std: Spread of the exploration [rad]; a tenth of it [m] for joints that slide.
        lr: Learning rate of the policy.
        value_lr: Learning rate of the value function.
        epochs: Passes over an iteration's decisions.
        batch: Decisions in an update.
        clip: How far a ratio counts.
        max_kl: Mean KL divergence at which an iteration's updates of the policy end.
        trace: Lambda of the advantage estimate.
        bc: Weight of the BC loss in the first iteration.
        bc_last: Its weight in the last one; between them it falls in a line.
        width: Width of the value function's two layers.
    """

    model_config = ConfigDict(frozen=True, extra='forbid')

    std: Positive = 0.03
    lr: Positive = 2e-4
    value_lr: Positive = 1e-3
    epochs: Count = 6
    batch: Count = 128
    clip: Share = 0.2
    max_kl: Positive = 0.12
    trace: Share = 0.95
    bc: NotNegative = 1.0
    bc_last: NotNegative = 0.1
    width: Count = 128


@dataclass(frozen=True)
class Decisions:
    """Decisions of an iteration, flat, in order of episodes and time.

    Attributes:
        state: Raw state histories, shape (N, To, D).
        after: Those at the next decision, shape (N, To, D).
        action: Offsets from the measured position [rad or m], shape (N, k).
        left: Share of the horizon that is left, shape (N, 1).
        horizon: Decisions in each episode, T; N is a multiple of it.
    """

    state: Tensor
    after: Tensor
    action: Tensor
    left: Tensor
    horizon: int

    @classmethod
    def of(cls, rollout: Rollout) -> 'Decisions':
        """Flatten a rollout."""
        episodes, horizon = rollout.action.shape[:2]
        left = 1.0 - torch.arange(horizon, dtype=torch.float32) / horizon
        state = torch.from_numpy(rollout.state)
        return cls(
            state[:, :-1].flatten(0, 1),
            state[:, 1:].flatten(0, 1),
            torch.from_numpy(rollout.action).flatten(0, 1),
            left.repeat(episodes)[:, None],
            horizon,
        )


class GaussianPolicy:
    """An actor that explores.

    Attributes:
        actor: The actor.
        std: Spread of each joint's offset [rad or m], shape (k,).
        played: Steps of a chunk whose mean is the action.
    """

    def __init__(self, actor: Actor, std: NDArray[np.floating], played: int) -> None:
        """Put a spread around an actor."""
        self.actor = actor
        self.std = torch.tensor(std, dtype=torch.float32)
        self.played = played

    def mean(self, state: Tensor) -> Tensor:
        """Offsets without exploration, shape (B, k)."""
        k = len(self.std)
        played: Tensor = self.actor(state, {})[:, : self.played].mean(dim=1)
        return played - state[:, -1, :k]

    def log_prob(self, mean: Tensor, action: Tensor) -> Tensor:
        """Log density of actions, up to a constant, shape (B,)."""
        return -0.5 * (((action - mean) / self.std) ** 2).sum(dim=1)

    def divergence(self, mean: Tensor, old: Tensor) -> Tensor:
        """Mean KL divergence between two policies of the same spread."""
        return 0.5 * (((mean - old) / self.std) ** 2).sum(dim=1).mean()

    def decide(self, rng: np.random.Generator | None) -> Decide:
        """Make decisions; without random numbers they are the mean."""
        std, k = self.std.numpy(), len(self.std)

        def decide(state: Floats, step: int) -> tuple[Floats, Floats]:
            chunk = self.actor.predict(state[None], {})[0]
            if rng is not None:
                chunk = chunk + std * rng.standard_normal(k, dtype=np.float32)
            return chunk, chunk[: self.played].mean(axis=0) - state[-1, :k]

        return decide

    def bc_loss(self, windows: WindowBatch, noise: float, generator: torch.Generator) -> Tensor:
        """Squared error of the chunks on demonstrations, in units of the exploration.

        Args:
            windows: Windows of the demonstrations.
            noise: Noise on the states, as a share of their standard deviation.
            generator: Source of it.
        """
        random = noise * torch.randn(windows.state[:, :1].shape, generator=generator)
        batch = self.actor.batch(windows, random)
        error = self.actor.policy.sample(batch.observation) - batch.action
        return masked_mean((error * self.actor.action_std / self.std) ** 2, batch.mask)


def advantages(reward: Tensor, value: Tensor, last: Tensor, gamma: float, trace: float) -> Tensor:
    """Generalised advantage estimates.

        A_t = sum_l (gamma lambda)^l delta_{t+l},   delta_t = r_t + gamma V_{t+1} - V_t

    Args:
        reward: Rewards, shape (E, T).
        value: Value of every state, shape (E, T).
        last: Value of the state after the last decision, shape (E,).
        gamma: Discount.
        trace: Lambda.

    Returns:
        Shape (E, T).
    """
    result = torch.zeros_like(reward)
    after, running = last, torch.zeros_like(last)
    for t in reversed(range(reward.shape[1])):
        delta = reward[:, t] + gamma * after - value[:, t]
        running = delta + gamma * trace * running
        result[:, t], after = running, value[:, t]
    return result


class Value(nn.Module):
    """Value of a state and of the share of the horizon that is left."""

    def __init__(self, inputs: int, width: int) -> None:
        """Build the network."""
        super().__init__()
        self.layers = mlp([inputs + 1, width, width, 1])

    def forward(self, features: Tensor, left: Tensor) -> Tensor:
        """Values, shape (B,), of normalised states (B, F)."""
        result: Tensor = self.layers(torch.cat([features, left], dim=1)).squeeze(1)
        return result
