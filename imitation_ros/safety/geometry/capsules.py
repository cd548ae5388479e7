# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Capsules that contain meshes: distances to them are fast, smooth and never optimistic."""

from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np
from numpy.typing import NDArray

from ...data.frame import Array

DIRECTIONS = 60
SUPPORT_DIRECTIONS = 200
REFINEMENTS = 5
CIRCLE_STEPS = 25
MIN_EXCESS_SAVED_M = 1e-3
"""Mean excess that one more capsule of a box has to save [m]."""

SHORTEST = 1e-3
"""A capsule with a shorter segment becomes a ball [m]."""


@dataclass(frozen=True)
class Capsule:
    """All points within `radius` of the segment from `start` to `end`.

    Attributes:
        start: One end of the segment [m], shape (3,).
        end: The other end [m], shape (3,).
        radius: Radius [m].
    """

    start: Array
    end: Array
    radius: float

    @property
    def length(self) -> float:
        """Length of the segment [m]."""
        return float(np.linalg.norm(self.end - self.start))

    @property
    def volume(self) -> float:
        """Volume [m^3]."""
        return float(np.pi * self.radius**2 * (self.length + 4.0 / 3.0 * self.radius))

    def depth(self, points: Array) -> Array:
        """How far inside the capsule each point is [m]; negative outside; shape (m,)."""
        axis = self.end - self.start
        square = float(axis @ axis)
        share = np.zeros(len(points))
        if square > 0.0:
            share = np.clip((points - self.start) @ axis / square, 0.0, 1.0)
        nearest = self.start + share[:, None] * axis
        result: Array = self.radius - np.linalg.norm(points - nearest, axis=1)
        return result


def fit(points: Array) -> Capsule:
    """Small capsule that contains every point; hence their convex hull and its triangles.

    The axis is searched over a half sphere and refined around the best; the fit runs on the
    extreme points, then the radius is set from all of them.

    Args:
        points: Vertices [m], shape (m, 3).
    """
    extreme = _extreme(points)
    best = _best(extreme, np.vstack([_half_sphere(DIRECTIONS), _principal(extreme)]))
    spread = 0.15
    for _ in range(REFINEMENTS):
        axis = best.end - best.start
        norm = np.linalg.norm(axis)
        axis = axis / norm if norm > 1e-9 else np.array([0.0, 0.0, 1.0])
        first, second = _perpendicular(axis[None])
        angles = np.linspace(0.0, 2.0 * np.pi, 12, endpoint=False)[:, None]
        tilted = axis + spread * (np.cos(angles) * first + np.sin(angles) * second)
        tilted /= np.linalg.norm(tilted, axis=1)[:, None]
        best = min(best, _best(extreme, tilted), key=lambda capsule: capsule.volume)
        spread *= 0.5
    best = _shorten(points, best)
    missing = float(-best.depth(points).min())
    # A nanometre against rounding: "contains every vertex" is then exact.
    return Capsule(best.start, best.end, best.radius + max(missing, 0.0) + 1e-9)


def excess(capsules: list[Capsule], points: Array) -> tuple[float, float]:
    """How far capsules stick out of the convex hull of points they contain: most and mean [m].

    The difference of the two support functions, h_capsules(u) - h_points(u), over many directions
    u; the largest is the Hausdorff distance of the two convex hulls.
    """
    directions = _half_sphere(SUPPORT_DIRECTIONS)
    directions = np.vstack([directions, -directions])
    tops = [
        np.maximum(directions @ one.start, directions @ one.end) + one.radius for one in capsules
    ]
    result: Array = np.max(tops, axis=0) - (directions @ points.T).max(axis=1)
    return float(result.max()), float(result.mean())


def cover_box(half: Array, most: int = 6) -> list[Capsule]:
    """Up to `most` capsules that together contain a box: it is cut into a grid of equal boxes.

    The grid with the least mean excess is taken, where one more capsule has to save at least
    MIN_EXCESS_SAVED_M.

    Args:
        half: Half of each side [m], shape (3,).
        most: Largest number of capsules.
    """
    corners = np.array(list(product((-1.0, 1.0), repeat=3)))
    best: list[Capsule] = []
    least = np.inf
    for counts in product(range(1, most + 1), repeat=3):
        if np.prod(counts) > most:
            continue
        size = half / counts
        shape = fit(corners * size)
        numbers = np.array(list(product(*(range(count) for count in counts))))
        shifts = size * (2.0 * numbers + 1.0 - np.array(counts))
        parts = [Capsule(shape.start + shift, shape.end + shift, shape.radius) for shift in shifts]
        price = excess(parts, corners * half)[1] + MIN_EXCESS_SAVED_M * len(parts)
        if price < least - 1e-9:
            best, least = parts, price
    return best


