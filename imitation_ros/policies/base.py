# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What every policy is: a loss on batches, and a chunk for an observation.

A policy works in normalised units alone; `actor.Actor` around it knows the physical ones.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn, Tensor

from ..data.observation import ObservationSpec


@dataclass(frozen=True)
class Network:
    """Size of the networks.

    Attributes:
        width: Width of the hidden layers.
        depth: Number of hidden layers.
        image_features: Features that each camera adds to the state.
        keypoints: Keypoints that the image encoder looks for, in each image.
        crop: Largest random shift of an image in training [pixels].
        jitter: Largest random change of brightness and contrast in training, as a share.
    """

    width: int = 256
    depth: int = 3
    image_features: int = 64
    keypoints: int = 32
    crop: int = 4
    jitter: float = 0.2


@dataclass(frozen=True)
class Observation:
    """What a policy sees.

    Attributes:
        state: Normalised state vectors, shape (B, To, D).
        images: Images of each camera, uint8, shape (B, To, height, width, 3).
    """

    state: Tensor
    images: Mapping[str, Tensor]


@dataclass(frozen=True)
class Batch:
    """What a policy learns from.

    Attributes:
        observation: What was seen.
        action: Normalised chunk, shape (B, Ta, k).
        mask: Whether each action is real, not padding, shape (B, Ta).
    """

    observation: Observation
    action: Tensor
    mask: Tensor


class Policy(nn.Module, ABC):
    """Base of all policies.

    Attributes:
        spec: What is observed, and how long history and chunk are.
    """

    def __init__(self, spec: ObservationSpec) -> None:
        """Keep the observation's layout."""
        super().__init__()
        self.spec = spec

    @abstractmethod
    def loss(self, batch: Batch, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """Loss to minimise, under 'loss', with any other figures worth a curve.

        Args:
            batch: Normalised batch.
            generator: Source of all randomness in training; without it nothing is random.
        """

    @abstractmethod
    def sample(self, observation: Observation) -> Tensor:
        """Normalised chunk for an observation, shape (B, Ta, k)."""
