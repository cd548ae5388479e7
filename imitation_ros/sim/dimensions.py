# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Sizes that every simulator shares, so that a policy sees the same in each."""

BASE_HEIGHT = 0.836
"""Height of the robot's base above the floor [m]: its feet clear the floor by a millimetre."""

FIELD_OF_VIEW = 75.0
"""Vertical field of view of the robot's cameras [deg]."""

TABLE_CENTRE = (0.47, 0.0)
"""Middle of the table top, in the robot's base frame [m]."""

TABLE_HALF = (0.25, 0.5, 0.02)
"""Half sizes of the table top [m]."""

TABLE_TOP = 0.0
"""Height of the table top in the base frame [m]."""

BOX_HALF = (0.10, 0.13, 0.08)
"""Half sizes of the box of the lift task [m]."""

BOX_MASS = 0.8
"""Mass of that box [kg]."""
