# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Teleoperation and recorder, next to a robot (or sim.launch.py) that is already running.

ros2 launch imitation_ros record.launch.py task:=lift output:=bags/monday
"""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

ARGUMENTS = (
    ('contract', 'imi_humanoid', 'robot contract: a name that comes with the package, or a .yaml'),
    ('task', 'task', 'what is being shown; names the episodes'),
    ('operator', '', 'who shows it; stored in every bag'),
    ('output', 'bags', 'session folder; one bag per episode, numbers never collide'),
    ('source', 'leader', 'teleoperation by: leader, keyboard or joy'),
)


def generate_launch_description():
    """Start teleoperation and the recorder."""
    contract = {'contract': LaunchConfiguration('contract')}
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(name, default_value=default, description=text)
                for name, default, text in ARGUMENTS
            ),
            Node(
                package='imitation_ros',
                executable='teleop',
                output='screen',
                parameters=[contract, {'source': LaunchConfiguration('source')}],
                emulate_tty=True,
            ),
            Node(
                package='imitation_ros',
                executable='recorder',
                output='screen',
                parameters=[
                    contract,
                    {
                        'task': LaunchConfiguration('task'),
                        'operator': LaunchConfiguration('operator'),
                        'output': LaunchConfiguration('output'),
                    },
                ],
                # A take is finished and kept on Ctrl-C: give it time.
                sigterm_timeout='15',
            ),
        ]
    )
