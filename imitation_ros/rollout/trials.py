# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Trials: what came of letting a policy (or an expert) try a task, seed by seed.

Rollouts without ROS and trials of the running nodes both end in this form, in `trials.json`.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
import json
from pathlib import Path
from typing import Any

import numpy as np

from ..data.intervals import Interval, wilson
from ..data.latency import Distribution
from ..errors import DataError
from ..files import replace_text

VERSION = 1


@dataclass(frozen=True)
class Trial:
    """One attempt from one initial state.

    Attributes:
        seed: Seed of the initial state.
        success: Whether the task's success rule held.
        duration_s: How long it was tried [s].
        seconds: Time until success [s]; None without it.
        interventions: Interventions of the safety filter, by rule; one per joint or pair.
        state: State of the safety filter at the end.
        note: What went wrong, if anything is known.
        bag: Name of the trial's bag, if there is one.
        diagnostics: Last diagnostics of the safety and policy nodes, if they ran.
        altered: Commands with at least one intervention; None if that was not counted.
    """

    seed: int
    success: bool
    duration_s: float
    seconds: float | None = None
    interventions: Mapping[str, int] = field(default_factory=dict)
    state: str = ''
    note: str = ''
    bag: str = ''
    diagnostics: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    altered: int | None = None

    def __post_init__(self) -> None:
        """Check that a success has its time and a failure none."""
        if self.success != (self.seconds is not None):
            raise DataError(
                f'trial {self.seed}: success is {self.success} but seconds is {self.seconds}'
            )

    @property
    def intervened(self) -> int:
        """Number of interventions of all rules."""
        return sum(self.interventions.values())


@dataclass(frozen=True)
class Latency:
    """Time from an observation to the command made from it.

    Attributes:
        p50_ms: Median [ms].
        p99_ms: 99th percentile [ms].
        max_ms: Highest [ms].
        count: Number of commands measured.
        samples_ms: The measured times themselves [ms], if they were kept.
    """

    p50_ms: float
    p99_ms: float
    max_ms: float
    count: int
    samples_ms: tuple[float, ...] = ()

    @classmethod
    def of(cls, samples_ms: Any) -> 'Latency':
        """Percentiles of measured times [ms], shape (m,)."""
        values = np.asarray(samples_ms, dtype=np.float64)
        numbers = Distribution.of(1e6 * values)
        kept = tuple(round(float(value), 3) for value in values)
        return cls(numbers.p50_ms, numbers.p99_ms, numbers.max_ms, numbers.count, kept)


@dataclass(frozen=True)
class Trials:
    """Trials of one policy on one task.

    Attributes:
        task: Name of the task.
        runner: How they were run: 'nodes' (ROS 2) or 'rollout' (the same objects, no ROS).
        trials: One per seed.
        horizon_s: How long each may take [s].
        latency: Time from observation to command, if it was measured.
        conditions: What they were tried under, as far as is known: `policy` (SHA-256 of the file),
            `spread`, `perturb`, `filter`.
        warnings: What is odd about them, such as a policy that was trained for another task.
    """

    task: str
    runner: str
    trials: tuple[Trial, ...]
    horizon_s: float | None = None
    latency: Latency | None = None
    conditions: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a seed that was tried twice."""
        twice = [seed for seed, n in Counter(t.seed for t in self.trials).items() if n > 1]
        if twice:
            raise DataError(f'seeds tried twice: {", ".join(map(str, sorted(twice)))}')

    def __len__(self) -> int:
        """Count the trials."""
        return len(self.trials)

    @property
    def successes(self) -> int:
        """Number of trials that succeeded."""
        return sum(trial.success for trial in self.trials)

    @property
    def rate(self) -> Interval:
        """Success rate with its Wilson 95 % interval."""
        return wilson(self.successes, len(self))

    @property
    def interventions(self) -> dict[str, int]:
        """Interventions of all trials by rule, most frequent first."""
        total: Counter[str] = Counter()
        for trial in self.trials:
            total.update(trial.interventions)
        return dict(total.most_common())

    @property
    def median_seconds(self) -> float | None:
        """Median time to success [s] of the trials that succeeded; None without one."""
        times = [trial.seconds for trial in self.trials if trial.seconds is not None]
        return float(np.median(times)) if times else None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; the rate and its interval are written out for readers."""
        values = asdict(self)
        values['version'] = VERSION
        values['trials'] = [asdict(trial) for trial in self.trials]
        values['successes'] = self.successes
        values['rate'] = asdict(self.rate) if self.trials else None
        values['median_seconds'] = self.median_seconds
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> 'Trials':
        """Read `to_dict` back.

        What can be derived is derived again.

        Raises:
            DataError: If something is missing or does not fit.
        """
        try:
            if values['version'] != VERSION:
                raise DataError(f'trials of version {values["version"]}, not {VERSION}')
            latency = values.get('latency')
            if latency is not None:
                latency = Latency(**{**latency, 'samples_ms': tuple(latency['samples_ms'])})
            return cls(
                task=values['task'],
                runner=values['runner'],
                trials=tuple(Trial(**trial) for trial in values['trials']),
                horizon_s=values.get('horizon_s'),
                latency=latency,
                conditions=dict(values.get('conditions', {})),
                warnings=tuple(values.get('warnings', ())),
            )
        except (KeyError, TypeError) as error:
            raise DataError(f'these are no trials: {error!r}') from error

    def write(self, path: Path) -> None:
        """Write the trials as JSON, all or nothing."""
        replace_text(path, json.dumps(self.to_dict(), indent=1))

    @classmethod
    def read(cls, path: Path) -> 'Trials':
        """Read what `write` wrote; raises DataError with the path if it cannot."""
        try:
            return cls.from_dict(json.loads(path.read_text(encoding='utf-8')))
        except (OSError, json.JSONDecodeError, DataError) as error:
            raise DataError(f'{path}: {error}') from error
