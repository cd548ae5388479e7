# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Geometry of the robot: capsules, convex hulls, watched pairs, distances."""
