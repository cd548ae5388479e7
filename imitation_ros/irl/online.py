# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Online learners: what a method has to bring to be trained in simulation.

An iteration practises, learns, and says how it went; judging, keeping the best, checkpoints and
resume are the trainer's (`adversarial/run.py`), the same for every method.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from torch import Tensor

from ..contract import Contract
from ..data.windows import Windows
from ..training.state import Trained
from .environment import Environment
from .rollouts import Decide


@dataclass(frozen=True)
class Setting:
    """What a learner begins with.

    Attributes:
        contract: The robot.
        trained: The policy to begin with; a learner may change it.
        windows: Demonstrations.
        environment: Where to practise.
    """

    contract: Contract
    trained: Trained
    windows: Windows
    environment: Environment


@dataclass(frozen=True)
class Iteration:
    """How an iteration went.

    Attributes:
        success: Share of the practice episodes in which the task was done, exploration included.
        repaired: Share of the others that were repaired; None where nothing is, or was to be.
        reward: Mean reward of a decision; None while repairing.
        accuracy: Share of transitions that the classifier told right; None without one.
        rank: Rank correlation of an episode's reward with its success; None if all were alike.
        kl: Mean KL divergence from the policy that practised; None where there is no such.
        bc: BC loss, in units of the exploration.
    """

    success: float
    reward: float | None = None
    accuracy: float | None = None
    rank: float | None = None
    kl: float | None = None
    bc: float | None = None
    repaired: float | None = None


class Decider(Protocol):
    """A policy that is judged."""

    def decide(self, rng: np.random.Generator | None) -> Decide:
        """Make decisions; without rng no exploration."""


class OnlineLearner(ABC):
    """A method at work. Everything random must follow from the seed and the iteration.

    Attributes:
        policy: The policy that is judged, and is the result.
        iteration: Iterations made.
        values: What checkpoints say of the reward, as plain values for JSON.
    """

    policy: Decider
    iteration: int
    values: dict[str, Any]

    @property
    @abstractmethod
    def episodes(self) -> int:
        """Episodes of practice in an iteration."""

    @property
    @abstractmethod
    def steps(self) -> int:
        """Policy steps simulated for practice so far."""

    @abstractmethod
    def step(self) -> Iteration:
        """Make one iteration."""

    @abstractmethod
    def tensors(self) -> dict[str, Tensor]:
        """Everything that the next iteration depends on; the policy's begin with `average.`."""

    @abstractmethod
    def restore(self, tensors: Mapping[str, Tensor], iteration: int) -> None:
        """Go on from `tensors` after a number of iterations."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What is printed before the first iteration, beside what is said of every method."""
        return ()

    @property
    def takes_back(self) -> bool:
        """Whether a policy that is judged worse than the best so far goes back to that one."""
        return False

    def take_back(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on with the policy of a checkpoint, and with all that was learnt and seen since."""
        raise NotImplementedError('a learner that takes back says how')
