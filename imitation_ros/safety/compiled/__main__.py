# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Compile the kernels once, at installation: `python -m imitation_ros.safety.compiled`."""

from ...contract import load
from ..backends import choose
from ..filter import SafetyFilter

if __name__ == '__main__':
    choose('numba')
    SafetyFilter(load('imi_humanoid'))
