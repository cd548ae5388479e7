# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Flow matching: noise is carried along straight lines to the chunk that follows.

    a_s = (1 - s) z + s a,   z ~ N(0, I),   s ~ U(0, 1)

    L(theta) = E || a_theta(a_s, s, o) - a ||^2

(Lipman et al. 2023, eq. 20 to 23 with sigma_min = 0; Liu et al. 2023, eq. 1). The network
predicts the end of the line and not the velocity along it; one follows from the other,

    v = (a_theta - a_s) / (1 - s)

and the chunk is the easier one to learn from few demonstrations (docs/methods/flow.md). A chunk
is made by Euler steps of da/ds = v from a_0 = noise, unrolled, so a policy.onnx holds all of them.
"""

import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from ..data.observation import ObservationSpec
from .base import Batch, masked_mean, Observation, Policy, source, without_padding
from .denoiser import Denoiser, DenoiserNetwork
from .encoders import ObservationEncoder


class FlowNetwork(DenoiserNetwork):
    """What the network of flow matching is made of; `steps` are the Euler steps."""


class Flow(Policy):
    """Denoiser that predicts where the line from a noisy chunk ends."""

    noisy = True

    def __init__(self, spec: ObservationSpec, network: FlowNetwork) -> None:
        """Build the encoder and the denoiser."""
        super().__init__(spec)
        self.encoder = ObservationEncoder(spec, network)
        self.denoiser = Denoiser(self.encoder.size, spec.chunk, len(spec.actions), network)
        self._steps, self._clip = network.steps, network.clip

    def loss(self, batch: Batch, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """Mean squared error of the chunk over its real steps."""
        features = self.encoder(batch.observation, generator)
        random = source(generator)
        action = without_padding(batch)
        noise = torch.randn(action.shape, generator=random)
        time = torch.rand(len(action), generator=random)
        s = time[:, None, None]
        end = self.denoiser((1 - s) * noise + s * action, time, features)
        each = mse_loss(end, action, reduction='none')
        return {'loss': masked_mean(each, batch.mask)}

    def sample(self, observation: Observation, noise: Tensor | None = None) -> Tensor:
        """Carry the noise to a chunk in Euler steps of equal length."""
        features = self.encoder(observation)
        shape = (len(features), self.spec.chunk, len(self.spec.actions))
        chunk = features.new_zeros(shape) if noise is None else noise
        for step in range(self._steps):
            s = step / self._steps
            time = features.new_full(shape[:1], s)
            end = self.denoiser(chunk, time, features).clamp(-self._clip, self._clip)
            chunk = chunk + (end - chunk) / (1 - s) / self._steps
        return chunk
