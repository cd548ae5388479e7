# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Denoiser: the network that flow matching and diffusion share.

An MLP over the flat noisy chunk. What is observed, and how noisy the chunk is, scale and shift
the hidden layers (FiLM; Perez et al. 2018, eq. 1), so they reach every layer and not the first
alone.
"""

from typing import Annotated

from pydantic import Field
import torch
from torch import nn, Tensor
from torch.nn.functional import gelu

from .base import Count, Network
from .encoders import mlp

FREQUENCIES = 32
HIGHEST = 6.0
"""Waves that encode the time, and the logarithm of the highest of their frequencies."""


class DenoiserNetwork(Network):
    """What a denoiser is made of.

    Attributes:
        steps: Evaluations of the network that make one chunk.
        clip: Largest value of a normalised action that is ever predicted [standard deviations].
    """

    depth: Count = 2
    steps: Count = 4
    clip: Annotated[float, Field(gt=0)] = 6.0


class Film(nn.Module):
    """Residual block whose normalised input is scaled and shifted by the condition."""

    def __init__(self, width: int) -> None:
        """Build the layers."""
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.film = nn.Linear(width, 2 * width)
        self.layers = mlp([width, width, width])

    def forward(self, hidden: Tensor, condition: Tensor) -> Tensor:
        """Hidden features and condition, each (B, width), to hidden features."""
        scale, shift = self.film(condition).chunk(2, dim=-1)
        change: Tensor = self.layers(self.norm(hidden) * (1 + scale) + shift)
        return hidden + change


class Denoiser(nn.Module):
    """From a noisy chunk, its time and the features of an observation to a chunk."""

    def __init__(self, features: int, chunk: int, joints: int, network: Network) -> None:
        """Build the layers.

        Args:
            features: Length of the feature vector.
            chunk: Steps of the chunk, Ta.
            joints: Joints of each, k.
            network: Width and number of the blocks.
        """
        super().__init__()
        width = network.width
        self.into = nn.Linear(chunk * joints, width)
        self.condition = mlp([features + 2 * FREQUENCIES, width, width])
        self.blocks = nn.ModuleList([Film(width) for _ in range(network.depth)])
        self.out = nn.Linear(width, chunk * joints)
        waves = torch.exp(torch.linspace(0.0, HIGHEST, FREQUENCIES))
        self.register_buffer('waves', waves, persistent=False)
        self.waves: Tensor

    def forward(self, noisy: Tensor, time: Tensor, features: Tensor) -> Tensor:
        """Chunk (B, Ta, k) for a noisy one, times (B,) in [0, 1] and features (B, f)."""
        angles = time[:, None] * self.waves
        condition = gelu(self.condition(torch.cat([features, angles.sin(), angles.cos()], 1)))
        hidden = self.into(noisy.flatten(1))
        for block in self.blocks:
            hidden = block(hidden, condition)
        result: Tensor = self.out(hidden)
        return result.reshape(noisy.shape)
