# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Teleoperation and recorder, next to a robot (or sim.launch.py) that is already running.

ros2 launch imitation_ros record.launch.py task:=lift output:=bags/monday
"""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

ARGUMENTS = (
    ('contract', 'imi_humanoid', 'robot contract: a name that comes with the package, or a .yaml'),
    ('task', 'task', 'what is being shown; names the episodes'),
    ('operator', '', 'who shows it; stored in every bag'),
    ('output', 'bags', 'session folder; one bag per episode, numbers never collide'),
    ('source', 'leader', 'teleoperation by: leader, keyboard or joy'),
    ('use_sim_time', 'false', 'true with gazebo.launch.py, or sim.launch.py at another speed'),
)


def generate_launch_description():
    """Start teleoperation and the recorder."""
    contract = {'contract': LaunchConfiguration('contract')}
    clock = {'use_sim_time': ParameterValue(LaunchConfiguration('use_sim_time'), value_type=bool)}
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
                parameters=[contract, clock, {'source': LaunchConfiguration('source')}],
                emulate_tty=True,
            ),
            Node(
                package='imitation_ros',
                executable='recorder',
                output='screen',
                parameters=[
                    contract,
                    clock,
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
