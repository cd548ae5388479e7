# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Buttons of a gamepad or a pedal: which verb, and once per press."""

import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed')

from imitation_ros.nodes.recorder.buttons import Buttons, parse
from imitation_ros.nodes.ros.parameters import ParameterError

VERBS = ('start', 'stop', 'success', 'failure', 'discard')


def test_pairs_of_verb_and_button() -> None:
    assert parse('', VERBS) == {}
    assert parse('start=7, stop=7,success = 0,', VERBS) == {7: ('start', 'stop'), 0: ('success',)}
    with pytest.raises(ParameterError, match='did you mean "success"'):
        parse('sucess=0', VERBS)
    with pytest.raises(ParameterError, match='"stop=x" names no button'):
        parse('stop=x', VERBS)


def test_a_press_counts_once_and_only_after_the_first_message() -> None:
    buttons = Buttons(parse('start=0, success=2', VERBS))
    assert buttons.press([1, 0, 0]) == [], 'was down before we listened'
    assert buttons.press([0, 0, 0]) == []
    assert buttons.press([1, 0, 1]) == [('start',), ('success',)]
    assert buttons.press([1, 1, 1]) == [], 'held down'
    assert buttons.press([0, 0, 0]) == []
    assert buttons.press([0, 0, 1]) == [('success',)]
    assert buttons.press([1]) == [], 'another device'
