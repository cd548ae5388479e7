# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Simulated humanoid and safety node: everything a robot would bring along.

ros2 launch imitation_ros sim.launch.py task:=lift
"""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

ARGUMENTS = (
    ('contract', 'imi_humanoid', 'robot contract: a name that comes with the package, or a .yaml'),
    ('task', 'lift', 'task of the simulator, see docs/tasks.md'),
    ('seed', '0', 'seed of the first episode'),
    ('renderer', 'auto', 'camera images by: auto, egl, osmesa, or ray (needs no OpenGL)'),
    ('speed', '1.0', 'simulated seconds per second; other than 1.0 publishes /clock'),
)


def generate_launch_description():
    """Start the simulator and the safety node."""
    contract = {'contract': LaunchConfiguration('contract')}
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(name, default_value=default, description=text)
                for name, default, text in ARGUMENTS
            ),
            Node(
                package='imitation_ros',
                executable='sim',
                output='screen',
                parameters=[
                    contract,
                    {
                        'task': LaunchConfiguration('task'),
                        'seed': ParameterValue(LaunchConfiguration('seed'), value_type=int),
                        'renderer': LaunchConfiguration('renderer'),
                        'speed': ParameterValue(LaunchConfiguration('speed'), value_type=float),
                    },
                ],
            ),
            Node(
                package='imitation_ros',
                executable='safety',
                output='screen',
                parameters=[contract],
            ),
        ]
    )
