# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
r"""Transitions: what offline inverse RL learns from, cut from the windows of a dataset.

A policy runs `execute` steps of its chunk between two looks, so these steps together are one
action A of a semi-Markov decision process, and the state after them is the next one:

    s(t)  --A = a0 .. a(e-1)-->  s(t + e)            discount gamma^e

A demonstration that was imitated to its end goes on in an absorbing state, from which nothing
leads away (Kostrikov et al. 2019, sec. 4.1), until every demonstration has the same, fixed,
length. Without it a method that learns a reward learns whether an episode ends. Any other episode
was only broken off: what came after its last frame is unknown, so its last windows are no
transitions.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from ..data.windows import Windows
from ..errors import TrainingError
from ..policies.actor import Actor
from ..policies.base import Batch, Observation

Indices = NDArray[np.intp]

ABSORBING = -1
"""Index of the absorbing state."""


@dataclass(frozen=True)
class Transitions:
    """Pairs of windows that follow each other; -1 is the absorbing state.

    Attributes:
        state: Window that the action was taken in, shape (N,).
        next: Window that came after it, shape (N,).
    """

    state: Indices
    next: Indices

    def __len__(self) -> int:
        """Count the transitions."""
        return len(self.state)


def demonstrated(windows: Windows) -> Transitions:
    """Transitions of demonstrations, each led on in the absorbing state to the same length.

    Args:
        windows: Windows of the demonstrations.
    """
    step = windows.spec.execute
    lengths = np.bincount(windows.episode)
    state, following = [], []
    begin = 0
    for length in lengths.tolist():
        index = np.arange(length)
        after = index + step
        state.append(begin + index)
        following.append(np.where(after < length, begin + after, ABSORBING))
        # At least one step in the absorbing state, or nothing would say that nothing leads away.
        rest = np.full(lengths.max() - length + step, ABSORBING)
        state.append(rest)
        following.append(rest)
        begin += length
    return Transitions(np.concatenate(state), np.concatenate(following))


def attempted(windows: Windows) -> Transitions:
    """Transitions of episodes that were broken off: those whose next state was recorded.

    Raises:
        TrainingError: If no episode is longer than the steps between two looks.
    """
    step = windows.spec.execute
    index = np.arange(len(windows) - step, dtype=np.intp)
    same = windows.episode[index] == windows.episode[index + step]
    if not same.any():
        raise TrainingError(
            f'none of the {len(windows.names)} extra episodes is longer than the {step} steps '
            'between two looks'
        )
    return Transitions(index[same], index[same] + step)


@dataclass(frozen=True)
class Memory:
    """Decisions and what followed them, normalised.

    Attributes:
        state: State histories, shape (N, To, D).
        chunk: Whole chunks, shape (N, Ta, k).
        mask: Which of their steps are real, shape (N, Ta).
        here: Which of them a transition begins in, -1 in the absorbing state, shape (M,).
        there: Which it ends in, shape (M,).
    """

    state: Tensor
    chunk: Tensor
    mask: Tensor
    here: Tensor
    there: Tensor

    def __len__(self) -> int:
        """Count the transitions."""
        return len(self.here)

    def states(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Flat states, shape (B, To D), zero in the absorbing one, and its flag (B, 1)."""
        flag = (index == ABSORBING).to(self.state.dtype)[:, None]
        return self.state[index].flatten(1) * (1 - flag), flag

    def actions(self, index: Tensor, execute: int) -> Tensor:
        """Means of the executed parts of the chunks, shape (B, k), zero in the absorbing state."""
        flag = (index == ABSORBING).to(self.state.dtype)[:, None]
        return self.chunk[index, :execute].mean(dim=1) * (1 - flag)

    def batch(self, index: Tensor) -> Batch:
        """What a policy learns from."""
        return Batch(Observation(self.state[index], {}), self.chunk[index], self.mask[index])


def remember(actor: Actor, windows: Windows, transitions: Transitions) -> Memory:
    """Normalise windows once, as a policy sees them.

    Args:
        actor: The policy, for its statistics.
        windows: The windows, without images.
        transitions: Which of them follow each other.
    """
    whole = actor.batch(windows.batch(np.arange(len(windows)), images=False))
    return Memory(
        state=whole.observation.state,
        chunk=whole.action,
        mask=whole.mask,
        here=torch.from_numpy(transitions.state),
        there=torch.from_numpy(transitions.next),
    )
