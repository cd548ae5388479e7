# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Flow matching and diffusion where the right answer is known in closed form."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from imitation_ros.data.observation import ObservationSpec
from imitation_ros.policies.base import Batch, Observation, Policy, without_padding
from imitation_ros.policies.diffusion import cosine_schedule, Diffusion, DiffusionNetwork
from imitation_ros.policies.flow import Flow, FlowNetwork

SPEC = ObservationSpec(('a', 'b'), False, (), (), 1, 25.0, 4, 2)
MEAN, STD = 0.7, 0.3
"""Chunks of the analytic tests: each entry normal and independent."""


def observation(count: int) -> Observation:
    return Observation(torch.zeros(count, 1, 2), {})


class PerfectEnd(torch.nn.Module):
    """E[a | a_s] of a Gaussian on the straight line."""

    def forward(self, noisy: Tensor, time: Tensor, features: Tensor) -> Tensor:
        s = time[:, None, None]
        variance = s**2 * STD**2 + (1 - s) ** 2
        return MEAN + s * STD**2 / variance * (noisy - s * MEAN)


class PerfectChunk(torch.nn.Module):
    """E[a | a_t] of a Gaussian."""

    def __init__(self, levels: int) -> None:
        super().__init__()
        self.schedule = torch.tensor(cosine_schedule(levels), dtype=torch.float32)

    def forward(self, noisy: Tensor, time: Tensor, features: Tensor) -> Tensor:
        level = (time * len(self.schedule)).round().long()
        share = self.schedule[level][:, None, None]
        variance = share * STD**2 + 1 - share
        return MEAN + share.sqrt() * STD**2 / variance * (noisy - share.sqrt() * MEAN)


def perfect(kind: str, steps: int) -> Policy:
    if kind == 'flow':
        flow = Flow(SPEC, FlowNetwork(width=8, steps=steps))
        flow.denoiser = PerfectEnd()
        return flow
    diffusion = Diffusion(SPEC, DiffusionNetwork(width=8, steps=steps, levels=200))
    diffusion.denoiser = PerfectChunk(200)
    return diffusion


@pytest.mark.parametrize(
    ('kind', 'steps', 'tolerance'),
    [('flow', 100, 0.01), ('flow', 4, 0.13), ('diffusion', 100, 0.01), ('diffusion', 8, 0.09)],
)
def test_a_perfect_network_gives_the_distribution_of_the_data(
    kind: str, steps: int, tolerance: float
) -> None:
    """Noise in, and out come chunks of the right mean and spread: the sampler is right.

    A few Euler or DDIM steps make the spread too narrow, by as much as the tolerance allows.
    """
    noise = torch.randn(2000, 4, 2, generator=torch.Generator().manual_seed(0))
    chunks = perfect(kind, steps).sample(observation(2000), noise)
    assert float(chunks.mean()) == pytest.approx(MEAN, abs=0.02)
    assert float(chunks.std()) == pytest.approx(STD, abs=tolerance)
    assert float(chunks.std()) < STD + 0.005
    # The map keeps the order: it is the noise that chooses.
    assert float(torch.corrcoef(torch.stack([noise.flatten(), chunks.flatten()]))[0, 1]) > 0.99


@pytest.mark.parametrize('kind', ['flow', 'diffusion'])
def test_no_noise_gives_the_middle(kind: str) -> None:
    chunk = perfect(kind, 50).sample(observation(3))
    torch.testing.assert_close(chunk, torch.full((3, 4, 2), MEAN), atol=0.02, rtol=0)


@pytest.mark.parametrize('kind', ['flow', 'diffusion'])
def test_the_loss_is_least_for_the_perfect_network(kind: str) -> None:
    """Its expectation is known: the variance that the noisy chunk leaves."""
    policy = perfect(kind, 4)
    generator = torch.Generator().manual_seed(0)
    action = MEAN + STD * torch.randn(20000, 4, 2, generator=generator)
    given = Batch(observation(20000), action, torch.ones(20000, 4, dtype=torch.bool))
    loss = float(policy.loss(given, generator)['loss'])
    if kind == 'flow':
        s = np.linspace(0, 1, 10001)
        left = STD**2 * (1 - s) ** 2 / (s**2 * STD**2 + (1 - s) ** 2)
    else:
        share = cosine_schedule(200)
        left = STD**2 * (1 - share) / (share * STD**2 + 1 - share)
    assert loss == pytest.approx(float(left.mean()), rel=0.03)


def test_the_schedule_is_the_papers() -> None:
    schedule = cosine_schedule(1000)
    assert (np.diff(schedule) <= 0).all()
    f = [math.cos((t / 1000 + 0.008) / 1.008 * math.pi / 2) ** 2 for t in (0, 500)]
    assert schedule[499] == pytest.approx(f[1] / f[0])
    assert schedule[-1] == 1e-4


@pytest.mark.parametrize('kind', [Flow, Diffusion])
def test_two_ways_are_kept_apart(kind: type[Policy]) -> None:
    """Left or right from the same state: regression goes between, these choose by the noise."""
    torch.manual_seed(0)
    network = {Flow: FlowNetwork, Diffusion: DiffusionNetwork}[kind](width=64, steps=8)
    policy = kind(SPEC, network)
    generator = torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam(policy.parameters(), 3e-3)
    way = torch.arange(128) % 2 * 2.0 - 1.0
    action = way[:, None, None].expand(128, 4, 2)
    given = Batch(observation(128), action, torch.ones(128, 4, dtype=torch.bool))
    for _ in range(300):
        optimizer.zero_grad()
        policy.loss(given, generator)['loss'].backward()
        optimizer.step()
    noise = torch.randn(500, 4, 2, generator=generator)
    with torch.no_grad():
        chunks = policy.sample(observation(500), noise).flatten(1)
    sides = chunks.mean(dim=1)
    assert 0.35 < float((sides > 0).float().mean()) < 0.65
    assert float((chunks.sign() == sides.sign()[:, None]).float().mean()) > 0.95
    assert float((sides.abs() > 0.7).float().mean()) > 0.9


def test_padding_repeats_the_last_real_step() -> None:
    action = torch.arange(12.0).reshape(1, 6, 2)
    mask = torch.tensor([[True, True, True, False, False, False]])
    filled = without_padding(Batch(observation(1), action, mask))
    assert filled[0, :, 0].tolist() == [0, 2, 4, 4, 4, 4]
