# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The contract's robot in Gazebo, behind its controllers and the safety node.

ros2 launch imitation_ros gazebo.launch.py
"""

from itertools import pairwise
from pathlib import Path
import tempfile

from ament_index_python.packages import get_package_prefix, PackageNotFoundError
from launch import LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    IncludeLaunchDescription,
    LogInfo,
    OpaqueFunction,
    RegisterEventHandler,
)
from launch.conditions import IfCondition
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackageShare

from imitation_ros.contract import load
from imitation_ros.gazebo.files import write

NEEDED = {
    'ros_gz_sim': 'ros-gz-sim',
    'ros_gz_bridge': 'ros-gz-bridge',
    'ros_gz_image': 'ros-gz-image',
    'gz_ros2_control': 'gz-ros2-control',
    'controller_manager': 'controller-manager',
    'joint_state_broadcaster': 'joint-state-broadcaster',
    'joint_trajectory_controller': 'joint-trajectory-controller',
    'forward_command_controller': 'forward-command-controller',
    'robot_state_publisher': 'robot-state-publisher',
    'compressed_image_transport': 'compressed-image-transport',
}
"""Packages that Gazebo needs beside ours, and what apt calls them after ros-$ROS_DISTRO-."""

SIM_TIME = {'use_sim_time': True}


def generate_launch_description():
    """Start Gazebo, the robot, its controllers, the bridges and the safety node."""
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                'contract',
                default_value='imi_humanoid',
                description='robot contract: a name that comes with the package, or a .yaml',
            ),
            DeclareLaunchArgument(
                'world',
                default_value='',
                description='an SDF world of your own; empty: the table and the box of lift',
            ),
            DeclareLaunchArgument(
                'gui', default_value='true', description='false: no window, cameras still render'
            ),
            DeclareLaunchArgument(
                'safety',
                default_value='true',
                description='start the safety node; false if deploy.launch.py starts it',
            ),
            OpaqueFunction(function=_start),
        ]
    )


def _start(context):
    """Start it all, once the arguments are known."""
    missing = [apt for package, apt in NEEDED.items() if not _installed(package)]
    if missing:
        apt = ' '.join(f'ros-$ROS_DISTRO-{name}' for name in missing)
        raise RuntimeError(f'Gazebo needs packages that are not installed: sudo apt install {apt}')
    contract = load(LaunchConfiguration('contract').perform(context))
    files = write(contract, Path(tempfile.mkdtemp(prefix='imitation_ros_gazebo_')))
    world = LaunchConfiguration('world').perform(context) or str(files.world)
    gui = LaunchConfiguration('gui').perform(context).lower() in ('true', '1', 'yes')
    gazebo = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(
            [FindPackageShare('ros_gz_sim'), '/launch/gz_sim.launch.py']
        ),
        launch_arguments=[
            ('gz_args', f'-r {world}' if gui else f'-r -s --headless-rendering {world}'),
            ('on_exit_shutdown', 'true'),
        ],
    )
    description = {'robot_description': files.urdf.read_text(encoding='utf-8')}
    create = Node(
        package='ros_gz_sim',
        executable='create',
        output='screen',
        arguments=['-topic', 'robot_description', '-name', contract.name],
    )
    safety = Node(
        package='imitation_ros',
        executable='safety',
        output='screen',
        parameters=[{'contract': LaunchConfiguration('contract')}, SIM_TIME],
        condition=IfCondition(LaunchConfiguration('safety')),
    )
    spawners = [
        Node(
            package='controller_manager',
            executable='spawner',
            output='screen',
            arguments=[name, '--param-file', str(files.controllers)],
        )
        for name in files.spawned
    ]
    return [
        gazebo,
        Node(
            package='robot_state_publisher',
            executable='robot_state_publisher',
            output='screen',
            parameters=[description, SIM_TIME],
        ),
        Node(
            package='ros_gz_bridge',
            executable='parameter_bridge',
            output='screen',
            parameters=[{'config_file': str(files.bridge)}, SIM_TIME],
        ),
        *(
            [
                Node(
                    package='ros_gz_image',
                    executable='image_bridge',
                    output='screen',
                    arguments=list(files.images),
                    parameters=[SIM_TIME],
                )
            ]
            if files.images
            else []
        ),
        create,
        *_one_after_the_other([create, *spawners, safety]),
    ]


def _installed(package):
    try:
        get_package_prefix(package)
    except PackageNotFoundError:
        return False
    return True


def _one_after_the_other(actions):
    """Start each when the one before has ended well; else say which has not, and end."""
    return [
        RegisterEventHandler(OnProcessExit(target_action=first, on_exit=_follow(second)))
        for first, second in pairwise(actions)
    ]


def _follow(action):
    def on_exit(event, context):
        if event.returncode == 0:
            return [action]
        reason = f'{event.process_name} ended with exit code {event.returncode}'
        return [LogInfo(msg=f'error: {reason}'), EmitEvent(event=Shutdown(reason=reason))]

    return on_exit
