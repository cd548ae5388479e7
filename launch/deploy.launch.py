# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Policy and safety node on a robot. Nothing moves before /safety/arm is called.

ros2 launch imitation_ros deploy.launch.py model:=/path/to/policy.onnx
"""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue


def generate_launch_description():
    """Start the safety node (unless one is running) and the policy node."""
    contract = {'contract': LaunchConfiguration('contract')}
    clock = {'use_sim_time': ParameterValue(LaunchConfiguration('use_sim_time'), value_type=bool)}
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                'model', description='policy.onnx; refused if made for another robot'
            ),
            DeclareLaunchArgument(
                'contract',
                default_value='imi_humanoid',
                description='robot contract: a name that comes with the package, or a .yaml',
            ),
            DeclareLaunchArgument(
                'autostart',
                default_value='true',
                description='configure and activate the policy by itself; false: by lifecycle',
            ),
            DeclareLaunchArgument(
                'safety',
                default_value='true',
                description='start the safety node; false if sim.launch.py or the robot runs it',
            ),
            DeclareLaunchArgument(
                'blackbox',
                default_value='~/.ros/imitation_ros/blackbox',
                description='folder for the seconds around every trip of safety; empty: none',
            ),
            DeclareLaunchArgument(
                'use_sim_time',
                default_value='false',
                description='true with gazebo.launch.py, or sim.launch.py at another speed',
            ),
            Node(
                package='imitation_ros',
                executable='safety',
                output='screen',
                parameters=[
                    contract,
                    clock,
                    {'blackbox': ParameterValue(LaunchConfiguration('blackbox'), value_type=str)},
                ],
                condition=IfCondition(LaunchConfiguration('safety')),
            ),
            Node(
                package='imitation_ros',
                executable='policy',
                output='screen',
                parameters=[
                    contract,
                    clock,
                    {
                        'model': LaunchConfiguration('model'),
                        'autostart': ParameterValue(
                            LaunchConfiguration('autostart'), value_type=bool
                        ),
                    },
                ],
            ),
        ]
    )
