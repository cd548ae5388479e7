# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The safety node's schedule: one tick per command period, whatever the clocks do.

On system time it is an absolute schedule on the steady clock. On simulated time a tick is due
when simulated time reaches it, so speeds keep their meaning at any speed factor; but when
simulated time stands still, ticks go on at the patience of the watchdogs, which must not freeze
with it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
import time

from rclpy.clock import ROSClock

from ..ros.wait import Alarm, NS


@dataclass(frozen=True)
class Tick:
    """One command period.

    Attributes:
        now_ns: Time on the node's clock [ns].
        steady_ns: Time on the steady clock [ns].
        late_ns: How late it came [ns]; 0 on simulated time, which comes in steps.
    """

    now_ns: int
    steady_ns: int
    late_ns: int


class Pacer:
    """Ticks for a thread of its own.

    Attributes:
        skipped: Periods that went by while the caller was busy.
    """

    def __init__(self, clock: ROSClock, period_ns: int, patience_ns: int) -> None:
        """Make ticks.

        Args:
            clock: The node's clock.
            period_ns: Period [ns].
            patience_ns: How long simulated time may stand still before ticks go on [ns].
        """
        self.skipped = 0
        self._clock = clock
        self._period_ns = period_ns
        self._patience_ns = patience_ns
        self._alarm = Alarm(clock)

    def stop(self) -> None:
        """End `run` from another thread."""
        self._alarm.stop()

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._alarm.stopped

    def run(self) -> Iterator[Tick]:
        """Give out ticks until `stop` is called."""
        with self._alarm.listening():
            while not self._alarm.stopped:
                ticks = self._simulated() if self._clock.ros_time_is_active else self._steady()
                for tick in ticks:
                    yield tick
                    if self._alarm.stopped:
                        return

    def _now_ns(self) -> int:
        return int(self._clock.now().nanoseconds)

    def _steady(self) -> Iterator[Tick]:
        """Absolute schedule on the steady clock, until simulated time takes over."""
        due = time.monotonic_ns()
        while not self._clock.ros_time_is_active:
            wait = due - time.monotonic_ns()
            if wait > 0:
                self._alarm.pause(wait / NS)
            now = time.monotonic_ns()
            late = max(0, now - due)
            yield Tick(self._now_ns(), now, late)
            missed = (time.monotonic_ns() - due) // self._period_ns
            self.skipped += max(0, missed - 1)
            due += self._period_ns * max(1, missed)

    def _simulated(self) -> Iterator[Tick]:
        """Ticks of simulated time, or of patience when it stands still."""
        last = self._now_ns()
        moved, seen = time.monotonic_ns(), last
        while self._clock.ros_time_is_active:
            self._alarm.arm()
            now, steady = self._now_ns(), time.monotonic_ns()
            if now != seen:
                moved, seen = steady, now
            # A clock that went back was reset: the supervisor has to hear of it.
            if now - last >= self._period_ns or now < last:
                if now > last:
                    self.skipped += (now - last) // self._period_ns - 1
                    last += (now - last) // self._period_ns * self._period_ns
                else:
                    last = now
                yield Tick(now, steady, 0)
            elif steady - moved > self._patience_ns:
                moved = steady - self._patience_ns + self._period_ns
                yield Tick(now, steady, 0)
                continue
            if self._alarm.stopped:
                return
            self._alarm.wait(self._period_ns / NS)
