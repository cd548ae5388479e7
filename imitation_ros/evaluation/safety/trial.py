# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Run a stream through a method, and judge every set-point that came out."""

from dataclasses import asdict, dataclass, fields
import time
from typing import Any

import numpy as np

from ...contract import Contract
from ...data.frame import Array
from ...safety.backend import Backend
from .baselines import Method
from .streams import Stream


@dataclass(frozen=True)
class Violations:
    """Set-points that broke a promise, and by how much the worst ones did.

    Attributes:
        position: Outside the position limits.
        velocity: Reached faster than the limit.
        acceleration: Reached with more than the limit.
        distance: With two links closer than `self_collision_distance`.
        non_finite: Holding NaN or infinity.
        closest_mm: Least distance of two links [mm].
        hardest: Largest acceleration, as a multiple of its limit.
    """

    position: int = 0
    velocity: int = 0
    acceleration: int = 0
    distance: int = 0
    non_finite: int = 0
    closest_mm: float = np.inf
    hardest: float = 0.0

    @property
    def total(self) -> int:
        """All that were broken; a set-point may break several."""
        return self.position + self.velocity + self.acceleration + self.distance + self.non_finite

    def __add__(self, other: 'Violations') -> 'Violations':
        """Violations of two runs."""
        sums = {f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)}
        sums['closest_mm'] = min(self.closest_mm, other.closest_mm)
        sums['hardest'] = max(self.hardest, other.hardest)
        return Violations(**sums)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self) | {'total': self.total}


def judge(contract: Contract, backend: Backend, path: list[Array]) -> tuple[Violations, Array]:
    """Check every set-point of a run that started at rest.

    A controller keeps the last finite set-point instead of one that is not; so does the judge.

    Args:
        contract: The robot; its limits are what is promised.
        backend: Distances of the same robot.
        path: Set-points [rad or m], each of shape (n,), the start first.

    Returns:
        What was broken, and the least distance of two links at each set-point [m].
    """
    limits, dt = contract.limits, 1.0 / contract.rates.command_hz
    Q = np.array(path)
    finite = np.isfinite(Q)
    bad = ~finite.all(axis=1)
    for i in np.flatnonzero(bad).tolist():
        Q[i] = np.where(finite[i], Q[i], Q[i - 1])
    V = np.diff(Q, axis=0) / dt
    A = np.diff(np.vstack([np.zeros(contract.n), V]), axis=0) / dt
    worst = limits.acceleration * (1 + 1e-6) + 1e-7 / dt
    distances = np.array([backend.distances(q).min() for q in Q])
    violations = Violations(
        position=int(((Q > limits.upper + 1e-9) | (Q < limits.lower - 1e-9)).any(1).sum()),
        velocity=int((np.abs(V) > limits.velocity * (1 + 1e-6) + 1e-9).any(1).sum()),
        acceleration=int((np.abs(A) > worst).any(1).sum()),
        distance=int((distances < contract.safety.self_collision_distance).sum()),
        non_finite=int(bad.sum()),
        closest_mm=float(1e3 * distances.min()),
        hardest=float((np.abs(A) / limits.acceleration).max(initial=0.0)),
    )
    return violations, distances


@dataclass(frozen=True)
class Run:
    """A stream through a method.

    Attributes:
        violations: What was broken.
        distances: Least distance of two links at each set-point [m], shape (steps + 1,).
        speed: Mean speed of the joints [rad/s].
        deviation: Mean distance of a set-point from what was asked, within the limits [rad].
        times_ns: Thread CPU time of each step [ns], shape (steps,).
        failures: Steps in which the method raised.
    """

    violations: Violations
    distances: Array
    speed: float
    deviation: float
    times_ns: Array
    failures: int


def play(contract: Contract, backend: Backend, stream: Stream, method: Method, steps: int) -> Run:
    """Run a stream through a method and judge it.

    Args:
        contract: The robot.
        backend: Distances of the same robot.
        stream: What is asked.
        method: What stands between; at rest at home.
        steps: How many set-points.
    """
    limits = contract.limits
    path, times, deviations = [method.q], [], []
    travel, before = 0.0, method.q
    for tick in range(steps):
        goal, velocity = stream(tick, method.q)
        begin = time.thread_time_ns()
        sent = method.step(goal, velocity)
        times.append(time.thread_time_ns() - begin)
        path.append(sent)
        travel += float(np.abs(method.q - before).mean())
        before = method.q
        if goal is not None and goal.shape == sent.shape and np.isfinite(goal).all():
            wanted = np.clip(goal, limits.lower, limits.upper)
            deviations.append(float(np.abs(method.q - wanted).mean()))
    violations, distances = judge(contract, backend, path)
    return Run(
        violations,
        distances,
        travel * contract.rates.command_hz / max(steps, 1),
        float(np.mean(deviations)) if deviations else 0.0,
        np.array(times, dtype=np.float64),
        method.failures,
    )
