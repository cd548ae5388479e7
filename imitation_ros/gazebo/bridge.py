# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What crosses between Gazebo and ROS beside the controllers, which are ROS nodes already.

The clock and the tracked objects go through ros_gz_bridge, images through ros_gz_image.
"""

from typing import Any

from ..contract import Contract
from .description import image_topic


def bridge(contract: Contract) -> list[dict[str, Any]]:
    """Topics of ros_gz_bridge's parameter_bridge, as its YAML file holds them."""
    rows = [('/clock', 'rosgraph_msgs/msg/Clock', 'gz.msgs.Clock')]
    rows += [
        (pose.topic, 'geometry_msgs/msg/PoseStamped', 'gz.msgs.Pose') for pose in contract.poses
    ]
    return [
        {
            'ros_topic_name': topic,
            'gz_topic_name': topic,
            'ros_type_name': ros,
            'gz_type_name': gz,
            'direction': 'GZ_TO_ROS',
        }
        for topic, ros, gz in rows
    ]


def images(contract: Contract) -> list[str]:
    """Topics of ros_gz_image's image_bridge."""
    return [image_topic(camera) for camera in contract.cameras]
