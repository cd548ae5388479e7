# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Real-time scheduling of the command thread, where the system permits it.

On a busy machine a thread of normal priority waits for its turn, at times for tens of ms. With
SCHED_FIFO it goes first, and locked memory is never waited for. Linux permits both to root,
or to who has the limits `rtprio` and `memlock` (/etc/security/limits.d).
"""

from collections.abc import Callable
import ctypes
import os

from ...errors import ImitationError

MODES = ('never', 'auto', 'required')
"""Not `off`: YAML, and with it a ROS command line, reads that as false."""

PRIORITY = 50
"""Above ordinary programs, below the kernel's interrupt threads."""

MCL_CURRENT = 1
"""Lock what is mapped now; what is mapped later may belong to anybody in the process."""


def claim(mode: str, warn: Callable[[str], object]) -> bool:
    """Claim real-time scheduling for the calling thread, and lock the memory of the process.

    Args:
        mode: `never` does nothing, `auto` warns if it is not permitted, `required` raises.
        warn: Told why it is not permitted.

    Returns:
        Whether the thread has real-time scheduling now.

    Raises:
        ImitationError: If it is required and not permitted.
    """
    if mode == 'never':
        return False
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mlockall(MCL_CURRENT) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    except OSError as error:
        text = (
            f'no real-time scheduling: {error.strerror}; the user needs the limits rtprio '
            f'(>= {PRIORITY}) and memlock (unlimited) in /etc/security/limits.d'
        )
        if mode == 'required':
            raise ImitationError(text) from error
        warn(text)
        return False
    return True
