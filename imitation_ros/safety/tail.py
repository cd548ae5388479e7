# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The brake tail: the set-points of full braking, sent along with every command.

They are the very set-points the brake certificate looked at. A controller that plays them stops
the robot on that way when no newer command replaces them: when this process or the network dies.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..data.frame import Array
from .constraints.limits import ViabilityBox

MAX_TAIL_POINTS = 10
"""Most points of a tail: what it costs to send grows with them, what it guards does not."""


@dataclass(frozen=True)
class Tail:
    """Set-points after a command, until rest.

    Attributes:
        periods: Command periods from the command to each point, rising, shape (k,).
        positions: Positions [rad or m], shape (k, joints); empty at rest.
    """

    periods: NDArray[np.int64]
    positions: Array


@lru_cache(maxsize=1024)
def spacing(periods: int) -> NDArray[np.int64]:
    """Which set-points of a braking are sent: all of a short one, the last one always.

    Of a long one the gaps grow: what comes first is needed most often, whenever one command is
    late.

    Args:
        periods: Command periods until rest.

    Returns:
        Numbers of the set-points, rising to `periods`, read-only; at most MAX_TAIL_POINTS.
    """
    if periods <= MAX_TAIL_POINTS:
        chosen = np.arange(1, periods + 1)
    else:
        # Gap i is 1 + slope i; rounding a growing sum keeps the points apart.
        i = np.arange(1, MAX_TAIL_POINTS + 1)
        slope = 2.0 * (periods - MAX_TAIL_POINTS) / (MAX_TAIL_POINTS * (MAX_TAIL_POINTS - 1.0))
        chosen = np.round(i + slope * i * (i - 1) / 2.0).astype(np.int64)
    chosen.setflags(write=False)
    return chosen


def brake_tail(box: ViabilityBox, q: Array, v: Array, columns: NDArray[np.intp]) -> Tail:
    """Full braking from a set-point to rest, as the points to send.

    Args:
        box: The braking law.
        q: The set-point [rad or m], shape (n,).
        v: Its velocity [rad/s or m/s], shape (n,).
        columns: Joints wanted: those of one controller.

    Returns:
        The tail; its last point is where `box.stop` says these joints come to rest.
    """
    step = box.step[columns]
    units = np.abs(v[columns]) / step
    whole = np.floor(units)
    chosen = spacing(int(whole.max()))
    # Speeds after the set-point are u - 1, u - 2, ... and never less than 0.
    m = np.minimum(whole, chosen[:, None])
    travel = (m * units - 0.5 * m * (m + 1.0)) * step * box.dt
    return Tail(chosen, q[columns] + np.sign(v[columns]) * travel)
