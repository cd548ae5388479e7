# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Rows of the QP, compiled; `..rows` states what they ask for."""

from typing import Any

import numpy as np

from ...data.frame import Array
from .arrays import Bodies, Pose, Tree
from .distance import gradient
from .jit import kernel


@kernel
def stoppable_speed(s: float) -> float:
    """U(s) = (s + m (m + 1) / 2) / (m + 1): see `kinematics.braking`."""
    s = max(s, 0.0)
    m = np.floor((np.sqrt(1.0 + 8.0 * s) - 1.0) * 0.5)
    return float((s + 0.5 * m * (m + 1.0)) / (m + 1.0))


@kernel
def rows(
    tree: Tree,
    bodies: Bodies,
    pose: Pose,
    threshold: Array,
    lower: Array,
    upper: Array,
    tried: Array,
    near: float,
    margin: float,
    unit: float,
    dt: float,
    return_rate: float,
    relaxation: float,
    matrix: Array,
    bound: Array,
    chosen: Any,
) -> int:
    """Fill in the rows of the near pairs at the pose measured last; returns how many.

    Args:
        tree: Joints.
        bodies: Shapes and pairs.
        pose: As `measure` left it.
        threshold: Distance every pair has to keep [m], shape (pairs,).
        lower: Lowest next velocities, shape (n,).
        upper: Highest next velocities, shape (n,).
        tried: Velocity that the rows are for, shape (n,); no joint will be faster.
        near: Pairs closer than this get a row [m].
        margin: How far inside the threshold a row aims [m].
        unit: Deceleration of an approach, times dt [m/s].
        dt: Period [s].
        return_rate: Rate at which a pair inside the margin opens again [1/s].
        relaxation: Share of what the box allows that a row leaves in any case.
        matrix: Filled in, shape (row_limit, n).
        bound: Filled in, shape (row_limit,).
        chosen: Filled in with the numbers of the pairs, shape (row_limit,).
    """
    limit, distance = len(bound), pose.distance
    if (distance < near).sum() > limit:
        near = np.partition(distance, limit)[limit]
    # A pair cannot approach faster than reach @ |velocity|: often no gradient is needed.
    found, matters = 0, False
    for p in range(len(distance)):
        if found == limit or not distance[p] < near:
            continue
        gap = distance[p] - threshold[p] - margin
        if gap < 0.0:
            bound[found] = return_rate * gap
        else:
            bound[found] = unit * stoppable_speed(gap / (unit * dt))
        chosen[found] = p
        matters = matters or not fastest(bodies.reach[p], tried, tried) <= bound[found]
        found += 1
    if not matters:
        return 0
    kept = 0
    for r in range(found):
        p, speed = chosen[r], bound[r]
        if not fastest(bodies.reach[p], lower, upper) > speed:
            continue
        row = matrix[kept]
        gradient(tree, bodies, pose, p, row)
        least = most = 0.0
        for i in range(len(row)):
            row[i] = -row[i]
            at_lower, at_upper = row[i] * lower[i], row[i] * upper[i]
            least += min(at_lower, at_upper)
            most += max(at_lower, at_upper)
        speed = max(speed, least + relaxation * (most - least))
        if most > speed:
            bound[kept], chosen[kept] = speed, p
            kept += 1
    return kept


@kernel
def fastest(reach: Array, lower: Array, upper: Array) -> float:
    """Fastest approach that a reach allows to velocities between two [m/s]."""
    total = 0.0
    for i in range(len(reach)):
        total += reach[i] * max(abs(lower[i]), abs(upper[i]))
    return total
