# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Subscriptions of the policy node: what the policy sees, and nothing else."""

from collections.abc import Callable
import functools
from typing import Any

from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image, JointState

from ...contract import Camera, Contract, Qos
from ...data.frame import JOINT_STATES
from ...errors import DataError
from ...messages import codec
from ...runtime.loop import PolicyLoop
from ..ros.qos import profile

IMAGES = {'sensor_msgs/msg/Image': Image, 'sensor_msgs/msg/CompressedImage': CompressedImage}


class Observations:
    """Decodes messages into a loop; a bad one is counted and logged, never fatal.

    Attributes:
        bad: Bad messages of each modality.
    """

    def __init__(self, node: Node, contract: Contract, loop: PolicyLoop) -> None:
        """Subscribe."""
        self.bad: dict[str, int] = {}
        self._node = node
        self._contract = contract
        self._loop = loop
        self._subscriptions: list[Any] = []
        states = contract.joint_states
        self._listen(JOINT_STATES, JointState, states.topic, states.qos, self._take_state)
        for seen in loop.spec.cameras:
            camera = contract.camera(seen.name)
            take = functools.partial(self._take_image, camera)
            self._listen(camera.name, IMAGES[camera.type], camera.topic, camera.qos, take)
        for pose in contract.poses:
            if pose.name in loop.spec.poses:
                take = functools.partial(self._take_pose, pose.name)
                self._listen(pose.name, PoseStamped, pose.topic, pose.qos, take)

    def close(self) -> None:
        """Unsubscribe."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._subscriptions.clear()

    def _listen(
        self, name: str, kind: Any, topic: str, qos: Qos, take: Callable[[Any], None]
    ) -> None:
        def callback(message: Any) -> None:
            try:
                take(message)
            except DataError as error:
                self.bad[name] = self.bad.get(name, 0) + 1
                self._node.get_logger().error(
                    f'{topic}: bad message {self.bad[name]}: {error}', throttle_duration_sec=1.0
                )

        made = self._node.create_subscription(kind, topic, callback, profile(qos))
        self._subscriptions.append(made)

    def _take_state(self, message: JointState) -> None:
        self._loop.push_state(*codec.joint_state(self._contract, message))

    def _take_image(self, camera: Camera, message: Any) -> None:
        self._loop.push_image(camera.name, *codec.camera_image(camera, message))

    def _take_pose(self, name: str, message: PoseStamped) -> None:
        self._loop.push_pose(name, *codec.pose(message))
