# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""MaxEnt IRL over samples against the exact one by dynamic programming in a small grid world."""

import numpy as np
from numpy.typing import NDArray
import pytest

from imitation_ros.errors import TrainingError
from imitation_ros.irl.maxent.maxent import solve

Array = NDArray[np.float64]

SIZE, HORIZON = 4, 8
MOVES = ((0, 0), (0, 1), (1, 0), (0, -1), (-1, 0))
GOAL, MUD = (3, 3), ((1, 1), (1, 2), (2, 1))
TRUE = np.array([-1.2, -0.9, -0.5])
"""Weights of distance to the goal, mud and effort, as means over an episode times its length."""


class Grid:
    """A grid world; with `slip` a move goes in a random direction with that probability."""

    def __init__(self, slip: float = 0.0) -> None:
        states = SIZE * SIZE
        self.next = np.zeros((states, len(MOVES)), np.intp)
        self.features = np.zeros((states, len(MOVES), 3))
        for s in range(states):
            x, y = divmod(s, SIZE)
            for a, (dx, dy) in enumerate(MOVES):
                x1, y1 = min(max(x + dx, 0), SIZE - 1), min(max(y + dy, 0), SIZE - 1)
                self.next[s, a] = x1 * SIZE + y1
                distance = (abs(GOAL[0] - x) + abs(GOAL[1] - y)) / 3.0
                self.features[s, a] = (distance, float((x, y) in MUD), float(a > 0))
        one_hot = np.eye(states)[self.next]
        self.move = (1 - slip) * one_hot + slip * one_hot.mean(axis=1, keepdims=True)

    def expected(self, weights: Array, start: int) -> tuple[float, Array]:
        """Exact log Z and mean features of p(tau) ~ q(tau) exp(w . f), q uniform in actions."""
        reward = self.features @ weights
        z = np.ones(len(self.next))
        backward = [z]
        for _ in range(HORIZON):
            z = (np.exp(reward) * (self.move @ z)).mean(axis=1)
            backward.append(z)
        visits = np.eye(len(z))[start]
        total = np.zeros(3)
        for left in range(HORIZON, 0, -1):
            # p(a, s' | s) with `left` steps to go.
            joint = np.exp(reward)[:, :, None] * self.move * backward[left - 1] / len(MOVES)
            joint *= (visits / backward[left])[:, None, None]
            total += np.einsum('sat,saf->f', joint, self.features)
            visits = joint.sum(axis=(0, 1))
        return float(np.log(backward[-1][start])), total

    def sample(
        self, start: int, count: int, rng: np.random.Generator, bias: Array | None = None
    ) -> tuple[Array, Array]:
        """Features of random walks, and log of the uniform walk's density over theirs."""
        p = np.full(len(MOVES), 1 / len(MOVES)) if bias is None else bias
        s = np.full(count, start)
        features, log_ratio = np.zeros((count, 3)), np.zeros(count)
        for _ in range(HORIZON):
            a = rng.choice(len(MOVES), size=count, p=p)
            features += self.features[s, a]
            log_ratio -= np.log(p[a] * len(MOVES))
            chance = np.cumsum(self.move[s, a], axis=1)
            s = (chance < rng.random(count)[:, None]).sum(axis=1)
        return features, log_ratio


STARTS = (0, 2, 8)


@pytest.mark.parametrize('slip', [0.0, 0.3])
@pytest.mark.parametrize('bias', [None, (0.1, 0.3, 0.3, 0.15, 0.15)])
def test_samples_recover_the_exact_weights(slip: float, bias: tuple[float, ...] | None) -> None:
    """With exact demonstrations the weights are the true ones, within 0.1 of them."""
    grid = Grid(slip)
    rng = np.random.default_rng(0)
    # One demonstration per start: its features are the exact expectation under TRUE.
    demonstrated = np.array([grid.expected(TRUE, s)[1] for s in STARTS])
    each = 15000
    drawn = [grid.sample(s, each, rng, None if bias is None else np.array(bias)) for s in STARTS]
    solution = solve(
        demonstrated,
        np.concatenate([features for features, _ in drawn]),
        np.repeat(np.arange(len(STARTS)), each),
        np.concatenate([ratio for _, ratio in drawn]),
        l2=0.0,
    )
    np.testing.assert_allclose(solution.weights, TRUE, atol=0.1)
    # The solver matches its samples exactly, and in the exact model within 0.05 + 2 %.
    np.testing.assert_allclose(solution.expected, demonstrated.mean(axis=0), atol=1e-6)
    exact = np.mean([grid.expected(solution.weights, s)[1] for s in STARTS], axis=0)
    np.testing.assert_allclose(exact, demonstrated.mean(axis=0), rtol=0.02, atol=0.05)
    gain = np.mean(
        [TRUE @ f - grid.expected(TRUE, s)[0] for s, f in zip(STARTS, demonstrated, strict=True)]
    )
    assert solution.gain == pytest.approx(gain, rel=0.05)


def test_the_standard_error_covers_demonstrations_that_vary() -> None:
    """From sampled demonstrations, weights are within three of their standard errors."""
    grid = Grid()
    rng = np.random.default_rng(1)
    walks, _ = grid.sample(0, 60000, rng)
    likely = np.exp(walks @ TRUE)
    inside = 0
    for seed in range(20):
        pick = np.random.default_rng(seed).choice(len(walks), 100, p=likely / likely.sum())
        solution = solve(walks[pick], walks[::3], l2=0.0)
        inside += int((np.abs(solution.weights - TRUE) < 3 * solution.error).sum())
        assert (solution.error < 1.0).all()
    assert inside >= 0.95 * 60


def test_a_prior_keeps_weights_finite_where_samples_do_not_reach() -> None:
    rng = np.random.default_rng(2)
    sampled = rng.standard_normal((500, 2))
    solution = solve(np.array([[9.0, 0.0]]), sampled, l2=0.1)
    assert np.isfinite(solution.weights).all()
    assert solution.weights[0] > 1.0
    # Far outside the samples, one of them carries nearly all: the solution says so.
    assert solution.sample_size < 5
    np.testing.assert_allclose(
        solution.demonstrated - solution.expected, 0.1 * solution.weights, atol=1e-6
    )


def test_bad_features_are_refused() -> None:
    with pytest.raises(TrainingError, match='NaN'):
        solve(np.array([[np.nan]]), np.zeros((4, 1)))
    with pytest.raises(TrainingError, match=r'shapes \(1, 2\) and \(4, 1\)'):
        solve(np.zeros((1, 2)), np.zeros((4, 1)))
    with pytest.raises(TrainingError, match='4 samples, 3 starts'):
        solve(np.zeros((1, 1)), np.zeros((4, 1)), np.zeros(3, np.intp))
