# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Actor: a policy in physical units, raw observation in, joint positions out.

Everything that must be the same in training and on the robot is here and nowhere else:
normalisation, residual actions and noise. What is exported is this module.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
import torch
from torch import nn, Tensor

from ..data.observation import ObservationSpec
from ..data.stats import DataStats
from ..data.windows import WindowBatch
from .base import Batch, Observation, Policy

CLIP = 10.0
"""Normalised states are clipped to this many standard deviations."""


class Actor(nn.Module):
    """A policy between raw observations and joint positions.

    Attributes:
        policy: The policy, in normalised units.
        residual: Whether the policy's chunk is relative to the newest measured position.
    """

    def __init__(self, policy: Policy, stats: DataStats) -> None:
        """Put the statistics around a policy."""
        super().__init__()
        self.policy = policy
        self.residual = stats.residual
        self._measured = _columns(policy.spec)
        state, action = stats.state_normalizer(policy.spec), stats.action_normalizer(policy.spec)
        change = stats.change_normalizer(policy.spec)
        self._sees_change = change is not None
        values_of = {
            'state_mean': state.mean,
            'state_std': state.std,
            'action_mean': action.mean,
            'action_std': action.std,
        }
        if change is not None:
            values_of['change_std'] = change.std
        for name, values in values_of.items():
            # Not persistent: a checkpoint stores the statistics once, as numbers to be read.
            tensor = torch.tensor(values, dtype=torch.float32)
            self.register_buffer(name, tensor, persistent=False)
        self.state_mean: Tensor
        self.state_std: Tensor
        self.action_mean: Tensor
        self.action_std: Tensor
        self.change_std: Tensor

    def observe(self, state: Tensor, images: Mapping[str, Tensor]) -> Observation:
        """Normalise an observation.

        Of a history only the newest frame is seen as it is, and of each earlier one how much has
        changed since, in its own spread: two frames are nearly alike, and a network that is shown
        both as they are learns a speed slowly, if at all.
        """
        normal = (state - self.state_mean) / self.state_std
        if self._sees_change:
            change = (state[:, -1:] - state[:, :-1]) / self.change_std
            normal = torch.cat([change, normal[:, -1:]], dim=1)
        normal = normal.clamp(-CLIP, CLIP)
        return Observation(normal, images)

    def batch(self, windows: WindowBatch, noise: Tensor | None = None) -> Batch:
        """Turn windows into a normalised batch.

        Args:
            windows: Windows in raw units.
            noise: Noise on the states, in standard deviations, shape (B, 1, D): all frames of a
                history are moved alike, so that speeds stay true. A residual target is taken
                from the noisy position, so the policy learns to come back.
        """
        state = torch.from_numpy(windows.state)
        if noise is not None:
            state = state + noise * self.state_std
        images = {name: torch.from_numpy(array) for name, array in windows.images.items()}
        action = torch.from_numpy(windows.action)
        if self.residual:
            action = action - state[:, -1:, self._measured]
        action = (action - self.action_mean) / self.action_std
        return Batch(self.observe(state, images), action, torch.from_numpy(windows.mask))

    def loss(
        self, windows: WindowBatch, generator: torch.Generator | None = None, noise: float = 0.0
    ) -> dict[str, Tensor]:
        """Loss of the policy on windows in raw units.

        Args:
            windows: The windows.
            generator: Source of all randomness; without it there is none, and no augmentation.
            noise: Standard deviation of the noise on states, as a share of theirs.
        """
        random = None
        if generator is not None and noise > 0:
            random = noise * torch.randn(windows.state[:, :1].shape, generator=generator)
        return self.policy.loss(self.batch(windows, random), generator)

    def forward(
        self, state: Tensor, images: Mapping[str, Tensor], noise: Tensor | None = None
    ) -> Tensor:
        """Joint positions [rad], shape (B, Ta, k).

        Args:
            state: Raw states, shape (B, To, D).
            images: Images of each camera.
            noise: Where a generative policy begins, shape (B, Ta, k); None is zeros.
        """
        chunk = self.policy.sample(self.observe(state, images), noise) * self.action_std
        chunk = chunk + self.action_mean
        return chunk + state[:, -1:, self._measured] if self.residual else chunk

    @torch.no_grad()
    def predict(
        self,
        state: NDArray[np.float32],
        images: Mapping[str, NDArray[np.uint8]],
        noise: NDArray[np.float32] | None = None,
    ) -> NDArray[np.float32]:
        """`forward` from and to arrays."""
        tensors = {name: torch.from_numpy(array) for name, array in images.items()}
        begin = None if noise is None else torch.from_numpy(noise)
        result: Any = self(torch.from_numpy(state), tensors, begin).numpy()
        return np.asarray(result, dtype=np.float32)


def _columns(spec: ObservationSpec) -> slice | list[int]:
    """Where the measured positions of the actions stand in a state; a slice where they lead it."""
    measured = spec.measured or ()
    leading = slice(0, len(measured))
    return leading if measured == tuple(range(len(measured))) else list(measured)
