# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What every policy is: a loss on batches, and a chunk for an observation.

A policy works in normalised units alone; `actor.Actor` around it knows the physical ones.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field
import torch
from torch import nn, Tensor

from ..data.observation import ObservationSpec

Count = Annotated[int, Field(ge=1)]

HELD_OUT_SEED = 0
"""Seed of the noise in a loss that was given no generator."""


class Network(BaseModel):
    """What a policy's networks are made of; methods add keys of their own.

    Attributes:
        width: Width of the hidden layers.
        depth: Number of hidden layers.
        image_features: Features that each camera adds to the state.
        keypoints: Keypoints that the image encoder looks for, in each image.
        crop: Largest random shift of an image in training [pixels].
        jitter: Largest random change of brightness and contrast in training, as a share.
    """

    model_config = ConfigDict(frozen=True, extra='forbid')

    width: Count = 256
    depth: Count = 3
    image_features: Count = 64
    keypoints: Count = 32
    crop: Annotated[int, Field(ge=0)] = 4
    jitter: Annotated[float, Field(ge=0, lt=1)] = 0.2


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
        noisy: Whether a chunk is made from noise, which `sample` then takes.
        spec: What is observed, and how long history and chunk are.
    """

    noisy: ClassVar[bool] = False

    def __init__(self, spec: ObservationSpec) -> None:
        """Keep the observation's layout."""
        super().__init__()
        self.spec = spec

    @abstractmethod
    def loss(self, batch: Batch, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """Loss to minimise, under 'loss', with any other figures worth a curve.

        Args:
            batch: Normalised batch.
            generator: Source of all randomness in training. Without it nothing is random and
                nothing is used that is not there at run time: the loss on held-out episodes.
        """

    @abstractmethod
    def sample(self, observation: Observation, noise: Tensor | None = None) -> Tensor:
        """Normalised chunk for an observation, shape (B, Ta, k).

        Args:
            observation: Normalised observation.
            noise: Where a generative policy begins, standard normal, shape (B, Ta, k); None is
                zeros, the middle. Other policies take none.
        """


def masked_mean(each: Tensor, mask: Tensor) -> Tensor:
    """Mean of (B, Ta, k) over the steps that are real, mask (B, Ta), and all joints."""
    weights = mask.to(each.dtype)
    return (each.mean(dim=2) * weights).sum() / weights.sum()


def without_padding(batch: Batch) -> Tensor:
    """Chunks in which the last real step is repeated, whatever the padding was.

    A generative policy reads the whole noisy chunk, so what stands in the padding would reach
    the loss of the real steps.
    """
    steps = torch.arange(batch.action.shape[1])
    last = batch.mask.sum(dim=1, keepdim=True) - 1
    index = torch.minimum(steps, last)[:, :, None].expand_as(batch.action)
    return batch.action.gather(1, index)


def source(generator: torch.Generator | None) -> torch.Generator:
    """Give the generator, or one that is the same each time: a loss that can be compared."""
    return torch.Generator().manual_seed(HELD_OUT_SEED) if generator is None else generator
