# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From an observation to one feature vector: the state, and what a small CNN sees.

The image encoder ends in a spatial softmax (Levine et al. 2016, sec. 5.1): the expected position
of each feature in the image, which is what an arm needs to know, in few numbers. GroupNorm
instead of BatchNorm, whose running statistics go wrong under an average of the weights.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn, Tensor
from torch.nn.functional import gelu, pad

from ..data.observation import ObservationSpec
from .base import Network, Observation


def mlp(sizes: Sequence[int]) -> nn.Sequential:
    """Linear layers with GELU between them."""
    layers: list[nn.Module] = []
    for i, (inputs, outputs) in enumerate(pairwise(sizes)):
        layers += [nn.GELU()] if i else []
        layers.append(nn.Linear(inputs, outputs))
    return nn.Sequential(*layers)


class Ensemble(nn.Module):
    """Several MLPs of one shape and of different first weights, run side by side."""

    def __init__(self, members: int, sizes: Sequence[int]) -> None:
        """Begin every member as `mlp` would."""
        super().__init__()
        layers = [[m for m in mlp(sizes) if isinstance(m, nn.Linear)] for _ in range(members)]
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for same in zip(*layers, strict=True):
            self.weights.append(nn.Parameter(torch.stack([one.weight.detach().T for one in same])))
            self.biases.append(nn.Parameter(torch.stack([one.bias.detach() for one in same])))

    def forward(self, x: Tensor) -> Tensor:
        """Outputs of all members, shape (members, B, sizes[-1]), for features (B, sizes[0])."""
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = torch.matmul(gelu(x) if i else x, weight) + bias[:, None]
        return x


class SpatialSoftmax(nn.Module):
    """Expected image position of each channel, in [-1, 1]: (B, C, h, w) to (B, 2 C)."""

    def __init__(self, height: int, width: int) -> None:
        """Lay out the coordinates of a feature map."""
        super().__init__()
        y, x = torch.meshgrid(
            torch.linspace(-1.0, 1.0, height), torch.linspace(-1.0, 1.0, width), indexing='ij'
        )
        self.register_buffer('places', torch.stack([x.flatten(), y.flatten()], dim=1))
        self.sharpness = nn.Parameter(torch.ones(()))
        self.places: Tensor

    def forward(self, features: Tensor) -> Tensor:
        """Weigh the coordinates by each channel's softmax."""
        weights = (features.flatten(2) * self.sharpness).softmax(dim=-1)
        return (weights @ self.places).flatten(1)


class ImageEncoder(nn.Module):
    """Small CNN for one camera: uint8 images (B, height, width, 3) to features (B, f).

    Random shifts and colour jitter are inside, and happen only where a generator is given.
    """

    def __init__(self, height: int, width: int, network: Network) -> None:
        """Build the layers for one image size."""
        super().__init__()
        self._crop, self._jitter = network.crop, network.jitter
        points = network.keypoints
        self.layers = nn.Sequential(
            nn.Conv2d(3, 16, 5, stride=2, padding=2),
            nn.GroupNorm(4, 16),
            nn.GELU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.GroupNorm(8, 32),
            nn.GELU(),
            nn.Conv2d(32, points, 3, padding=1),
        )
        self.keypoints = SpatialSoftmax((height + 3) // 4, (width + 3) // 4)
        self.out = nn.Linear(2 * points, network.image_features)

    def forward(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Encode images, augmented if a generator is given."""
        x = images.permute(0, 3, 1, 2).to(torch.float32) / 255.0
        if generator is not None:
            x = self._augment(x, generator)
        features: Tensor = self.out(self.keypoints(self.layers(x - 0.5)))
        return features

    def _augment(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Shift each image by whole pixels (edges repeated), change brightness and contrast."""
        count, _, height, width = x.shape
        if self._crop:
            padded = pad(x, (self._crop,) * 4, mode='replicate')
            size = (count, 1)
            top = torch.randint(0, 2 * self._crop + 1, size, generator=generator)
            left = torch.randint(0, 2 * self._crop + 1, size, generator=generator)
            rows, columns = top + torch.arange(height), left + torch.arange(width)
            which = torch.arange(count)[:, None, None]
            x = padded.permute(0, 2, 3, 1)[which, rows[:, :, None], columns[:, None, :]]
            x = x.permute(0, 3, 1, 2)
        if self._jitter:
            random = 2 * torch.rand(2, count, 1, 1, 1, generator=generator) - 1
            brightness, contrast = self._jitter * random
            mean = x.mean(dim=(1, 2, 3), keepdim=True)
            x = ((x - mean) * (1 + contrast) + mean + brightness).clamp(0.0, 1.0)
        return x


class ObservationEncoder(nn.Module):
    """State history and the features of every camera's history, side by side.

    Attributes:
        size: Length of the feature vector.
    """

    def __init__(self, spec: ObservationSpec, network: Network) -> None:
        """Build one image encoder per camera."""
        super().__init__()
        self.cameras = nn.ModuleDict(
            {
                camera.name: ImageEncoder(camera.height, camera.width, network)
                for camera in spec.cameras
            }
        )
        self.size = spec.history * (spec.size + network.image_features * len(spec.cameras))

    def parts(
        self, observation: Observation, generator: torch.Generator | None = None
    ) -> list[Tensor]:
        """State and the features of each camera, frame by frame, each of shape (B, To, f)."""
        result = [observation.state]
        for name, encoder in self.cameras.items():
            images = observation.images[name]
            count, history = images.shape[:2]
            features = encoder(images.flatten(0, 1), generator)
            result.append(features.reshape(count, history, features.shape[-1]))
        return result

    def forward(
        self, observation: Observation, generator: torch.Generator | None = None
    ) -> Tensor:
        """Feature vectors, shape (B, size)."""
        return torch.cat([part.flatten(1) for part in self.parts(observation, generator)], dim=1)
