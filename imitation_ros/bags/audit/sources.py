# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Find topics on which two sources publish: a second driver, simulator, camera or safety node.

Nothing in a bag says who sent a message, but two sources give themselves away: values leap there
and back faster than the joint can move, messages of one stamp differ, entries change their order,
or values are each time unlike the last ones and like those before.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...data.frame import Array
from .checks import Notes

NS = 1_000_000_000
BLOCK = 512
"""Messages that are looked at together; one by one costs ten times as much."""
SLACK = 0.05
"""Jump that noise, or a stamp that is a little off, may make [rad or m]."""
FASTER = 4.0
"""So many times the limit of its speed no joint moves."""
LEAPS = 3
"""Leaps it takes for a second source: one may be a fault of an encoder."""
ALTERNATING = 0.25
"""Share of messages like the last but one and unlike the last that shows two sources."""
NEARER = 8.0
"""So much closer to the last but one than to the last."""
FEWEST = 12
"""Messages it takes to say that they alternate."""
PIXELS = 256
"""Bytes of a picture that are compared."""
GREY = 8.0
"""Mean difference of two pictures that counts [grey levels]."""

ASK = 'two sources seem to publish on it; record with one'


@dataclass
class JointSources:
    """Looks for a second source of joint positions on one topic.

    Attributes:
        names: Names of the joints, in the order of the values.
        speed: Highest speed of each joint [rad/s or m/s], shape (n,).
    """

    names: tuple[str, ...]
    speed: Array
    _rows: list[tuple[int, Array]] = field(default_factory=list)
    _seen: int = 0
    _leaps: int = 0
    _differing: int = 0
    _leap: tuple[int, int, str, float] | None = None
    _twin: tuple[int, int] | None = None

    def push(self, stamp_ns: int, q: Array) -> None:
        """Add the positions of a message [rad or m], shape (n,)."""
        self._rows.append((stamp_ns, q))
        if len(self._rows) == BLOCK:
            self._look()

    def _look(self) -> None:
        """Judge what was gathered, and keep the last message to compare the next with."""
        if len(self._rows) < 2:
            return
        stamps = np.array([stamp for stamp, _ in self._rows], np.int64)
        order = np.argsort(stamps, kind='stable')
        q = np.array([values for _, values in self._rows])[order]
        stamps = stamps[order]
        seconds = np.diff(stamps)[:, None] / NS
        step = np.abs(np.diff(q, axis=0))
        whole = np.round(step / (2 * np.pi)) * 2 * np.pi  # a joint without stops may wrap around
        step = np.where(whole > 0, np.abs(step - whole), step)
        leaps = step > FASTER * self.speed * seconds + SLACK
        twins = (seconds[:, 0] == 0) & (step.max(axis=1) > 1e-9)
        rows = np.flatnonzero(leaps.any(axis=1))
        if len(rows) and self._leap is None:
            row = int(rows[0]) + 1
            joint = int(np.where(leaps[row - 1], step[row - 1], 0.0).argmax())
            self._leap = (
                self._seen + row,
                int(stamps[row]),
                self.names[joint],
                float(step[row - 1, joint]),
            )
        same = np.flatnonzero(twins)
        if len(same) and self._twin is None:
            self._twin = (self._seen + int(same[0]) + 1, int(stamps[same[0] + 1]))
        self._leaps += len(rows)
        self._differing += len(same)
        self._seen += len(self._rows) - 1
        self._rows = [(int(stamps[-1]), q[-1])]

    def judge(self, topic: str, start_ns: int, orders: int, notes: Notes) -> None:
        """Note what was found.

        Args:
            topic: Name of the topic.
            start_ns: First stamp of the episode [ns].
            orders: How often the messages changed the order of their joints.
            notes: Gets the reasons.
        """
        self._look()
        if self._leap is not None:
            row, at, joint, size = self._leap
            text = (
                f'{topic}: {joint} leaps by {size:.3g} at {(at - start_ns) / NS:.3f} s '
                f'(message {row}), faster than it can move; {self._leaps} such leap'
                f'{"s" * (self._leaps != 1)}'
            )
            if self._leaps >= LEAPS:
                notes.reject.append(f'{text}: {ASK}')
            else:
                notes.warn.append(text)
        if self._twin is not None and self._differing >= LEAPS:
            row, at = self._twin
            notes.reject.append(
                f'{topic}: {self._differing} messages have the stamp of the one before and other '
                f'values, first at {(at - start_ns) / NS:.3f} s (message {row}): {ASK}'
            )
        if orders >= LEAPS:
            notes.reject.append(
                f'{topic}: its messages change the order of their joints {orders} times: {ASK}'
            )


@dataclass
class Alternation:
    """Looks for values that are unlike the last ones and like those before, again and again.

    Attributes:
        least: Difference that counts, in the unit of the values.
    """

    least: float = 1e-6
    _before: list[NDArray[np.floating]] = field(default_factory=list)
    _count: int = 0
    _hits: int = 0
    _first: int | None = None

    def push(self, values: NDArray[np.floating]) -> None:
        """Add the values of a message, shape (k,)."""
        if self._before and len(values) != len(self._before[-1]):
            self._before = []
        self._count += 1
        if len(self._before) == 2:
            older, old = self._before
            far = float(np.abs(values - old).mean())
            near = float(np.abs(values - older).mean())
            if far > NEARER * near + self.least:
                self._hits += 1
                self._first = self._count if self._first is None else self._first
        self._before = [*self._before[-1:], values]

    def judge(self, topic: str, what: str, notes: Notes) -> None:
        """Note what was found; only a warning, as a signal may really alternate."""
        if self._count >= FEWEST and self._hits > ALTERNATING * self._count:
            notes.warn.append(
                f'{topic}: {self._hits} of {self._count} {what} are unlike the one before and '
                f'like the last but one, first message {self._first}: {ASK}'
            )


def sample(data: NDArray[np.uint8]) -> Array:
    """Some bytes of a picture, spread over it, as numbers."""
    return data[:: max(len(data) // PIXELS, 1)][:PIXELS].astype(np.float32)
