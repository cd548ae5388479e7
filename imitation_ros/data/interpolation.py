# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Between two samples: straight lines for joints, the shortest turn for orientations."""

import numpy as np

from .frame import Array

PARALLEL = 0.9995
"""Cosine of half an angle above which sin loses digits; a straight line is as good there."""


def linear(before: Array, after: Array, share: float) -> Array:
    """Value at a share in [0, 1] of the way from one sample to the next."""
    result: Array = before + share * (after - before)
    return result


def pose(before: Array, after: Array, share: float) -> Array:
    """Pose at a share of the way: position linear, orientation by slerp (Shoemake 1985, sec. 3.3).

    Args:
        before: x y z [m], quaternion x y z w, shape (7,).
        after: The same, later; q and -q are one orientation, the shorter way is taken.
        share: In [0, 1].

    Returns:
        The pose, its quaternion of length 1.
    """
    first, second = (values[3:] / np.linalg.norm(values[3:]) for values in (before, after))
    cosine = float(first @ second)
    if cosine < 0:
        second, cosine = -second, -cosine
    if cosine > PARALLEL:
        turn = linear(first, second, share)
    else:
        angle = np.arccos(cosine)
        turn = np.sin((1 - share) * angle) * first + np.sin(share * angle) * second
    return np.concatenate([linear(before[:3], after[:3], share), turn / np.linalg.norm(turn)])
