# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Forward kinematics: where joints and segments are."""

from typing import Any

import numpy as np

from ...data.frame import Array
from .arrays import Bodies, CAPSULE, Pose, Tree
from .jit import kernel, summing


@kernel
def dot(a: Any, b: Any) -> Any:
    """Product of two vectors of three."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@summing
def dot_n(a: Array, b: Array) -> float:
    """Product of two vectors."""
    total = 0.0
    for i in range(len(a)):
        total += a[i] * b[i]
    return total


@kernel
def joints(tree: Tree, q: Array, R: Array, T: Array) -> None:
    """Where joints are (orientation R, place T); Rodrigues' formula for those that turn."""
    for j in range(1, len(tree.parent)):
        p = tree.parent[j]
        angle = tree.ratio[j] * q[tree.column[j]] + tree.shift[j]
        a0, a1, a2 = tree.axis[j, 0], tree.axis[j, 1], tree.axis[j, 2]
        slide, c, s = 0.0, 1.0, 0.0
        if tree.prismatic[j]:
            slide = angle
        else:
            c, s = np.cos(angle), np.sin(angle)
        u = 1.0 - c
        L = (
            (c + u * a0 * a0, u * a0 * a1 - s * a2, u * a0 * a2 + s * a1),
            (u * a0 * a1 + s * a2, c + u * a1 * a1, u * a1 * a2 - s * a0),
            (u * a0 * a2 - s * a1, u * a1 * a2 + s * a0, c + u * a2 * a2),
        )
        for r in range(3):
            x = y = z = 0.0
            t = T[p, r]
            for k in range(3):
                g = R[p, r, 0] * tree.turn[j, 0, k]
                g += R[p, r, 1] * tree.turn[j, 1, k]
                g += R[p, r, 2] * tree.turn[j, 2, k]
                x += g * L[k][0]
                y += g * L[k][1]
                z += g * L[k][2]
                t += R[p, r, k] * tree.offset[j, k] + g * slide * tree.axis[j, k]
            R[j, r, 0], R[j, r, 1], R[j, r, 2], T[j, r] = x, y, z, t


@kernel
def place(tree: Tree, bodies: Bodies, q: Array, pose: Pose) -> None:
    """Forward kinematics of joints and segments."""
    R, T = pose.turn, pose.origin
    joints(tree, q, R, T)
    for i in range(len(bodies.kind)):
        if bodies.kind[i] != CAPSULE:
            continue
        j = bodies.joint[i]
        for r in range(3):
            start = end = T[j, r]
            for k in range(3):
                start += R[j, r, k] * bodies.start[i, k]
                end += R[j, r, k] * bodies.end[i, k]
            pose.start[i, r], pose.end[i, r] = start, end
