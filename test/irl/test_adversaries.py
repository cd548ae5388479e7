# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""PPO and the classifiers on problems small enough to know the answer."""

import numpy as np
import pytest
import torch

from imitation_ros.irl.adversarial.airl import Airl
from imitation_ros.irl.adversarial.discriminator import (
    accuracy,
    Adversary,
    discriminate,
    Discriminator,
    Transitions,
)
from imitation_ros.irl.adversarial.gail import Gail
from imitation_ros.irl.adversarial.learner import rank_correlation
from imitation_ros.irl.config import Guard
from imitation_ros.irl.model_selection import Selection
from imitation_ros.irl.ppo import advantages
from imitation_ros.irl.rollouts import Rollout


def transitions(seed: int, shift: float, count: int = 400) -> Transitions:
    generator = torch.Generator().manual_seed(seed)

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    return Transitions(random(count, 3), random(count, 2) + shift, random(count, 3), random(count))


def build(kind: str) -> Adversary:
    torch.manual_seed(0)
    if kind == 'gail':
        return Gail(3, 2, 32)
    return Airl(3, 2, 32, 0.9, kind == 'airl-state', 1.0 if kind == 'airl-paper' else 0.0)


def test_advantages_are_the_sum_of_discounted_errors() -> None:
    generator = torch.Generator().manual_seed(0)
    reward, value = torch.randn(2, 5, generator=generator), torch.randn(2, 5, generator=generator)
    last = torch.randn(2, generator=generator)
    found = advantages(reward, value, last, 0.9, 0.8)
    after = torch.cat([value[:, 1:], last[:, None]], dim=1)
    delta = reward + 0.9 * after - value
    for t in range(5):
        wanted = sum((0.9 * 0.8) ** i * delta[:, t + i] for i in range(5 - t))
        torch.testing.assert_close(found[:, t], wanted)
    # Lambda 1 is the discounted return less the value.
    whole = advantages(reward, value, last, 0.9, 1.0)[:, 0]
    returns = sum(0.9**i * reward[:, i] for i in range(5)) + 0.9**5 * last
    torch.testing.assert_close(whole, returns - value[:, 0])


@pytest.mark.parametrize('kind', ['gail', 'airl'])
def test_a_classifier_learns_what_differs_and_pays_for_it(kind: str) -> None:
    adversary = build(kind)
    one, two = transitions(0, 1.0), transitions(1, -1.0)
    optimizer = torch.optim.Adam(adversary.parameters(), 3e-3)
    settings = Discriminator(batch=64, penalty=1.0)
    assert accuracy(adversary, one, two) < 0.7
    generator = torch.Generator().manual_seed(2)
    discriminate(adversary, optimizer, one, two, settings, 120, generator)
    # Two Gaussians 2 sigma from the middle in all, 2.8 apart: 92 % can be told at best.
    assert accuracy(adversary, transitions(3, 1.0), transitions(4, -1.0)) > 0.85
    with torch.no_grad():
        assert adversary.reward(one).mean() > adversary.reward(two).mean() + 0.5


def test_what_is_alike_cannot_be_told() -> None:
    adversary = build('gail')
    optimizer = torch.optim.Adam(adversary.parameters(), 3e-3)
    one, two = transitions(0, 0.0), transitions(1, 0.0)
    generator = torch.Generator().manual_seed(2)
    discriminate(adversary, optimizer, one, two, Discriminator(), 60, generator)
    assert abs(accuracy(adversary, transitions(3, 0.0), transitions(4, 0.0)) - 0.5) < 0.1


def test_the_penalty_keeps_the_classifier_flat() -> None:
    steepness = []
    for penalty in (0.0, 20.0):
        adversary = build('gail')
        optimizer = torch.optim.Adam(adversary.parameters(), 3e-3)
        one, two = transitions(0, 1.0), transitions(1, -1.0)
        generator = torch.Generator().manual_seed(2)
        settings = Discriminator(batch=64, penalty=penalty)
        discriminate(adversary, optimizer, one, two, settings, 120, generator)
        action = two.action.clone().requires_grad_()
        seen = Transitions(two.state, action, two.after, two.log_pi)
        (slope,) = torch.autograd.grad(adversary.logit(seen).sum(), action)
        steepness.append(float(slope.norm(dim=1).mean()))
    assert steepness[1] < 0.75 * steepness[0]


def test_the_parts_of_airl_are_the_papers() -> None:
    one = transitions(0, 0.0, 50)
    adversary = build('airl-paper')
    assert isinstance(adversary, Airl)
    g = adversary.learned(one.state, one.action)
    shaping = (0.9 * adversary.h(one.after) - adversary.h(one.state)).squeeze(1)
    d = torch.exp(g + shaping) / (torch.exp(g + shaping) + torch.exp(one.log_pi))
    torch.testing.assert_close(torch.sigmoid(adversary.logit(one)), d)
    torch.testing.assert_close(adversary.reward(one), torch.log(d) - torch.log(1 - d))
    state_only = build('airl-state')
    other = Transitions(one.state, one.action + 1.0, one.after, one.log_pi)
    assert torch.equal(state_only.logit(one), state_only.logit(other))
    assert not torch.equal(adversary.logit(one), adversary.logit(other))


def test_gail_pays_minus_log_one_minus_d() -> None:
    one = transitions(0, 0.0, 50)
    adversary = build('gail')
    d = torch.sigmoid(adversary.logit(one))
    torch.testing.assert_close(adversary.reward(one), -torch.log(1 - d))


def test_the_guard_keeps_the_best_and_ends_what_only_falls() -> None:
    settings, selection = Guard(patience=2), Selection()
    rates = [0.5, 0.55, 0.7, 0.7, 0.6]
    kept = [selection.see(i, rate, margin=0.1) for i, rate in enumerate(rates)]
    assert kept == [True, False, True, False, False], 'a lucky start is not enough'
    assert (selection.iteration, selection.best) == (2, 0.7)
    assert not selection.over(settings)
    selection.see(5, 0.1, 0.1)
    assert selection.over(settings)
    narrow = Selection()
    assert narrow.see(0, 0.5, 0.1, shown=0.75)
    assert not narrow.see(1, 0.9, 0.1, shown=0.5), 'the demonstrated starts may not be forgotten'
    assert narrow.see(2, 0.8, 0.1, shown=0.75)
    for began, over in ((1.0, True), (0.95, True), (0.9, False)):
        good = Selection()
        good.see(0, began, 0.1)
        assert good.over(settings) == over, 'practice that cannot win by the margin is not begun'


def test_rank_correlation_needs_both_outcomes() -> None:
    def played(success: list[bool]) -> Rollout:
        one = np.zeros((4, 2, 1, 1), np.float32)
        return Rollout(np.arange(4), one, one[:, :1, 0], np.array(success), np.ones(4, np.int64))

    total = np.array([0.1, 0.4, 0.2, 0.3])
    assert rank_correlation(total, played([True] * 4)) is None
    found = rank_correlation(total, played([False, True, False, True]))
    assert found is not None
    assert found > 0.8
    assert rank_correlation(-total, played([False, True, False, True])) == pytest.approx(-found)
