# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Diffusion policy: noise is taken off a chunk step by step (Chi et al. 2023).

    a_t = sqrt(abar_t) a + sqrt(1 - abar_t) z,   z ~ N(0, I),   t ~ U{1 .. N}

    L(theta) = E || a_theta(a_t, t, o) - a ||^2

with the cosine schedule of abar (Nichol and Dhariwal 2021, eq. 17). The network predicts the
chunk and not the noise (Salimans and Ho 2022, sec. 4): with few demonstrations and few steps a
small error of the predicted noise is a large error of the chunk. A chunk is made by DDIM without
added noise (Song et al. 2021, eq. 12 with sigma = 0), over `steps` of the N levels:

    z' = (a_t - sqrt(abar_t) a') / sqrt(1 - abar_t),     a' = a_theta(a_t, t, o)
    a_s = sqrt(abar_s) a' + sqrt(1 - abar_s) z'

The steps are unrolled, so a policy.onnx holds all of them.
"""

import math

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from ..data.observation import ObservationSpec
from .base import Batch, Count, masked_mean, Observation, Policy, source, without_padding
from .denoiser import Denoiser, DenoiserNetwork
from .encoders import ObservationEncoder

OFFSET = 0.008
"""Offset of the cosine schedule: the least noise is not zero."""

LEAST = 1e-4
"""Least share of the signal, so that the noisiest chunk still has one."""


class DiffusionNetwork(DenoiserNetwork):
    """What a diffusion policy is made of; `steps` are those of DDIM.

    Attributes:
        levels: Levels of noise in training, N.
    """

    steps: Count = 8
    levels: Count = 50


def cosine_schedule(levels: int) -> NDArray[np.float64]:
    """Share abar of the signal's variance at each level, falling, shape (levels,)."""
    t = np.arange(levels + 1) / levels
    f = np.cos((t + OFFSET) / (1 + OFFSET) * math.pi / 2) ** 2
    return np.asarray(np.clip(f / f[0], LEAST, 1.0)[1:], dtype=np.float64)


class Diffusion(Policy):
    """Denoiser that predicts the chunk itself."""

    noisy = True

    def __init__(self, spec: ObservationSpec, network: DiffusionNetwork) -> None:
        """Build the encoder, the denoiser and the schedule."""
        super().__init__(spec)
        self.encoder = ObservationEncoder(spec, network)
        self.denoiser = Denoiser(self.encoder.size, spec.chunk, len(spec.actions), network)
        self._levels, self._clip = network.levels, network.clip
        self._schedule = cosine_schedule(network.levels)
        steps = min(network.steps, network.levels)
        self._visited = np.linspace(network.levels - 1, 0, steps).round().astype(int).tolist()
        shares = torch.tensor(self._schedule, dtype=torch.float32)
        self.register_buffer('shares', shares, persistent=False)
        self.shares: Tensor

    def loss(self, batch: Batch, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """Mean squared error of the chunk over its real steps."""
        features = self.encoder(batch.observation, generator)
        random = source(generator)
        action = without_padding(batch)
        noise = torch.randn(action.shape, generator=random)
        level = torch.randint(self._levels, (len(action),), generator=random)
        share = self.shares[level][:, None, None]
        noisy = share.sqrt() * action + (1 - share).sqrt() * noise
        chunk = self.denoiser(noisy, level / self._levels, features)
        each = mse_loss(chunk, action, reduction='none')
        return {'loss': masked_mean(each, batch.mask)}

    def sample(self, observation: Observation, noise: Tensor | None = None) -> Tensor:
        """Take the noise off in a few steps, without adding any."""
        features = self.encoder(observation)
        shape = (len(features), self.spec.chunk, len(self.spec.actions))
        noisy = features.new_zeros(shape) if noise is None else noise
        chunk = noisy
        for place, level in enumerate(self._visited):
            time = features.new_full(shape[:1], level / self._levels)
            chunk = self.denoiser(noisy, time, features).clamp(-self._clip, self._clip)
            if place + 1 == len(self._visited):
                break
            share, following = self._schedule[level], self._schedule[self._visited[place + 1]]
            rest = (noisy - math.sqrt(share) * chunk) / math.sqrt(1 - share)
            noisy = math.sqrt(following) * chunk + math.sqrt(1 - following) * rest
        return chunk
