# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Wait for what other threads and processes do."""

from collections.abc import Callable
import time

LIMIT_S = 15.0


def until(holds: Callable[[], object], what: str, limit_s: float = LIMIT_S) -> None:
    """Return as soon as something holds; fail if it does not in time."""
    deadline = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < deadline, f'{what} did not happen in {limit_s} s'
        time.sleep(0.005)
