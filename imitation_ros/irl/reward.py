# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Reward: what any IRL method believes, asked in one way, of recordings and of simulations."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..contract import Contract
from ..data.observation import ObservationSpec
from ..data.store import Dataset
from ..data.windows import Windows
from ..training.state import Trained
from .rollouts import Rollout

Array = NDArray[np.float64]
Floats = NDArray[np.float32]


class Reward(Protocol):
    """A reward of every decision of an episode."""

    def reward(
        self, states: NDArray[np.floating[Any]], actions: NDArray[np.floating[Any]]
    ) -> Array:
        """Rewards, shape (T,).

        Args:
            states: Raw state histories at the decisions and after the last, shape (T+1, To, D).
            actions: Mean of the commands played after each, from the measured position
                [rad or m], shape (T, k).
        """


@dataclass(frozen=True)
class Saved:
    """The run of an IRL method, as its reward is read from it.

    Attributes:
        config: Its configuration, of the class that the method says.
        trained: Its policy.
        dataset: What it was trained on.
        contract: The robot.
        tensors: Tensors of its checkpoint.
        values: The rest of its checkpoint.
    """

    config: Any
    trained: Trained
    dataset: Dataset
    contract: Contract
    tensors: Mapping[str, Tensor]
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Trajectory:
    """An episode as decisions of a policy.

    Attributes:
        name: Name of the episode, or of its start.
        success: Whether the task was done; None if it is not known.
        states: Raw state histories, shape (T + 1, To, D).
        actions: Mean commands from the measured position [rad or m], shape (T, k).
    """

    name: str
    success: bool | None
    states: Floats
    actions: Floats

    def __len__(self) -> int:
        """Count the decisions."""
        return len(self.actions)


def recorded(windows: Windows, outcomes: Mapping[str, str]) -> list[Trajectory]:
    """Episodes of a dataset, looked at as often as the policy would look.

    Args:
        windows: Windows of the episodes.
        outcomes: Outcome of each, by name.
    """
    spec = windows.spec
    k, step = len(spec.joints), spec.execute
    found = []
    for number, name in enumerate(windows.names):
        frames = np.flatnonzero(windows.episode == number)[::step]
        batch = windows.batch(frames, images=False)
        actions = batch.action[:-1, :step].mean(axis=1) - batch.state[:-1, -1, :k]
        success = {'success': True, 'failure': False}.get(outcomes[name])
        found.append(Trajectory(name, success, batch.state, actions))
    return found


def simulated(rollout: Rollout, spec: ObservationSpec) -> list[Trajectory]:
    """Episodes of a rollout, each until its task was done, as recordings are."""
    found = []
    for i, seed in enumerate(rollout.seeds.tolist()):
        steps = int(rollout.decisions[i])
        found.append(
            Trajectory(
                f'seed {seed}',
                bool(rollout.success[i]),
                rollout.state[i, : steps + 1],
                rollout.action[i, :steps, : len(spec.joints)],
            )
        )
    return found


def rank_correlation(a: Array, b: Array) -> float:
    """Spearman's rank correlation; ties share their mean rank; 0 if one of them is constant."""
    ranks = [_ranks(np.asarray(x, dtype=np.float64)) for x in (a, b)]
    left, right = (rank - rank.mean() for rank in ranks)
    scale = float(np.sqrt((left**2).sum() * (right**2).sum()))
    return float(left @ right) / scale if scale > 0 else 0.0


def _ranks(values: Array) -> Array:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    result: Array = ((ends - counts + ends - 1) / 2.0)[place]
    return result
