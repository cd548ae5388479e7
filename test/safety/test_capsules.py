# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Capsules contain what they stand for, and are not much larger."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from imitation_ros.safety.geometry.capsules import cover, fit


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 400), st.floats(0.01, 3.0))
def test_contains_every_point(seed: int, count: int, stretch: float) -> None:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(count, 3)) * [0.05, 0.05 * stretch, 0.02]
    assert fit(points).depth(points).min() >= 0.0


def test_finds_a_capsule_again(rng: np.random.Generator) -> None:
    axis = rng.normal(size=3)
    axis /= np.linalg.norm(axis)
    directions = rng.normal(size=(4000, 3))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    points = 0.04 * directions + np.where(rng.random(4000) < 0.5, 0.15, -0.15)[:, None] * axis
    found = fit(points)
    assert found.depth(points).min() >= 0.0
    assert found.radius == pytest.approx(0.04, rel=0.06)
    assert found.length == pytest.approx(0.30, rel=0.06)


def test_cover_contains_the_triangles_of_a_bent_tube(rng: np.random.Generator) -> None:
    # An L of thin triangles: one capsule around it would be mostly empty.
    corner = np.array([[0.0, 0, 0], [0.3, 0, 0], [0.3, 0, 0.3]])
    points, triangles = [], []
    for a, b in pairwise(corner):
        for share in np.linspace(0, 1, 20):
            base = len(points)
            points.extend(a + share * (b - a) + rng.normal(size=(3, 3)) * 0.01)
            triangles.append([base, base + 1, base + 2])
            if base:
                triangles.append([base - 3, base, base + 1])
    points, triangles = np.array(points), np.array(triangles)
    capsules = cover(points, triangles)
    assert len(capsules) > 1
    assert sum(c.volume for c in capsules) < 0.8 * fit(points).volume
    for weights in rng.dirichlet(np.ones(3), 30):
        inside = np.einsum('k,tkd->td', weights, points[triangles])
        deepest = np.max([capsule.depth(inside) for capsule in capsules], axis=0)
        assert deepest.min() >= 0.0
