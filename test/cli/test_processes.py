# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Children start, are watched and are ended; nothing is left behind."""

from pathlib import Path
import time

import pytest
from typer.testing import CliRunner

from imitation_ros.cli import processes, robot
from imitation_ros.cli.app import app
from imitation_ros.cli.processes import command, NodeFailedError, Processes


def test_parameters_become_ros_arguments() -> None:
    line = command('sim', {'task': 'lift', 'publish_clock': True, 'operator': ''})
    assert line[2:] == [
        'imitation_ros.nodes.sim',
        '--ros-args',
        '-p',
        'task:=lift',
        '-p',
        'publish_clock:=true',
        '-p',
        "operator:=''",
    ]


@pytest.mark.parametrize(
    ('value', 'said'),
    [
        ('007', "'007'"),
        ('off', "'off'"),
        ("ada's pedal: 7", "'ada''s pedal: 7'"),
        ('start=7, stop=7', "'start=7, stop=7'"),
        ('bags/monday', 'bags/monday'),
        (0.5, '0.5'),
        (7, '7'),
    ],
)
def test_text_stays_text(value: object, said: str) -> None:
    assert command('recorder', {'x': value})[-1] == f'x:={said}'


def test_every_option_of_record_reaches_the_node(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each is a parameter that the node knows; the first task is among those of the key n."""
    rclpy_parameters = pytest.importorskip('imitation_ros.nodes.recorder.node').Parameters
    started: list[tuple[str, dict[str, object]]] = []
    monkeypatch.setattr(robot, '_nodes', started.extend)
    words = ['record', '--task', 'a', '--tasks', 'b, c', '--buttons', 'start=7, stop=7']
    words += ['--compress', 'jpeg:80', '--discard-rejected', '--minimum-rate', '0.2']
    words += ['--out', str(tmp_path), '--operator', 'ada', '--joy', '/pedal']
    assert CliRunner().invoke(app, words).exit_code == 0
    ((node, given),) = started
    parameters = rclpy_parameters(**given)
    assert node == 'recorder'
    assert (parameters.tasks, parameters.buttons) == ('a,b,c', 'start=7, stop=7')
    assert (parameters.compress, parameters.discard_rejected) == ('jpeg:80', True)
    assert (parameters.operator, parameters.joy) == ('ada', '/pedal')
    assert (parameters.output, parameters.minimum_rate) == (str(tmp_path), 0.2)


def test_an_unknown_node_lists_the_nodes() -> None:
    with pytest.raises(NodeFailedError, match=r'did you mean "recorder"'):
        command('recoder', {})


def test_a_domain_of_the_user_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('ROS_DOMAIN_ID', '77')
    monkeypatch.delenv('ROS_AUTOMATIC_DISCOVERY_RANGE')
    environment = processes.ros_environment()
    assert environment['ROS_DOMAIN_ID'] == '77'
    assert environment['ROS_AUTOMATIC_DISCOVERY_RANGE'] == 'LOCALHOST'
    assert processes.ros_environment(private=True)['ROS_DOMAIN_ID'] == '77'
    monkeypatch.delenv('ROS_DOMAIN_ID')
    assert processes.ros_environment()['ROS_DOMAIN_ID'] == '0'
    assert 1 <= int(processes.ros_environment(private=True)['ROS_DOMAIN_ID']) <= 101


@pytest.mark.ros
def test_a_node_that_refuses_to_start_shows_its_log(tmp_path: Path) -> None:
    pytest.importorskip('rclpy', reason='rclpy is not installed')
    with (
        Processes(tmp_path) as nodes,
        pytest.raises(NodeFailedError, match='imi_humanod') as caught,
    ):
        nodes.start('safety', contract='imi_humanod')
    assert 'safety ended with code 1' in str(caught.value)


@pytest.mark.ros
def test_a_node_starts_stops_and_a_killed_one_is_noticed(tmp_path: Path) -> None:
    pytest.importorskip('rclpy', reason='rclpy is not installed')
    with Processes(tmp_path) as nodes:
        nodes.start('safety', contract='imi_humanoid')
        child = nodes._children[0].process
        nodes.check()
        nodes.stop('safety')
        assert child.returncode == 0, (tmp_path / 'safety.log').read_text()
        nodes.start('safety', contract='imi_humanoid')
        nodes._children[0].process.kill()
        nodes._children[0].process.wait(5)
        with pytest.raises(NodeFailedError, match='code -9'):
            nodes.check()


def test_only_segments_that_nobody_maps_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, 'SHM', tmp_path)
    old, young, other = (tmp_path / name for name in ('fastdds_a', 'fastdds_b', 'keep_c'))
    lock = tmp_path / 'fastdds_a_el'
    for path in (old, young, other, lock):
        path.write_bytes(b'x')
    import os

    for path in (old, lock, other):
        os.utime(path, (time.time() - 60, time.time() - 60))
    assert processes.remove_stale_segments() == 2
    assert not old.exists() and not lock.exists()
    assert young.exists() and other.exists()
