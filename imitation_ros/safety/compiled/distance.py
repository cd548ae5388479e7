# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Signed distances between capsules, and of capsules to planes and boxes."""

from typing import Any

import numpy as np

from ...data.frame import Array
from .arrays import Bodies, BOX, CAPSULE, PLANE, Pose, Tree
from .jit import inlined, kernel
from .kinematics import dot, place


@inlined
def clamp(x: float) -> float:
    """Into [0, 1]."""
    return min(max(x, 0.0), 1.0)


@kernel
def shares(dd: float, ee: float, de: float, dr: float, er: float) -> tuple[float, float]:
    """Where two segments are closest, as shares of each. Ericson 2005, section 5.1.9.

    Args:
        dd: Square of the first direction d.
        ee: Square of the second direction e.
        de: d . e
        dr: d . r, with r from the start of the second to the start of the first.
        er: e . r
    """
    if dd < 1e-18:
        return 0.0, (clamp(er / ee) if ee >= 1e-18 else 0.0)
    if ee < 1e-18:
        return clamp(-dr / dd), 0.0
    # Parallel segments are as close anywhere along their overlap: start with either end.
    square = dd * ee - de * de
    s = clamp((de * er - dr * ee) / square) if square > 1e-14 * dd * ee else 0.0
    t = (de * s + er) / ee
    if t < 0.0:
        return clamp(-dr / dd), 0.0
    if t > 1.0:
        return clamp((de - dr) / dd), 1.0
    return s, t


@inlined
def between(start: Array, end: Array, i: int, k: int) -> float:
    """Distance of two segments: that of their capsules, and both radii [m]."""
    a0, a1, a2 = start[i, 0], start[i, 1], start[i, 2]
    b0, b1, b2 = start[k, 0], start[k, 1], start[k, 2]
    d0, d1, d2 = end[i, 0] - a0, end[i, 1] - a1, end[i, 2] - a2
    e0, e1, e2 = end[k, 0] - b0, end[k, 1] - b1, end[k, 2] - b2
    r0, r1, r2 = a0 - b0, a1 - b1, a2 - b2
    s, t = shares(
        d0 * d0 + d1 * d1 + d2 * d2,
        e0 * e0 + e1 * e1 + e2 * e2,
        d0 * e0 + d1 * e1 + d2 * e2,
        d0 * r0 + d1 * r1 + d2 * r2,
        e0 * r0 + e1 * r1 + e2 * r2,
    )
    n0, n1, n2 = r0 + s * d0 - t * e0, r1 + s * d1 - t * e1, r2 + s * d2 - t * e2
    return float(np.sqrt(n0 * n0 + n1 * n1 + n2 * n2))


@kernel
def above_plane(bodies: Bodies, pose: Pose, i: int, k: int) -> tuple[float, float]:
    """Height of the lower end of a segment above a plane [m], and its share of the segment."""
    n, offset = bodies.start[k], bodies.radius[k]
    at_start, at_end = dot(n, pose.start[i]) - offset, dot(n, pose.end[i]) - offset
    return (at_start, 0.0) if at_start <= at_end else (at_end, 1.0)


@kernel
def out_of_box(half: Any, x: Any) -> float:
    """Signed distance of a point, in the frame of the box; convex in the point."""
    d = (abs(x[0]) - half[0], abs(x[1]) - half[1], abs(x[2]) - half[2])
    out = (max(d[0], 0.0), max(d[1], 0.0), max(d[2], 0.0))
    return float(np.sqrt(dot(out, out)) + min(max(d[0], d[1], d[2]), 0.0))


@kernel
def along(a: Any, b: Any, t: float) -> Any:
    """Point of a segment."""
    return (a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1]), a[2] + t * (b[2] - a[2]))


@kernel
def into_box(bodies: Bodies, k: int, x: Any) -> Any:
    """A point in the frame of a box."""
    c, R = bodies.end[k], bodies.turn[k]
    d = (x[0] - c[0], x[1] - c[1], x[2] - c[2])
    return (dot(R[:, 0], d), dot(R[:, 1], d), dot(R[:, 2], d))


@kernel
def out_of_box_normal(bodies: Bodies, k: int, x: Any, outside: float) -> Any:
    """Unit vector out of a box at a point x in its frame: out of the nearest face, if inside."""
    half, R = bodies.start[k], bodies.turn[k]
    n = np.zeros(3)
    if outside > 0.0:
        for r in range(3):
            n[r] = x[r] - min(max(x[r], -half[r]), half[r])
    else:
        face = 0
        for r in range(1, 3):
            if abs(x[r]) - half[r] > abs(x[face]) - half[face]:
                face = r
        n[face] = 1.0 if x[face] >= 0.0 else -1.0
    n /= max(np.sqrt(dot(n, n)), 1e-12)
    return R[:, 0] * n[0] + R[:, 1] * n[1] + R[:, 2] * n[2]


