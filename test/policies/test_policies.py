# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What holds for every method: units, padding, randomness, gradients, images."""

from collections.abc import Mapping

import numpy as np
import pytest
import torch

from imitation_ros.data.observation import CameraInput, ObservationSpec
from imitation_ros.data.stats import DataStats, Stats
from imitation_ros.data.windows import WindowBatch
from imitation_ros.policies.actor import Actor
from imitation_ros.policies.base import Batch, Network, Observation, Policy
from imitation_ros.policies.bc import BC, BCNetwork
from imitation_ros.policies.encoders import ImageEncoder, SpatialSoftmax
from imitation_ros.training.config import METHODS

SMALL = {'width': 32, 'depth': 2, 'image_features': 8, 'keypoints': 4}
NETWORK = BCNetwork(**SMALL)


def spec(history: int = 2, cameras: tuple[CameraInput, ...] = ()) -> ObservationSpec:
    return ObservationSpec(('a', 'b', 'c'), True, ('object',), cameras, history, 25.0, 6, 3)


def stats(of: ObservationSpec, residual: bool) -> DataStats:
    def gather(shape: tuple[int, ...]) -> Stats:
        rng = np.random.default_rng(1)
        mean, std = rng.normal(size=shape), rng.uniform(0.1, 2.0, shape)
        return Stats(100, mean, std, mean - 3 * std, mean + 3 * std)

    change = gather((of.history - 1, of.size)) if of.history > 1 else None
    return DataStats(gather((of.size,)), gather((of.chunk, len(of.joints))), residual, change)


def windows(of: ObservationSpec, rng: np.random.Generator, count: int = 5) -> WindowBatch:
    shape = (count, of.history)
    images: Mapping[str, np.ndarray] = {
        c.name: rng.integers(0, 256, (*shape, c.height, c.width, 3), dtype=np.uint8)
        for c in of.cameras
    }
    return WindowBatch(
        state=rng.normal(size=(*shape, of.size)).astype(np.float32),
        images=images,
        action=rng.normal(size=(count, of.chunk, len(of.joints))).astype(np.float32),
        mask=np.ones((count, of.chunk), dtype=bool),
    )


@pytest.fixture(params=sorted(METHODS))
def policy(request: pytest.FixtureRequest) -> Policy:
    torch.manual_seed(0)
    network = METHODS[request.param].config(method=request.param, network=SMALL).network
    return METHODS[request.param].build(spec(cameras=(CameraInput('head', 24, 32),)), network)


@pytest.mark.parametrize('residual', [True, False])
def test_a_target_goes_through_the_actor_and_back(
    policy: Policy, rng: np.random.Generator, residual: bool
) -> None:
    """If the policy answered with its own normalised target, the command would come out."""
    actor = Actor(policy, stats(policy.spec, residual))
    given = windows(policy.spec, rng)
    target = actor.batch(given).action
    actor.policy.sample = lambda observation, noise: target  # type: ignore[method-assign]
    np.testing.assert_allclose(actor.predict(given.state, given.images), given.action, atol=2e-6)


def test_earlier_frames_are_seen_as_changes(policy: Policy, rng: np.random.Generator) -> None:
    given, measured = windows(policy.spec, rng), stats(policy.spec, True)
    actor = Actor(policy, measured)
    change, newest = actor.observe(torch.from_numpy(given.state), {}).state.unbind(dim=1)
    scale = measured.change_normalizer(policy.spec)
    assert scale is not None
    moved = (given.state[:, 1] - given.state[:, 0]) / scale.std[0]
    np.testing.assert_allclose(change, np.clip(moved, -10, 10), rtol=1e-4, atol=1e-5)
    state = measured.state_normalizer(policy.spec).apply(given.state[:, 1])
    np.testing.assert_allclose(newest, np.clip(state, -10, 10), rtol=1e-4, atol=1e-5)
    # Noise moves both frames alike: where the robot is, not how fast.
    noisy = actor.batch(given, torch.full((5, 1, policy.spec.size), 0.1)).observation.state
    np.testing.assert_allclose(noisy[:, 0], change, atol=1e-4)
    assert (noisy[:, 1] - newest).abs().max() > 0.05


def test_padding_changes_nothing(policy: Policy, rng: np.random.Generator) -> None:
    actor = Actor(policy, stats(policy.spec, False))
    given = windows(policy.spec, rng)
    mask = given.mask.copy()
    mask[:, 4:] = False
    action = given.action.copy()
    action[:, 4:] += 100.0

    def loss(action: np.ndarray, mask: np.ndarray) -> float:
        batch = WindowBatch(given.state, given.images, action, mask)
        return float(actor.loss(batch)['loss'].detach())

    assert loss(given.action, mask) == loss(action, mask)
    assert loss(action, given.mask) > 10 * loss(action, mask)


def test_randomness_comes_from_the_generator_alone(
    policy: Policy, rng: np.random.Generator
) -> None:
    actor = Actor(policy, stats(policy.spec, True))
    given = windows(policy.spec, rng)

    def loss(seed: int | None) -> float:
        torch.manual_seed(7 if seed is None else seed + 100)
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        return float(actor.loss(given, generator, noise=0.1)['loss'].detach())

    assert loss(1) == loss(1)
    assert loss(1) != loss(2)
    assert loss(None) == loss(None)


