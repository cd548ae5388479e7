# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Who drives: the policy, the operator, or nobody."""

import pytest

from imitation_ros.runtime.handover import Driver, Handover

MS = 1_000_000


def test_without_teleoperation_the_policy_drives() -> None:
    assert Handover().driver(10**12) is Driver.POLICY


@pytest.mark.parametrize(
    ('gate', 'driver'),
    [
        ('released', Driver.POLICY),
        ('engaged', Driver.OPERATOR),
        ('refused', Driver.NOBODY),
        ('engagd', Driver.NOBODY),
    ],
)
def test_the_gate_decides(gate: str, driver: Driver) -> None:
    handover = Handover()
    handover.hear(0, gate)
    assert handover.driver(50 * MS) is driver


def test_a_gate_lost_in_a_takeover_never_gives_back() -> None:
    """It may have died with a hand on it: only `released`, or a person, lets the policy go on."""
    handover = Handover()
    handover.hear(0, 'engaged')
    assert handover.driver(300 * MS) is Driver.OPERATOR
    assert handover.driver(301 * MS) is Driver.NOBODY
    assert handover.driver(10**15) is Driver.NOBODY
    handover.hear(10**15, 'released')
    assert handover.driver(10**15) is Driver.POLICY
    handover.hear(10**15, 'engaged')
    handover.forget()
    assert handover.driver(10**16) is Driver.POLICY


def test_a_gate_lost_while_released_leaves_the_policy_alone() -> None:
    handover = Handover()
    handover.hear(0, 'released')
    assert handover.driver(10**15) is Driver.POLICY


def test_takeovers_are_counted_once_each() -> None:
    handover = Handover()
    for time, gate in enumerate(('engaged', 'engaged', 'released', 'refused', 'engaged')):
        handover.hear(time, gate)
    assert handover.takeovers == 2
