# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A linear reward of a simulated task: samples around what was cloned, weights by MaxEnt.

The samples are episodes of the cloned policy, shaken by correlated noise of several strengths:
that is the q of `maxent`, how this robot moves about when it does this task. Features of
recordings and of samples are means until the task is done, in standard deviations of the samples.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...contract import Contract
from ...data.windows import Windows
from ...errors import TrainingError
from ...policies.actor import Actor
from ..adversarial.learner import SLIDE_NOISE
from ..config import MaxEntConfig
from ..environment import Environment
from ..reward import recorded, simulated, Trajectory
from ..rollouts import Decide, FIRST_SEED, Floats, HIGHEST_SEED, Rollout, rollout
from .features import Feature, Features, Place, POSE, sentences
from .maxent import Array, Solution, solve

STRENGTHS = (0.0, 1.0, 2.0, 4.0)
"""Strengths of the noise, as multiples of the configured one; a start gets them in turn."""

KEEP = 0.6
"""Share of the noise that is kept from one decision to the next."""

STILL = 1e-6
"""A feature that varies less than this among the samples cannot be weighed."""


@dataclass(frozen=True)
class LinearReward:
    """A weighted sum of named features.

    Attributes:
        features: The features.
        weights: Weight of each, per standard deviation, shape (F,).
        mean: Mean of each among the samples, shape (F,).
        scale: Standard deviation of each among the samples, in its unit, shape (F,).
    """

    features: Features
    weights: Array
    mean: Array
    scale: Array

    def reward(
        self, states: NDArray[np.floating[Any]], actions: NDArray[np.floating[Any]]
    ) -> Array:
        """Reward of every decision, shape (T,); arguments as `reward.Reward`."""
        values = self.features(states[: len(actions)], actions)
        result: Array = ((values - self.mean) / self.scale) @ self.weights
        return result

    def by_feature(
        self, states: NDArray[np.floating[Any]], actions: NDArray[np.floating[Any]]
    ) -> Array:
        """Each feature's part of the reward, shape (T, F)."""
        values = self.features(states[: len(actions)], actions)
        result: Array = ((values - self.mean) / self.scale) * self.weights
        return result


def place_of(demonstrations: Sequence[Trajectory], poses: int) -> Place | None:
    """Where demonstrations leave the first pose that is seen; None if none is."""
    if not poses:
        return None
    objects = [d.states[[0, -1], -1, -POSE * poses :][:, :3] for d in demonstrations]
    begins, ends = np.array(objects, dtype=np.float64).transpose(1, 0, 2)
    return Place.of(begins, ends)


def shaken(actor: Actor, strength: Array, played: int, rng: np.random.Generator) -> Decide:
    """Decisions of an actor, moved by noise that forgets itself over a few decisions.

    Args:
        actor: The actor.
        strength: Standard deviation for each joint [rad or m], shape (k,).
        played: Steps of a chunk that are played.
        rng: Source of the noise.
    """
    noise = np.zeros(len(strength))

    def decide(state: Floats, step: int) -> tuple[Floats, Floats]:
        nonlocal noise
        fresh = strength * rng.standard_normal(len(strength))
        noise = fresh if step == 0 else KEEP * noise + np.sqrt(1 - KEEP**2) * fresh
        chunk = actor.predict(state[None], {})[0] + noise.astype(np.float32)
        return chunk, chunk[:played].mean(axis=0) - state[-1, : len(strength)]

    return decide


def sample(
    environment: Environment,
    actor: Actor,
    strength: Array,
    seeds: Sequence[int],
    each: int,
    spread: float,
    rng: np.random.Generator,
    progress: Callable[[int], None] | None = None,
) -> tuple[list[Trajectory], NDArray[np.intp]]:
    """Episodes of a shaken policy: `each` from every start.

    Returns:
        The episodes, and the number of each one's start.
    """
    found: list[Trajectory] = []
    starts: list[int] = []
    for number, seed in enumerate(seeds):
        for i in range(each):
            noise = STRENGTHS[i % len(STRENGTHS)] * strength
            decide = shaken(actor, noise, environment.spec.execute, rng)
            one: Rollout = rollout(environment, decide, [seed], spread, stop_on_success=True)
            found += simulated(one, environment.spec)
            starts.append(number)
            if progress is not None:
                progress(len(found))
    return found, np.array(starts, np.intp)


