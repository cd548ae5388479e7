# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from imitation_ros.contract import Contract, loads
from imitation_ros.errors import ContractError, DataError
from imitation_ros.kinematics.model import RobotModel
from imitation_ros.sim.robot import SimRobot
from imitation_ros.sim.tasks import TASKS

pytestmark = pytest.mark.sim


@pytest.fixture(scope='module')
def lift(contract: Contract) -> SimRobot:
    return SimRobot(contract, 'lift', renderer=None)


@pytest.mark.parametrize('task', TASKS)
def test_an_episode_starts_at_home_at_rest_with_the_object_in_place(contract: Contract, task: str):
    robot = SimRobot(contract, task, renderer=None)
    robot.reset(5)
    assert (robot.q == contract.home).all()
    assert (robot.v == 0).all()
    assert robot.time_s == 0.0
    assert not robot.success
    placed = TASKS[task].place(np.random.default_rng(5))
    assert robot.object_pose[:3] == pytest.approx(placed[:3], abs=2e-3)
    assert robot.object_pose[3:] == pytest.approx(placed[3:], abs=5e-3)
    if task in ('tray_balance', 'stand'):
        return  # the ball is loose, the robot has weight: they have tests of their own
    robot.advance(1.0)
    assert np.abs(robot.q - contract.home).max() < 1e-3
    assert robot.object_pose == pytest.approx(placed, abs=5e-3)
    assert robot.time_s == pytest.approx(1.0)


def test_the_same_seed_gives_the_same_episode(lift: SimRobot, contract: Contract):
    ends = []
    for seed in (1, 2, 1):
        lift.reset(seed)
        lift.command(contract.home + 0.01)
        lift.advance(0.3)
        ends.append(np.concatenate([lift.q, lift.object_pose]))
    assert (ends[0] == ends[2]).all()
    assert not np.allclose(ends[0], ends[1], atol=1e-4)


def test_the_joints_go_where_they_are_commanded(lift: SimRobot, contract: Contract):
    lift.reset(0)
    target = np.array(contract.home)
    for name, way in (
        ('left_shoulder_roll_joint', 0.3),
        ('right_elbow_joint', -0.2),
        ('waist_yaw_joint', 0.05),
        ('left_gripper_joint', -0.02),
        ('neck_yaw_joint', 0.1),
    ):
        target[contract.index(name)] += way
    lift.command(target)
    lift.advance(0.02)
    assert np.abs(lift.q - target).max() > 0.2
    assert np.abs(lift.v).max() > 0.5
    lift.advance(1.5)
    assert lift.q == pytest.approx(target, abs=5e-3)
    assert np.abs(lift.v).max() < 0.02


@pytest.mark.parametrize('bad', [np.nan, np.inf])
def test_a_command_that_is_no_position_is_refused(lift: SimRobot, contract: Contract, bad: float):
    command = np.array(contract.home)
    command[3] = bad
    with pytest.raises(DataError, match='finite'):
        lift.command(command)
    with pytest.raises(DataError, match='finite'):
        lift.command(command[:-1])


def test_the_tools_are_where_kinematics_says(lift: SimRobot, contract: Contract):
    lift.reset(0)
    model = RobotModel(contract)
    for tool in contract.tools:
        expected = model.placement(np.array(contract.home), tool).translation
        assert lift.tool_position(tool) == pytest.approx(expected, abs=1e-4)


def test_restore_goes_back_exactly(lift: SimRobot, contract: Contract):
    lift.reset(3)
    lift.command(contract.home + 0.02)
    lift.advance(0.1)
    state = lift.snapshot()
    lift.advance(0.3)
    after = np.concatenate([lift.q, lift.v, lift.object_pose])
    lift.command(np.array(contract.home))
    lift.advance(0.2)
    lift.restore(state)
    lift.advance(0.3)
    assert (np.concatenate([lift.q, lift.v, lift.object_pose]) == after).all()


def test_time_that_is_no_multiple_of_the_step_is_not_lost(lift: SimRobot):
    lift.reset(0)
    for _ in range(300):
        lift.advance(1 / 300)
    assert lift.time_s == pytest.approx(1.0, abs=0.0021)


def test_success_must_hold_for_a_while(contract: Contract):
    """The target sits in the tool: the rule is met at once, success comes after hold_s."""
    robot = SimRobot(contract, 'reach', renderer=None)
    hold = robot.scene.task.hold_s
    mocap = robot.scene.model.body_mocapid[robot.scene.object]
    robot._data.mocap_pos[mocap] = robot._data.xpos[robot.scene.tools['right_tool_link']]
    robot.advance(hold - 0.05)
    assert not robot.success
    robot.advance(0.1)
    assert robot.success
    robot._data.mocap_pos[mocap] += 0.1
    robot.advance(0.05)
    assert not robot.success


def test_an_unknown_task_lists_the_tasks(contract: Contract):
    with pytest.raises(ContractError, match=r'did you mean "lift".*pick_place'):
        SimRobot(contract, 'lyft', renderer=None)


def test_a_robot_without_cameras_says_so(lift: SimRobot):
    with pytest.raises(DataError, match='without cameras'):
        lift.render('head_camera')


def test_a_robot_that_does_not_fit_is_refused_with_the_reason(contract: Contract):
    text = contract.text.replace('tools: [left_tool_link, right_tool_link]', 'tools: []')
    toolless = loads(text, contract.urdf_path, contract.urdf_text)
    with pytest.raises(ContractError, match='"right_tool_link" is not a tool of the contract'):
        SimRobot(toolless, 'reach', renderer=None)
    mesh = '<geometry><mesh filename="missing.stl"/></geometry>'
    urdf = contract.urdf_text.replace(
        '</robot>', f'<link name="more"><visual>{mesh}</visual></link><joint name="more" '
        'type="fixed"><parent link="pelvis"/><child link="more"/></joint></robot>'
    )  # fmt: skip
    with pytest.raises(ContractError, match=r'missing\.stl'):
        SimRobot(loads(contract.text, contract.urdf_path, urdf), 'reach', renderer=None)
    text = contract.text.replace('name: head_camera', 'name: chest_camera')
    eyeless = loads(text, contract.urdf_path, contract.urdf_text)
    with pytest.raises(ContractError, match='"chest_camera_link" is not a link'):
        SimRobot(eyeless, 'reach', renderer=None)
