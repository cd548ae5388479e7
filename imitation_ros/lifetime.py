# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""When a process of ours ends: at a signal, or with the process that started it.

A robot must not go on moving because the terminal closed or because what started its nodes was
killed. Two ties hold a child to its parent. The child holds the reading end of a pipe whose only
writing end is the parent's: the kernel closes it however the parent ends, and the end of file
reaches grandchildren as well. Linux sends a signal besides (`PR_SET_PDEATHSIG`, prctl(2)).
The child sets up both by itself, from an environment variable: code between fork and exec
(`preexec_fn`) can deadlock a parent with threads.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
import ctypes
import os
import signal
import sys
import threading
import time
from typing import Any

ENDING = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
"""Closed terminal, Ctrl-C, Ctrl-backslash and `kill`: each ends a process of ours in order."""
VARIABLE = 'IMITATION_ROS_PARENT'
"""Environment variable of a child: process id of its parent, descriptor and inode of the pipe."""
PATIENCE_S = 16.0
"""How long an orphan has to end in order before it is killed [s]; as long as `end` gives it."""
PR_SET_PDEATHSIG = 1

_pipe: tuple[int, int] | None = None


def on_ending(handle: Callable[[int, Any], Any], numbers: Iterable[int] = ENDING) -> None:
    """Handle the signals that end a process; one started under `nohup` ignores SIGHUP."""
    for number in numbers:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handle)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Ignore the signals that end a process, while it ends its children."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = {number: signal.signal(number, signal.SIG_IGN) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def tie(environment: Mapping[str, str]) -> tuple[dict[str, str], int]:
    """Make ready to start a child that ends with this process.

    Returns:
        Environment of the child, and the descriptor that it must inherit (`pass_fds`).
    """
    global _pipe
    if _pipe is None:
        # Python's pipes close at exec: the writing end stays in this process alone.
        _pipe = os.pipe()
    end = _pipe[0]
    tied = f'{os.getpid()}:{end}:{os.fstat(end).st_ino}'
    return {**environment, VARIABLE: tied}, end


def follow_parent(leave: Callable[[], object], patience_s: float = PATIENCE_S) -> bool:
    """End with the process that started this one, if that one asked for it; call it once, early.

    Args:
        leave: Ends this process in order; called once, from another thread or a signal handler.
        patience_s: How long that may take before this process is killed [s].

    Returns:
        Whether this process is tied to another one.
    """
    parent, end = _tied(os.environ.pop(VARIABLE, ''))
    if end < 0:
        return False
    once = threading.Lock()

    def orphaned() -> None:
        if once.acquire(blocking=False):
            threading.Thread(target=_kill_after, args=(patience_s,), daemon=True).start()
            leave()

    def wait() -> None:
        while os.read(end, 1):
            pass
        orphaned()

    os.set_inheritable(end, False)
    threading.Thread(target=wait, name='parent', daemon=True).start()
    _signal_at_death(parent, orphaned)
    return True


def _tied(text: str) -> tuple[int, int]:
    """Parent and descriptor of the pipe, or -1 if this process did not inherit that very pipe."""
    try:
        parent, end, inode = map(int, text.split(':'))
        # A process in between may have passed on the variable without the descriptor, whose
        # number may be another file's by now.
        return (parent, end) if os.fstat(end).st_ino == inode else (-1, -1)
    except (ValueError, OSError):
        return -1, -1


def _signal_at_death(parent: int, orphaned: Callable[[], None]) -> None:
    """Ask Linux for a signal at the parent's death, if that is who started this process."""
    if (
        sys.platform != 'linux'
        or threading.current_thread() is not threading.main_thread()
        or os.getppid() != parent
    ):
        return

    def on_signal(*_: object) -> None:
        # It also comes when only the thread that started this process has ended.
        if os.getppid() != parent:
            orphaned()

    signal.signal(signal.SIGUSR2, on_signal)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGUSR2))
    # The parent may have died before the request; then no signal comes.
    on_signal()


def _kill_after(patience_s: float) -> None:
    time.sleep(patience_s)
    os.kill(os.getpid(), signal.SIGKILL)
