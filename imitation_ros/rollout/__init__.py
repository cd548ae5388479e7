# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Rollout: the closed loop of robot, command filter and agent, without ROS."""