@dataclass(frozen=True)
class Preference:
    """What MaxEnt finds.

    Attributes:
        names: The features that could be weighed.
        left_out: Features that do not vary among the samples.
        reward: The reward.
        solution: Weights and how well they are known.
        success: Share of the samples in which the task was done.
    """

    names: tuple[Feature, ...]
    left_out: tuple[Feature, ...]
    reward: LinearReward
    solution: Solution
    success: float

    def rows(self) -> list[dict[str, Any]]:
        """Plain values for JSON: each feature with its weight and its sentence."""
        chosen = [self.reward.features.names.index(name) for name in self.names]
        one, scale = self.solution, self.reward.scale[chosen]
        mean = self.reward.mean[chosen]
        words = sentences(self.names, one.weights, one.error, scale)
        return [
            {
                'name': feature.name,
                'unit': feature.unit,
                'weight': float(one.weights[i]),
                'error': float(one.error[i]),
                'demonstrated': float(mean[i] + scale[i] * one.demonstrated[i]),
                'sampled': float(mean[i] + scale[i] * one.before[i]),
                'expected': float(mean[i] + scale[i] * one.expected[i]),
                'sentence': words[i],
            }
            for i, feature in enumerate(self.names)
        ]


def prefer(
    features: Features,
    demonstrations: Sequence[Trajectory],
    samples: Sequence[Trajectory],
    starts: NDArray[np.intp],
    l2: float,
) -> Preference:
    """Find the weights for which the demonstrations are most likely among the samples.

    Raises:
        TrainingError: If no feature varies among the samples.
    """
    shown = np.array([_mean(features, trajectory) for trajectory in demonstrations])
    tried = np.array([_mean(features, trajectory) for trajectory in samples])
    mean, scale = tried.mean(axis=0), tried.std(axis=0)
    varies = scale > STILL
    if not varies.any():
        raise TrainingError('no feature varies among the sampled episodes; raise the noise')
    scale = np.where(varies, scale, 1.0)
    # Demonstrations are among the samples of every start (Finn, Levine and Abbeel 2016, sec. 4.2):
    # where they are smoother than any sample, weights would else run away to tell them apart.
    number = int(starts.max()) + 1
    ours, theirs = (((part - mean) / scale)[:, varies] for part in (shown, tried))
    both = np.concatenate([theirs, np.tile(ours, (number, 1))])
    of = np.concatenate([starts, np.repeat(np.arange(number), len(ours))])
    solution = solve(ours, both, of, l2=l2)
    weights = np.zeros(len(scale))
    weights[varies] = solution.weights
    names = features.names
    return Preference(
        names=tuple(name for name, known in zip(names, varies, strict=True) if known),
        left_out=tuple(name for name, known in zip(names, varies, strict=True) if not known),
        reward=LinearReward(features, weights, mean, scale),
        solution=solution,
        success=float(np.mean([bool(trajectory.success) for trajectory in samples])),
    )


def _mean(features: Features, trajectory: Trajectory) -> Array:
    result: Array = features(trajectory.states[:-1], trajectory.actions).mean(axis=0)
    return result


def learn(
    config: MaxEntConfig,
    contract: Contract,
    actor: Actor,
    windows: Windows,
    environment: Environment,
    slides: NDArray[np.bool_],
) -> Preference:
    """Sample around a cloned policy and find what its demonstrations prefer.

    Args:
        config: The configuration.
        contract: The robot.
        actor: The cloned policy.
        windows: Windows of the demonstrations.
        environment: Where to sample.
        slides: Which joints of the policy slide, shape (k,).
    """
    shown = recorded(windows, dict.fromkeys(windows.names, 'success'))
    features = Features(contract, windows.spec, place_of(shown, len(windows.spec.poses)))
    rng = np.random.default_rng([config.seed, 2])
    seeds = rng.integers(FIRST_SEED, HIGHEST_SEED, config.starts).tolist()
    strength = config.sample_noise * np.where(slides, SLIDE_NOISE, 1.0)
    tried, starts = sample(environment, actor, strength, seeds, config.each, 1.0, rng)
    return prefer(features, shown, tried, starts, config.l2)
