# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the compiled back end works on: arrays, named, and allocated once."""

from typing import Any, NamedTuple

from ...data.frame import Array

CAPSULE, PLANE, BOX = 0, 1, 2
"""Kinds of shapes; a sphere is a capsule without a segment."""


class Tree(NamedTuple):
    """Joints, the root (which stands still) first.

    Attributes:
        parent: Joint before it, shape (j,).
        turn: Its frame in that of the parent at zero, shape (j, 3, 3).
        offset: Its origin there [m], shape (j, 3).
        axis: Unit axis in its own frame, shape (j, 3).
        slides: Whether it slides along the axis, shape (j,).
        column: Coordinate (in contract order) that drives it, shape (j,).
        ratio: Its movement per movement of that coordinate, shape (j,).
        shift: Its position where that coordinate is zero [rad or m], shape (j,).
    """

    parent: Any
    turn: Array
    offset: Array
    axis: Array
    slides: Any
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
        reach: Bound on |d distance / d q|, shape (p, n).
    """

    kind: Any
    joint: Any
    start: Array
    end: Array
    turn: Array
    radius: Array
    pairs: Any
    moves: Any
    reach: Array


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
