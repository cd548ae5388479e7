# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Online IQ-Learn: what the policy does in simulation takes the place of other episodes.

An iteration practises, puts what happened into the replay memory, and makes `practice_updates`
updates on demonstrations and memory, half and half (Garg et al. 2021, algorithm 1). Attempts that
did the task go on in the absorbing state as demonstrations do; others were broken off.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from ...data.windows import Windows
from ...policies.actor import Actor
from ...training.state import Trained
from ..adversarial.learner import rank_correlation
from ..config import IqConfig
from ..environment import Environment
from ..online import Iteration, OnlineLearner
from ..rollouts import Decide, FIRST_SEED, Floats, HIGHEST_SEED, Rollout, rollout
from ..transitions import ABSORBING, demonstrated, Memory, remember
from .iq_learn import IqLearner

REPLAY = 'replay.'


class Explorer:
    """The policy of a learner, with and without exploration.

    Attributes:
        actor: The policy.
    """

    def __init__(self, actor: Actor, std: NDArray[np.floating]) -> None:
        """Take an actor and the spread of its exploration [rad or m], shape (k,)."""
        self.actor = actor
        self._std = std

    def decide(self, rng: np.random.Generator | None) -> Decide:
        """Make decisions; the action is the whole chunk, flat. Without rng no exploration."""

        def decide(state: Floats, step: int) -> tuple[Floats, Floats]:
            chunk = self.actor.predict(state[None], {})[0]
            if rng is not None:
                noise = self._std * rng.standard_normal(len(self._std))
                chunk = chunk + noise.astype(np.float32)
            return chunk, chunk.flatten()

        return decide


class IqPractice(OnlineLearner):
    """Practice of an IQ-Learn policy; everything random follows from seed and iteration.

    Attributes:
        policy: The policy that is judged: the average of the weights.
        iteration: Iterations made.
        values: What checkpoints say beside it: nothing.
    """

    policy: Explorer

    def __init__(
        self, config: IqConfig, trained: Trained, windows: Windows, environment: Environment
    ) -> None:
        """Begin with a policy.

        Args:
            config: The configuration.
            trained: The policy to begin with.
            windows: Demonstrations.
            environment: Where to practise.
        """
        self._config, self._environment = config, environment
        self._learner = IqLearner(trained.actor, config, config.seed)
        actor = self._learner.average
        self._demonstrations = remember(actor, windows, demonstrated(windows))
        played = trained.spec.execute
        self._std = config.width * actor.action_std[:played].mean(dim=0).numpy()
        self.policy = Explorer(actor, self._std)
        self._replay: list[Rollout] = []
        self.values: dict[str, Any] = {}
        self.iteration = 0

    @property
    def episodes(self) -> int:
        """Episodes of practice in an iteration."""
        each = self._environment.horizon * self._environment.spec.execute
        return -(-self._config.steps // each)

    @property
    def steps(self) -> int:
        """Policy steps simulated for practice so far."""
        each = self._environment.horizon * self._environment.spec.execute
        return self.iteration * self.episodes * each

    def step(self) -> Iteration:
        """Make one iteration."""
        config = self._config
        rng = np.random.default_rng([config.seed, self.iteration])
        seeds = list(rng.integers(FIRST_SEED, HIGHEST_SEED, self.episodes))
        found = rollout(self._environment, self.policy.decide(rng), seeds, config.spread)
        self._replay.append(found)
        memory = experience(self.policy.actor, self._replay)
        for _ in range(config.practice_updates):
            figures = self._learner.update(self._demonstrations, memory)
        self.iteration += 1
        newest = experience(self.policy.actor, [found])
        reward = self._learner.reward(newest)
        total = [
            float(
                reward[
                    (newest.here >= begin) & (newest.here < begin + found.action.shape[1])
                ].sum()
            )
            for begin in range(0, len(newest.chunk), found.action.shape[1] + 1)
        ]
        return Iteration(
            success=found.rate,
            reward=float(reward.mean()),
            accuracy=None,
            rank=rank_correlation(np.array(total), found),
            kl=None,
            bc=figures['imitation'],
        )

    def tensors(self) -> dict[str, Tensor]:
        """Everything that the next iteration depends on."""
        found = self._learner.tensors()
        for name in ('seeds', 'state', 'action', 'success', 'decisions'):
            if self._replay:
                parts = [torch.from_numpy(getattr(one, name)) for one in self._replay]
                found[REPLAY + name] = torch.stack(parts)
        return found

    def restore(self, tensors: Mapping[str, Tensor], iteration: int) -> None:
        """Go on from a checkpoint."""
        self._learner.restore(tensors, iteration * self._config.practice_updates)
        self._replay = [
            Rollout(
                *(
                    tensors[REPLAY + name][number].numpy()
                    for name in ('seeds', 'state', 'action', 'success', 'decisions')
                )
            )
            for number in range(iteration)
        ]
        self.iteration = iteration


def experience(actor: Actor, replay: list[Rollout]) -> Memory:
    """Normalise rollouts whose actions are whole chunks; each episode has T + 1 places."""
    spec = actor.policy.spec
    k = len(spec.joints)
    states, chunks, here, there = [], [], [], []
    begin = 0
    for one in replay:
        episodes, horizon = one.action.shape[:2]
        state = torch.from_numpy(one.state)
        chunk = torch.from_numpy(one.action).reshape(episodes, horizon, spec.chunk, k)
        if actor.residual:
            chunk = chunk - state[:, :-1, -1:, :k]
        chunk = (chunk - actor.action_mean) / actor.action_std
        # The place after the last decision has a state and no action.
        chunks.append(torch.cat([chunk, torch.zeros(episodes, 1, spec.chunk, k)], dim=1))
        states.append(actor.observe(state, {}).state)
        for number in range(episodes):
            steps = int(one.decisions[number])
            index = begin + np.arange(steps)
            after = index + 1
            if one.success[number]:
                after = np.append(after[:-1], ABSORBING)
            here.append(index)
            there.append(after)
            begin += horizon + 1
    state = torch.cat([one.flatten(0, 1) for one in states])
    return Memory(
        state=state,
        chunk=torch.cat([one.flatten(0, 1) for one in chunks]),
        mask=torch.ones(len(state), spec.chunk, dtype=torch.bool),
        here=torch.from_numpy(np.concatenate(here)),
        there=torch.from_numpy(np.concatenate(there)),
    )
