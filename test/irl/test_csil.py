# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The coherent reward: where it is positive, negative, and nothing at all."""

import numpy as np
from numpy.typing import NDArray
import pytest

from imitation_ros.errors import TrainingError
from imitation_ros.irl.iq.csil import Coherent, fit

Array = NDArray[np.float64]


def expert(states: Array) -> Array:
    """What the operator does: smooth, in two joints."""
    return np.stack([np.sin(2 * states[:, 0]), states[:, 0] * states[:, 1]], axis=1)


@pytest.fixture(scope='module')
def fitted() -> tuple[Coherent, Array]:
    rng = np.random.default_rng(0)
    states = rng.uniform(-1.0, 1.0, (400, 2))
    actions = expert(states) + 0.05 * rng.standard_normal((400, 2))
    return fit(states, actions, rng), states


def test_doing_as_shown_is_rewarded_and_anything_else_punished(
    fitted: tuple[Coherent, Array],
) -> None:
    reward, _ = fitted
    states = np.random.default_rng(1).uniform(-0.9, 0.9, (200, 2))
    shown = reward.reward(states, expert(states))
    other = reward.reward(states, expert(states) + 0.5)
    assert (shown > 0.5).mean() > 0.95
    assert (other < 0).mean() > 0.95
    mean, variance = reward.predict(states)
    assert np.abs(mean - expert(states)).mean() < 0.05
    # The noise it was shown: 0.05, so a variance of 0.0025.
    assert 0.5 < np.median(variance) / 0.0025 < 2.0


def test_far_from_the_demonstrations_there_is_no_reward(fitted: tuple[Coherent, Array]) -> None:
    """The kernel is stationary: the density goes back to the prior, whatever is done."""
    reward, states = fitted
    far = np.random.default_rng(2).uniform(-1.0, 1.0, (200, 2)) + 100.0
    # A finite number of frequencies leaves a remainder of about 1 / sqrt(M).
    assert reward.familiar(states).mean() > 0.95
    assert reward.familiar(far).mean() < 0.1
    for actions in (expert(states[:200]), np.zeros((200, 2)), np.full((200, 2), 0.5)):
        assert np.abs(reward.reward(far, actions)).mean() < 0.15
    assert reward.reward(states, expert(states)).mean() > 1.0


def test_it_is_bounded_and_reads_back(fitted: tuple[Coherent, Array]) -> None:
    reward, states = fitted
    wild = reward.reward(states, expert(states) + 100.0)
    np.testing.assert_array_equal(wild, -reward.bound)
    again = Coherent.from_dict(reward.to_dict())
    actions = expert(states)
    np.testing.assert_array_equal(again.reward(states, actions), reward.reward(states, actions))


def test_one_state_is_not_enough() -> None:
    with pytest.raises(TrainingError, match='one state only'):
        fit(np.zeros((10, 3)), np.zeros((10, 2)), np.random.default_rng(0))
