# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""IQ-Learn: transitions, what it learns from other episodes, and that it repeats."""

from dataclasses import replace
from pathlib import Path

import demonstrations
import numpy as np
import pytest
import torch

from imitation_ros.contract import Contract
from imitation_ros.data.episode import Episode
from imitation_ros.data.stats import measure
from imitation_ros.data.windows import Windows
from imitation_ros.errors import TrainingError
from imitation_ros.irl.config import IqConfig
from imitation_ros.irl.iq.iq_learn import IqLearner
from imitation_ros.irl.transitions import (
    ABSORBING,
    attempted,
    demonstrated,
    Memory,
    remember,
)
from imitation_ros.policies.actor import Actor
from imitation_ros.training.config import BCConfig
from imitation_ros.training.selection import observation_spec
from imitation_ros.training.state import build_actor

IQ = IqConfig(
    gamma=0.9,
    tau=0.02,
    lr=1e-3,
    critic_lr=1e-3,
    critic_width=64,
    ema=0.99,
    policy_steps=1,
    batch=64,
    refresh=25,
)
CONFIG = BCConfig(chunk=4, execute=4, network={'width': 32, 'depth': 2})  # type: ignore[arg-type]
GOOD, BAD = 6, 6


def _attempt(contract: Contract, name: str, seed: int, sense: float) -> Episode:
    """A failed attempt at what a demonstration showed, from another pose: back to it, or away."""
    like = demonstrations.demonstrate(contract, name, seed, 20, outcome='failure')
    place = np.array(like.poses['object'][0, :2]) - (0.4, 0.0)
    rng = np.random.default_rng(1000 + seed)
    q = np.array(like.q[0])
    q[[contract.index(joint) for joint in demonstrations.MOVING]] += rng.uniform(-0.4, 0.4, 4)
    seen, done = [], []
    for _ in range(20):
        command = q + sense * (demonstrations.act(contract, q, place) - q)
        seen.append(q)
        done.append(command)
        q = demonstrations.follow(q, command)
    return replace(like, q=np.array(seen), action=np.array(done))


@pytest.fixture(scope='module')
def parts(
    contract: Contract, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Actor, Windows, Windows, Memory, Memory]:
    """An untrained actor, demonstrations of two lengths, and twelve other episodes."""
    episodes = [
        demonstrations.demonstrate(contract, f'demo_{i}', i, 20 + 5 * (i % 2)) for i in range(6)
    ]
    episodes += [
        _attempt(contract, f'other_{i}', i % GOOD, 1.0 if i < GOOD else -1.0)
        for i in range(GOOD + BAD)
    ]
    data = demonstrations.write(tmp_path_factory.mktemp('iq') / 'data', contract, episodes)
    spec = observation_spec(data, contract, CONFIG, range(6))
    ours, others = Windows(data, range(6), spec), Windows(data, range(6, len(episodes)), spec)
    actor = build_actor(CONFIG, spec, measure(ours, residual=True))
    memory = remember(actor, ours, demonstrated(ours))
    return actor, ours, others, memory, remember(actor, others, attempted(others))


def test_demonstrations_go_on_in_the_absorbing_state(
    parts: tuple[Actor, Windows, Windows, Memory, Memory],
) -> None:
    """Every one has the same length then, and nothing leads out of it."""
    _, windows, _, _, _ = parts
    found = demonstrated(windows)
    real = found.state != ABSORBING
    lengths = np.bincount(windows.episode)
    assert real.sum() == len(windows)
    # 3 of 20 and 3 of 25 frames: each is led on to 25, and then by one decision of 4 steps.
    assert (~real).sum() == 3 * 5 + 6 * 4
    assert (found.next[~real] == ABSORBING).all()
    inside = real & (found.next != ABSORBING)
    np.testing.assert_array_equal(found.next[inside], found.state[inside] + 4)
    assert (windows.episode[found.next[inside]] == windows.episode[found.state[inside]]).all()
    assert (real & ~inside).sum() == 4 * len(lengths)


def test_an_episode_that_was_broken_off_ends_in_no_state(
    parts: tuple[Actor, Windows, Windows, Memory, Memory],
) -> None:
    _, _, others, _, _ = parts
    found = attempted(others)
    assert len(found) == (GOOD + BAD) * (20 - 4)
    assert (found.next == found.state + 4).all()
    assert (others.episode[found.next] == others.episode[found.state]).all()
    short = replace(others.spec, chunk=30, execute=30)
    with pytest.raises(TrainingError, match='longer than the 30 steps'):
        object.__setattr__(others, 'spec', short)
        try:
            attempted(others)
        finally:
            object.__setattr__(others, 'spec', replace(short, chunk=4, execute=4))


def test_moments_that_lead_back_are_imitated_and_others_are_not(
    parts: tuple[Actor, Windows, Windows, Memory, Memory],
) -> None:
    actor, _, others, ours, theirs = parts
    learner = IqLearner(actor, IQ, seed=0)
    for _ in range(300):
        figures = learner.update(ours, theirs)
    assert figures['recovery'] > 0
    weights = learner.weights(theirs).numpy()
    good = others.episode[theirs.here.numpy()] < GOOD
    assert weights.sum() == pytest.approx(1.0, abs=1e-5)
    # Of two halves alike in number, the one that does as shown has most of the weight.
    assert weights[good].sum() > 0.6
    rewards = learner.reward(theirs).numpy()
    assert rewards[good].mean() > rewards[~good].mean() + 0.5


def test_from_demonstrations_alone_it_is_cloning(
    parts: tuple[Actor, Windows, Windows, Memory, Memory],
) -> None:
    """The critic changes nothing in the policy then, whatever it believes."""
    actor, _, _, ours, _ = parts
    results = []
    for config in (IQ, IQ.model_copy(update={'alpha': 5.0, 'beta': 9.0, 'critic_lr': 1e-2})):
        learner = IqLearner(actor, config, seed=0)
        for _ in range(20):
            figures = learner.update(ours, None)
        assert 'recovery' not in figures
        results.append(learner.average.state_dict())
    for name, tensor in results[0].items():
        torch.testing.assert_close(tensor, results[1][name], rtol=0, atol=0)


def test_it_goes_on_bit_for_bit(
    parts: tuple[Actor, Windows, Windows, Memory, Memory], tmp_path: Path
) -> None:
    actor, _, _, ours, theirs = parts
    whole = IqLearner(actor, IQ, seed=3)
    for _ in range(30):
        whole.update(ours, theirs)
    half = IqLearner(actor, IQ, seed=3)
    for _ in range(13):
        half.update(ours, theirs)
    kept = {name: tensor.clone() for name, tensor in half.tensors().items()}
    resumed = IqLearner(actor, IQ, seed=99)
    resumed.restore(kept, updates=13)
    for _ in range(17):
        resumed.update(ours, theirs)
    for name, tensor in whole.tensors().items():
        assert torch.equal(tensor, resumed.tensors()[name]), name
