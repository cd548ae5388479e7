# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Ticks of a fixed period on a node's clock, for a thread of its own.

rclpy's timers lose periods on a loaded machine and run in the executor, behind its callbacks.
Ticks keep an absolute schedule instead, on system time and on simulated time alike.
"""

from collections.abc import Iterator

from rclpy.clock import ROSClock

from .wait import Alarm, NS

LONGEST_WAIT_S = 0.1
"""The system clock may be set while we wait; look at it this often [s]."""


class Ticks:
    """Times a fixed period apart, each given out when the clock reaches it.

    Whoever comes back late gets the newest tick; those in between are skipped and counted.

    Attributes:
        skipped: Ticks that went by while the caller was busy.
    """

    def __init__(self, clock: ROSClock, period_ns: int) -> None:
        """Make ticks; the first is when `run` is called."""
        self.skipped = 0
        self._clock = clock
        self._period_ns = period_ns
        self._alarm = Alarm(clock)

    def stop(self) -> None:
        """End `run` from another thread."""
        self._alarm.stop()

    def run(self) -> Iterator[int]:
        """Give out ticks [ns] until `stop` is called."""
        with self._alarm.listening():
            tick_ns: int | None = None
            while True:
                tick_ns = self._wait(tick_ns)
                if tick_ns is None:
                    return
                yield tick_ns
                tick_ns += self._period_ns

    def _wait(self, tick_ns: int | None) -> int | None:
        """Wait for a tick; give the newest one that is due, or None once stopped."""
        while not self._alarm.stopped:
            self._alarm.arm()
            now_ns = int(self._clock.now().nanoseconds)
            if now_ns > 0:  # 0: simulated time has not begun
                # Further ahead than a period: the clock was set back.
                if tick_ns is None or tick_ns - now_ns > self._period_ns:
                    tick_ns = now_ns
                late = now_ns - tick_ns
                if late >= 0:
                    self.skipped += late // self._period_ns
                    return tick_ns + late // self._period_ns * self._period_ns
            wait_s = LONGEST_WAIT_S
            if now_ns > 0 and tick_ns is not None and not self._clock.ros_time_is_active:
                wait_s = min(wait_s, (tick_ns - now_ns) / NS)
            self._alarm.wait(wait_s)
        return None
