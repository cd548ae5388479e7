# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A device of somebody else: whatever it says or raises is a motion, or one clear sentence."""

from typing import Any

import numpy as np
import pytest

from imitation_ros.contract import Contract
from imitation_ros.errors import DataError, PluginError
from imitation_ros.teleop.devices import Device, DEVICES, open_device, Reading, Targets
from imitation_ros.teleop.twist import Jog

STILL = np.zeros(6)


class Says:
    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)

    def read(self, now_ns: int) -> Any:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        raise OSError('gone already')


def test_what_is_too_much_is_full_speed() -> None:
    asked = Jog(held=True, motion=np.array([5.0, -3.0, 0.5, 0.0, 0.0, 0.0]), gripper=-9.0, tool=1)
    jog = Reading(Says(asked, None), joints=False, tools=2).read(0)
    assert isinstance(jog, Jog) and jog.held and jog.tool == 1 and jog.gripper == -1.0
    assert jog.motion.tolist() == [1.0, -1.0, 0.5, 0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ('answer', 'message'),
    [
        (OSError('unplugged'), 'OSError: unplugged'),
        (Jog(held=True, motion=np.full(6, np.nan)), 'six finite numbers'),
        (Jog(held=True, motion=np.zeros(3)), 'six finite numbers'),
        (Jog(held=True, motion=STILL, gripper=float('inf')), 'six finite numbers'),
        (Jog(held=True, motion=STILL, tool=2), 'tool 2 is none of 2'),
        (Jog(held=True, motion=STILL, tool=-1), 'tool -1 is none of 2'),
        (Targets(held=True, names=(), positions=()), 'a Targets, not a Jog'),
        ('forward', 'a str, not a Jog'),
    ],
)
def test_a_fault_is_a_sentence_and_the_next_answer_counts(answer: Any, message: str) -> None:
    reading = Reading(Says(answer, Jog(held=True, motion=STILL)), joints=False, tools=2)
    with pytest.raises(DataError, match=message):
        reading.read(0)
    assert isinstance(reading.read(1), Jog)
    reading.close()


def test_a_leader_says_joints() -> None:
    targets = Targets(held=True, names=('a',), positions=(0.1,))
    reading = Reading(Says(targets, None, Jog(held=True, motion=STILL)), joints=True, tools=2)
    assert reading.read(0) is targets
    assert reading.read(1) is None
    with pytest.raises(DataError, match='a Jog, not a Targets'):
        reading.read(2)


def test_one_that_does_not_open_is_a_sentence(
    contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(robot: Contract) -> Says:
        raise OSError('/dev/stick: no such device')

    monkeypatch.setitem(DEVICES.built_in, 'stick', Device('a stick', open=fails))
    with pytest.raises(PluginError, match='"stick" cannot be opened: OSError: /dev/stick'):
        open_device('stick', contract)
    with pytest.raises(DataError, match='"joy" is read by the teleop node itself'):
        open_device('joy', contract)
