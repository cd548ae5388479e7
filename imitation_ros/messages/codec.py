# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Messages of the contract <-> arrays, for live rclpy messages and for bags alike.

Every function takes a message by its attributes, so the rclpy classes on the robot and the
classes rosbags makes from a bag go through the same lines.
"""

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..contract import Camera, Contract
from ..data.frame import Array, Image
from ..errors import DataError

NS = 1_000_000_000

CHANNELS = {'rgb8': 3, 'bgr8': 3, 'rgba8': 4, 'bgra8': 4, 'mono8': 1}
"""Colour encodings of sensor_msgs/msg/Image that are understood, with their channels."""

DEPTH = ('16UC1', 'mono16')
"""Encodings of depth images [mm]."""

_PNG = b'\x89PNG\r\n\x1a\n'
_DEPTH_HEADER = 12
"""Bytes before the PNG in a message of compressed_depth_image_transport."""


def stamp_ns(stamp: Any) -> int:
    """Nanoseconds of a builtin_interfaces/msg/Time or Duration."""
    return int(stamp.sec) * NS + int(stamp.nanosec)


@lru_cache(maxsize=64)
def _columns(joints: tuple[str, ...], names: tuple[str, ...]) -> NDArray[np.intp]:
    """Where each joint of the contract stands in a message's names."""
    places = {name: i for i, name in enumerate(names)}
    if len(places) != len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise DataError(f'joint names stand twice: {", ".join(twice)}')
    missing = [joint for joint in joints if joint not in places]
    if missing:
        raise DataError(
            f'joints missing from the message: {", ".join(missing)}; it has: {", ".join(names)}'
        )
    return np.array([places[joint] for joint in joints], dtype=np.intp)


def joint_vector(joints: tuple[str, ...], names: Any, values: Any) -> Array:
    """Put a message's values into the order of `joints`; other joints are left out.

    Raises:
        DataError: If a joint is missing or stands twice, or names and values differ in length.
    """
    key = tuple(names)
    if len(values) != len(key):
        raise DataError(f'{len(key)} joint names but {len(values)} values')
    result: Array = np.asarray(values, dtype=np.float64)[_columns(joints, key)]
    return result


def joint_state(contract: Contract, message: Any) -> tuple[int, Array, Array]:
    """Stamp [ns], q and v, each of shape (n,), of a sensor_msgs/msg/JointState.

    A message without velocities gives zeros.
    """
    q = joint_vector(contract.joints, message.name, message.position)
    if len(message.velocity):
        v = joint_vector(contract.joints, message.name, message.velocity)
    else:
        v = np.zeros_like(q)
    return stamp_ns(message.header.stamp), q, v


def pose(message: Any) -> tuple[int, Array]:
    """Stamp [ns] and x y z qx qy qz qw, shape (7,), of a geometry_msgs/msg/PoseStamped."""
    p, o = message.pose.position, message.pose.orientation
    values = np.array([p.x, p.y, p.z, o.x, o.y, o.z, o.w], dtype=np.float64)
    if np.isfinite(values).all() and not np.linalg.norm(values[3:]) > 1e-6:
        raise DataError('the quaternion of a pose is zero')
    return stamp_ns(message.header.stamp), values


def image(message: Any) -> tuple[int, Image]:
    """Stamp [ns] and image of an Image message.

    Colour is RGB, uint8, shape (height, width, 3); depth is uint16 [mm], shape (height, width, 1).
    """
    encoding = message.encoding
    if encoding not in CHANNELS and encoding not in DEPTH:
        known = ', '.join((*CHANNELS, *DEPTH))
        raise DataError(f'image encoding "{encoding}" is none of {known}')
    # Of depth, bytes are counted here.
    channels, height, width = CHANNELS.get(encoding, 2), int(message.height), int(message.width)
    data = np.frombuffer(message.data, dtype=np.uint8)
    if int(message.step) < width * channels or len(data) < int(message.step) * height:
        raise DataError(
            f'image of {width}x{height} {encoding} has step {message.step} and {len(data)} bytes'
        )
    rows = data[: int(message.step) * height].reshape(height, int(message.step))
    pixels = rows[:, : width * channels].reshape(height, width, channels)
    if encoding in DEPTH:
        order = '>u2' if message.is_bigendian else '<u2'
        depth = np.ascontiguousarray(pixels).view(order).astype(np.uint16)
        return stamp_ns(message.header.stamp), depth
    if encoding == 'mono8':
        pixels = np.repeat(pixels, 3, axis=2)
    elif encoding.startswith('bgr'):
        pixels = pixels[:, :, 2::-1]
    return stamp_ns(message.header.stamp), np.ascontiguousarray(pixels[:, :, :3])


def compressed_image(message: Any) -> tuple[int, Image]:
    """Stamp [ns] and image of a sensor_msgs/msg/CompressedImage: JPEG, PNG or compressedDepth.

    As `image`; a grey PNG of 16 bits is depth, and comes out as it went in.
    """
    data = np.frombuffer(message.data, dtype=np.uint8)
    if 'compressedDepth' in message.format:
        if not message.format.startswith('16UC1'):
            raise DataError(f'compressed depth "{message.format}" is not 16UC1, which is lossless')
        data = data[_DEPTH_HEADER:]
    # Byte 24 of a PNG are its bits per channel, byte 25 its kind of colour, 0 for grey.
    deep = bytes(data[:8]) == _PNG and tuple(data[24:26]) == (16, 0)
    how = cv2.IMREAD_UNCHANGED if deep else cv2.IMREAD_COLOR
    try:
        decoded = cv2.imdecode(data, how) if len(data) else None
    except cv2.error as error:
        # A damaged header may claim a picture of 10^10 pixels.
        raise DataError(f'cannot decode a compressed image: {error}') from error
    if decoded is None:
        raise DataError(f'cannot decode a compressed image of format "{message.format}"')
    if deep:
        return stamp_ns(message.header.stamp), decoded[:, :, None].astype(np.uint16, copy=False)
    # Ten times as fast as a reversed copy.
    pixels: Image = cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)
    return stamp_ns(message.header.stamp), pixels


def encode_jpeg(pixels: Image, quality: int = 90) -> bytes:
    """JPEG of an RGB image, uint8, shape (height, width, 3)."""
    done, data = cv2.imencode(
        '.jpg', np.ascontiguousarray(pixels[:, :, ::-1]), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    if not done:
        raise DataError(f'cannot encode an image of shape {pixels.shape} as JPEG')
    return bytes(data)


IMAGE_DECODERS = {
    'sensor_msgs/msg/Image': image,
    'sensor_msgs/msg/CompressedImage': compressed_image,
}


def camera_image(camera: Camera, message: Any) -> tuple[int, Image]:
    """Stamp [ns] and image of a camera's message.

    Raises:
        DataError: If it cannot be decoded, or has another size or kind than the contract says.
    """
    stamp, pixels = IMAGE_DECODERS[camera.type](message)
    height, width = pixels.shape[:2]
    if (height, width) != (camera.height, camera.width):
        raise DataError(
            f'an image of {width}x{height}, the contract says {camera.width}x{camera.height}'
        )
    if (pixels.dtype == np.uint16) != camera.depth:
        kinds = ('depth', 'colour') if camera.depth else ('colour', 'depth')
        raise DataError(f'the contract says {kinds[0]}, the image is {kinds[1]}')
    return stamp, pixels
