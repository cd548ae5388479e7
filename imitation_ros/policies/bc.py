# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Behavioural Cloning: the chunk that follows an observation, by regression.

    observation --encoder--> features --MLP--> chunk (Ta, k)

    L(theta) = 1 / sum(m) * sum_i m_i * huber(pi_theta(o)_i - a_i),   huber with delta = 1

over the steps i of the chunk and its joints, m_i = 0 where the chunk is padding (Pomerleau 1989;
chunks: Zhao et al. 2023, sec. IV-B). The Huber loss is quadratic for errors below one standard
deviation and linear above, so a few odd moments of a demonstration do not rule the fit.
"""

import torch
from torch import Tensor
from torch.nn.functional import smooth_l1_loss

from ..data.observation import ObservationSpec
from .base import Batch, masked_mean, Network, Observation, Policy
from .encoders import mlp, ObservationEncoder


class BC(Policy):
    """MLP over the features of an observation, all steps of the chunk at once."""

    def __init__(self, spec: ObservationSpec, network: Network) -> None:
        """Build the encoder and the MLP."""
        super().__init__(spec)
        self.encoder = ObservationEncoder(spec, network)
        hidden = [network.width] * network.depth
        self.head = mlp([self.encoder.size, *hidden, spec.chunk * len(spec.actions)])

    def _chunk(self, observation: Observation, generator: torch.Generator | None) -> Tensor:
        flat: Tensor = self.head(self.encoder(observation, generator))
        return flat.reshape(-1, self.spec.chunk, len(self.spec.actions))

    def loss(self, batch: Batch, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """Mean Huber loss over the real steps of the chunks."""
        chunk = self._chunk(batch.observation, generator)
        each = smooth_l1_loss(chunk, batch.action, reduction='none')
        return {'loss': masked_mean(each, batch.mask)}

    def sample(self, observation: Observation, noise: Tensor | None = None) -> Tensor:
        """Chunk of an observation; the same observation gives the same chunk."""
        return self._chunk(observation, None)
