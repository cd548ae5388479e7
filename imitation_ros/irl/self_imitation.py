# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Repairs: where the policy fails, let it try again as if the object stood elsewhere.

Far from the demonstrated starts a policy fails in an orderly way: it reaches beside the object,
too short or turned, by about the same amount all the time. Shaking its joints seldom mends that,
for errors of sixteen joints have to fall together. So a failed start is tried again with the
object seen a little beside where it is, by the same amount for a whole episode; what the policy
does then is as smooth as before, and now and then it is right.

What was right is imitated together with the demonstrations, with the object seen where it was.
It is imitation of one's own good episodes (Oh et al. 2018, "Self-Imitation Learning"; Guo et al.
2018, "Generative Adversarial Self-Imitation Learning"), with exploration in what is seen instead
of what is done (Plappert et al. 2018 explore in the parameters, for the same reason). Right is
what meets the task's rule; no demonstration is needed beyond those that there are.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
import torch
from torch import nn, Tensor

from ..data.observation import ObservationSpec
from ..data.windows import Windows
from ..errors import TrainingError
from ..policies.actor import Actor
from ..policies.base import Count
from ..training.config import NotNegative, Positive, Share
from .adversarial.features import OBJECT_ENTRIES
from .environment import Environment
from .rollouts import FIRST_SEED, HIGHEST_SEED

Floats = NDArray[np.float32]
Episode = tuple[Floats, Floats]
"""What was seen (T, D) and commanded (T, k) in an episode."""

FLAT = 0.3
"""The object is seen as much higher or lower, per metre that it is seen beside its place."""

WARMUP = 50
PREFIX = 'repaired.'


class Repair(BaseModel):
    """Settings of the repairs.

    Attributes:
        rounds: Iterations that repair, before the others; 0 is none.
        starts: Starts in each of them.
        tries: How often a failed start is tried again at most.
        spread: Factor on the region of the starts.
        position: Spread of how far beside its place the object is seen [m].
        yaw: Spread of how far it is seen turned [rad].
        updates: Updates of the policy in a round.
        batch: Windows in an update.
        lr: Learning rate.
        share: Highest share of the windows that are of repaired episodes; while there are fewer of
            them than of demonstrations, it is their share of both.
    """

    model_config = ConfigDict(frozen=True, extra='forbid')

    rounds: int = Field(0, ge=0)
    starts: Count = 40
    tries: Count = 3
    spread: float = Field(2.0, ge=1, allow_inf_nan=False)
    position: NotNegative = 0.02
    yaw: NotNegative = 0.15
    updates: Count = 600
    batch: Count = 128
    lr: Positive = 3e-4
    share: Share = 0.5


class Repairing(Repair):
    """The same where repairs are the rule."""

    rounds: int = Field(4, ge=0)


@dataclass(frozen=True)
class Round:
    """How a round went.

    Attributes:
        success: Share of the starts at which the policy did the task at once.
        repaired: Share of the others that it did when it tried again; None if there were none.
        steps: Policy steps that were simulated.
        loss: BC loss at the end; None if nothing was repaired, and so nothing learnt.
    """

    success: float
    repaired: float | None
    steps: int
    loss: float | None