def test_a_noisy_position_gets_a_target_that_leads_back(rng: np.random.Generator) -> None:
    of = spec(history=1)
    actor = Actor(METHODS['bc'].build(of, NETWORK), stats(of, residual=True))
    given = windows(of, rng)
    noise = torch.full(given.state.shape, 0.1)
    clean, noisy = actor.batch(given), actor.batch(given, noise)
    moved = (noisy.action - clean.action) * actor.action_std
    expected = -0.1 * actor.state_std[:3].expand(5, 6, 3)
    torch.testing.assert_close(moved, expected, atol=1e-6, rtol=1e-5)


def test_every_part_learns(policy: Policy, rng: np.random.Generator) -> None:
    actor = Actor(policy, stats(policy.spec, True))
    generator = torch.Generator().manual_seed(0)
    actor.loss(windows(policy.spec, rng), generator)['loss'].backward()
    still = [
        name
        for name, parameter in actor.named_parameters()
        if parameter.grad is None or not parameter.grad.abs().sum() > 0
    ]
    assert not still


def test_beyond_the_clip_further_away_changes_nothing(
    policy: Policy, rng: np.random.Generator
) -> None:
    actor = Actor(policy, stats(policy.spec, False))
    given = windows(policy.spec, rng)
    far, further = (
        actor.predict(given.state * np.float32(scale), given.images) for scale in (1e4, 1e6)
    )
    np.testing.assert_array_equal(far, further)
    assert np.abs(far - actor.predict(given.state, given.images)).max() > 0.1


def test_spatial_softmax_finds_the_bright_spot() -> None:
    layer = SpatialSoftmax(9, 13)
    features = torch.zeros(1, 2, 9, 13)
    features[0, 0, 2, 12] = 50.0
    features[0, 1, 4, 6] = 50.0
    found = layer(features)[0]
    torch.testing.assert_close(found, torch.tensor([1.0, -0.5, 0.0, 0.0]), atol=1e-4, rtol=0)


def test_augmentation_shifts_and_never_leaves_the_range() -> None:
    encoder = ImageEncoder(24, 32, Network(crop=3, jitter=0.0))
    image = torch.zeros(64, 3, 24, 32)
    image[:, :, 12, 16] = 1.0
    moved = encoder._augment(image, torch.Generator().manual_seed(0))
    assert moved.sum(dim=(2, 3)).eq(1.0).all()
    places = {divmod(int(x), 32) for x in moved[:, 0].flatten(1).argmax(dim=1)}
    assert len(places) > 20
    assert all(abs(row - 12) <= 3 and abs(column - 16) <= 3 for row, column in places)
    jittered = ImageEncoder(24, 32, Network(crop=0, jitter=0.5))._augment(
        torch.rand(8, 3, 24, 32), torch.Generator().manual_seed(0)
    )
    assert 0.0 <= float(jittered.min()) <= float(jittered.max()) <= 1.0


def test_the_absolute_error_pulls_as_hard_where_the_fit_is_close() -> None:
    of = spec()
    seen = Observation(torch.randn(5, of.history, of.size), {})
    mask = torch.ones(5, of.chunk, dtype=torch.bool)
    pulls: dict[str, list[float]] = {}
    for loss in ('huber', 'absolute'):
        policy = BC(of, BCNetwork(loss=loss, **SMALL))  # type: ignore[arg-type]
        said = policy.sample(seen).detach()
        for error in (0.01, 0.1):
            policy.zero_grad()
            torch.autograd.backward(policy.loss(Batch(seen, said + error, mask))['loss'])
            (*_, bias) = policy.head.parameters()
            assert bias.grad is not None
            pulls.setdefault(loss, []).append(float(bias.grad.abs().sum()))
    assert pulls['huber'][0] == pytest.approx(pulls['huber'][1] / 10, rel=1e-3)
    assert pulls['absolute'][0] == pytest.approx(pulls['absolute'][1], rel=1e-3)


def test_members_learn_apart_and_are_averaged() -> None:
    torch.manual_seed(0)
    of = spec()
    policy = BC(of, BCNetwork(members=3, **SMALL))
    seen = Observation(torch.randn(5, of.history, of.size), {})
    chunks = policy.head(policy.encoder(seen)).reshape(3, 5, of.chunk, len(of.actions))
    assert (chunks[0] - chunks[1]).abs().mean() > 0.05, 'all members are one'
    torch.testing.assert_close(policy.sample(seen), chunks.mean(dim=0))
    # What is asked of the mean is asked of each: a target that the mean meets still costs.
    mask = torch.ones(5, of.chunk, dtype=torch.bool)
    loss = policy.loss(Batch(seen, chunks.mean(dim=0).detach(), mask))['loss']
    assert float(loss) > 1e-3
    torch.autograd.backward(loss)
    for weight in policy.head.parameters():
        assert weight.grad is not None
        assert (weight.grad.flatten(1).abs().sum(dim=1) > 0).all()
