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
    kept = 0
    for p in range(len(distance)):
        if kept == limit or not distance[p] < near:
            continue
        row = matrix[kept]
        gradient(tree, bodies, pose, p, row)
        gap = distance[p] - threshold[p] - margin
        if gap < 0.0:
            speed = return_rate * gap
        else:
            speed = unit * stoppable_speed(gap / (unit * dt))
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
