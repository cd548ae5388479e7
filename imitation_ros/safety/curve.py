# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Curves through the points of a proposal, and the way from one curve onto the next.

A policy speaks 25 times a second, the robot is commanded 100 times or more. Straight lines between
the points would change the speed at a stroke at every point, which at the command rate is several
times the acceleration that was meant. Each corner is rounded by a parabola instead, as wide as the
points are apart, so that no more acceleration is asked for than the points themselves have: for
equal times this is the quadratic B-spline over them. Where points are far apart the parabola is
only as wide as the acceleration needs (linear segments with parabolic blends: Kunz and Stilman
2012, "Turning paths into trajectories using parabolic blends").
"""

import numpy as np
from numpy.typing import NDArray

from ..contract import Limits
from ..data.frame import Array

NS = 1_000_000_000
DENSE_S = 0.1
"""Points closer in time than this are one motion: their corners are rounded as wide as can be."""
BRAKE_SHARE = 0.7
"""Of the acceleration, used to round the corners of sparse points and to stop at the end."""
EASY_SHARE, EASY_S = 0.4, 0.4
"""Share of the acceleration that a fade uses, and how long it may take for that [s]."""
HARD_SHARE, HARD_S = 0.85, 1.0
"""The same for a difference that is too large for it."""


class Curve:
    """Positions of all joints over time, of continuous velocity and bounded acceleration.

    Before the first point it runs straight, at the last one it stops; where it is too fast for
    that, it stops beyond it.

    Attributes:
        end_ns: When it stands still [ns].
    """

    def __init__(
        self,
        times_ns: NDArray[np.int64],
        positions: Array,
        limits: Limits,
    ) -> None:
        """Round the corners.

        Args:
            times_ns: Time of each point [ns], rising, shape (k,).
            positions: Positions [rad or m], shape (k, n).
            limits: Of the joints.
        """
        self._start_ns = int(times_ns[0])
        times, positions = (times_ns - self._start_ns) / NS, positions.copy()
        gaps = np.diff(times)
        slopes = np.diff(positions, axis=0) / gaps[:, None]
        still = np.zeros((1, positions.shape[1]))
        # Slope before each point, and after the last one.
        slopes = np.vstack([slopes[:1] if len(gaps) else still, slopes, still])
        turns = np.diff(slopes, axis=0)
        needed = (np.abs(turns) / (BRAKE_SHARE * limits.acceleration)).max(axis=1)
        room = np.minimum(np.append(np.inf, gaps), np.append(gaps, np.inf))
        widths = np.minimum(room, np.maximum(DENSE_S, needed))
        widths[0] = 0.0
        # What no robot can follow anyway stops dead instead.
        sane = bool((np.abs(slopes[-2]) <= limits.velocity).all())
        if sane and needed[-1] > widths[-1]:
            # No room to stop: begin as early as there is, and end further on.
            beyond = 0.5 * (needed[-1] - widths[-1])
            times[-1] += beyond
            positions[-1] += slopes[-2] * beyond
            widths[-1] = needed[-1]
        self._times, self._positions = times, positions
        self._slopes, self._turns, self._widths = slopes, turns, widths
        self._ends: Array = times + 0.5 * widths
        self.end_ns = self._start_ns + round(self._ends[-1] * NS)

    def at(self, time_ns: int) -> Array:
        """Positions at a time [ns], shape (n,)."""
        time = (time_ns - self._start_ns) / NS
        i = int(np.searchsorted(self._ends, time))
        if i == len(self._ends):
            last: Array = self._positions[-1]
            return last
        ahead, width = time - self._times[i], self._widths[i]
        result: Array = self._positions[i] + self._slopes[i] * ahead
        since = ahead + 0.5 * width
        if since > 0.0 and width > 0.0:
            result += self._turns[i] * (since * since / (2.0 * width))
        return result


class Fade:
    """A difference that dies away: d(0) and d'(0) as given, both zero at the end.

    A cubic. Begun again before it is over it goes on decaying (as -6 d/T^2 - 4 d'/T would), where
    one that also begins without acceleration would hardly move. Every joint takes as long as its
    difference needs.
    """

    def __init__(
        self,
        start_ns: int,
        offset: Array,
        speed: Array,
        acceleration: Array,
        range_s: tuple[float, float],
        exact: bool,
    ) -> None:
        """Begin to fade.

        Args:
            start_ns: When [ns].
            offset: The difference [rad or m], shape (n,).
            speed: Its velocity [rad/s or m/s], shape (n,).
            acceleration: Highest acceleration [rad/s^2 or m/s^2], shape (n,).
            range_s: Shortest duration, and longest easy one [s].
            exact: Whether it has to end by then, whatever acceleration that asks for.
        """
        self._start_ns, self._offset = start_ns, offset

        def needed(share: float) -> Array:
            # The second derivative is largest at the start: 6 |d| / T^2 + 4 |d'| / T.
            budget, twice = share * acceleration, 2.0 * np.abs(speed)
            found: Array = twice + np.sqrt(twice * twice + 6.0 * np.abs(offset) * budget)
            return found / budget

        easy = np.clip(needed(EASY_SHARE), *range_s)
        hard = np.minimum(needed(HARD_SHARE), HARD_S)
        self._duration: Array = easy if exact else np.maximum(easy, hard)
        self._speed: Array = speed * self._duration

    def at(self, time_ns: int) -> Array:
        """What is left of the difference at a time [ns], shape (n,)."""
        s = np.minimum((time_ns - self._start_ns) / NS / self._duration, 1.0)
        left = (1.0 - s) ** 2
        result: Array = left * ((1.0 + 2.0 * s) * self._offset + s * self._speed)
        return result
