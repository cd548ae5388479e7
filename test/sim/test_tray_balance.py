# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The tray is held, the ball is loose, and only an answer to its motion keeps it on the tray."""

import numpy as np
import pytest

from imitation_ros.contract import Contract
from imitation_ros.sim.robot import SimRobot
from imitation_ros.sim.tasks import TASKS
from imitation_ros.sim.tasks.tray_balance import GOAL, HANDS, ON_TRAY, tray_gain, tray_hands

pytestmark = pytest.mark.sim


@pytest.fixture(scope='module')
def robot(contract: Contract) -> SimRobot:
    return SimRobot(contract, 'tray_balance', renderer=None)


def test_both_hands_hold_the_tray_where_the_ball_starts(contract: Contract) -> None:
    hands = tray_hands(contract)
    assert {tool: hand.translation[1] > 0 for tool, hand in hands.items()} == {
        'left_tool_link': True,
        'right_tool_link': False,
    }
    for hand in hands.values():
        # The tray's middle is level with the tools, to a tenth of a millimetre.
        assert np.abs(hand.translation[[0, 2]]).max() < 1e-4
    centre = TASKS['tray_balance'].centre
    assert centre[:3] == pytest.approx((HANDS[0], 0.0, HANDS[1] + ON_TRAY))


def test_the_ball_is_hit_twice_and_rolls_off_a_tray_that_is_held_still(robot: SimRobot) -> None:
    lost = []
    for seed in range(6):
        robot.reset(seed)
        # The pushes wait until somebody moves.
        robot.advance(0.5)
        q = robot.contract.home + 0.002 * (np.arange(robot.contract.n) == 0)
        robot.command(q)
        moves = []
        before = robot.object_pose
        for _ in range(30):
            robot.advance(0.1)
            moves.append(np.linalg.norm(robot.object_pose[:2] - before[:2]) / 0.1)
            before = robot.object_pose
        # At rest at first, then hit, then hit again: the speed steps twice.
        assert moves[1] < 0.02 < max(moves)
        steps = np.abs(np.diff(moves)) > 0.02
        assert steps.sum() >= 2
        robot.advance(4.0)
        lost.append(robot.object_pose[2] < HANDS[1])
        assert not robot.success
    assert sum(lost) >= 5


def test_a_ball_has_no_orientation(robot: SimRobot) -> None:
    robot.reset(0)
    robot.advance(2.0)
    assert (robot.object_pose[3:] == (0.0, 0.0, 0.0, 1.0)).all()


def test_the_rule_wants_the_ball_near_the_goal() -> None:
    rule = TASKS['tray_balance'].rule
    at = np.array([*GOAL, 0.0, 0.0, 0.0, 1.0])
    assert rule(at, at, {})
    for axis in range(3):
        away = at.copy()
        away[axis] += 0.031
        assert not rule(away, at, {})


def test_the_regulator_brings_the_ball_back_from_every_side() -> None:
    """The closed loop of the model is stable, and the gain solves the Riccati equation."""
    dt = 0.02
    gain = tray_gain(dt, np.array([40.0, 12.0, 4.0, 1.0]), 0.05)
    a = np.eye(4)
    a[0, 1] = a[2, 3] = dt
    a[1, 2] = dt * 5 / 7 * 9.81
    closed = a - np.outer([0.0, 0.0, 0.0, dt], gain)
    assert np.abs(np.linalg.eigvals(closed)).max() < 1.0
    # Doubling every weight changes nothing; a dearer input gives a smaller gain.
    assert tray_gain(dt, np.array([80.0, 24.0, 8.0, 2.0]), 0.1) == pytest.approx(gain)
    assert (tray_gain(dt, np.array([40.0, 12.0, 4.0, 1.0]), 5.0) < gain).all()
