# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Back ends that the safety tests run on."""

from collections.abc import Callable

import pytest

from imitation_ros.contract import Contract
from imitation_ros.evaluation.safety.streams import all_streams
from imitation_ros.safety import backends
from imitation_ros.safety.backend import Backend
from imitation_ros.safety.filter import SafetyFilter
from imitation_ros.safety.intervention import Rule

FEET = {
    'imi_humanoid': ('left_foot_link', 'right_foot_link'),
    'unitree_g1': ('left_ankle_roll_link', 'right_ankle_roll_link'),
}
"""What each robot stands on."""

BACKENDS = [
    'coal',
    pytest.param(
        'numba',
        marks=pytest.mark.skipif(
            backends.choose('auto') != 'numba', reason='the extra "fast" (numba) is not installed'
        ),
    ),
]

Built = Callable[[str, str], Backend]


def reshaped_alike(
    contract: Contract, one: Backend, other: Backend, ticks: int, rule: Rule
) -> int:
    """Steps that a rule altered of a random stream on which two back ends agree at every step."""
    leader, follower = SafetyFilter(contract, one), SafetyFilter(contract, other)
    ask, reshaped = all_streams(contract, one, 2)['random'], 0
    for tick in range(ticks):
        follower.q, follower.v = leader.q, leader.v
        asked = ask(tick, leader.q)
        first, second = leader.step(*asked), follower.step(*asked)
        assert second.q == pytest.approx(first.q, abs=1e-9)
        assert [(n.rule, n.subject) for n in second.interventions] == [
            (n.rule, n.subject) for n in first.interventions
        ]
        reshaped += any(n.rule is rule for n in first.interventions)
    return reshaped
