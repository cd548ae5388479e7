# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The reward that an IQ-Learn critic implies, read from a run."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
import torch

from ...policies.actor import Actor
from ..reward import Array, Saved
from ..transitions import Memory
from .iq_learn import IqLearner


class ImpliedReward:
    """Reward that an IQ-Learn critic implies."""

    def __init__(self, learner: IqLearner) -> None:
        """Take the learner."""
        self._learner, self._actor = learner, learner.average

    def reward(
        self, states: NDArray[np.floating[Any]], actions: NDArray[np.floating[Any]]
    ) -> Array:
        """Reward of every decision, shape (T,); arguments as `reward.Reward`."""
        memory = remember_decisions(self._actor, states, actions)
        result: Array = self._learner.reward(memory).numpy().astype(np.float64)
        return result


def read_implied(saved: Saved) -> ImpliedReward:
    """Read the reward of a run of IQ-Learn, offline or online."""
    learner = IqLearner(saved.trained.actor, saved.config, saved.config.seed)
    learner.restore(saved.tensors, int(saved.values['update']))
    return ImpliedReward(learner)


def remember_decisions(
    actor: Actor, states: NDArray[np.floating[Any]], actions: NDArray[np.floating[Any]]
) -> Memory:
    """Normalise decisions that follow each other; what was played stands for the whole chunk."""
    spec = actor.policy.spec
    k, steps = len(spec.joints), len(actions)
    state = torch.from_numpy(np.asarray(states, dtype=np.float32))
    offset = torch.from_numpy(np.asarray(actions, dtype=np.float32))
    played = slice(0, spec.execute)
    target = offset if actor.residual else offset + state[:-1, -1, :k]
    mean = (target - actor.action_mean[played].mean(dim=0)) / actor.action_std[played].mean(dim=0)
    chunk = torch.cat([mean, torch.zeros(1, k)])[:, None].expand(-1, spec.chunk, -1)
    return Memory(
        state=actor.observe(state, {}).state,
        chunk=chunk,
        mask=torch.ones(steps + 1, spec.chunk, dtype=torch.bool),
        here=torch.arange(steps),
        there=torch.arange(1, steps + 1),
    )
