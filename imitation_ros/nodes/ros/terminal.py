# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Single keys from the terminal: over SSH, without a display, without extra packages."""

from contextlib import suppress
import os
import select
import sys
import termios
import tty

from ...errors import NotReadyError


class Terminal:
    """The controlling terminal in cbreak mode: keys arrive at once, Ctrl-C still interrupts."""

    def __init__(self, descriptor: int | None = None) -> None:
        """Switch the terminal to single keys.

        Args:
            descriptor: File descriptor of the terminal; standard input if None.

        Raises:
            NotReadyError: If it is no terminal.
        """
        self._descriptor = sys.stdin.fileno() if descriptor is None else descriptor
        if not os.isatty(self._descriptor):
            raise NotReadyError('keys need a terminal, and standard input is none')
        self._before = termios.tcgetattr(self._descriptor)
        tty.setcbreak(self._descriptor)

    def read(self) -> str:
        """Keys typed since the last call; does not wait. A terminal that was closed has none."""
        typed = b''
        with suppress(OSError):
            while select.select([self._descriptor], [], [], 0.0)[0]:
                more = os.read(self._descriptor, 256)
                if not more:
                    break
                typed += more
        return typed.decode('utf-8', errors='ignore')

    def close(self) -> None:
        """Give the terminal back as it was, if it is still there."""
        with suppress(termios.error):
            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._before)
