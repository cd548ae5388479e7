# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bags: the messages of the contract, read, written, audited and converted without ROS."""
