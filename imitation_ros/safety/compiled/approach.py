# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Approach constraints of the QP, compiled; `..constraints.approach` states what they ask for."""

from typing import Any

import numpy as np

from ...data.frame import Array
from .arrays import Bodies, Pose, Tree
from .distance import apart, gradient
from .jit import kernel
from .kinematics import dot_n, place


@kernel
def stoppable_speed(s: float) -> float:
    """U(s) = (s + m (m + 1) / 2) / (m + 1): see `kinematics.braking`."""
    s = max(s, 0.0)
    m = np.floor((np.sqrt(1.0 + 8.0 * s) - 1.0) * 0.5)
    return float((s + 0.5 * m * (m + 1.0)) / (m + 1.0))


@kernel
def braking_distance(u: float) -> float:
    """D(u) = (m + 1) u - m (m + 1) / 2, m = floor(u): see `kinematics.braking`."""
    m = np.floor(u)
    return float((m + 1.0) * u - 0.5 * m * (m + 1.0))


@kernel
def constraints(
    tree: Tree,
    bodies: Bodies,
    pose: Pose,
    ahead: Pose,
    threshold: Array,
    limits: Array,
    bounds: Array,
    dt: float,
    margin: float,
    passing: float,
    share: float,
    relaxation: float,
    G: Array,
    h: Array,
    kept: Array,
    chosen: Any,
) -> int:
    """Fill in the constraints of the near pairs at the pose measured last; returns how many.

    Args:
        tree: Joints.
        bodies: Shapes and pairs.
        pose: As `measure` left it.
        ahead: Overwritten with the pose at rest, and distances there: see `Proximity.ahead`.
        threshold: Distance every pair has to keep [m], shape (pairs,).
        limits: As for `bounds.velocity_bounds`.
        bounds: What `bounds.velocity_bounds` found, shape (6, n).
        dt: Period [s].
        margin: How far inside the threshold a row at rest aims [m].
        passing: How far one for the next set-point does [m].
        share: Of a gap that is missing, what a row asks back in one step.
        relaxation: Share of what the box allows that this leaves in any case.
        G: Filled in, shape (row_limit, n).
        h: Filled in, shape (row_limit,).
        kept: Filled in, shape (row_limit,).
        chosen: Filled in with the numbers of the pairs, shape (row_limit,).
    """
    brake, lower, upper, rest, horizon = bounds[0], bounds[1], bounds[2], bounds[4], bounds[5]
    n, distance, rate_bounds, widest = len(rest), pose.distance, bodies.rate_bounds, bodies.widest
    travel, soon, at_rest, row = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    way = 0.0
    for i in range(n):
        fastest = max(-lower[i], upper[i])
        travel[i] = braking_distance(fastest / limits[3, i]) * limits[4, i]
        way += travel[i]
        soon[i] = dt * fastest
        at_rest[i] = horizon[i] * max(upper[i] - brake[i], brake[i] - lower[i])
    gaps, who = np.empty(0), np.empty(0, np.int64)
    found, placed = 0, False
    for p in range(len(distance)):
        room = distance[p] - threshold[p]
        ahead.distance[p] = np.inf
        if room - margin >= widest[p] * way or not room - margin < dot_n(rate_bounds[p], travel):
            continue
        if not placed:
            place(tree, bodies, rest, ahead)
            gaps, who = np.empty(2 * len(distance)), np.empty(2 * len(distance), np.int64)
            placed = True
        ahead.distance[p] = there = apart(bodies, ahead, p)
        gap = there - threshold[p] - margin
        if gap < dot_n(rate_bounds[p], at_rest):
            gaps[found], who[found] = gap, p
            found += 1
        if room - passing < dot_n(rate_bounds[p], soon) and distance[p] < there:
            gradient(tree, bodies, pose, p, row)
            gaps[found], who[found] = room - passing + dt * dot_n(row, brake), -1 - p
            found += 1
    limit, most_of_all = len(h), np.inf
    if found > limit:
        most_of_all = np.partition(gaps[:found], limit - 1)[limit - 1]
    count = 0
    for c in range(found):
        gap, p = gaps[c], who[c]
        if gap > most_of_all or count == limit:
            continue
        keep, aside = threshold[max(p, -1 - p)], G[count]
        if p >= 0:
            gradient(tree, bodies, ahead, p, aside)
            aside *= -horizon
            keep += margin
        else:
            p = -1 - p
            gradient(tree, bodies, pose, p, aside)
            aside *= -dt
            keep += passing
        braking = least = most = 0.0
        for i in range(n):
            braking += aside[i] * brake[i]
            at_lower, at_upper = aside[i] * lower[i], aside[i] * upper[i]
            least += min(at_lower, at_upper)
            most += max(at_lower, at_upper)
        moved = gap
        if gap < 0.0:
            back = min(braking, least + relaxation * (most - least))
            moved = max(share * gap, back - braking)
        if most > braking + moved:
            h[count], chosen[count] = braking + moved, p
            kept[count] = keep + gap - moved
            count += 1
    return count
