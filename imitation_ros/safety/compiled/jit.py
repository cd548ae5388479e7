# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How kernels are compiled: kept on the disk, dividing as numpy does (x / 0 is no error)."""

from numba import njit

kernel = njit(cache=True, error_model='numpy')
inlined = njit(cache=True, error_model='numpy', inline='always')
summing = njit(cache=True, error_model='numpy', fastmath={'reassoc', 'contract'})
"""For sums whose order is free: several products at once."""
