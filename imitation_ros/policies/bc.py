# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Behavioural Cloning: the chunk that follows an observation, by regression.

    observation --encoder--> features --MLP--> chunk (Ta, k)

    L(theta) = 1 / sum(m) * sum_i m_i * h(pi_theta(o)_i - a_i)

over the steps i of the chunk and its joints, m_i = 0 where the chunk is padding (Pomerleau 1989;
chunks: Zhao et al. 2023, sec. IV-B, whose loss is the absolute error as well). By default h(e) is
|e|: it pulls as hard where the fit is close, so it goes on fitting errors that are small but add
up, and a few odd moments of a demonstration do not rule it. The Huber loss with delta = 1 is
quadratic below one standard deviation.
"""

from typing import Literal

import torch
from torch import nn, Tensor
from torch.nn.functional import l1_loss, smooth_l1_loss

from ..data.observation import ObservationSpec
from .base import Batch, Count, masked_mean, Network, Observation, Policy
from .encoders import Ensemble, mlp, ObservationEncoder


class BCNetwork(Network):
    """What the networks of Behavioural Cloning are made of.

    Attributes:
        members: MLPs that are trained side by side, and whose chunks are averaged.
        loss: The absolute error, or Huber's.
    """

    members: Count = 1
    loss: Literal['absolute', 'huber'] = 'absolute'


class BC(Policy):
    """MLPs over the features of an observation, all steps of the chunk at once.

    Away from the demonstrations the members err in different directions, and their mean by less;
    each of them is trained on the loss of its own chunk.
    """

    def __init__(self, spec: ObservationSpec, network: BCNetwork) -> None:
        """Build the encoder and the MLPs."""
        super().__init__(spec)
        self.error = smooth_l1_loss if network.loss == 'huber' else l1_loss
        self.encoder = ObservationEncoder(spec, network)
        hidden = [network.width] * network.depth
        sizes = [self.encoder.size, *hidden, spec.chunk * len(spec.actions)]
        self.head: nn.Module = (
            mlp(sizes) if network.members == 1 else Ensemble(network.members, sizes)
        )

    def _chunks(self, observation: Observation, generator: torch.Generator | None) -> Tensor:
        """Chunks of all members, shape (members, B, Ta, k)."""
        flat: Tensor = self.head(self.encoder(observation, generator))
        batch = observation.state.shape[0]
        return flat.reshape(-1, batch, self.spec.chunk, len(self.spec.actions))

    def loss(self, batch: Batch, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """Mean loss over the real steps of the chunks, and over the members."""
        chunks = self._chunks(batch.observation, generator)
        each = self.error(chunks, batch.action.expand_as(chunks), reduction='none')
        return {'loss': masked_mean(each.mean(dim=0), batch.mask)}

    def sample(self, observation: Observation, noise: Tensor | None = None) -> Tensor:
        """Chunk of an observation; the same observation gives the same chunk."""
        return self._chunks(observation, None).mean(dim=0)
