# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How kernels are compiled: kept on the disk, dividing as numpy does (x / 0 is no error)."""

from pathlib import Path

from numba import njit


def forget_stale(folder: Path) -> int:
    """Delete kernels on the disk that are older than any source of theirs; returns how many.

    numba compares a kernel with its own file alone: it would go on with the machine code of one
    whose callee, in another file, has changed since.

    Args:
        folder: Where the sources are; the kernels are in its `__pycache__`.
    """
    newest = max(path.stat().st_mtime for path in folder.glob('*.py'))
    stale = [p for p in folder.glob('__pycache__/*.nbi') if p.stat().st_mtime < newest]
    for path in stale:
        path.unlink(missing_ok=True)
    return len(stale)


forget_stale(Path(__file__).parent)

kernel = njit(cache=True, error_model='numpy')
inlined = njit(cache=True, error_model='numpy', inline='always')
summing = njit(cache=True, error_model='numpy', fastmath={'reassoc', 'contract'})
"""For sums whose order is free: several products at once."""
