# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a policy.onnx says of itself, and every way in which it may not fit a robot."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from onnx_models import (
    head_camera,
    hold_weights,
    make_metadata,
    make_spec,
    write_hold,
    write_policy,
)
import pytest

from imitation_ros.contract import Contract, loads
from imitation_ros.errors import ImitationError, MismatchError, ModelError
from imitation_ros.runtime.bundle import Bundle, check_against, load


def changed(contract: Contract, *replacements: tuple[str, str]) -> Contract:
    """The contract with pieces of its YAML (and, if it stands there, its URDF) replaced."""
    text, urdf = contract.text, contract.urdf_text
    for old, new in replacements:
        assert old in text or old in urdf
        text, urdf = text.replace(old, new), urdf.replace(old, new)
    return loads(text, Path('other.yaml'), urdf)


@pytest.fixture
def bundle(tmp_path: Path, contract: Contract) -> Bundle:
    return load(write_hold(tmp_path / 'policy.onnx', contract, cameras=(head_camera(),)))


def differences(bundle: Bundle, contract: Contract) -> tuple[str, ...]:
    with pytest.raises(MismatchError) as caught:
        check_against(bundle, contract)
    for difference in caught.value.differences:
        assert difference in str(caught.value)
    return caught.value.differences


def test_a_bundle_holds_what_the_exporter_wrote(bundle: Bundle, contract: Contract) -> None:
    assert bundle.observation == make_spec(cameras=(head_camera(),))
    assert bundle.method == 'bc'
    assert bundle.bags == ('reach_0001', 'reach_0002')
    assert bundle.contract_hash == contract.hash
    assert loads(bundle.contract_text, bundle.path, bundle.urdf_text).hash == contract.hash
    assert bundle.joint_limits['right_elbow_joint'] == (
        contract.limits.lower[contract.index('right_elbow_joint')],
        contract.limits.upper[contract.index('right_elbow_joint')],
    )
    assert bundle.inputs == bundle.expected_inputs
    assert bundle.outputs == {'actions': bundle.expected_output}
    assert len(bundle.sha256) == 64
    assert check_against(bundle, contract) == ()


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r'there is no model .*nothing\.onnx'):
        load(tmp_path / 'nothing.onnx')


@pytest.mark.parametrize('content', [b'', b'not a model', b'\x08' * 4096])
def test_a_file_that_is_no_model(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / 'policy.onnx'
    path.write_bytes(content)
    with pytest.raises(ModelError, match='not an ONNX model'):
        load(path)


def test_a_truncated_model(tmp_path: Path, contract: Contract) -> None:
    path = write_hold(tmp_path / 'policy.onnx', contract)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ModelError):
        load(path)


def test_a_model_without_metadata(tmp_path: Path) -> None:
    spec = make_spec()
    path = write_policy(tmp_path / 'policy.onnx', spec, None, [hold_weights(spec)])
    with pytest.raises(ModelError, match=r'no "imitation_ros" metadata .*imitation_ros export'):
        load(path)


def _without(key: str) -> Any:
    return lambda values: {k: v for k, v in values.items() if k != key}


def _with(**changes: Any) -> Any:
    return lambda values: values | changes


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (_with(format=2), r'metadata format 2, this version reads up to 1; update'),
        (_with(format='new'), r"format 'new' is not a number"),
        (_without('format'), r'format None is not a number'),
        (_without('statistics'), r'lacks statistics'),
        (_without('joint_limits'), r'lacks joint_limits'),
        (_with(observation={'joints': []}), r'damaged: KeyError'),
        (_with(joint_limits=[1, 2]), r'damaged: AttributeError'),
        (_with(joint_limits={'a': [1]}), r'damaged: ValueError'),
        (lambda values: [values], r'is no mapping'),
    ],
)
def test_damaged_metadata(tmp_path: Path, contract: Contract, change: Any, message: str) -> None:
    spec = make_spec()
    metadata = change(make_metadata(contract, spec))
    path = write_policy(tmp_path / 'policy.onnx', spec, metadata, [hold_weights(spec)])
    with pytest.raises(ModelError, match=message) as caught:
        load(path)
    assert isinstance(caught.value, ImitationError)
    assert str(path) in str(caught.value)


def test_another_hash_alone_is_a_warning(bundle: Bundle, contract: Contract) -> None:
    other = changed(contract, ('blend_s: 0.08', 'blend_s: 0.1'))
    (warning,) = check_against(bundle, other)
    assert contract.hash[:12] in warning
    assert other.hash[:12] in warning
    assert 'nothing the policy uses differs' in warning


def test_another_urdf_alone_is_a_warning(bundle: Bundle, contract: Contract) -> None:
    other = loads(contract.text, Path('x.yaml'), contract.urdf_text + '<!-- other -->\n')
    assert any('URDF' in warning for warning in check_against(bundle, other))


def test_a_camera_the_policy_does_not_see_may_differ(tmp_path: Path, contract: Contract) -> None:
    blind = load(write_hold(tmp_path / 'policy.onnx', contract))
    other = changed(contract, ('width: 128', 'width: 256'))
    assert len(check_against(blind, other)) == 1


