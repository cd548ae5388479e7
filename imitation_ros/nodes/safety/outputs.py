# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Commands as the controllers take them: each group in its controller's order and type."""

import array
from collections.abc import Callable

import numpy as np
from rclpy.node import Node
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from ...contract import Contract, Group
from ...data.frame import Array
from ...safety.constraints.limits import ViabilityBox
from ...safety.tail import brake_tail
from ..ros.messages import to_duration

NS = 1_000_000_000
AHEAD = 2
"""Command periods from a trajectory's arrival to its set-point: the next one comes before."""

Send = Callable[[Array, Array], None]
"""Publishes a set-point q [rad or m] and its velocity v, both of shape (n,)."""


def make_output(node: Node, contract: Contract, box: ViabilityBox, group: Group) -> Send:
    """Make the publisher of one group's commands.

    Args:
        node: Owner of the publisher.
        contract: The robot.
        box: The braking law.
        group: Joints of one controller.
    """
    columns = np.array([contract.index(joint) for joint in group.joints])
    if group.output.type == 'std_msgs/msg/Float64MultiArray':
        publisher = node.create_publisher(Float64MultiArray, group.output.topic, 10)

        def send_array(q: Array, _: Array) -> None:
            publisher.publish(Float64MultiArray(data=_doubles(q[columns])))

        return send_array
    publisher = node.create_publisher(JointTrajectory, group.output.topic, 10)
    period_ns = NS / contract.rates.command_hz
    # Points are made once per spacing: making one costs as much as sending it. A stamp of 0
    # starts the trajectory when it arrives.
    message = JointTrajectory(joint_names=list(group.joints))
    made: dict[int, list[JointTrajectoryPoint]] = {}
    with_tail = contract.safety.brake_tail

    def send_trajectory(q: Array, v: Array) -> None:
        rows, periods = [q[columns]], [AHEAD]
        if with_tail:
            tail = brake_tail(box, q, v, columns)
            rows += list(tail.positions)
            periods += [AHEAD + k for k in tail.periods.tolist()]
        points = made.get(periods[-1])
        if points is None:
            points = made[periods[-1]] = [
                JointTrajectoryPoint(time_from_start=to_duration(round(k * period_ns)))
                for k in periods
            ]
        for point, row in zip(points, rows, strict=True):
            point.positions = _doubles(row)
        message.points = points
        publisher.publish(message)

    return send_trajectory


def _doubles(values: Array) -> 'array.array[float]':
    return array.array('d', values.tobytes())
