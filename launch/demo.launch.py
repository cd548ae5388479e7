# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The whole loop in simulation: record, train, deploy, report.

ros2 launch imitation_ros demo.launch.py
"""

import sys

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, EmitEvent, ExecuteProcess, RegisterEventHandler
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown
from launch.substitutions import LaunchConfiguration

ARGUMENTS = (
    ('task', 'lift', 'task of the simulator, see docs/tasks.md'),
    ('episodes', '24', 'demonstrations to record'),
    ('trials', '20', 'trials of the policy from unseen starts'),
    ('out', 'runs/demo', 'folder of the run; the report is written there'),
)


def generate_launch_description():
    """Run the demo and end with it."""
    demo = ExecuteProcess(
        cmd=[
            sys.executable,
            '-m',
            'imitation_ros',
            'demo',
            *(
                part
                for name, _, _ in ARGUMENTS
                for part in (f'--{name}', LaunchConfiguration(name))
            ),
        ],
        output='screen',
        emulate_tty=True,
        sigterm_timeout='20',
    )
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(name, default_value=default, description=text)
                for name, default, text in ARGUMENTS
            ),
            demo,
            RegisterEventHandler(
                OnProcessExit(target_action=demo, on_exit=[EmitEvent(event=Shutdown())])
            ),
        ]
    )
