# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Messages: ROS message bytes to arrays and back, the same live and from bags."""
