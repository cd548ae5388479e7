# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The linear-quadratic regulator of experts that balance something."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...data.frame import Array

Matrix = NDArray[np.floating[Any]]

DOUBLINGS = 30
"""More than enough: each squares what is left of the error."""


def lqr_gain(a: Array, b: Array, state_cost: Array, input_cost: Array) -> Array:
    """Gain K of the input u = -K x that is best for x' = a x + b u, shape (m, n).

    The Riccati equation is solved by structured doubling (Chu, Fan, Lin and Wang 2004).

    Args:
        a: How the state goes on, shape (n, n).
        b: What the input does to it, shape (n, m).
        state_cost: Cost x' Q x, shape (n, n), not negative.
        input_cost: Cost u' R u, shape (m, m), positive.
    """
    eye = np.eye(len(a))
    g: Matrix = b @ np.linalg.solve(input_cost, b.T)
    h: Matrix = state_cost
    power: Matrix = a
    for _ in range(DOUBLINGS):
        ahead: Matrix = np.linalg.solve(eye + g @ h, np.hstack([power, g]))
        step, spread = ahead[:, : len(a)], ahead[:, len(a) :]
        grown: Matrix = h + power.T @ h @ step
        g, power = g + power @ spread @ power.T, power @ step
        settled, h = np.allclose(grown, h, rtol=1e-12, atol=0.0), grown
        if settled:
            break
    gain: Matrix = np.linalg.solve(input_cost + b.T @ h @ b, b.T @ h @ a)
    return gain.astype(np.float64)
