# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ACT: a transformer that writes the whole chunk, trained as a conditional VAE.

    posterior:  [cls, o, a_0 .. a_Ta-1] --transformer--> mean, log variance of z
    decoder:    [z, o, query_0 .. query_Ta-1] --transformer--> chunk (Ta, k)

    L = 1 / sum(m) sum_i m_i | pi_theta(o, z)_i - a_i |  +  beta KL(q(z | o, a) || N(0, I))

(Zhao et al. 2023, sec. IV-C and algorithms 1 and 2). z tells the decoder in training in which of
several ways this demonstration went on, so that it need not average them; on the robot z = 0.
"""

from typing import Annotated

from pydantic import Field, model_validator
import torch
from torch import nn, Tensor
from torch.nn.functional import l1_loss, scaled_dot_product_attention

from ..data.observation import ObservationSpec
from .base import Batch, Count, masked_mean, Network, Observation, Policy
from .encoders import mlp, ObservationEncoder

LOG_VARIANCE = (-6.0, 2.0)
"""Range of the posterior's log variance, which keeps the first updates finite."""


class ActNetwork(Network):
    """What ACT is made of; the paper's size is in docs/methods/act.md.

    Attributes:
        width: Width of a token.
        depth: Layers of the decoder.
        posterior_depth: Layers of the posterior.
        heads: Attention heads; they divide the width.
        feedforward: Width between the two linear layers of a transformer layer.
        latent: Length of z.
        kl: Weight beta of the divergence from the prior.
    """

    width: Count = 64
    depth: Count = 2
    posterior_depth: Count = 1
    heads: Count = 4
    feedforward: Count = 128
    latent: Count = 8
    kl: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.1

    @model_validator(mode='after')
    def _check(self) -> 'ActNetwork':
        if self.width % self.heads:
            raise ValueError(f'heads {self.heads} do not divide the width {self.width}')
        return self


class Layer(nn.Module):
    """Transformer layer: attention and MLP, each normalised first and added."""

    def __init__(self, network: ActNetwork) -> None:
        """Build the layers."""
        super().__init__()
        width = network.width
        self._heads = network.heads
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.mlp = mlp([width, network.feedforward, width])

    def forward(self, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        """Tokens (B, L, width) to tokens; those where mask (B, L) is False are not looked at."""
        count, length, width = tokens.shape
        qkv = self.qkv(self.norms[0](tokens))
        qkv = qkv.reshape(count, length, 3, self._heads, width // self._heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        seen = None if mask is None else mask[:, None, None, :]
        attended = scaled_dot_product_attention(q, k, v, attn_mask=seen)
        tokens = tokens + self.out(attended.transpose(1, 2).reshape(count, length, width))
        change: Tensor = self.mlp(self.norms[1](tokens))
        return tokens + change


class Posterior(nn.Module):
    """Which z a demonstration had: from state and chunk to mean and log variance."""

    def __init__(self, spec: ObservationSpec, network: ActNetwork) -> None:
        """Build the layers."""
        super().__init__()
        width = network.width
        self.state = nn.Linear(spec.history * spec.size, width)
        self.action = nn.Linear(len(spec.actions), width)
        self.cls = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.places = nn.Parameter(0.02 * torch.randn(spec.chunk, width))
        self.layers = nn.ModuleList([Layer(network) for _ in range(network.posterior_depth)])
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, 2 * network.latent)

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Mean and log variance, each (B, latent)."""
        count = len(batch.action)
        state = self.state(batch.observation.state.flatten(1))[:, None]
        action = self.action(batch.action) + self.places
        tokens = torch.cat([self.cls.expand(count, -1, -1), state, action], dim=1)
        real = torch.cat([batch.mask.new_ones(count, 2), batch.mask], dim=1)
        for layer in self.layers:
            tokens = layer(tokens, real)
        mean, log_variance = self.out(self.norm(tokens[:, 0])).chunk(2, dim=-1)
        return mean, log_variance.clamp(*LOG_VARIANCE)


class ACT(Policy):
    """Transformer over z, the observation and one query for each step of the chunk."""

    def __init__(self, spec: ObservationSpec, network: ActNetwork) -> None:
        """Build the encoder, the posterior and the decoder."""
        super().__init__(spec)
        width, views = network.width, len(spec.cameras)
        self.encoder = ObservationEncoder(spec, network)
        sizes = [spec.size, *[network.image_features] * views]
        self.inputs = nn.ModuleList([nn.Linear(size, width) for size in sizes])
        self.posterior = Posterior(spec, network)
        self.style = nn.Linear(network.latent, width)
        seen = spec.history * len(sizes)
        self.places = nn.Parameter(0.02 * torch.randn(seen, width))
        self.queries = nn.Parameter(0.02 * torch.randn(spec.chunk, width))
        self.layers = nn.ModuleList([Layer(network) for _ in range(network.depth)])
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, len(spec.actions))
        self._latent, self._kl = network.latent, network.kl

    def _chunk(
        self, observation: Observation, z: Tensor, generator: torch.Generator | None
    ) -> Tensor:
        """Decode a chunk (B, Ta, k) from an observation and z (B, latent)."""
        parts = self.encoder.parts(observation, generator)
        seen = [layer(part) for layer, part in zip(self.inputs, parts, strict=True)]
        count = len(z)
        tokens = torch.cat(
            [
                self.style(z)[:, None],
                torch.cat(seen, dim=1) + self.places,
                self.queries.expand(count, -1, -1),
            ],
            dim=1,
        )
        for layer in self.layers:
            tokens = layer(tokens)
        chunk: Tensor = self.out(self.norm(tokens[:, -self.spec.chunk :]))
        return chunk

    def loss(self, batch: Batch, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """Mean absolute error over the real steps, and the divergence of z from its prior."""
        if generator is None:
            chunk = self.sample(batch.observation)
            each = l1_loss(chunk, batch.action, reduction='none')
            return {'loss': masked_mean(each, batch.mask)}
        mean, log_variance = self.posterior(batch)
        noise = torch.randn(mean.shape, generator=generator)
        z = mean + (0.5 * log_variance).exp() * noise
        chunk = self._chunk(batch.observation, z, generator)
        error = masked_mean(l1_loss(chunk, batch.action, reduction='none'), batch.mask)
        each = 1 + log_variance - mean.square() - log_variance.exp()
        divergence = -0.5 * each.sum(dim=1).mean()
        return {
            'loss': error + self._kl * divergence,
            'error': error.detach(),
            'divergence': divergence.detach(),
        }

    def sample(self, observation: Observation, noise: Tensor | None = None) -> Tensor:
        """Chunk of an observation with z = 0, the mean of the prior."""
        z = observation.state.new_zeros(len(observation.state), self._latent)
        return self._chunk(observation, z, None)