def cover(points: Array, triangles: NDArray[np.intp], most: int = 3) -> list[Capsule]:
    """Up to `most` capsules that together contain every triangle of a mesh.

    The mesh is cut along its longest axis while that shrinks the volume by a fifth. A triangle
    that reaches into a slab lies, whole, in the capsule of that slab.

    Args:
        points: Vertices [m], shape (m, 3).
        triangles: Vertex numbers, shape (t, 3).
        most: Largest number of capsules.
    """
    axis = _principal(points)[0]
    along = points @ axis
    best: list[Capsule] = []
    for count in range(1, most + 1):
        edges = np.linspace(along.min(), along.max(), count + 1)
        capsules = []
        for low, high in pairwise(edges):
            inside = (along >= low - 1e-12) & (along <= high + 1e-12)
            used = np.unique(triangles[inside[triangles].any(axis=1)])
            if len(used):
                capsules.append(fit(points[used]))
        volume = sum(capsule.volume for capsule in capsules)
        if not best or volume < 0.8 * sum(capsule.volume for capsule in best):
            best = capsules
    return best


def _best(points: Array, axes: Array) -> Capsule:
    """Smallest capsule found along any of the axes, shape (d, 3)."""
    first, second = _perpendicular(axes)
    flat = np.stack([first @ points.T, second @ points.T])
    center = _circle(flat)
    square = ((flat - center[:, :, None]) ** 2).sum(axis=0)
    radius = np.sqrt(square.max(axis=1))
    height = axes @ points.T
    reach = np.sqrt(np.maximum(radius[:, None] ** 2 - square, 0.0))
    low, high = (height + reach).min(axis=1), (height - reach).max(axis=1)
    short = high < low
    low[short] = high[short] = 0.5 * (low + high)[short]
    # A capsule without a segment is a ball: its radius also has to span the height.
    ball = np.sqrt((square + (height - low[:, None]) ** 2).max(axis=1))
    radius = np.where(short, ball, radius)
    volume = radius**2 * (high - low + 4.0 / 3.0 * radius)
    i = int(np.argmin(volume))
    origin = center[0, i] * first[i] + center[1, i] * second[i]
    return Capsule(origin + low[i] * axes[i], origin + high[i] * axes[i], float(radius[i]))


def _shorten(points: Array, capsule: Capsule) -> Capsule:
    """The same axis with a larger radius and a shorter segment, where that pays.

    The smallest volume leaves caps that stick far out of flat ends, where other links are: the
    square of the volume times the excess is what is kept small.
    """
    axis = capsule.end - capsule.start
    norm = np.linalg.norm(axis)
    if norm < SHORTEST:
        middle = 0.5 * (capsule.start + capsule.end)
        return Capsule(middle, middle, capsule.radius)
    axis = axis / norm
    height = (points - capsule.start) @ axis
    square = ((points - capsule.start - height[:, None] * axis) ** 2).sum(axis=1)
    found = [capsule]
    for radius in capsule.radius * np.linspace(1.01, 1.6, 60):
        reach = np.sqrt(np.maximum(radius**2 - square, 0.0))
        low, high = float((height + reach).min()), float((height - reach).max())
        if high < low + SHORTEST:
            break
        start, end = capsule.start + low * axis, capsule.start + high * axis
        found.append(Capsule(start, end, float(radius)))
    return min(found, key=lambda one: one.volume**2 * max(excess([one], points)[0], 1e-3))


def _circle(points: Array) -> Array:
    """Centres of nearly smallest circles around sets of points in the plane.

    Badoiu and Clarkson 2003, "Smaller core-sets for balls": step towards the furthest point.

    Args:
        points: Shape (2, sets, m).

    Returns:
        Centres, shape (2, sets).
    """
    center = 0.5 * (points.min(axis=2) + points.max(axis=2))
    rows = np.arange(points.shape[1])
    for i in range(1, CIRCLE_STEPS):
        offset = points - center[:, :, None]
        far = np.argmax(offset[0] ** 2 + offset[1] ** 2, axis=1)
        center = center + offset[:, rows, far] / (i + 1)
    result: Array = center
    return result


def _extreme(points: Array) -> Array:
    """Points that are furthest in some of many directions."""
    if len(points) <= SUPPORT_DIRECTIONS:
        return points
    heights = points @ _half_sphere(SUPPORT_DIRECTIONS).T
    kept = np.union1d(heights.argmax(axis=0), heights.argmin(axis=0))
    result: Array = points[kept]
    return result


def _half_sphere(count: int) -> Array:
    """Evenly spread directions, shape (count, 3) (a Fibonacci lattice)."""
    i = np.arange(count) + 0.5
    z = i / count
    angle = np.pi * (1.0 + np.sqrt(5.0)) * i
    r = np.sqrt(1.0 - z**2)
    return np.column_stack([r * np.cos(angle), r * np.sin(angle), z])


def _principal(points: Array) -> Array:
    """Principal axes, longest first, shape (3, 3)."""
    axes: Array = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)[2]
    return axes


def _perpendicular(axes: Array) -> tuple[Array, Array]:
    """Two unit vectors that complete each unit axis to a frame, each of shape (d, 3)."""
    other = np.where(np.abs(axes[:, :1]) < 0.9, [[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]])
    first = np.cross(axes, other)
    first /= np.linalg.norm(first, axis=1)[:, None]
    return first, np.cross(axes, first)
