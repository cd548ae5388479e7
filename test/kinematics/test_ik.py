# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
from hypothesis import example, given, settings
from hypothesis import strategies as st
import numpy as np
import pinocchio as pin
import pytest

from imitation_ros.contract import Contract
from imitation_ros.errors import ContractError, DataError
from imitation_ros.kinematics.ik import arm_joints, step_bounds, ToolIk
from imitation_ros.kinematics.model import RobotModel

DT = 0.02


@pytest.fixture(scope='module')
def model(contract: Contract) -> RobotModel:
    return RobotModel(contract)


def shifted(model: RobotModel, q, frame: str, by) -> pin.SE3:
    pose = model.placement(q, frame)
    pose.translation = pose.translation + by
    return pose


def test_both_tools_reach_their_targets(contract: Contract, model: RobotModel):
    ik = ToolIk(model, contract.tools)
    q = np.array(contract.home)
    targets = {
        'left_tool_link': shifted(model, q, 'left_tool_link', [0.06, 0.02, 0.05]),
        'right_tool_link': shifted(model, q, 'right_tool_link', [0.02, 0.05, -0.04]),
    }
    for _ in range(200):
        q = ik.solve(q, targets, DT)
    for frame, target in targets.items():
        error = model.placement(q, frame).actInv(target)
        assert np.linalg.norm(error.translation) < 3e-3
        assert np.linalg.norm(pin.log3(error.rotation)) < 0.05


def test_only_the_arm_of_the_tool_moves(contract: Contract, model: RobotModel):
    ik = ToolIk(model, ['right_tool_link'])
    q = np.array(contract.home)
    q[contract.index('waist_yaw_joint')] = 0.2
    target = shifted(model, q, 'right_tool_link', [0.05, 0.0, 0.05])
    after = ik.solve(q, {'right_tool_link': target}, DT)
    moved = {name for name, a, b in zip(contract.joints, q, after, strict=True) if a != b}
    assert moved
    assert moved <= set(contract.group('right_arm').joints) - {'right_gripper_joint'}
    # The torso stands elsewhere, and the arm still goes the right way.
    before = model.placement(q, 'right_tool_link').translation
    way = model.placement(after, 'right_tool_link').translation - before
    assert way @ np.array([0.05, 0.0, 0.05]) > 0.9 * np.linalg.norm(way) * np.hypot(0.05, 0.05)


def test_joints_may_be_chosen(contract: Contract, model: RobotModel):
    joints = ['waist_yaw_joint', *arm_joints(model, ['right_tool_link'])]
    ik = ToolIk(model, ['right_tool_link'], joints)
    q = np.array(contract.home)
    target = shifted(model, q, 'right_tool_link', [0.0, 0.2, 0.0])
    after = ik.solve(q, {'right_tool_link': target}, DT)
    assert after[contract.index('waist_yaw_joint')] != q[contract.index('waist_yaw_joint')]


def test_limits_hold_on_the_way_to_an_unreachable_target(contract: Contract, model: RobotModel):
    ik = ToolIk(model, contract.tools, velocity=1.2, acceleration=4.0)
    q, v = np.array(contract.home), np.zeros(contract.n)
    for direction in ([1.0, 0.3, 1.0], [-1.0, -1.0, -0.5], [0.2, 1.0, -1.0]):
        targets = {f: shifted(model, contract.home, f, direction) for f in contract.tools}
        for _ in range(80):
            after = ik.solve(q, targets, DT, v)
            speed = (after - q) / DT
            assert np.abs(speed).max() <= 1.2 + 1e-9
            assert np.abs(speed - v).max() / DT <= 4.0 + 1e-6
            assert (after >= contract.limits.lower).all()
            assert (after <= contract.limits.upper).all()
            q, v = after, speed


def test_ranges_are_kept(contract: Contract, model: RobotModel):
    ranges = {'right_shoulder_roll_joint': (-0.25, -0.15)}
    ik = ToolIk(model, ['right_tool_link'], ranges=ranges)
    q = np.array(contract.home)
    target = shifted(model, q, 'right_tool_link', [0.0, -0.3, 0.1])
    for _ in range(60):
        q = ik.solve(q, {'right_tool_link': target}, DT)
        assert -0.25 <= q[contract.index('right_shoulder_roll_joint')] <= -0.15
    with pytest.raises(ContractError, match='outside its limits'):
        ToolIk(model, ['right_tool_link'], ranges={'right_elbow_joint': (1.0, 2.0)})


def test_a_second_contract_order_gives_the_same_motion(contract: Contract, model: RobotModel):
    """Groups in another order: the same joints move by the same amount."""
    import yaml

    from imitation_ros.contract import loads

    values = yaml.safe_load(contract.text)
    values['groups'] = values['groups'][::-1]
    for group in values['groups']:
        group['joints'] = group['joints'][::-1]
    other = loads(yaml.safe_dump(values), contract.urdf_path, contract.urdf_text)
    target = shifted(model, contract.home, 'left_tool_link', [0.05, 0.0, 0.05])
    results = []
    for each in (contract, other):
        q = ToolIk(RobotModel(each), ['left_tool_link']).solve(
            np.array(each.home), {'left_tool_link': target}, DT
        )
        results.append(dict(zip(each.joints, q, strict=True)))
    assert results[0] == pytest.approx(results[1], abs=1e-6)


def test_bad_input_is_refused(contract: Contract, model: RobotModel):
    with pytest.raises(ContractError, match='did you mean "right_tool_link"'):
        ToolIk(model, ['right_tol_link'])
    ik = ToolIk(model, ['right_tool_link'])
    pose = model.placement(contract.home, 'left_tool_link')
    with pytest.raises(DataError, match='none of the frames right_tool_link'):
        ik.solve(np.array(contract.home), {'left_tool_link': pose}, DT)
    with pytest.raises(DataError, match='finite'):
        ik.solve(np.full(contract.n, np.nan), {'right_tool_link': pose}, DT)


@settings(max_examples=200, deadline=None)
@example(
    q=0.8984375, pushes=[*[0.0] * 21, *[1.0] * 8, 0.0, 1.0, *[0.0] * 4, 1.0, 0.0, 0.0, 1.0, 1.0]
)
@given(
    q=st.floats(-0.9, 0.9),
    pushes=st.lists(st.floats(-5.0, 5.0), min_size=40, max_size=40),
)
def test_whatever_is_asked_the_bounds_leave_a_step(q: float, pushes: list[float]):
    limits = tuple(np.array([value]) for value in (-1.0, 1.0, 1.5, 3.0))
    position, speed = np.array([q]), np.zeros(1)
    for push in pushes:
        low, high = step_bounds(position, speed, DT, limits)
        assert low[0] <= high[0]
        wanted = np.clip(push, low, high)
        assert abs(wanted[0] - speed[0]) <= 3.0 * DT + 1e-9
        assert abs(wanted[0]) <= 1.5 + 1e-9
        position, speed = position + wanted * DT, wanted
        assert -1.0 - 1e-9 <= position[0] <= 1.0 + 1e-9
