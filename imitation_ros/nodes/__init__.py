# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The ROS 2 nodes: the only place where rclpy is imported.

Each node subscribes, calls a pure step of a lower layer, and publishes.
"""
