# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How one topic comes in right now: rate, jitter, age, gaps."""

from collections import deque
from dataclasses import dataclass

import numpy as np

from ..bags.audit.report import Bounds

NS = 1_000_000_000
WINDOW_NS = 2 * NS
PAUSE_NS = NS // 2
"""After a silence this long a topic starts anew, and so does its rate [ns]."""
MOST = 4096
"""Messages remembered of a topic whose rate nobody said."""


@dataclass(frozen=True)
class Flowing:
    """What the last two seconds of a topic tell.

    Attributes:
        count: Messages since the start of the recorder.
        hz: Rate [Hz], 0 if silent.
        span_s: Time over which the rate was measured [s].
        jitter_s: Standard deviation of the time between stamps [s].
        age_s: Time since the stamp of the newest message [s]; None if there is none.
        offset_s: Receive time less stamp, median [s]: delay, and difference of the clocks.
        silent_s: Time since a message was last received [s]; None if none ever was.
        gaps: Gaps since the mark.
        longest_gap_s: Longest time between two stamps since the mark [s].
    """

    count: int = 0
    hz: float = 0.0
    span_s: float = 0.0
    jitter_s: float = 0.0
    age_s: float | None = None
    offset_s: float | None = None
    silent_s: float | None = None
    gaps: int = 0
    longest_gap_s: float = 0.0


class Flow:
    """Times of one topic's messages as they arrive; `push` is cheap enough for every message.

    Attributes:
        count: Messages received.
        last_ns: When the last one was received [ns], 0 if none was.
    """

    def __init__(self, rate_hz: float | None = None, bounds: Bounds | None = None) -> None:
        """Start without messages.

        Args:
            rate_hz: Expected rate [Hz]; None if messages come on events, which have no gaps.
            bounds: Says what a gap is.
        """
        bounds = bounds or Bounds()
        self.count = 0
        self.last_ns = 0
        self._gap_ns = round(NS * max(bounds.gap_s, 3.0 / rate_hz)) if rate_hz else None
        most = round(1.5 * rate_hz * WINDOW_NS / NS) + 16 if rate_hz else MOST
        self._received: deque[int] = deque(maxlen=most)
        self._stamps: deque[int] = deque(maxlen=most)
        self._stamp_ns = 0
        self._marked = False
        self._gaps = 0
        self._longest_ns = 0

    def push(self, received_ns: int, stamp_ns: int) -> None:
        """Note one message by its receive time and stamp [ns]."""
        if received_ns - self.last_ns > PAUSE_NS:
            self._received.clear()
            self._stamps.clear()
        if self._marked:
            step = stamp_ns - self._stamp_ns
            if step > self._longest_ns:
                self._longest_ns = step
            if self._gap_ns is not None and step > self._gap_ns:
                self._gaps += 1
        self._marked = True
        self.count += 1
        self.last_ns, self._stamp_ns = received_ns, stamp_ns
        self._received.append(received_ns)
        self._stamps.append(stamp_ns)

    def mark(self) -> None:
        """Count gaps from now on, as a take begins."""
        self._marked = False
        self._gaps = self._longest_ns = 0

    def measure(self, now_ns: int) -> Flowing:
        """What the last two seconds tell (now_ns: time of day [ns])."""
        received = np.array(self._received, np.int64)
        stamps = np.array(self._stamps, np.int64)
        recent = received > now_ns - WINDOW_NS
        received, stamps = received[recent], stamps[recent]
        if not self.count:
            return Flowing()
        silent_s = (now_ns - self.last_ns) / NS
        hz, span_s, jitter_s, offset_s = 0.0, 0.0, 0.0, None
        if len(received):
            offset_s = float(np.median(received - stamps)) / NS
        if len(received) > 1:
            span_s = float(received[-1] - received[0]) / NS
            period_s = span_s / (len(received) - 1)
            # A topic that has just stopped slows down at once, not when its window is over.
            hz = len(received) / max(span_s + max(silent_s, period_s), 1e-9)
            jitter_s = float(np.diff(np.sort(stamps)).std()) / NS
        return Flowing(
            count=self.count,
            hz=hz,
            span_s=span_s,
            jitter_s=jitter_s,
            age_s=(now_ns - self._stamp_ns) / NS,
            offset_s=offset_s,
            silent_s=silent_s,
            gaps=self._gaps,
            longest_gap_s=self._longest_ns / NS,
        )
