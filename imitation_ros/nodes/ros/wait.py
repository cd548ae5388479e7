# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Waits that follow a node's clock: a stop ends them early, and a step of simulated time does."""

from collections.abc import Iterator
from contextlib import contextmanager
import threading

from rclpy.clock import JumpThreshold, ROSClock
from rclpy.duration import Duration

NS = 1_000_000_000


class Alarm:
    """What wakes a thread before its wait is over."""

    def __init__(self, clock: ROSClock) -> None:
        """Keep the node's clock."""
        self._clock = clock
        self._wake = threading.Event()
        self._stopped = threading.Event()

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """End the wait, and all that follow, from another thread."""
        self._stopped.set()
        self._wake.set()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hear of the clock's jumps meanwhile: every message on /clock is one."""
        every = JumpThreshold(
            min_forward=Duration(nanoseconds=1),
            min_backward=Duration(nanoseconds=-1),
            on_clock_change=True,
        )
        handle = self._clock.create_jump_callback(every, post_callback=lambda _: self._wake.set())
        try:
            yield
        finally:
            handle.unregister()

    def arm(self) -> None:
        """Forget what happened so far; look at the clock after this, and before `wait`."""
        self._wake.clear()

    def wait(self, seconds: float) -> None:
        """Wait for a jump since `arm`, a stop, or the time to pass."""
        if not self.stopped:
            self._wake.wait(seconds)

    def pause(self, seconds: float) -> None:
        """Wait for a stop or the time to pass, with no look at the clock's jumps."""
        self._stopped.wait(seconds)
