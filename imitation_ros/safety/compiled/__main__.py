# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Compile the kernels once, at installation: `python -m imitation_ros.safety.compiled`."""

from dataclasses import replace

from ...contract import load, Torque
from ..backends import choose
from ..filter import SafetyFilter

if __name__ == '__main__':
    choose('numba')
    contract = load('imi_humanoid')
    # What the compiled back end has for features that are off by default is compiled, too.
    features = {'torque': Torque(share=1.0, groups=('left_arm',)), 'tool_speed': 1.0}
    safety = contract.safety.model_copy(update=features)
    SafetyFilter(replace(contract, safety=safety))
