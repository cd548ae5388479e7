# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A leader's samples as a smooth curve, a fixed delay behind the leader.

A leader speaks 50 times a second, the robot is commanded 100 times or more. Straight lines
between the samples change the speed at a stroke at every sample, which asks for twice the
acceleration the operator used, and the safety filter would cut it. A quadratic B-spline asks for
no more speed and no more acceleration than the samples themselves have.

Behind the newest sample the curve brakes to a stop along its own direction. That piece is played
only if the next message is late or never comes (the dead-man is released in the middle of a
motion), and spares the robot a dead stop and the way back from it.
"""

from collections import deque

import numpy as np

from ..data.frame import Array

SEGMENTS = 3
"""Segments in a chunk: enough to cover the present on every side of a late message."""
POINTS = 4
"""Points per segment."""
BRAKE_STEP_NS = 10_000_000
"""Time between the points of the braking piece [ns]."""
BRAKE_MAX_NS = 500_000_000
"""Longest braking piece [ns]; a leader that asks for a longer one is beyond its limits."""

_U = np.arange(1, POINTS + 1)[:, None] / POINTS
_WEIGHTS = np.hstack([0.5 * (1 - _U) ** 2, 0.5 + _U - _U**2, 0.5 * _U**2])
"""Weights of three neighbouring samples at the points of one segment, shape (POINTS, 3)."""


class Spline:
    """Quadratic B-spline over the newest samples, in position and in time alike.

    Between the middles of neighbouring samples it is one parabola; there it has their mean
    velocity, so it is smooth even if the samples do not come at equal times.
    """

    def __init__(self, period_ns: int, delay_ns: int) -> None:
        """Make an empty curve.

        Args:
            period_ns: Usual time between samples [ns].
            delay_ns: How far the curve runs behind the samples [ns]. It must cover one and a half
                periods and the time a sample takes to arrive.
        """
        self._period_ns = period_ns
        self._delay_ns = delay_ns
        self._samples: deque[tuple[int, Array]] = deque(maxlen=SEGMENTS + 2)

    @property
    def newest_ns(self) -> int | None:
        """Stamp of the newest sample [ns], or None."""
        return self._samples[-1][0] if self._samples else None

    def restart(self, stamp_ns: int, q: Array) -> None:
        """Begin at rest at q, shape (k,), just before a first sample at a stamp [ns]."""
        self._samples.clear()
        for age in range(SEGMENTS + 1, 0, -1):
            self._samples.append((stamp_ns - age * self._period_ns, q.copy()))

    def push(
        self, stamp_ns: int, q: Array, braking: Array | None = None
    ) -> tuple[tuple[int, ...], Array]:
        """Add a sample and return the newest piece of the curve.

        Args:
            stamp_ns: Stamp of the sample [ns], later than the last.
            q: Positions [rad or m], shape (k,).
            braking: Deceleration of the braking piece [rad/s^2 or m/s^2], shape (k,), positive;
                None leaves that piece out.

        Returns:
            Times [ns], none before the stamp, and positions at them, shape (len(times), k).
        """
        self._samples.append((stamp_ns, q.copy()))
        start = self._samples[0][0]
        stamps = np.array([stamp - start for stamp, _ in self._samples], dtype=np.float64)
        values = np.array([value for _, value in self._samples])
        times, positions = [], []
        for i in range(len(self._samples) - 2):
            times.append(_WEIGHTS @ stamps[i : i + 3])
            positions.append(_WEIGHTS @ values[i : i + 3])
        when = np.rint(np.concatenate(times)).astype(np.int64) + start + self._delay_ns
        where = np.concatenate(positions)
        if braking is not None:
            speed = (values[-1] - values[-2]) / (stamps[-1] - stamps[-2])  # per ns
            late, beyond = _brake(speed, braking * 1e-18)
            when = np.concatenate([when, when[-1] + late])
            where = np.vstack([where, where[-1] + beyond])
        keep = when >= stamp_ns
        return tuple(int(time) for time in when[keep]), where[keep]


def _brake(speed: Array, braking: Array) -> tuple[Array, Array]:
    """Times [ns] and displacements, shape (len(times), k), of braking to a stop.

    All joints stop together, so that the hand keeps its direction.

    Args:
        speed: Speed at the start, per ns, shape (k,).
        braking: Deceleration, per ns^2, shape (k,).
    """
    whole = min(float((np.abs(speed) / braking).max()), BRAKE_MAX_NS)
    if whole < 1.0:
        return np.zeros(0, dtype=np.int64), np.zeros((0, len(speed)))
    count = int(np.ceil(whole / BRAKE_STEP_NS))
    times = np.minimum(np.arange(1, count + 1) * float(BRAKE_STEP_NS), np.ceil(whole))
    way = np.minimum(times, whole)
    return times.astype(np.int64), (way - way**2 / (2.0 * whole))[:, None] * speed
