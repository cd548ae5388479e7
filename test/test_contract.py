# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import pytest

from imitation_ros import contract as contracts
from imitation_ros.contract import Contract
from imitation_ros.errors import ContractError


def edited(contract: Contract, tmp_path: Path, *edits: tuple[str, str]) -> Path:
    text = contract.text
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new, 1)
    path = tmp_path / 'robot.yaml'
    path.write_text(text)
    return path


def g1_installed() -> bool:
    try:
        version('example-robot-data')
    except PackageNotFoundError:
        return False
    return True


def test_our_humanoid(contract: Contract) -> None:
    assert contract.n == 33
    assert tuple(j for group in contract.groups for j in group.joints) == contract.joints
    assert (contract.limits.lower <= contract.home).all()
    assert (contract.home <= contract.limits.upper).all()
    assert contract.limits.velocity.max() <= 1.5, 'URDF limits alone protect nothing'
    assert not contract.limits.lower.flags.writeable


def test_hash_follows_values_not_comments(contract: Contract, tmp_path: Path) -> None:
    same = contracts.load(edited(contract, tmp_path, ('# Contract', '# Our contract')))
    other = contracts.load(edited(contract, tmp_path, ('policy_hz: 25.0', 'policy_hz: 20.0')))
    assert same.hash == contract.hash
    assert other.hash != contract.hash


@pytest.mark.parametrize(
    ('old', 'new', 'words'),
    [
        ('left_elbow_joint', 'left_elbw_joint', ['left_elbw_joint', 'did you mean "left_elbow']),
        ('policy_hz: 25.0', 'policy_hz: -1', ['rates.policy_hz', '-1']),
        ('policy_hz: 25.0', 'policy_rate: 25', ['rates.policy_rate', 'did you mean "policy_hz"']),
        ('policy_hz: 25.0', 'policy_hz: .nan', ['rates.policy_hz']),
        ('proposal_timeout_s: 0.25', 'proposal_timeout: 1', ['did you mean "proposal_timeout_s"']),
        (
            'waist_roll_joint, waist_pitch_joint,',
            'waist_roll_joint, waist_roll_joint,',
            ['waist_roll_joint', 'twice'],
        ),
        ('left_elbow_joint: -1.9', 'left_elbow_joint: 1.9', ['home.left_elbow_joint', '1.9']),
        (
            'left_gripper_joint: {velocity: 0.2',
            'left_gripper_joint: {velocity: 9.0',
            ['safety.joints.left_gripper_joint.velocity', '9.0', '[0.0, 0.3]'],
        ),
        (
            'left_gripper_joint: {velocity: 0.2',
            'left_gripper_joint: {upper: 0.5, velocity: 0.2',
            ['safety.joints.left_gripper_joint.upper', '0.5', 'outside the limits of the URDF'],
        ),
        ('imi_humanoid.urdf', 'other.urdf', ['urdf/other.urdf']),
        ('right_tool_link]', 'rigt_tool_link]', ['rigt_tool_link', '"right_tool_link"']),
        ('- left_gripper_joint', '- left_gripper_mimic_joint', ['mimics "left_gripper_joint"']),
        ('topic: /joint_states', 'topic: joint states', ['joint_states.topic', 'joint states']),
        (
            'max_age_s: 0.06',
            'max_age_s: 0.06, resample: slerp',
            ['joint_states.resample', "'hold' or 'linear'", 'slerp'],
        ),
        (
            'max_age_s: 0.06',
            'max_age_s: 0.06, resample: linear',
            ['joint_states', '"resample: linear" needs a delay_s', '[0.005, 0.06)', 'not 0'],
        ),
        (
            'max_age_s: 0.06',
            'max_age_s: 0.06, delay_s: 0.01',
            ['joint_states', 'delay_s is 0.01, but a held signal has no delay'],
        ),
        ('name: imi_humanoid', 'nme: imi_humanoid', ['"nme"', 'did you mean "name"', 'missing']),
    ],
)
def test_a_wrong_contract_names_key_value_and_choices(
    contract: Contract, tmp_path: Path, old: str, new: str, words: list[str]
) -> None:
    with pytest.raises(ContractError) as caught:
        contracts.load(edited(contract, tmp_path, (old, new)))
    for word in words:
        assert word in str(caught.value)


def test_an_unknown_robot_lists_those_that_come_with_the_package() -> None:
    with pytest.raises(ContractError, match=r'did you mean "imi_humanoid"'):
        contracts.load('imi_humanod')


def test_a_missing_file_and_no_yaml(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match='cannot read the contract'):
        contracts.load(tmp_path / 'no.yaml')
    (tmp_path / 'bad.yaml').write_text('a: [1')
    with pytest.raises(ContractError, match='not YAML'):
        contracts.load(tmp_path / 'bad.yaml')
    (tmp_path / 'list.yaml').write_text('- 1')
    with pytest.raises(ContractError, match='is a mapping'):
        contracts.load(tmp_path / 'list.yaml')


def test_a_contract_travels_as_text(contract: Contract) -> None:
    again = contracts.loads(contract.text, Path('/nowhere/robot.yaml'), contract.urdf_text)
    assert again.hash == contract.hash
    np.testing.assert_array_equal(again.limits.upper, contract.limits.upper)


def test_every_contract_that_comes_with_the_package_loads() -> None:
    for name in contracts.available():
        if name == 'unitree_g1' and not g1_installed():
            pytest.skip('example-robot-data, which has the URDF of the G1, is not installed')
        assert contracts.load(name).name == name
