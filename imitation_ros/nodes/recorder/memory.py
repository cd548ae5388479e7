# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Keep memory that was freed, so that the next image finds it mapped already.

glibc gives large blocks back to the kernel as soon as they are free. A process that receives
ninety images a second then has every page of every image mapped and zeroed anew: up to a
millisecond per image, ten times what it takes to copy it.
"""

import ctypes

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Numbers of the options in glibc's malloc.h."""
KEPT_BYTES = 64 * 1024 * 1024
LARGEST_BYTES = 32 * 1024 * 1024
"""The largest block that glibc lets come from memory that is kept."""


def keep_freed_memory() -> bool:
    """Have malloc keep up to 64 MB of freed memory; False where the C library has no such option.

    Call it before the large blocks are made.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(MMAP_THRESHOLD, LARGEST_BYTES) and mallopt(TRIM_THRESHOLD, KEPT_BYTES))
