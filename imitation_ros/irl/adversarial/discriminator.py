# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What GAIL and AIRL share: transitions, a classifier of them, and how it is trained.

The classifier tells demonstrated transitions from those of the policy; its loss is the binary
cross-entropy of its logit. A penalty on the gradient between the two (Gulrajani et al. 2017,
eq. 3, here one-sided) keeps it from becoming a step, whose reward would teach nothing.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict
import torch
from torch import nn, Tensor
from torch.nn.functional import softplus

from ...data.windows import Windows
from ...policies.actor import Actor, CLIP
from ...policies.base import Count
from ...training.config import NotNegative, Positive
from ..ppo import Decisions, GaussianPolicy
from .features import View

FLOOR = 0.01
"""Least spread of what is seen [m or rad], so that what hardly moves is not blown up."""

SLOPE = 0.5
"""Gradients up to this norm cost nothing."""


class Discriminator(BaseModel):
    """Settings of the classifier.

    Attributes:
        updates: Updates in an iteration.
        first_updates: Updates in the first iteration.
        batch: Demonstrated, and as many own, transitions in an update.
        lr: Learning rate.
        weight_decay: Weight decay.
        penalty: Weight of the gradient penalty.
        width: Width of its two layers.
    """

    model_config = ConfigDict(frozen=True, extra='forbid')

    updates: Count = 30
    first_updates: Count = 150
    batch: Count = 256
    lr: Positive = 1e-3
    weight_decay: NotNegative = 1e-3
    penalty: NotNegative = 5.0
    width: Count = 64


@dataclass(frozen=True)
class Transitions:
    """Transitions as the classifier sees them, scaled by the spread of the demonstrated ones.

    Attributes:
        state: States, shape (N, S).
        action: Actions, shape (N, A).
        after: States at the next decision, shape (N, S).
        log_pi: Log density of the actions under the policy that is trained, shape (N,).
    """

    state: Tensor
    action: Tensor
    after: Tensor
    log_pi: Tensor

    def __len__(self) -> int:
        """Count them."""
        return len(self.state)

    def take(self, index: Tensor) -> 'Transitions':
        """Take some of them."""
        return Transitions(
            self.state[index], self.action[index], self.after[index], self.log_pi[index]
        )


class Adversary(nn.Module, ABC):
    """A classifier of transitions, and the reward it stands for."""

    @abstractmethod
    def logit(self, one: Transitions) -> Tensor:
        """Log odds that transitions are demonstrated, shape (N,)."""

    @abstractmethod
    def reward(self, one: Transitions) -> Tensor:
        """What the policy is paid for transitions, shape (N,)."""

    def learned_reward(self, one: Transitions) -> Tensor:
        """The reward that was learned, shape (N,), where it is not what the policy is paid."""
        return self.reward(one)


def features(actor: Actor, state: Tensor) -> Tensor:
    """Normalised state histories as vectors, shape (N, F)."""
    return actor.observe(state, {}).state.flatten(1)


class Experience:
    """Turns decisions and demonstrations into transitions of the same kind.

    Attributes:
        sizes: Length of a state and of an action, as the classifier sees them.
    """

    def __init__(self, policy: GaussianPolicy, windows: Windows, view: View | None) -> None:
        """Gather the demonstrated transitions: one for every frame that has a next decision.

        Args:
            policy: The policy.
            windows: Windows of the demonstrations.
            view: How transitions are seen; None is the policy's own observation.
        """
        self._policy = policy
        self._view = self._observe if view is None else view
        index = np.arange(len(windows))
        later = np.minimum(index + windows.spec.execute, len(windows) - 1)
        whole = (windows.episode[later] == windows.episode[index]) & (later > index)
        batch = windows.batch(index[whole])
        self._state = torch.from_numpy(batch.state)
        self._after = torch.from_numpy(windows.batch(later[whole]).state)
        target = torch.from_numpy(batch.action[:, : policy.played]).mean(dim=1)
        self._action = target - self._state[:, -1, : target.shape[1]]
        state, action = self._view(self._state, self._action)
        self._scales = [_Scale.of(state), _Scale.of(action)]
        self.sizes = state.shape[1], action.shape[1]

    @torch.no_grad()
    def demonstrated(self, generator: torch.Generator) -> Transitions:
        """Demonstrated transitions, their actions blurred as the policy's exploration does.

        Without the blur the classifier would only have to look for noise.
        """
        noise = torch.randn(self._action.shape, generator=generator)
        action = self._action + self._policy.std * noise
        return self._transitions(self._state, action, self._after)

    @torch.no_grad()
    def own(self, decisions: Decisions) -> Transitions:
        """Transitions of the policy."""
        return self._transitions(decisions.state, decisions.action, decisions.after)

    def _observe(self, state: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        return features(self._policy.actor, state), action

    def _transitions(self, state: Tensor, action: Tensor, after: Tensor) -> Transitions:
        seen, done = self._view(state, action)
        then, _ = self._view(after, action)
        states, actions = self._scales
        log_pi = self._policy.log_prob(self._policy.mean(state), action)
        return Transitions(states.apply(seen), actions.apply(done), states.apply(then), log_pi)


@dataclass(frozen=True)
class _Scale:
    """Mean and spread of the demonstrated transitions, with a floor under the spread."""

    mean: Tensor
    std: Tensor

    @classmethod
    def of(cls, values: Tensor) -> '_Scale':
        return cls(values.mean(dim=0), values.std(dim=0).clamp(min=FLOOR))

    def apply(self, values: Tensor) -> Tensor:
        return ((values - self.mean) / self.std).clamp(-CLIP, CLIP)


def discriminate(
    adversary: Adversary,
    optimizer: torch.optim.Optimizer,
    demonstrated: Transitions,
    own: Transitions,
    settings: Discriminator,
    updates: int,
    generator: torch.Generator,
) -> None:
    """Train the classifier on what is demonstrated and what the policy did."""
    for _ in range(updates):
        size = (settings.batch,)
        one = demonstrated.take(torch.randint(len(demonstrated), size, generator=generator))
        two = own.take(torch.randint(len(own), size, generator=generator))
        share = torch.rand(settings.batch, 1, generator=generator)
        between = Transitions(
            (share * one.state + (1 - share) * two.state).requires_grad_(),
            (share * one.action + (1 - share) * two.action).requires_grad_(),
            (share * one.after + (1 - share) * two.after).requires_grad_(),
            torch.zeros(settings.batch),
        )
        inputs = (between.state, between.action, between.after)
        slopes = torch.autograd.grad(
            adversary.logit(between).sum(), inputs, create_graph=True, allow_unused=True
        )
        norm = torch.cat([slope for slope in slopes if slope is not None], dim=1).norm(dim=1)
        penalty = ((norm - SLOPE).clamp(min=0.0) ** 2).mean()
        loss = softplus(-adversary.logit(one)).mean() + softplus(adversary.logit(two)).mean()
        loss = loss + settings.penalty * penalty
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()


@torch.no_grad()
def accuracy(adversary: Adversary, demonstrated: Transitions, own: Transitions) -> float:
    """Share of transitions that are told right, both kinds weighing the same."""
    right = (adversary.logit(demonstrated) > 0).float().mean()
    wrong = (adversary.logit(own) > 0).float().mean()
    return float(0.5 * (right + 1.0 - wrong))
