# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Our values as ROS messages; the way back is `bags.codec`, shared with the bags."""

import array
from collections.abc import Mapping, Sequence

from builtin_interfaces.msg import Duration, Time
from diagnostic_msgs.msg import DiagnosticStatus, KeyValue
from geometry_msgs.msg import PoseStamped
import numpy as np
from sensor_msgs.msg import CompressedImage, Image, JointState
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from ...data.frame import Array
from ...data.frame import Image as Pixels
from ...data.proposal import Proposal
from ...errors import DataError
from ...messages.codec import encode_jpeg, NS, stamp_ns


def _doubles(values: Array) -> 'array.array[float]':
    """Values as the type that rclpy takes without looking at each; float32 is widened first."""
    return array.array('d', np.asarray(values, dtype=np.float64).tobytes())


def to_time(ns: int) -> Time:
    """Time message of nanoseconds (a Python or numpy integer)."""
    return Time(sec=int(ns // NS), nanosec=int(ns % NS))


def to_duration(ns: int) -> Duration:
    """Duration message of nanoseconds; of negative ones as well."""
    return Duration(sec=int(ns // NS), nanosec=int(ns % NS))


def to_joint_state(ns: int, joints: Sequence[str], q: Array, v: Array | None = None) -> JointState:
    """JointState of positions [rad] and, if given, velocities [rad/s]."""
    message = JointState()
    message.header.stamp = to_time(ns)
    message.name = list(joints)
    message.position = _doubles(q)
    if v is not None:
        message.velocity = _doubles(v)
    return message


def to_trajectory(proposal: Proposal) -> JointTrajectory:
    """JointTrajectory of a proposal: header.stamp is the stamp of its newest observation."""
    message = JointTrajectory()
    message.header.stamp = to_time(proposal.stamp_ns)
    message.joint_names = list(proposal.joints)
    message.points = [
        JointTrajectoryPoint(
            positions=_doubles(row),
            time_from_start=to_duration(time - proposal.stamp_ns),
        )
        for time, row in zip(proposal.times_ns, proposal.positions, strict=True)
    ]
    return message


def to_proposal(message: JointTrajectory) -> Proposal:
    """Proposal of a JointTrajectory; raises DataError if its shape is wrong."""
    start = stamp_ns(message.header.stamp)
    rows = [point.positions for point in message.points]
    if any(len(row) != len(message.joint_names) for row in rows):
        raise DataError(
            f'{len(message.joint_names)} joint names but points of '
            f'{sorted({len(row) for row in rows})} positions'
        )
    return Proposal(
        stamp_ns=start,
        joints=tuple(message.joint_names),
        times_ns=tuple(start + stamp_ns(point.time_from_start) for point in message.points),
        positions=np.array(rows, dtype=np.float64).reshape(len(rows), len(message.joint_names)),
    )


def to_pose(ns: int, frame_id: str, pose: Array) -> PoseStamped:
    """PoseStamped of x y z qx qy qz qw, shape (7,)."""
    message = PoseStamped()
    message.header.stamp = to_time(ns)
    message.header.frame_id = frame_id
    p, o = message.pose.position, message.pose.orientation
    p.x, p.y, p.z, o.x, o.y, o.z, o.w = (float(value) for value in pose)
    return message


def to_image(ns: int, frame_id: str, pixels: Pixels) -> Image:
    """Raw rgb8 image; assigning an `array.array` is 1,000 times faster than an ndarray."""
    message = Image()
    message.header.stamp = to_time(ns)
    message.header.frame_id = frame_id
    message.height, message.width = pixels.shape[:2]
    message.encoding = 'rgb8'
    message.step = pixels.shape[1] * 3
    message.data = array.array('B', pixels.tobytes())
    return message


def to_compressed(ns: int, frame_id: str, pixels: Pixels) -> CompressedImage:
    """JPEG image."""
    message = CompressedImage()
    message.header.stamp = to_time(ns)
    message.header.frame_id = frame_id
    message.format = 'jpeg'
    message.data = array.array('B', encode_jpeg(pixels))
    return message


def status(level: int, name: str, message: str, values: Mapping[str, object]) -> DiagnosticStatus:
    """Diagnostic status with its values as text."""
    return DiagnosticStatus(
        level=bytes([level]),
        name=name,
        message=message,
        values=[KeyValue(key=key, value=str(value)) for key, value in values.items()],
    )
