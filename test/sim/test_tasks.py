# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
import subprocess
import sys

import numpy as np
import pytest

from imitation_ros.contract import Contract
from imitation_ros.sim.robot import SimRobot
from imitation_ros.sim.tasks import TASKS
from imitation_ros.sim.tasks.handover import BIN, HALF_LENGTH
from imitation_ros.sim.tasks.pick_place import BIN_CENTRE, OTHER_BIN

FAR = {'left_tool_link': np.array([0.3, 0.3, 0.3]), 'right_tool_link': np.array([0.3, -0.3, 0.3])}


@pytest.mark.parametrize('name', TASKS)
def test_places_stay_in_the_region_and_differ(name: str):
    task = TASKS[name]
    places = np.array([task.place(np.random.default_rng(seed)) for seed in range(200)])
    offset = np.abs(places[:, :3] - task.centre[:3])
    assert (offset <= np.array(task.reach[:3]) + 1e-12).all()
    moving = np.array(task.reach[:3]) > 0
    assert (places[:, :3].std(axis=0)[moving] > 0.4 * np.array(task.reach[:3])[moving]).all()
    assert np.linalg.norm(places[:, 3:], axis=1) == pytest.approx(1.0)


@pytest.mark.parametrize('name', TASKS)
def test_the_seed_and_the_spread_decide(name: str):
    task = TASKS[name]
    one, same = (task.place(np.random.default_rng(3)) for _ in range(2))
    assert (one == same).all()
    assert task.place(np.random.default_rng(3), spread=0.0)[:3] == pytest.approx(task.centre[:3])
    half = task.place(np.random.default_rng(3), spread=0.5)
    assert half[:3] - task.centre[:3] == pytest.approx((one[:3] - task.centre[:3]) / 2)


def pose(x: float, y: float, z: float, tilt: float = 0.0) -> np.ndarray:
    return np.array([x, y, z, np.sin(tilt / 2), 0.0, 0.0, np.cos(tilt / 2)])


def test_reach_wants_the_right_tool_within_two_centimetres():
    target = pose(0.4, -0.2, 0.2)
    rule = TASKS['reach'].rule
    right = {**FAR, 'right_tool_link': np.array([0.4, -0.2, 0.219])}
    left = {**FAR, 'left_tool_link': np.array([0.4, -0.2, 0.2])}
    assert rule(target, target, right)
    assert not rule(target, target, {**FAR, 'right_tool_link': np.array([0.4, -0.2, 0.221])})
    assert not rule(target, target, left)


def test_lift_wants_height_and_a_level_box():
    start = pose(0.4, 0.0, 0.08)
    rule = TASKS['lift'].rule
    assert rule(pose(0.4, 0.0, 0.21), start, FAR)
    assert not rule(pose(0.4, 0.0, 0.19), start, FAR)
    assert rule(pose(0.4, 0.0, 0.21, tilt=0.27), start, FAR)
    assert not rule(pose(0.4, 0.0, 0.21, tilt=0.29), start, FAR)
    assert not rule(pose(0.4, 0.0, 0.21, tilt=np.pi), start, FAR)


def test_pick_place_wants_the_cube_in_the_bin_and_let_go():
    start = pose(0.37, -0.26, 0.02)
    rule = TASKS['pick_place'].rule
    x, y, z = BIN_CENTRE
    inside = pose(x + 0.03, y, z + 0.024)
    assert rule(inside, start, FAR)
    above = inside[:3] + np.array([0.0, 0.0, 0.02])
    assert not rule(inside, start, {**FAR, 'right_tool_link': above})
    assert not rule(pose(x, y, z + 0.08), start, FAR)
    assert not rule(pose(x + 0.08, y, z + 0.024), start, FAR)
    assert not rule(start, start, FAR)


def test_two_bins_wants_the_cube_in_either():
    start = pose(0.37, -0.26, 0.02)
    both = [pose(x, y + 0.03, z + 0.024) for x, y, z in (BIN_CENTRE, OTHER_BIN)]
    assert [TASKS['two_bins'].rule(place, start, FAR) for place in both] == [True, True]
    assert [TASKS['pick_place'].rule(place, start, FAR) for place in both] == [True, False]
    assert not TASKS['two_bins'].rule(start, start, FAR)


def test_handover_wants_the_bottle_in_the_bin_and_both_hands_away():
    start = pose(0.4, 0.17, HALF_LENGTH)
    rule = TASKS['handover'].rule
    inside = pose(BIN[0], BIN[1] + 0.03, HALF_LENGTH + 0.003)
    assert rule(inside, start, FAR)
    for tool in FAR:
        assert not rule(inside, start, {**FAR, tool: inside[:3] + np.array([0.0, 0.0, 0.06])})
    assert not rule(pose(BIN[0], BIN[1], HALF_LENGTH + 0.02), start, FAR)
    assert not rule(pose(BIN[0] + 0.065, BIN[1], HALF_LENGTH), start, FAR)
    assert not rule(start, start, FAR)


def test_a_task_from_elsewhere_is_simulated(contract: Contract) -> None:
    """A task is an object: it needs no place in `TASKS`, and the scene does not look for one."""
    mine = replace(TASKS['reach'], name='of_my_own', centre=(0.35, -0.25, 0.2, 0.0))
    robot = SimRobot(contract, mine, renderer=None)
    robot.reset(0, initial_state_range=0.0)
    assert robot.task == 'of_my_own'
    assert robot.object_pose[:3] == pytest.approx((0.35, -0.25, 0.2), abs=1e-6)


def test_the_scene_knows_no_task() -> None:
    probe = 'import sys, imitation_ros.sim.scene; print("imitation_ros.sim.tasks" in sys.modules)'
    done = subprocess.run(
        [sys.executable, '-c', probe], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == 'False'
