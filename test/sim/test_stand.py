# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A robot on its own feet: it hangs until it is moved, falls if nobody balances, and is pushed."""

import numpy as np
import pytest

from imitation_ros.contract import Contract
from imitation_ros.data.frame import Array
from imitation_ros.sim.dimensions import BASE_HEIGHT
from imitation_ros.sim.robot import SimRobot
from imitation_ros.sim.tasks import TASKS
from imitation_ros.sim.tasks.regulator import lqr_gain

pytestmark = pytest.mark.sim


@pytest.fixture(scope='module')
def robot(contract: Contract) -> SimRobot:
    return SimRobot(contract, 'stand', renderer=None)


def nudge(robot: SimRobot) -> Array:
    """Command that lets the gantry go, and hardly moves anything."""
    q = np.array(robot.contract.home)
    q[robot.contract.index('waist_yaw_joint')] += 0.002
    return q


def test_the_gantry_holds_until_the_first_motion_and_then_the_robot_falls(robot: SimRobot) -> None:
    robot.reset(0)
    robot.command(np.array(robot.contract.home))
    robot.advance(3.0)
    assert robot.object_pose[2] == pytest.approx(-BASE_HEIGHT, abs=5e-3)
    robot.command(nudge(robot))
    robot.advance(8.0)
    # Lying: the mark is nowhere near straight below the base.
    assert abs(robot.object_pose[2]) < 0.5 * BASE_HEIGHT or robot.object_pose[6] < 0.9
    assert not robot.success
    robot.reset(0)
    assert robot.object_pose[2] == pytest.approx(-BASE_HEIGHT, abs=5e-3)


def test_the_first_push_comes_from_one_to_two_seconds_after_the_first_motion(
    robot: SimRobot,
) -> None:
    robot.reset(3)
    robot.advance(4.0)
    robot.command(nudge(robot))
    places = []
    for _ in range(24):
        robot.advance(0.1)
        places.append(robot.object_pose[:2].copy())
    speed = np.linalg.norm(np.diff(places, axis=0), axis=1) / 0.1
    first = 0.1 * (int(np.argmax(np.abs(np.diff(speed)) > 0.03)) + 2)
    assert 1.0 <= first <= 2.2


def mark(tilt: float = 0.0, x: float = 0.0) -> Array:
    """Mark as seen from a base that is tilted about y, at x."""
    pose = np.array([-x, 0.0, -BASE_HEIGHT, 0.0, 0.0, 0.0, 1.0])
    pose[:3] = [
        -x * np.cos(tilt) + BASE_HEIGHT * np.sin(tilt),
        0.0,
        -x * np.sin(tilt) - BASE_HEIGHT * np.cos(tilt),
    ]
    pose[[4, 6]] = -np.sin(tilt / 2), np.cos(tilt / 2)
    return pose


def test_the_rule_wants_the_base_upright_and_in_its_place() -> None:
    rule, start = TASKS['stand'].rule, mark()
    assert rule(mark(), start, {})
    assert rule(mark(tilt=0.14), start, {})
    assert not rule(mark(tilt=0.16), start, {})
    assert rule(mark(x=0.045), start, {})
    assert not rule(mark(x=0.055), start, {})
    lower = mark()
    lower[2] += 0.06
    assert not rule(lower, start, {})


def test_standing_counts_from_the_ninth_second_on(robot: SimRobot) -> None:
    """Held upright by hand, the robot has succeeded after ten seconds, no sooner."""
    robot.reset(0)
    robot.command(nudge(robot))
    upright = robot.snapshot()
    held = 0.0
    while not robot.success and held < 12.0:
        data = robot._data
        time = data.time
        robot.advance(0.02)
        after, kept = data.time, robot._held_s
        robot.restore(upright)
        robot._held_s, data.time = kept, after
        held += after - time
    assert held == pytest.approx(10.0, abs=0.05)


def test_the_gain_is_the_one_of_the_riccati_equation() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(6, 6)) * 0.6, rng.normal(size=(6, 2))
    q, r = np.diag(rng.uniform(0.1, 2.0, 6)), np.diag([0.5, 2.0])
    gain = lqr_gain(a, b, q, r)
    cost = np.zeros((6, 6))
    for _ in range(3000):
        k = np.linalg.solve(r + b.T @ cost @ b, b.T @ cost @ a)
        cost = q + a.T @ cost @ (a - b @ k)
    np.testing.assert_allclose(gain, k, rtol=1e-8, atol=1e-10)
    assert np.abs(np.linalg.eigvals(a - b @ gain)).max() < 1.0
