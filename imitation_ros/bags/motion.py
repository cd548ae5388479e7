# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""When the robot moved, how smoothly, and which joints ran into their stops."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..contract import Contract
from ..data.frame import Array

NS = 1_000_000_000
MOTION = 0.02
"""Range of a joint below which it does not count as moved [rad or m]."""
SHARE = 0.05
"""The same as a share of the joint's range: a gripper's 3 cm are not 3 rad."""
STOP = 0.005
"""A joint this close to its stop, as a share of its range, is at it."""


def thresholds(contract: Contract, motion: float = MOTION) -> Array:
    """How far each joint must go to count as moved [rad or m], shape (n,)."""
    span = contract.limits.upper - contract.limits.lower
    return np.minimum(motion, SHARE * np.where(np.isfinite(span), span, np.inf))


@dataclass(frozen=True)
class Idle:
    """Time at both ends in which nothing moved.

    Attributes:
        head_s: Before the first motion [s].
        tail_s: After the last motion [s].
    """

    head_s: float
    tail_s: float


def idle(times_ns: NDArray[np.int64], q: Array, threshold: Array | float) -> Idle | None:
    """How long nothing moved at either end; None if nothing moved at all.

    A joint has moved when it is further than its threshold from where it began (and is yet to
    move when it is further from where it ends): noise and a slow sag are no motion.

    Args:
        times_ns: Times [ns], not falling, shape (T,).
        q: Joint positions [rad or m], shape (T, n).
        threshold: How far a joint must go [rad or m], scalar or shape (n,).
    """
    if len(q) < 2:
        return None
    from_start = (np.abs(q - q[0]) > threshold).any(axis=1)
    from_end = (np.abs(q - q[-1]) > threshold).any(axis=1)
    if not from_start.any():
        return None
    # A robot that returns to where it began moves last when it is last away from there.
    first = int(np.flatnonzero(from_start)[0])
    last = int(np.flatnonzero(from_end)[-1]) if from_end.any() else first
    return Idle(
        float(times_ns[first] - times_ns[0]) / NS,
        float(times_ns[-1] - times_ns[max(first, last)]) / NS,
    )


def jerk(times_ns: NDArray[np.int64], q: Array, hz: float) -> Array:
    """Root mean square of the third derivative of each joint [rad/s^3 or m/s^3], shape (n,).

    Positions are averaged over periods of 1/hz first: three differences of raw samples would
    show the encoder's noise and nothing else. The average is that of the line through the
    samples, or uneven sampling would show instead. Zeros if there are fewer than four periods.

    Args:
        times_ns: Times [ns], not falling, shape (T,).
        q: Joint positions [rad or m], shape (T, n).
        hz: Number of averages a second [Hz].
    """
    t = (times_ns - times_ns[:1]) / NS
    periods = int(t[-1] * hz) if len(t) else 0
    if periods < 4:
        return np.zeros(q.shape[1])
    edges = np.arange(periods + 1) / hz
    every = np.union1d(t, edges)
    values = np.stack([np.interp(every, t, column) for column in q.T], axis=1)
    steps = np.diff(every)[:, None] * 0.5 * (values[1:] + values[:-1])
    integral = np.concatenate([np.zeros((1, q.shape[1])), np.cumsum(steps, axis=0)])
    means = np.diff(integral[np.searchsorted(every, edges)], axis=0) * hz
    # A gap must not look like a blow: only runs of four periods with samples count.
    filled = np.histogram(t, edges)[0] > 0
    run = filled[:-3] & filled[1:-2] & filled[2:-1] & filled[3:]
    if not run.any():
        return np.zeros(q.shape[1])
    third = np.diff(means, n=3, axis=0)[run] * hz**3
    result: Array = np.sqrt((third**2).mean(axis=0))
    return result


def at_stop(
    contract: Contract, times_ns: NDArray[np.int64], q: Array, threshold: Array
) -> dict[str, float]:
    """Longest time each joint stayed at a stop it had moved into [s]; only those that did.

    The stops are the contract's position limits. A joint that never moves rests where it rests.
    """
    if len(q) < 2:
        return {}
    lower, upper = contract.limits.lower, contract.limits.upper
    near = STOP * (upper - lower)
    at = (q - lower < near) | (upper - q < near)
    moved = (np.abs(q - q[0]) > threshold).any(axis=0)
    found = {}
    for joint in np.flatnonzero(at.any(axis=0) & moved):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], at[:, joint].astype(np.int8), [0]])))
        ends = np.minimum(edges[1::2], len(q) - 1)
        found[contract.joints[joint]] = float((times_ns[ends] - times_ns[edges[::2]]).max()) / NS
    return found
