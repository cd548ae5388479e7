# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Constraints on the next velocity: limits, approach, torque, support, tools."""