@pytest.mark.parametrize(
    ('replacements', 'expected'),
    [
        (
            [('right_elbow_joint', 'right_elbow_pitch_joint')],
            'joint "right_elbow_joint" is not on the robot; did you mean '
            '"right_elbow_pitch_joint"?',
        ),
        ([('head_camera', 'face_camera')], 'camera "head_camera" is not on the robot'),
        (
            [('width: 128, height: 96', 'width: 640, height: 480')],
            'camera "head_camera" was trained at 128x96, the robot has 640x480',
        ),
        ([('name: object,', 'name: cube,')], 'pose "object" is not tracked on the robot'),
        (
            [('policy_hz: 25.0', 'policy_hz: 30.0')],
            'policy rate was 25 Hz in training, the robot has 30 Hz',
        ),
        (
            [
                (
                    'right_gripper_joint: {velocity: 0.2',
                    'right_gripper_joint: {upper: 0.03, velocity: 0.2',
                )
            ],
            'joint "right_gripper_joint" was trained within',
        ),
    ],
)
def test_one_difference(
    bundle: Bundle, contract: Contract, replacements: list[tuple[str, str]], expected: str
) -> None:
    (difference,) = differences(bundle, changed(contract, *replacements))
    assert expected in difference


def test_every_difference_is_listed(bundle: Bundle, contract: Contract) -> None:
    other = changed(
        contract,
        ('right_elbow_joint', 'right_forearm_bend'),
        ('right_wrist_roll_joint', 'right_hand_roll'),
        ('head_camera', 'face_camera'),
        ('name: object,', 'name: cube,'),
        ('policy_hz: 25.0', 'policy_hz: 30.0'),
        ('position_margin: 0.0', 'position_margin: 0.001'),
    )
    found = differences(bundle, other)
    for words in (
        'joint "right_elbow_joint" is not',
        'joint "right_wrist_roll_joint" is not',
        'joint "right_shoulder_pitch_joint" was trained within',
        'camera "head_camera"',
        'pose "object"',
        'policy rate was 25 Hz',
    ):
        assert any(words in difference for difference in found), words
    # Six joints are left whose margins moved; each of them is named.
    assert sum('was trained within' in difference for difference in found) == 6


def test_a_policy_moves_whole_groups(tmp_path: Path, contract: Contract) -> None:
    spec = make_spec(joints=make_spec().joints[:-1])
    path = write_policy(
        tmp_path / 'policy.onnx', spec, make_metadata(contract, spec), [hold_weights(spec)]
    )
    (difference,) = differences(load(path), contract)
    assert difference.startswith('group "right_arm" is moved in part: not right_gripper_joint')


def test_a_signal_that_is_resampled_in_another_way(bundle: Bundle, contract: Contract) -> None:
    text = contract.text.replace(
        'max_age_s: 0.06', 'max_age_s: 0.06, resample: linear, delay_s: 0.01'
    )
    robot = loads(text, Path('robot.yaml'), contract.urdf_text)
    assert differences(bundle, robot) == (
        '"joint_states" was resampled by hold 0 s before the tick in training, on the robot by '
        'linear 0.01 s before it',
    )


def test_a_contract_that_is_damaged(bundle: Bundle, contract: Contract) -> None:
    (difference,) = differences(replace(bundle, contract_text='name: ['), contract)
    assert difference.startswith('the contract inside the model is damaged: ')


def test_a_limit_that_is_missing_or_not_a_number(bundle: Bundle, contract: Contract) -> None:
    limits = dict(bundle.joint_limits)
    del limits['right_elbow_joint']
    limits['right_gripper_joint'] = (float('nan'), 0.05)
    found = differences(replace(bundle, joint_limits=limits), contract)
    assert any('"right_elbow_joint" has no limits' in difference for difference in found)
    assert any('"right_gripper_joint" was trained within [nan' in text for text in found)


def test_a_graph_that_does_not_do_what_its_metadata_says(
    tmp_path: Path, contract: Contract
) -> None:
    said = make_spec(cameras=(head_camera(),), history=3)
    made = make_spec(history=2)
    weights = np.zeros((made.history * made.size, 5 * 8), dtype=np.float32)
    path = write_policy(
        tmp_path / 'policy.onnx', made, make_metadata(contract, said), [weights], chunk=5
    )
    found = differences(load(path), contract)
    assert found == (
        'input "state" is tensor(float)[1, 2, 25], the metadata asks for tensor(float)[1, 3, 25]',
        'input "head_camera" tensor(uint8)[1, 3, 24, 32, 3] is missing from the graph',
        'output "actions" is tensor(float)[1, 5, 8], the metadata asks for tensor(float)[1, 8, 8]',
    )


def test_an_input_nobody_feeds(tmp_path: Path, contract: Contract) -> None:
    said, made = make_spec(), make_spec(cameras=(head_camera(),))
    path = write_policy(
        tmp_path / 'policy.onnx', made, make_metadata(contract, said), [hold_weights(made)]
    )
    (difference,) = differences(load(path), contract)
    assert 'input "head_camera"' in difference
    assert 'not in the metadata' in difference


@pytest.mark.parametrize(
    ('said', 'made', 'expected'),
    [
        (True, False, 'input "noise" tensor(float)[1, 8, 8] is missing from the graph'),
        (False, True, 'input "noise" tensor(float)[1, 8, 8] of the graph is not in the metadata'),
    ],
)
def test_noise_is_in_graph_and_metadata_or_in_neither(
    tmp_path: Path, contract: Contract, said: bool, made: bool, expected: str
) -> None:
    spec = make_spec()
    path = write_policy(
        tmp_path / 'policy.onnx',
        spec,
        make_metadata(contract, spec) | {'noise': said},
        [hold_weights(spec)],
        noise=made,
    )
    assert differences(load(path), contract) == (expected,)
