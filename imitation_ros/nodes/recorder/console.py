# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The operator's terminal: keys in, screen out, as far as there is one."""

from contextlib import suppress

from ...errors import NotReadyError
from ..ros.terminal import Terminal
from .dashboard import Screen
from .view import View

KEYS = {' ': 'toggle', 's': 'success', 'f': 'failure', 'd': 'discard', 'n': 'next', 'q': 'quit'}
"""Verb of each key."""
LEGEND = {
    'space': 'start/stop',
    's': 'success',
    'f': 'failure',
    'd': 'discard',
    'n': 'next task',
    'q': 'quit',
}


class Console:
    """Keys from standard input if it is a terminal, a screen if standard output is one too.

    Attributes:
        keys: Whether there are keys.
        screen: Whether there is a screen.
    """

    def __init__(self, keys: bool, screen: bool) -> None:
        """Take the terminal, as far as it is wanted and there.

        Args:
            keys: Whether keys are wanted.
            screen: Whether a screen is wanted; without keys there is none.
        """
        self._terminal: Terminal | None = None
        self._screen: Screen | None = None
        with suppress(NotReadyError):
            self._terminal = Terminal() if keys else None
        with suppress(NotReadyError):
            self._screen = Screen() if screen and self._terminal is not None else None
        self.keys = self._terminal is not None
        self.screen = self._screen is not None

    def read(self) -> list[str]:
        """Verbs of the keys typed since the last call."""
        typed = '' if self._terminal is None else self._terminal.read()
        return [KEYS[key] for key in typed if key in KEYS]

    def show(self, view: View) -> None:
        """Redraw the screen, if there is one; a terminal that was closed is drawn no more."""
        if self._screen is not None and self.screen:
            try:
                self._screen.show(view)
            except OSError:
                self.screen = False

    def close(self) -> None:
        """Give the terminal back."""
        if self._screen is not None:
            self._screen.close()
        if self._terminal is not None:
            self._terminal.close()
