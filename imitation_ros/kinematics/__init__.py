# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pinocchio models in contract order, and inverse kinematics on top of them."""
