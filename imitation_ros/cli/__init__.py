# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The command line: `imitation_ros <verb>`; each verb works without ROS where it needs none."""

from .app import main

__all__ = ['main']
