# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A robot's contract in Gazebo: everything Gazebo needs is derived from the contract.

description   the URDF with ros2_control, cameras and a base fixed to the world
controllers   parameters of the controller manager: one controller per output group
bridge        what crosses between Gazebo's topics and ROS's
world         the table and the box of the lift task
files         all four in a folder, for launch/gazebo.launch.py
"""
