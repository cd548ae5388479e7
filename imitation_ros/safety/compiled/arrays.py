# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the compiled back end works on: arrays, named, and allocated once."""

from typing import Any, NamedTuple

import numpy as np

from ...data.frame import Array
from .jit import kernel

CAPSULE, PLANE, BOX = 0, 1, 2
"""Kinds of shapes; a sphere is a capsule without a segment."""


class Tree(NamedTuple):
    """Joints, the root (which is static) first.

    Attributes:
        parent: Joint before it, shape (j,).
        turn: Its frame in that of the parent at zero, shape (j, 3, 3).
        offset: Its origin there [m], shape (j, 3).
        axis: Unit axis in its own frame, shape (j, 3).
        prismatic: Whether it prismatic along the axis, shape (j,).
        column: Coordinate (in contract order) that drives it, shape (j,).
        ratio: Its movement per movement of that coordinate, shape (j,).
        shift: Its position where that coordinate is zero [rad or m], shape (j,).
    """

    parent: Any
    turn: Array
    offset: Array
    axis: Array
    prismatic: Any
    column: Any
    ratio: Array
    shift: Array


class Bodies(NamedTuple):
    """Shapes and pairs of them.

    Attributes:
        kind: CAPSULE, or (on the root, second in its pair) PLANE or BOX, shape (s,).
        joint: Joint that carries it, shape (s,).
        start: Start of a segment; normal of a plane; half sides of a box, shape (s, 3).
        end: End of a segment; centre of a box, shape (s, 3).
        turn: Axes of a box, as columns, shape (s, 3, 3).
        radius: Radius; offset of a plane along its normal [m], shape (s,).
        pairs: The two shapes of every pair, shape (p, 2).
        moves: Which joints move which joint, shape (j, j).
        rate_bounds: Bound on |d distance / d q|, shape (p, n).
        widest: Largest of every row of that, shape (p,): what tells that a pair cannot matter
            without reading its row.
    """

    kind: Any
    joint: Any
    start: Array
    end: Array
    turn: Array
    radius: Array
    pairs: Any
    moves: Any
    rate_bounds: Array
    widest: Array


class Pose(NamedTuple):
    """What `place`, `measure` and `measure_pair` fill in.

    Attributes:
        turn: Orientation of every joint, shape (j, 3, 3).
        origin: Position of every joint [m], shape (j, 3).
        start: Start of every segment [m], shape (s, 3).
        end: End of every segment [m], shape (s, 3).
        distance: Signed distance of every pair [m], shape (p,).
        first: Closest point on the core of the first shape of one pair [m], shape (3,).
        second: Closest point on the core of the second [m], shape (3,).
        normal: Unit vector along which the first shape leaves the second, shape (3,).
    """

    turn: Array
    origin: Array
    start: Array
    end: Array
    distance: Array
    first: Array
    second: Array
    normal: Array


class Packed(NamedTuple):
    """Tree, bodies and one pose in three arrays: handing over 25 costs more than a kernel.

    Attributes:
        floats: What `Tree` and `Bodies` hold in floats, one after the other.
        numbers: How many joints, shapes, pairs and coordinates; then what they hold in integers.
        pose: What `Pose` holds.
    """

    floats: Array
    numbers: Any
    pose: Array


def pack(tree: Tree, bodies: Bodies, pose: Pose) -> Packed:
    """Copy everything, in the order in which `unpack` cuts it out again."""
    t, b = tree, bodies
    sizes = np.array([len(t.parent), len(b.kind), *b.rate_bounds.shape])
    floats = (
        t.turn,
        t.offset,
        t.axis,
        t.ratio,
        t.shift,
        b.start,
        b.end,
        b.turn,
        b.radius,
        b.rate_bounds,
        b.widest,
    )
    numbers = (sizes, t.parent, t.prismatic, t.column, b.kind, b.joint, b.pairs, b.moves)
    return Packed(
        np.concatenate([x.ravel() for x in floats]),
        np.concatenate([x.ravel() for x in numbers]).astype(np.int64),
        np.concatenate([x.ravel() for x in pose]),
    )


@kernel
def unpack(floats: Array, numbers: Any, pose: Array) -> tuple[Tree, Bodies, Pose]:
    """Views of what was packed."""
    j, s, p, n = numbers[0], numbers[1], numbers[2], numbers[3]
    at = 4 + 3 * j
    i = numbers[4:]
    k = numbers[at:]
    tree = Tree(
        i[:j],
        floats[: 9 * j].reshape((j, 3, 3)),
        floats[9 * j : 12 * j].reshape((j, 3)),
        floats[12 * j : 15 * j].reshape((j, 3)),
        i[j : 2 * j],
        i[2 * j : 3 * j],
        floats[15 * j : 16 * j],
        floats[16 * j : 17 * j],
    )
    f = floats[17 * j :]
    bodies = Bodies(
        k[:s],
        k[s : 2 * s],
        f[: 3 * s].reshape((s, 3)),
        f[3 * s : 6 * s].reshape((s, 3)),
        f[6 * s : 15 * s].reshape((s, 3, 3)),
        f[15 * s : 16 * s],
        k[2 * s : 2 * s + 2 * p].reshape((p, 2)),
        k[2 * s + 2 * p :].reshape((j, j)),
        f[16 * s : 16 * s + p * n].reshape((p, n)),
        f[16 * s + p * n :],
    )
    a, b, c = 12 * j, 12 * j + 6 * s, 12 * j + 6 * s + p
    return (
        tree,
        bodies,
        Pose(
            pose[: 9 * j].reshape((j, 3, 3)),
            pose[9 * j : a].reshape((j, 3)),
            pose[a : a + 3 * s].reshape((s, 3)),
            pose[a + 3 * s : b].reshape((s, 3)),
            pose[b:c],
            pose[c : c + 3],
            pose[c + 3 : c + 6],
            pose[c + 6 :],
        ),
    )