class Repairs:
    """Repaired episodes of a training, and what the policy learns from them.

    Attributes:
        episodes: The repaired ones so far.
        steps: Policy steps simulated so far.
    """

    def __init__(
        self, settings: Repair, actor: Actor, windows: Windows, environment: Environment
    ) -> None:
        """Begin with nothing repaired.

        Args:
            settings: The settings.
            actor: The policy; it is changed.
            windows: Demonstrations.
            environment: Where to try.

        Raises:
            TrainingError: If the policy sees no object.
        """
        if settings.rounds and not windows.spec.poses:
            raise TrainingError('repair: the policy sees no object to be seen elsewhere')
        self._settings, self._actor = settings, actor
        self._demonstrations, self._environment = windows, environment
        self.episodes: list[Episode] = []
        self.steps = 0

    @property
    def windows(self) -> Windows:
        """Windows of demonstrations and, behind them, of repaired episodes."""
        return self._demonstrations.extended(self.episodes)

    def round(self, rng: np.random.Generator, generator: torch.Generator, noise: float) -> Round:
        """Try, try again, and learn from what was repaired.

        Args:
            rng: Source of starts and of what is seen beside its place.
            generator: Source of the noise on the states.
            noise: That noise, as a share of their standard deviation.
        """
        settings, before = self._settings, self.steps
        failed = repaired = 0
        for seed in rng.integers(FIRST_SEED, HIGHEST_SEED, settings.starts):
            if self._attempt(int(seed)) is not None:
                continue
            failed += 1
            for _ in range(settings.tries):
                beside = settings.position * rng.standard_normal(3) * (1.0, 1.0, FLAT)
                found = self._attempt(int(seed), beside, settings.yaw * rng.standard_normal())
                if found is not None:
                    self.episodes.append(found)
                    repaired += 1
                    break
        loss = self._learn(rng, generator, noise) if repaired else None
        return Round(
            1.0 - failed / settings.starts,
            repaired / failed if failed else None,
            self.steps - before,
            loss,
        )

    def tensors(self) -> dict[str, Tensor]:
        """Everything that the next round depends on."""
        if not self.steps:
            return {}
        states = [state for state, _ in self.episodes]
        commands = [command for _, command in self.episodes]
        arrays = {
            'steps': np.array(self.steps),
            'lengths': np.array([len(state) for state in states], dtype=np.int64),
        }
        if self.episodes:
            arrays |= {'state': np.concatenate(states), 'action': np.concatenate(commands)}
        return {PREFIX + name: torch.from_numpy(array) for name, array in arrays.items()}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from `tensors`."""
        if f'{PREFIX}steps' not in tensors:
            return
        self.steps = int(tensors[f'{PREFIX}steps'])
        ends = np.cumsum(tensors[f'{PREFIX}lengths'].numpy())
        if len(ends):
            state, action = (tensors[PREFIX + name].numpy() for name in ('state', 'action'))
            parts = (np.split(array, ends[:-1]) for array in (state, action))
            self.episodes = list(zip(*parts, strict=True))

    def _attempt(
        self, seed: int, beside: NDArray[np.float64] | None = None, turn: float = 0.0
    ) -> Episode | None:
        """Play from a start until the task is done; None if it was not."""
        environment, spec = self._environment, self._demonstrations.spec
        state = environment.reset(seed, self._settings.spread)
        for _ in range(environment.decisions(environment.time_limit_s)):
            seen = state if beside is None else moved(spec, state, beside, turn)
            state, done = environment.step(self._actor.predict(seen[None], {})[0])
            self.steps += spec.execute
            if done:
                track = environment.track
                return track if len(track[0]) >= spec.chunk else None
        return None

    def _learn(self, rng: np.random.Generator, generator: torch.Generator, noise: float) -> float:
        """Go on with BC, on demonstrations and repaired episodes; the loss at the end."""
        settings, windows = self._settings, self.windows
        shown, count = len(self._demonstrations), len(self.episodes)
        share = min(settings.share, count / (count + len(self._demonstrations.names)))
        own = round(share * settings.batch)
        optimizer = torch.optim.AdamW(
            self._actor.parameters(), settings.lr, weight_decay=1e-4, fused=True
        )
        for update in range(settings.updates):
            fall = 0.5 * (1.0 + np.cos(np.pi * update / settings.updates))
            for group in optimizer.param_groups:
                group['lr'] = settings.lr * min(1.0, (update + 1) / WARMUP) * fall
            index = np.concatenate(
                [
                    rng.integers(0, shown, settings.batch - own),
                    rng.integers(shown, len(windows), own),
                ]
            )
            loss = self._actor.loss(windows.batch(index), generator, noise)['loss']
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(self._actor.parameters(), 0.5)
            optimizer.step()
        return float(loss.detach())


def moved(
    spec: ObservationSpec, state: Floats, beside: NDArray[np.float64], turn: float
) -> Floats:
    """A state history in which the first object is seen elsewhere.

    Args:
        spec: What is seen.
        state: State history, shape (To, D).
        beside: How far from its place [m], shape (3,).
        turn: How far turned about the vertical [rad].
    """
    result = state.copy()
    begin = spec.size - OBJECT_ENTRIES * len(spec.poses)
    result[:, begin : begin + 3] += beside.astype(np.float32)
    cosine, sine = np.cos(turn), np.sin(turn)
    rotation = np.array([[cosine, -sine], [sine, cosine]], np.float32)
    for column in (begin + 3, begin + 6):
        result[:, column : column + 2] = state[:, column : column + 2] @ rotation.T
    return result
