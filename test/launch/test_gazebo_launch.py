# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""gazebo.launch.py with the real launch; Gazebo's own programs are scripts that log their call."""

from pathlib import Path
import subprocess
import sys

import pytest

for module in ('launch', 'launch_ros', 'ament_index_python'):
    pytest.importorskip(module, reason=f'{module} is not on PyPI; it comes with ROS 2')

LAUNCH = Path(__file__).parent.parent.parent / 'launch' / 'gazebo.launch.py'

PROGRAMS = {
    'ros_gz_sim': ['create'],
    'ros_gz_bridge': ['parameter_bridge'],
    'ros_gz_image': ['image_bridge'],
    'gz_ros2_control': [],
    'controller_manager': ['spawner'],
    'joint_state_broadcaster': [],
    'joint_trajectory_controller': [],
    'forward_command_controller': [],
    'robot_state_publisher': ['robot_state_publisher'],
    'compressed_image_transport': [],
    'imitation_ros': ['safety'],
}

RUN = """
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
service = LaunchService(argv=[])
source = PythonLaunchDescriptionSource(sys.argv[1])
service.include_launch_description(LaunchDescription([IncludeLaunchDescription(source)]))
sys.exit(service.run())
"""

GZ_SIM = """
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, LogInfo
from launch.substitutions import LaunchConfiguration
def generate_launch_description():
    return LaunchDescription([
        DeclareLaunchArgument('gz_args'), DeclareLaunchArgument('on_exit_shutdown'),
        LogInfo(msg=['gazebo ', LaunchConfiguration('gz_args')]),
    ])
"""


def prefix(folder: Path, without: str = '', fails: str = '') -> Path:
    """Install the packages that Gazebo needs, as scripts that append their arguments to a log."""
    for package, programs in PROGRAMS.items():
        if package == without:
            continue
        for part in (
            f'share/{package}',
            f'lib/{package}',
            'share/ament_index/resource_index/packages',
        ):
            (folder / part).mkdir(parents=True, exist_ok=True)
        (folder / 'share/ament_index/resource_index/packages' / package).touch()
        for program in programs:
            script = folder / 'lib' / package / program
            code = 1 if fails == program else 0
            script.write_text(f'#!/bin/sh\necho "{program} $1" >> "{folder}/log"\nexit {code}\n')
            script.chmod(0o755)
    if without != 'ros_gz_sim':
        (folder / 'share/ros_gz_sim/launch').mkdir()
        (folder / 'share/ros_gz_sim/launch/gz_sim.launch.py').write_text(GZ_SIM)
    return folder


def run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], str]:
    """Launch to the end; give the programs in the order they started, and what was printed."""
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(folder))
    monkeypatch.setenv('ROS_LOG_DIR', str(folder / 'logs'))
    monkeypatch.setenv('TMPDIR', str(folder))
    result = subprocess.run(
        [sys.executable, '-c', RUN, str(LAUNCH)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    log = folder / 'log'
    return log.read_text().splitlines() if log.exists() else [], result.stdout + result.stderr


def test_controllers_start_one_after_the_other_and_safety_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, printed = run(prefix(tmp_path), monkeypatch)
    chain = [line for line in started if line.split()[0] in ('create', 'spawner', 'safety')]
    assert chain == [
        'create -topic',
        'spawner joint_state_broadcaster',
        'spawner torso_controller',
        'spawner left_arm_controller',
        'spawner right_arm_controller',
        'spawner legs_controller',
        'safety --ros-args',
    ]
    others = {line.split()[0] for line in started} - {'create', 'spawner', 'safety'}
    assert others == {'parameter_bridge', 'image_bridge', 'robot_state_publisher'}
    assert 'gazebo -r ' in printed


def test_a_robot_that_cannot_be_spawned_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, printed = run(prefix(tmp_path, fails='create'), monkeypatch)
    assert not any(line.startswith(('spawner', 'safety')) for line in started)
    assert 'create' in printed
    assert 'ended with exit code 1' in printed


def test_what_is_missing_is_told_as_an_apt_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, printed = run(prefix(tmp_path, without='gz_ros2_control'), monkeypatch)
    assert not started
    assert 'sudo apt install ros-$ROS_DISTRO-gz-ros2-control' in printed
