# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""MuJoCo simulation of the contract's robot: scenes, tasks, scripted experts and cameras.

`SimRobot` (robot.py) is what other parts use; there is no ROS here.
"""

import os

if 'DISPLAY' not in os.environ:
    # Importing mujoco tries to open a window system, with warnings; our renderers need none.
    os.environ.setdefault('MUJOCO_GL', 'disable')
