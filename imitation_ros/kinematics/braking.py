# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How far a joint travels while it brakes in discrete steps, and the inverse of it.

The command is integrated as q+ = q + dt x with x the next velocity (semi-implicit Euler: what a
stream of position commands is). Units are a_max dt for speeds and a_max dt^2 for travel.
"""

import numpy as np

from ..data.frame import Array


def braking_distance(u: Array) -> Array:
    """D(u) = (m + 1) u - m (m + 1) / 2 with m = floor(u).

    Args:
        u: Speed of the next step, in units of a_max dt, not negative.

    Returns:
        Travel of that step and of full braking after it, in units of a_max dt^2.
    """
    m = np.floor(u)
    result: Array = (m + 1.0) * u - 0.5 * m * (m + 1.0)
    return result


def stoppable_speed(s: Array) -> Array:
    """U(s) = (s + m (m + 1) / 2) / (m + 1) with m = floor((sqrt(1 + 8 s) - 1) / 2).

    Args:
        s: Travel that is left, in units of a_max dt^2; negative counts as 0.

    Returns:
        Largest speed, in units of a_max dt, from which full braking stays within s.
    """
    s = np.maximum(s, 0.0)
    m = np.floor((np.sqrt(1.0 + 8.0 * s) - 1.0) * 0.5)
    result: Array = (s + 0.5 * m * (m + 1.0)) / (m + 1.0)
    return result
