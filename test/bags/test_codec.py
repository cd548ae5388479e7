# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Messages become arrays by name and by step, never by luck."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from imitation_ros.errors import DataError
from imitation_ros.messages import codec

HEADER = SimpleNamespace(stamp=SimpleNamespace(sec=3, nanosec=7))


def joint_state(names, position, velocity=()):
    return SimpleNamespace(header=HEADER, name=names, position=position, velocity=velocity)


def test_joints_are_found_by_name(contract, rng):
    q = rng.normal(size=contract.n)
    order = rng.permutation(contract.n)
    names = [contract.joints[i] for i in order]
    stamp, got, v = codec.joint_state(contract, joint_state([*names, 'wheel'], [*q[order], 9.0]))
    assert stamp == 3_000_000_007
    np.testing.assert_array_equal(got, q)
    np.testing.assert_array_equal(v, 0)


def test_bad_joint_states(contract):
    names = list(contract.joints)
    with pytest.raises(DataError, match='joints missing from the message: waist_yaw_joint'):
        codec.joint_state(contract, joint_state(names[1:], [0.0] * (contract.n - 1)))
    with pytest.raises(DataError, match='joint names but'):
        codec.joint_state(contract, joint_state(names, [0.0]))
    with pytest.raises(DataError, match='stand twice: waist_yaw_joint'):
        codec.joint_state(contract, joint_state([*names, names[0]], [0.0] * (contract.n + 1)))


def image(encoding, height, width, step, data):
    return SimpleNamespace(
        header=HEADER,
        encoding=encoding,
        height=height,
        width=width,
        step=step,
        data=data,
        is_bigendian=0,
    )


@pytest.mark.parametrize(
    ('encoding', 'pixel', 'rgb'),
    [
        ('rgb8', [1, 2, 3], [1, 2, 3]),
        ('bgr8', [3, 2, 1], [1, 2, 3]),
        ('rgba8', [1, 2, 3, 9], [1, 2, 3]),
        ('bgra8', [3, 2, 1, 9], [1, 2, 3]),
        ('mono8', [5], [5, 5, 5]),
    ],
)
def test_encodings_and_padded_rows(encoding, pixel, rgb):
    row = bytes(pixel * 4) + b'\xaa\xbb'
    _, pixels = codec.image(image(encoding, 2, 4, len(row), row * 2))
    assert pixels.shape == (2, 4, 3) and pixels.flags.c_contiguous
    assert (pixels == rgb).all()


def test_bad_images():
    with pytest.raises(DataError, match=r'encoding "32FC1" is none of .*, 16UC1, mono16'):
        codec.image(image('32FC1', 1, 1, 4, b'abcd'))
    with pytest.raises(DataError, match='has step 12 and 5 bytes'):
        codec.image(image('rgb8', 2, 4, 12, b'short'))
    empty = SimpleNamespace(header=HEADER, data=b'', format='jpeg')
    for data in (b'', b'no image'):
        empty.data = data
        with pytest.raises(DataError, match='cannot decode'):
            codec.compressed_image(empty)


@pytest.mark.parametrize('big', [0, 1])
def test_depth_in_either_order_of_bytes_and_padded(big):
    depth = np.array([[0, 1, 65535], [256, 4000, 7]], np.uint16)
    rows = depth.astype('>u2' if big else '<u2').view(np.uint8).reshape(2, 6)
    padded = np.pad(rows, ((0, 0), (0, 4))).tobytes()
    message = image('16UC1', 2, 3, 10, padded)
    message.is_bigendian = big
    _, pixels = codec.image(message)
    assert pixels.dtype == np.uint16
    np.testing.assert_array_equal(pixels[:, :, 0], depth)


@pytest.mark.parametrize(
    ('kind', 'before'), [('16UC1; compressedDepth png', bytes(12)), ('16UC1; png compressed', b'')]
)
def test_compressed_depth_is_exact(kind, before, rng):
    depth = rng.integers(0, 65536, (12, 16), dtype=np.uint16)
    data = before + cv2.imencode('.png', depth)[1].tobytes()
    _, pixels = codec.compressed_image(SimpleNamespace(header=HEADER, data=data, format=kind))
    assert pixels.dtype == np.uint16
    np.testing.assert_array_equal(pixels[:, :, 0], depth)


def test_depth_that_was_quantized_is_refused():
    message = SimpleNamespace(header=HEADER, data=bytes(40), format='32FC1; compressedDepth png')
    with pytest.raises(DataError, match='is not 16UC1, which is lossless'):
        codec.compressed_image(message)


def test_jpeg_there_and_back():
    ramp = np.linspace(0, 255, 64).astype(np.uint8)
    pixels = np.empty((48, 64, 3), np.uint8)
    pixels[:, :, 0], pixels[:, :, 1], pixels[:, :, 2] = ramp, 40, ramp[::-1]
    data = codec.encode_jpeg(pixels)
    message = SimpleNamespace(header=HEADER, data=data, format='jpeg')
    stamp, back = codec.compressed_image(message)
    assert stamp == 3_000_000_007
    assert np.abs(back.astype(int) - pixels).mean() < 4


def test_pose_needs_a_rotation():
    point = SimpleNamespace(x=1.0, y=2.0, z=3.0)
    turn = SimpleNamespace(x=0.0, y=0.0, z=0.0, w=0.0)
    pose = SimpleNamespace(position=point, orientation=turn)
    message = SimpleNamespace(header=HEADER, pose=pose)
    with pytest.raises(DataError, match='quaternion of a pose is zero'):
        codec.pose(message)
    turn.w = 1.0
    assert codec.pose(message)[1].tolist() == [1, 2, 3, 0, 0, 0, 1]
