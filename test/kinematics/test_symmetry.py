# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Left and right of our humanoid and of the G1, and of a robot that has none."""

from dataclasses import replace

import numpy as np
import pytest

from imitation_ros.contract import Contract, load
from imitation_ros.errors import ContractError
from imitation_ros.kinematics.model import RobotModel
from imitation_ros.kinematics.symmetry import SAGITTAL, sagittal


@pytest.mark.parametrize('robot', ['imi_humanoid', 'unitree_g1'])
def test_hands_of_the_mirrored_robot_are_mirror_images(robot: str) -> None:
    contract = load(robot)
    mirror, model = sagittal(contract), RobotModel(contract)
    rng = np.random.default_rng(1)
    ends = ('left_wrist_roll_joint', 'right_wrist_roll_joint')
    for _ in range(10):
        q = rng.uniform(contract.limits.lower, contract.limits.upper)
        other = mirror.joint_values(q)
        np.testing.assert_allclose(mirror.joint_values(other), q)
        for here, there in (ends, ends[::-1]):
            seen = SAGITTAL * model.placement(q, here).translation
            assert np.linalg.norm(model.placement(other, there).translation - seen) < 2e-3


def test_an_open_gripper_stays_open(contract: Contract) -> None:
    q = np.array(contract.home)
    q[contract.index('left_gripper_joint')] = 0.04
    other = sagittal(contract).joint_values(q)
    assert other[contract.index('right_gripper_joint')] == 0.04
    np.testing.assert_allclose(sagittal(contract).joint_values(contract.home), contract.home)


def test_a_lopsided_robot_is_refused(contract: Contract) -> None:
    text = contract.urdf_text
    at = text.index('<origin', text.index('<joint name="left_elbow_joint"'))
    end = text.index('/>', at)
    lopsided = text[:at] + '<origin xyz="0.02 0 -0.24" rpy="0 0 0" ' + text[end:]
    with pytest.raises(ContractError, match=r'mirror image of "left_elbow_joint".*cannot be mirr'):
        sagittal(replace(contract, urdf_text=lopsided))
