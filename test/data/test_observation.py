# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""State vectors and images are the same in training and on the robot."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from imitation_ros.data.frame import Frame
from imitation_ros.data.images import resize
from imitation_ros.data.observation import CameraInput, ObservationSpec, pose_features
from imitation_ros.errors import DataError

SPEC = ObservationSpec(
    joints=('left_elbow_joint', 'left_wrist_yaw_joint'),
    velocity=True,
    poses=('object',),
    cameras=(CameraInput('head_camera', 12, 16),),
    history=2,
    policy_hz=25.0,
    chunk=8,
    execute=4,
)


def test_layout_names_every_entry(contract):
    assert len(SPEC.layout) == SPEC.size == 2 * 2 + 9
    assert SPEC.layout[:3] == (
        'left_elbow_joint.position',
        'left_wrist_yaw_joint.position',
        'left_elbow_joint.velocity',
    )
    assert SPEC.modalities == ('joint_states', 'head_camera', 'object')
    assert SPEC.step_ns == 40_000_000
    assert ObservationSpec.from_dict(SPEC.to_dict()) == SPEC


def test_one_frame_equals_the_arrays_over_time(contract, rng):
    q, v = rng.normal(size=(2, 5, contract.n))
    pose = rng.normal(size=(5, 7))
    indices = SPEC.indices(contract)
    rows = SPEC.states(q[:, indices], v[:, indices], {'object': pose})
    for k in range(5):
        frame = Frame(0, q[k], v[k], poses={'object': pose[k]})
        np.testing.assert_array_equal(SPEC.state(frame, indices), rows[k])
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows[:, 0], q[:, contract.index('left_elbow_joint')], rtol=1e-6)


def test_what_a_spec_refuses(contract):
    with pytest.raises(DataError, match='at least one joint'):
        replace(SPEC, joints=())
    with pytest.raises(DataError, match='must hold'):
        replace(SPEC, execute=9)
    with pytest.raises(DataError, match='must hold'):
        replace(SPEC, history=0)
    with pytest.raises(DataError, match='"object" is not a pose'):
        SPEC.states(np.zeros((1, 2)), np.zeros((1, 2)), {})


quaternions = st.lists(st.floats(-1, 1), min_size=4, max_size=4).filter(
    lambda q: np.linalg.norm(q) > 0.1
)


@given(quaternions)
@settings(deadline=None)
def test_rotation_columns_are_orthonormal_and_ignore_the_sign(quaternion):
    pose = np.array([[1.0, 2, 3, *quaternion]])
    features = pose_features(pose)[0]
    first, second = features[3:6], features[6:9]
    np.testing.assert_allclose([first @ first, second @ second], 1.0, atol=1e-9)
    assert abs(first @ second) < 1e-9
    np.testing.assert_allclose(features[:3], [1, 2, 3])
    pose[:, 3:] *= -1
    np.testing.assert_allclose(pose_features(pose)[0], features, atol=1e-12)


def test_rotation_by_hand():
    quarter = np.sqrt(0.5)
    turned = pose_features(np.array([[0, 0, 0, 0, 0, quarter, quarter]]))[0]
    np.testing.assert_allclose(turned[3:], [0, 1, 0, -1, 0, 0], atol=1e-12)


def test_resize_averages_whole_blocks():
    image = np.zeros((4, 4, 3), np.uint8)
    image[:2, :2] = [[[0], [10]], [[20], [31]]]
    small = resize(image, 2, 2)
    assert small[0, 0].tolist() == [15, 15, 15]
    assert small[1, 1].tolist() == [0, 0, 0]
    assert resize(np.full((6, 6, 3), 255, np.uint8), 2, 3).min() == 255


def test_resize_takes_the_nearest_pixel_else():
    image = np.arange(5, dtype=np.uint8)[:, None, None] * np.ones((1, 5, 3), np.uint8)
    small = resize(image, 3, 3)
    assert small.shape == (3, 3, 3)
    assert small[:, 0, 0].tolist() == [0, 2, 4]
    assert resize(image, 5, 5) is image


def test_image_of_a_frame(contract, rng):
    image = rng.integers(0, 255, (24, 32, 3), dtype=np.uint8)
    frame = Frame(0, contract.home, contract.home, images={'head_camera': image})
    np.testing.assert_array_equal(SPEC.image(frame, SPEC.cameras[0]), resize(image, 12, 16))
