# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ACT against its equations: the divergence, the mask, what z is for, and the paper's size."""

import pytest
import torch

from imitation_ros.data.observation import ObservationSpec
from imitation_ros.policies.act import ACT, ActNetwork, Layer
from imitation_ros.policies.base import Batch, Observation

SPEC = ObservationSpec(('a', 'b'), False, (), (), 1, 25.0, 6, 3)
NETWORK = ActNetwork(width=32, heads=4, feedforward=64, latent=3)


def batch(count: int = 64, seed: int = 0) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    state = torch.randn(count, 1, 2, generator=generator)
    action = torch.randn(count, 6, 2, generator=generator)
    return Batch(Observation(state, {}), action, torch.ones(count, 6, dtype=torch.bool))


def policy(**changes: object) -> ACT:
    torch.manual_seed(0)
    return ACT(SPEC, NETWORK.model_copy(update=changes))


def test_attention_is_that_of_torch() -> None:
    """The layer against torch's own, with the same weights and a mask."""
    torch.manual_seed(0)
    ours = Layer(NETWORK)
    theirs = torch.nn.TransformerEncoderLayer(
        32, 4, 64, 0.0, activation='gelu', batch_first=True, norm_first=True
    )
    theirs.load_state_dict(
        {
            'self_attn.in_proj_weight': ours.qkv.weight,
            'self_attn.in_proj_bias': ours.qkv.bias,
            'self_attn.out_proj.weight': ours.out.weight,
            'self_attn.out_proj.bias': ours.out.bias,
            'linear1.weight': ours.mlp[0].weight,
            'linear1.bias': ours.mlp[0].bias,
            'linear2.weight': ours.mlp[2].weight,
            'linear2.bias': ours.mlp[2].bias,
            'norm1.weight': ours.norms[0].weight,
            'norm1.bias': ours.norms[0].bias,
            'norm2.weight': ours.norms[1].weight,
            'norm2.bias': ours.norms[1].bias,
        }
    )
    tokens = torch.randn(5, 7, 32)
    real = torch.ones(5, 7, dtype=torch.bool)
    real[:, 5:] = False
    torch.testing.assert_close(ours(tokens), theirs(tokens), atol=1e-5, rtol=1e-4)
    masked = theirs(tokens, src_key_padding_mask=~real)
    torch.testing.assert_close(ours(tokens, real)[:, :5], masked[:, :5], atol=1e-5, rtol=1e-4)


def test_the_divergence_is_that_of_two_gaussians() -> None:
    act, given = policy(), batch()
    mean, log_variance = act.posterior(given)
    exact = torch.distributions.kl_divergence(
        torch.distributions.Normal(mean, (0.5 * log_variance).exp()),
        torch.distributions.Normal(torch.zeros_like(mean), torch.ones_like(mean)),
    )
    found = act.loss(given, torch.Generator().manual_seed(1))
    torch.testing.assert_close(found['divergence'], exact.sum(dim=1).mean().detach())
    expected = found['error'] + NETWORK.kl * found['divergence']
    torch.testing.assert_close(found['loss'].detach(), expected)


def test_the_held_out_loss_is_that_of_what_runs() -> None:
    """Without a generator z = 0: the demonstration's own future is not looked at."""
    act, given = policy(), batch()
    expected = (act.sample(given.observation) - given.action).abs().mean()
    torch.testing.assert_close(act.loss(given)['loss'], expected)


def test_padding_does_not_reach_the_posterior() -> None:
    act, given = policy(), batch()
    mask = given.mask.clone()
    mask[:, 3:] = False
    other = given.action.clone()
    other[:, 3:] = 100.0
    first, second = (
        act.posterior(Batch(given.observation, action, mask)) for action in (given.action, other)
    )
    for a, b in zip(first, second, strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize(('kl', 'told'), [(0.0, True), (100.0, False)])
def test_z_tells_the_ways_apart_as_far_as_its_weight_lets_it(kl: float, told: bool) -> None:
    """Two ways from the same state: with a free z both are rebuilt, with a dear one neither."""
    act = policy(kl=kl)
    generator = torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam(act.parameters(), 3e-3)
    way = torch.arange(16) % 2 * 2.0 - 1.0
    action = way[:, None, None].expand(16, 6, 2)
    given = Batch(Observation(torch.zeros(16, 1, 2), {}), action, batch(16).mask)
    for _ in range(80):
        optimizer.zero_grad()
        act.loss(given, generator)['loss'].backward()
        optimizer.step()
    error = float(act.loss(given, generator)['error'])
    assert error < 0.25 if told else error > 0.7


def test_the_papers_size_can_be_built() -> None:
    network = ActNetwork(
        width=512, depth=7, posterior_depth=4, heads=8, feedforward=3200, latent=32, kl=10.0
    )
    spec = ObservationSpec(('a',) * 14, False, (), (), 1, 50.0, 100, 50)
    act = ACT(spec, network)
    assert 40e6 < sum(p.numel() for p in act.parameters()) < 60e6
    state = torch.zeros(1, 1, spec.size)
    assert act.sample(Observation(state, {})).shape == (1, 100, 14)
