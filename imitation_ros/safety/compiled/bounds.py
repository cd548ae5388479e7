# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Kernels of velocity bounds and proximity; `..proximity` and `..constraints` state them."""

from typing import Any

import numpy as np

from ...data.frame import Array
from ..constraints.inequality import ACTIVE, LOWER
from ..constraints.limits import MAX_POSITION, MAX_SPEED, RECOVERY_SPEED
from ..lagging import BEYOND, FAST, NOT_LAGGING, SUDDEN
from .approach import braking_distance, constraints, stoppable_speed
from .arrays import unpack
from .distance import measure
from .jit import kernel
from .kinematics import dot_n


@kernel
def velocity_bounds(
    q: Array, v: Array, asked: Array, moving: bool, limits: Array, dt: float, found: Array
) -> bool:
    """Fill in what `VelocityBounds` names, shape (6, n); False if what is asked is not finite.

    Args:
        q: Last set-point [rad or m], shape (n,).
        v: Its velocity [rad/s or m/s], shape (n,).
        asked: Positions asked for, and their velocity, shape (2, n); brought within range.
        moving: Whether that velocity is known.
        limits: Lower, upper, velocity, step and quantum of `ViabilityBox`, shape (5, n).
        dt: Period [s].
        found: Filled in.
    """
    brakes, lowest, highest, wanted, rest, horizon = found
    for i in range(len(q)):
        if not (np.isfinite(asked[0, i]) and (not moving or np.isfinite(asked[1, i]))):
            return False
        # Out of every range: as far, for a robot, as the largest there is.
        asked[0, i] = min(max(asked[0, i], -MAX_POSITION), MAX_POSITION)
        if moving:
            asked[1, i] = min(max(asked[1, i], -MAX_SPEED), MAX_SPEED)
        lower, upper, velocity, step, quantum = limits[:, i]
        above, below = upper - q[i], q[i] - lower
        slowest, fastest = v[i] - step, v[i] + step
        brake = np.sign(v[i]) * max(abs(v[i]) - step, 0.0)
        back = RECOVERY_SPEED * velocity
        if above >= 0.0:
            high = max(step * stoppable_speed(above / quantum), min(brake, v[i]))
        else:
            high = max(-min(back, -above / dt), slowest)
        if below >= 0.0:
            low = min(-step * stoppable_speed(below / quantum), max(brake, v[i]))
        else:
            low = min(back, -below / dt, fastest)
        high = min(velocity, fastest, high)
        low = max(-velocity, slowest, low)
        if low > high:
            low = high = brake
        brakes[i], lowest[i], highest[i] = brake, low, high
        units = abs(v[i]) / step
        rest[i] = q[i] + np.sign(v[i]) * (braking_distance(units) - units) * quantum
        horizon[i] = dt * (np.floor(units) + 1.0)
        if moving:
            error = asked[0, i] - asked[1, i] * dt - q[i]
            speed = step * stoppable_speed(abs(error) / quantum)
            wanted[i] = asked[1, i] + np.sign(error) * speed
        else:
            wanted[i] = (asked[0, i] - q[i]) / dt
    return True


@kernel
def proximity(
    floats: Array,
    numbers: Any,
    pose_floats: Array,
    ahead_floats: Array,
    q: Array,
    asked: Array,
    bounds: Array,
    clipped: Array,
    threshold: Array,
    limits: Array,
    outside: Array,
    fastest: Array,
    dt: float,
    lag: float,
    margin: float,
    passing: float,
    share: float,
    relaxation: float,
    G: Array,
    h: Array,
    kept: Array,
    chosen: Any,
    broken: Any,
    lagging: Any,
) -> tuple[int, bool, bool]:
    """Clip, measure, fill in constraints: how many, is one broken, is a joint left behind?

    Args:
        floats: Of `Packed`.
        numbers: Of `Packed`.
        pose_floats: Of `Packed`, filled in.
        ahead_floats: Of another `Packed`, overwritten.
        q: Last set-point [rad or m], shape (n,).
        asked: Positions asked for [rad or m], shape (n,).
        bounds: What `velocity_bounds` found, shape (6, n).
        clipped: Filled in, shape (n,).
        threshold: Distance every pair has to keep [m], shape (pairs,).
        limits: As for `velocity_bounds`.
        outside: Of `..lagging.LaggingJoints`, shape (2, n).
        fastest: Of `..lagging.LaggingJoints`, shape (n,).
        dt: Period [s].
        lag: Lag that is not worth a word [rad or m].
        margin: As for `constraints`, like all that follow.
        passing: See there.
        share: See there.
        relaxation: See there.
        G: See there.
        h: See there.
        kept: See there.
        chosen: See there.
        broken: Filled in: `..constraints.inequality.broken_bounds`, shape (n,).
        lagging: Filled in: `..lagging.LaggingJoints.kinds`, shape (n,).
    """
    tree, bodies, pose = unpack(floats, numbers, pose_floats)
    _, _, ahead = unpack(floats, numbers, ahead_floats)
    lower, upper, wanted = bounds[1], bounds[2], bounds[3]
    behind = False
    for i in range(len(q)):
        x, broken[i], lagging[i] = wanted[i], 0, NOT_LAGGING
        if x < lower[i]:
            x, broken[i] = lower[i], ACTIVE + LOWER
        if x > upper[i]:
            x, broken[i] = upper[i], ACTIVE
        clipped[i] = x
        way = asked[i] - q[i]
        if asked[i] > outside[1, i] or asked[i] < outside[0, i]:
            lagging[i] = BEYOND
        elif abs(way - dt * x) > lag:
            lagging[i] = FAST if abs(way) > fastest[i] else SUDDEN
        behind = behind or lagging[i] != NOT_LAGGING
    measure(tree, bodies, q, pose)
    count = constraints(
        tree,
        bodies,
        pose,
        ahead,
        threshold,
        limits,
        bounds,
        dt,
        margin,
        passing,
        share,
        relaxation,
        G,
        h,
        kept,
        chosen,
    )
    close = False
    for r in range(count):
        close = close or dot_n(G[r], clipped) > h[r]
    return count, close, behind
