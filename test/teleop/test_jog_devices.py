# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Keyboard and gamepad to a tool's motion."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from imitation_ros.errors import DataError
from imitation_ros.teleop.gamepad import Axis, Gamepad, GamepadConfig
from imitation_ros.teleop.keyboard import Keyboard, KeyboardConfig

MS = 1_000_000


def test_key_moves_while_it_is_held_and_stops_soon_after() -> None:
    keyboard = Keyboard()
    assert not keyboard.jog(0).held
    assert keyboard.press(0, 'w')
    jog = keyboard.jog(300 * MS)
    assert jog.held
    np.testing.assert_allclose(jog.motion, [0.5, 0, 0, 0, 0, 0])
    jog = keyboard.jog(301 * MS)
    assert not jog.held and not jog.motion.any()


def test_keys_add_up_and_opposite_keys_cancel() -> None:
    keyboard = Keyboard()
    for key in 'wdl':
        keyboard.press(0, key)
    np.testing.assert_allclose(keyboard.jog(0).motion, [0.5, -0.5, 0, 0, 0, -0.5])
    keyboard.press(0, 's')
    np.testing.assert_allclose(keyboard.jog(0).motion, [0, -0.5, 0, 0, 0, -0.5])


def test_space_stops_and_gripper_and_speed_and_tool_keys_work() -> None:
    keyboard = Keyboard(tools=2)
    keyboard.press(0, 'q')
    assert keyboard.jog(0).gripper == -1.0 and keyboard.jog(0).held
    keyboard.press(0, ' ')
    assert not keyboard.jog(0).held
    for _ in range(5):
        keyboard.press(0, '+')
    keyboard.press(0, 'w')
    assert keyboard.jog(0).motion[0] == 1.0
    keyboard.press(0, '\t')
    assert keyboard.jog(0).tool == 1 and not keyboard.jog(0).held
    keyboard.press(0, '\t')
    assert keyboard.jog(0).tool == 0


def test_unknown_keys_and_the_rest_of_an_arrow_key_do_nothing() -> None:
    keyboard = Keyboard()
    assert not any(keyboard.press(0, key) for key in '\x1b[DxZ9')
    assert not keyboard.jog(0).held


@pytest.mark.parametrize(
    'change', [{'open_key': 'w'}, {'hold_s': 0.0}, {'hold_s': 2.0}, {'axes': {'w': (6, 1.0)}}]
)
def test_keyboard_settings_are_checked(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r'meanings|hold_s|axis'):
        KeyboardConfig(**change)


def pad(held: bool = True, **axes: float) -> tuple[list[float], list[int]]:
    values = [0.0] * 8
    for name, value in axes.items():
        values[int(name[1:])] = value
    buttons = [0] * 11
    buttons[4] = int(held)
    return values, buttons


def test_sticks_follow_the_robots_axes() -> None:
    gamepad = Gamepad()
    jog = gamepad.read(*pad(a1=1.0, a0=-1.0, a4=1.0))
    assert jog.held
    np.testing.assert_allclose(jog.motion, [1, -1, 1, 0, 0, 0])
    assert not gamepad.read(*pad(held=False, a1=1.0)).held


def test_dead_band_is_zero_and_continuous_at_its_edge() -> None:
    gamepad = Gamepad(GamepadConfig(deadband=0.1))
    assert gamepad.read(*pad(a1=0.1)).motion[0] == 0.0
    assert 0 < gamepad.read(*pad(a1=0.101)).motion[0] < 0.01
    assert gamepad.read(*pad(a1=-1.0)).motion[0] == -1.0


def test_gripper_buttons_and_tool_on_the_press_only() -> None:
    gamepad = Gamepad(tools=2)
    axes, buttons = pad()
    buttons[1] = 1
    assert gamepad.read(axes, buttons).gripper == 1.0
    buttons[1], buttons[0], buttons[3] = 0, 1, 1
    jog = gamepad.read(axes, buttons)
    assert (jog.gripper, jog.tool) == (-1.0, 1)
    assert gamepad.read(axes, buttons).tool == 1


def test_small_pad_and_nan_are_refused() -> None:
    with pytest.raises(DataError, match='4 axes and 11 buttons; the layout needs 8 and 5'):
        Gamepad().read([0.0] * 4, [0] * 11)
    with pytest.raises(DataError, match='not finite'):
        Gamepad().read(*pad(a1=float('nan')))


def test_layout_is_checked() -> None:
    with pytest.raises(ValueError, match='axes must differ'):
        GamepadConfig(axes=(Axis(0), Axis(0), Axis(-1), Axis(-1), Axis(-1), Axis(-1)))
    with pytest.raises(ValueError, match='buttons must differ'):
        GamepadConfig(open_button=4)


@given(st.lists(st.floats(), min_size=8, max_size=8), st.lists(st.integers(0, 1), min_size=11))
def test_gamepad_motion_is_always_a_share(axes: list[float], buttons: list[int]) -> None:
    try:
        jog = Gamepad(tools=2).read(axes, buttons)
    except DataError:
        return
    assert np.isfinite(jog.motion).all() and (np.abs(jog.motion) <= 1.0).all()
    assert abs(jog.gripper) <= 1.0 and jog.tool in (0, 1)


@given(st.lists(st.tuples(st.integers(0, 400), st.characters()), max_size=50))
def test_keyboard_motion_is_always_a_share(keys: list[tuple[int, str]]) -> None:
    keyboard, now = Keyboard(tools=2), 0
    for wait, key in keys:
        now += wait * MS
        keyboard.press(now, key)
        jog = keyboard.jog(now)
        assert (np.abs(jog.motion) <= 1.0).all() and abs(jog.gripper) <= 1.0
