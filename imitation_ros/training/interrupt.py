# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Interrupt: Ctrl-C, `kill` and a closed terminal end a training after the running update.

It ends with a checkpoint.
"""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

from .. import lifetime


class Interrupt:
    """Catches the first signal and remembers it; the second one acts as it always does.

    Attributes:
        caught: Name of the signal that was caught, or None.
    """

    def __init__(self) -> None:
        """Catch nothing yet."""
        self.caught: str | None = None
        self._former: dict[signal.Signals, Any] = {}

    def __enter__(self) -> 'Interrupt':
        """Begin to catch; outside the main thread Python delivers no signals to catch."""
        if threading.current_thread() is threading.main_thread():
            self._former = {number: signal.getsignal(number) for number in lifetime.ENDING}
            lifetime.on_ending(self._catch)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the signals back."""
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)
        self._former = {}

    def _catch(self, number: int, frame: FrameType | None) -> None:
        self.caught = signal.Signals(number).name
        self._restore()
