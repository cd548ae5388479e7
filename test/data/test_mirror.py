# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Episodes with left and right exchanged."""

from dataclasses import replace

import demonstrations
import numpy as np
import pytest

from imitation_ros.contract import Contract
from imitation_ros.data.observation import pose_features
from imitation_ros.errors import DataError
from imitation_ros.kinematics.symmetry import sagittal


def test_an_episode_is_seen_in_the_mirror(contract: Contract) -> None:
    right = demonstrations.demonstrate(contract, 'e', 0, camera=True)
    turned = np.array([0.1, 0.2, 0.3, np.sqrt(1 - 0.14)])
    right = replace(
        right,
        poses={'object': np.hstack([right.poses['object'][:, :3], np.tile(turned, (40, 1))])},
    )
    mirror = sagittal(contract)
    left = mirror.episode(right)
    here, there = (contract.index(f'{side}_shoulder_yaw_joint') for side in ('right', 'left'))
    np.testing.assert_array_equal(left.action[:, there], -right.action[:, here])
    np.testing.assert_array_equal(left.q[:, here], np.full(40, -right.q[0, there]))
    np.testing.assert_array_equal(
        left.images['head_camera'], right.images['head_camera'][:, :, ::-1]
    )
    reflect = np.diag([1.0, -1.0, 1.0])
    seen, made = pose_features(right.poses['object'])[0], pose_features(left.poses['object'])[0]
    np.testing.assert_allclose(made[:3], reflect @ seen[:3])
    for column, sign in ((3, 1.0), (6, -1.0)):  # M R M, column by column
        np.testing.assert_allclose(
            made[column : column + 3], sign * reflect @ seen[column : column + 3]
        )
    again = mirror.episode(left)
    np.testing.assert_allclose(again.q, right.q)
    np.testing.assert_allclose(again.poses['object'], right.poses['object'])


def test_a_camera_of_one_side_needs_its_partner(contract: Contract) -> None:
    right = demonstrations.demonstrate(contract, 'e', 0, camera=True)
    right = replace(right, images={'left_wrist_camera': right.images['head_camera']})
    with pytest.raises(DataError, match='"left_wrist_camera" has no partner "right_wrist_camera"'):
        sagittal(contract).episode(right)
