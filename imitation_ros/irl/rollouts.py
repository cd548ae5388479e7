# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Rollouts: episodes of fixed horizon, played by any policy, as arrays."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .environment import Environment

Floats = NDArray[np.float32]

HIGHEST_SEED = 2**31
FIRST_SEED = 10_000_000
"""Starts of practice come from above this; demonstrations, guards and evaluations from below."""

Decide = Callable[[Floats, int], tuple[Floats, Floats]]
"""A policy: from a raw state history (To, D) and the number of the decision to the chunk that is
played [rad or m], shape (Ta, k), and whatever the learner calls the action, shape (A,)."""


@dataclass(frozen=True)
class Rollout:
    """Episodes of the same length, side by side.

    Attributes:
        seeds: Seed of each episode's initial state, shape (E,).
        state: Raw state histories, the last one after the last decision, shape (E, T + 1, To, D).
        action: What the policy decided, shape (E, T, A).
        success: Whether the task was done within the horizon, shape (E,).
        decisions: Decisions until it was done, the horizon if it was not, shape (E,).
    """

    seeds: NDArray[np.int64]
    state: Floats
    action: Floats
    success: NDArray[np.bool_]
    decisions: NDArray[np.int64]

    @property
    def rate(self) -> float:
        """Share of the episodes in which the task was done."""
        return float(self.success.mean())


def rollout(
    environment: Environment,
    decide: Decide,
    seeds: Sequence[int],
    initial_state_range: float = 1.0,
    stop_on_success: bool = False,
) -> Rollout:
    """Play one episode from every seed.

    Args:
        environment: The task.
        decide: The policy; it brings its own random numbers.
        seeds: Seeds of the initial states.
        initial_state_range: Factor on the range of initial states.
        stop_on_success: Whether to stop simulating an episode once the task is done: enough to
            count successes. What is left of its arrays then repeats the last state and action.
    """
    states, actions, success, decisions = [], [], [], []
    for seed in seeds:
        state = environment.reset(int(seed), initial_state_range)
        seen, done, took = [state], [], environment.horizon
        for step in range(environment.horizon):
            if not (stop_on_success and took <= step):
                chunk, action = decide(state, step)
                state, met = environment.step(chunk)
                if met:
                    took = min(took, step + 1)
            seen.append(state)
            done.append(action)
        states.append(np.stack(seen))
        actions.append(np.stack(done))
        success.append(took < environment.horizon or met)
        decisions.append(took)
    return Rollout(
        np.asarray(seeds, np.int64),
        np.stack(states),
        np.stack(actions),
        np.array(success),
        np.array(decisions, np.int64),
    )
