# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a learned reward says: of recordings, of new attempts, and whether it knows success.

New attempts are the run's own policy in simulation, shaken by noise of several strengths, so that
some of them fail: a reward that is worth something gives those less.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract import Contract
from ..data.store import Dataset
from ..data.windows import Windows
from ..errors import counted, DataError
from ..irl.environment import Environment
from ..irl.loading import Believed
from ..irl.maxent.linear import sample
from ..irl.reward import Array, rank_correlation, recorded, Trajectory
from ..sim.experts import OBJECT

EXAMPLES = 2
"""Episodes of each kind whose reward is drawn along the time."""

NOISE = 0.02
"""Noise on the joints of new attempts at strength 1 [rad]; a tenth of it [m] on sliding ones."""

SPREAD = 1.3

ENOUGH = 4
"""Successes and failures below which nothing is said of a reward: even in perfect order, three and
three would be so by chance once in twenty times."""


@dataclass(frozen=True)
class Told:
    """An episode and its rewards.

    Attributes:
        name: Name of the episode.
        source: `recorded` or `simulated`.
        success: Whether the task was done; None if it is not known.
        rewards: Reward of each decision, shape (T,).
    """

    name: str
    source: str
    success: bool | None
    rewards: Array

    @property
    def mean(self) -> float:
        """Mean reward of a decision."""
        return float(self.rewards.mean())

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            'name': self.name,
            'source': self.source,
            'success': self.success,
            'mean': self.mean,
            'rewards': [round(float(value), 5) for value in self.rewards],
        }


@dataclass(frozen=True)
class Agreement:
    """How a reward agrees with success.

    Attributes:
        episodes: Number of episodes whose outcome is known.
        successes: How many of them succeeded.
        correlation: Spearman's rank correlation of mean reward and success; None if all of
            them ended alike.
        chance: Chance that a success has more reward than a failure (area under the ROC curve).
    """

    episodes: int
    successes: int
    correlation: float | None
    chance: float | None

    @classmethod
    def of(cls, told: list[Told]) -> 'Agreement':
        """Measure it."""
        known = [one for one in told if one.success is not None]
        good = np.array([one.mean for one in known if one.success])
        bad = np.array([one.mean for one in known if not one.success])
        if not len(good) or not len(bad):
            return cls(len(known), len(good), None, None)
        means = np.array([one.mean for one in known])
        success = np.array([float(bool(one.success)) for one in known])
        above = (good[:, None] > bad).mean() + 0.5 * (good[:, None] == bad).mean()
        return cls(len(known), len(good), rank_correlation(means, success), float(above))

    @property
    def enough(self) -> bool:
        """Whether there are successes and failures enough to say anything by."""
        return min(self.successes, self.episodes - self.successes) >= ENOUGH

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            'episodes': self.episodes,
            'successes': self.successes,
            'enough': self.enough,
            'rank_correlation': self.correlation,
            'chance_success_has_more': self.chance,
        }


@dataclass(frozen=True)
class RewardStudy:
    """Everything the reward report shows.

    Attributes:
        method: Name of the method.
        period_s: Time between two decisions [s].
        told: The episodes.
        preference: For a linear reward: name, unit, weight, error and sentence of each feature.
        notes: What the method says of its reward.
    """

    method: str
    period_s: float
    told: tuple[Told, ...]
    preference: tuple[dict[str, Any], ...]
    notes: tuple[str, ...]

    def agreement(self, source: str) -> Agreement:
        """Agreement with success among `recorded` or `simulated` episodes."""
        return Agreement.of([one for one in self.told if one.source == source])

    def examples(self) -> dict[str, list[Told]]:
        """Successes and failures whose rewards are drawn; recorded ones before simulated."""
        order = sorted(self.told, key=lambda one: one.source)
        return {
            'succeeded': [one for one in order if one.success][:EXAMPLES],
            'failed': [one for one in order if one.success is False][:EXAMPLES],
        }

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            'method': self.method,
            'period_s': self.period_s,
            'recorded': self.agreement('recorded').to_dict(),
            'simulated': self.agreement('simulated').to_dict(),
            'preference': list(self.preference),
            'notes': list(self.notes),
            'episodes': [one.to_dict() for one in self.told],
        }


def study(
    believed: Believed,
    dataset: Dataset,
    contract: Contract,
    task: str | None = None,
    attempts: int = 24,
    seed: int = 700_000,
    progress: Callable[[int], None] | None = None,
) -> RewardStudy:
    """Ask a reward about all episodes of a dataset, and about new attempts at a task.

    Args:
        believed: The reward.
        dataset: The dataset.
        contract: The robot.
        task: Task to try in simulation; None for recordings alone.
        attempts: How many times, in fours.
        seed: Seed of the first start.
        progress: Called with the number of attempts after each.

    Raises:
        DataError: If no episode is long enough for two decisions.
    """
    spec = believed.trained.spec
    metas = dataset.manifest.episodes
    long = [i for i in range(len(metas)) if len(dataset.episode(i)) > 2 * spec.execute]
    long = [i for i in long if len(dataset.episode(i)) >= spec.chunk]
    if not long:
        raise DataError(f'{dataset.root}: no episode is long enough for two decisions')
    short = [meta.episode for i, meta in enumerate(metas) if i not in long]
    left = f'{counted(len(short), "recorded episode")} too short to be judged: {", ".join(short)}'
    windows = Windows(dataset, long, spec)
    outcomes = {meta.episode: meta.outcome for meta in metas}
    found = [('recorded', one) for one in recorded(windows, outcomes)]
    if task is not None:
        tries = _attempts(believed, contract, task, attempts, seed, progress)
        found += [('simulated', one) for one in tries]
    told = [
        Told(one.name, source, one.success, believed.reward.reward(one.states, one.actions))
        for source, one in found
    ]
    return RewardStudy(
        method=believed.method,
        period_s=spec.execute / spec.policy_hz,
        told=tuple(told),
        preference=believed.preference,
        notes=(*believed.notes, *([left] if short else [])),
    )


def _attempts(
    believed: Believed,
    contract: Contract,
    task: str,
    attempts: int,
    seed: int,
    progress: Callable[[int], None] | None,
) -> list[Trajectory]:
    """New attempts of the run's policy, one from each start, shaken more and more in turn."""
    trained = believed.trained
    if any(pose != OBJECT for pose in trained.spec.poses):
        raise DataError(f'the policy sees {trained.spec.poses}: only "{OBJECT}" is simulated')
    limit = Environment(contract, task, trained.spec, 1.0).time_limit_s
    environment = Environment(contract, task, trained.spec, limit, timestep_s=0.004)
    strength = joint_noise(contract, trained.spec.joints, NOISE)
    # `sample` gives a start the strengths in turn; four attempts from each of a few starts.
    starts = range(seed, seed + max(1, attempts // 4))
    rng = np.random.default_rng(seed)
    return sample(environment, trained.actor, strength, starts, 4, SPREAD, rng, progress)[0]


def joint_noise(contract: Contract, joints: tuple[str, ...], noise: float) -> NDArray[np.float64]:
    """Noise of each joint: `noise` [rad], a tenth of it [m] for grippers, shape (k,)."""
    return np.array([noise * (0.1 if 'gripper' in joint else 1.0) for joint in joints])