@kernel
def beside_box(bodies: Bodies, pose: Pose, i: int, k: int) -> tuple[float, float]:
    """Least signed distance of a segment to a box [m], and its share of the segment.

    It is convex along the segment: ternary search brings it to its minimum.
    """
    half = bodies.start[k]
    a, b = into_box(bodies, k, pose.start[i]), into_box(bodies, k, pose.end[i])
    low, high = 0.0, 1.0
    for _ in range(64):
        third = (high - low) / 3.0
        near = out_of_box(half, along(a, b, low + third))
        if near < out_of_box(half, along(a, b, high - third)):
            high -= third
        else:
            low += third
    share = 0.5 * (low + high)
    return out_of_box(half, along(a, b, share)), share


@kernel
def beside_obstacle(bodies: Bodies, pose: Pose, i: int, k: int) -> float:
    """Signed distance of the segment of a capsule to a plane or a box [m]."""
    if bodies.kind[k] == PLANE:
        distance, _ = above_plane(bodies, pose, i, k)
    else:
        distance, _ = beside_box(bodies, pose, i, k)
    return float(distance)


@inlined
def apart(bodies: Bodies, pose: Pose, p: int) -> float:
    """Signed distance of a pair at a pose that is placed [m]."""
    i, k = bodies.pairs[p, 0], bodies.pairs[p, 1]
    if bodies.kind[k] == CAPSULE:
        gap = between(pose.start, pose.end, i, k) - bodies.radius[i] - bodies.radius[k]
    else:
        gap = beside_obstacle(bodies, pose, i, k) - bodies.radius[i]
    return float(gap)


@kernel
def measure(tree: Tree, bodies: Bodies, q: Array, pose: Pose) -> None:
    """Signed distance of every pair at a pose [m].

    That of two capsules is the distance of their segments less both radii: signed, and smooth
    through contact.
    """
    place(tree, bodies, q, pose)
    # Arrays are taken out of the tuples once: inside the loop that would cost more than the work.
    pairs, kind, radius = bodies.pairs, bodies.kind, bodies.radius
    start, end, distance = pose.start, pose.end, pose.distance
    for p in range(len(pairs)):
        i, k = pairs[p, 0], pairs[p, 1]
        if kind[k] == CAPSULE:
            distance[p] = between(start, end, i, k) - radius[i] - radius[k]
        else:
            distance[p] = beside_obstacle(bodies, pose, i, k) - radius[i]


@kernel
def touch(bodies: Bodies, pose: Pose, i: int, k: int) -> None:
    """Closest points of two cores, and the direction in which the first leaves the second."""
    first, second, normal = pose.first, pose.second, pose.normal
    if bodies.kind[k] == BOX:
        outside, s = beside_box(bodies, pose, i, k)
        first[:] = pose.start[i] + s * (pose.end[i] - pose.start[i])
        normal[:] = out_of_box_normal(bodies, k, into_box(bodies, k, first), outside)
        second[:] = first - outside * normal
        return
    if bodies.kind[k] == PLANE:
        height, s = above_plane(bodies, pose, i, k)
        first[:] = pose.start[i] + s * (pose.end[i] - pose.start[i])
        normal[:] = bodies.start[k]
        second[:] = first - height * normal
        return
    d, e = pose.end[i] - pose.start[i], pose.end[k] - pose.start[k]
    r = pose.start[i] - pose.start[k]
    s, t = shares(dot(d, d), dot(e, e), dot(d, e), dot(d, r), dot(e, r))
    first[:] = pose.start[i] + s * d
    second[:] = pose.start[k] + t * e
    normal[:] = first - second
    length = np.sqrt(dot(normal, normal))
    # Segments that cross have no direction: no gradient then.
    normal *= 1.0 / length if length > 1e-9 else 0.0


@kernel
def gradient(tree: Tree, bodies: Bodies, pose: Pose, p: int, row: Array) -> None:
    """D distance / d q = n . (J_first - J_second), at the pose measured last, shape (n,).

    A joint that carries both shapes does not change their distance.
    """
    touch(bodies, pose, bodies.pairs[p, 0], bodies.pairs[p, 1])
    n, x, y = pose.normal, pose.first, pose.second
    i, k = bodies.joint[bodies.pairs[p, 0]], bodies.joint[bodies.pairs[p, 1]]
    row[:] = 0.0
    for j in range(1, len(tree.parent)):
        if bodies.moves[i, j] == bodies.moves[k, j]:
            continue
        point, sign = (x, 1.0) if bodies.moves[i, j] else (y, -1.0)
        R, a = pose.turn[j], tree.axis[j]
        axis = (dot(R[0], a), dot(R[1], a), dot(R[2], a))
        if tree.prismatic[j]:
            rate = dot(n, axis)
        else:
            T = pose.origin[j]
            arm = (point[0] - T[0], point[1] - T[1], point[2] - T[2])
            rate = n[0] * (axis[1] * arm[2] - axis[2] * arm[1])
            rate += n[1] * (axis[2] * arm[0] - axis[0] * arm[2])
            rate += n[2] * (axis[0] * arm[1] - axis[1] * arm[0])
        row[tree.column[j]] += sign * tree.ratio[j] * rate


@kernel
def gradients(tree: Tree, bodies: Bodies, pose: Pose, chosen: Any, rows: Array) -> None:
    """Gradients of the chosen distances, shape (len(chosen), n)."""
    for r in range(len(chosen)):
        gradient(tree, bodies, pose, chosen[r], rows[r])
