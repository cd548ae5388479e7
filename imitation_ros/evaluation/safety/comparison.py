# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The same streams through our filter and through others, on the same robot."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...contract import Contract
from ...data.frame import Array
from ...kinematics.model import RobotModel
from ...safety.backends import build
from .baselines import Law, Ours, Pink, SoftLimiterTranscription, StepClamp, Uncertified
from .streams import all_streams
from .trial import play, Run, Violations

OURS, UNCERTIFIED = 'imitation_ros', 'no certificate'
METHODS: dict[str, type[Ours] | type[Law] | type[Pink]] = {
    OURS: Ours,
    'pink': Pink,
    'soft limiter': SoftLimiterTranscription,
    'step clamp': StepClamp,
    UNCERTIFIED: Uncertified,
}
"""By the name that the report gives it; the docstring of each says what it is."""


@dataclass(frozen=True)
class Score:
    """How one method did on one stream, over all seeds.

    Attributes:
        steps: Set-points.
        violations: What was broken.
        speed: Mean speed of the joints [rad/s].
        deviation: Mean distance of a set-point from what was asked, within the limits [rad].
        p50_us: Median thread CPU time of a step [us].
        p99_us: 99th percentile of it [us].
        failures: Steps in which the method raised.
        distances: Least distance of two links over the first run [m], shape (steps + 1,).
    """

    steps: int
    violations: Violations
    speed: float
    deviation: float
    p50_us: float
    p99_us: float
    failures: int
    distances: Array

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, without the distances over time."""
        return {
            'steps': self.steps,
            'violations': self.violations.to_dict(),
            'speed': self.speed,
            'deviation': self.deviation,
            'p50_us': self.p50_us,
            'p99_us': self.p99_us,
            'failures': self.failures,
        }


@dataclass(frozen=True)
class Comparison:
    """Every stream through every method.

    Attributes:
        contract: The robot.
        pairs: Pairs of links that were watched.
        scores: By stream, then by method.
        missing: Methods that are not installed here.
    """

    contract: Contract
    pairs: int
    scores: dict[str, dict[str, Score]]
    missing: tuple[str, ...] = ()

    def total(self, method: str) -> Violations:
        """Violations of one method over all streams."""
        return sum((rows[method].violations for rows in self.scores.values()), Violations())

    def steps(self, method: str) -> int:
        """Set-points of one method over all streams."""
        return sum(rows[method].steps for rows in self.scores.values())

    def speed_kept(self, stream: str) -> float | None:
        """Mean speed of our filter over that without its certificate; None if that stood still."""
        rows = self.scores[stream]
        free = rows[UNCERTIFIED].speed
        return rows[OURS].speed / free if free > 0.0 else None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        contract = self.contract
        return {
            'robot': contract.name,
            'contract_hash': contract.hash,
            'command_hz': contract.rates.command_hz,
            'pairs': self.pairs,
            'safety': contract.safety.model_dump(mode='json'),
            'violations': {name: self.total(name).to_dict() for name in self.methods},
            'speed_kept': {stream: self.speed_kept(stream) for stream in self.scores},
            'missing': list(self.missing),
            'streams': {
                stream: {name: score.to_dict() for name, score in rows.items()}
                for stream, rows in self.scores.items()
            },
        }

    @property
    def methods(self) -> list[str]:
        """Methods that were run."""
        return list(next(iter(self.scores.values())))


def compare(
    contract: Contract,
    steps: int,
    seeds: int,
    progress: Callable[[str], None] | None = None,
) -> Comparison:
    """Run every stream through every method that is installed.

    Args:
        contract: The robot.
        steps: Set-points per run.
        seeds: Runs per stream and method.
        progress: Called with the name of each stream before it is run.
    """
    backend = build(RobotModel(contract))
    missing = []
    for name, make in METHODS.items():
        try:
            make(contract, backend)
        except ModuleNotFoundError:
            missing.append(name)
    scores: dict[str, dict[str, Score]] = {}
    for stream in all_streams(contract, backend, 0):
        if progress is not None:
            progress(stream)
        rows = scores[stream] = {}
        for name, make in METHODS.items():
            if name in missing:
                continue
            runs = [
                play(
                    contract,
                    backend,
                    all_streams(contract, backend, seed)[stream],
                    make(contract, backend),
                    steps,
                )
                for seed in range(seeds)
            ]
            rows[name] = _score(runs, steps)
    return Comparison(contract, len(backend), scores, tuple(missing))


def _score(runs: list[Run], steps: int) -> Score:
    times = np.concatenate([run.times_ns for run in runs]) / 1e3
    p50, p99 = np.percentile(times, [50, 99])
    return Score(
        steps=steps * len(runs),
        violations=sum((run.violations for run in runs), Violations()),
        speed=float(np.mean([run.speed for run in runs])),
        deviation=float(np.mean([run.deviation for run in runs])),
        p50_us=float(p50),
        p99_us=float(p99),
        failures=sum(run.failures for run in runs),
        distances=runs[0].distances,
    )
