# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A verb that serves a user joins the user's ROS graph and says which one that is."""

import os
from pathlib import Path
import subprocess
import sys
from typing import Any

from onnx_models import write_hold
import pytest
from typer.testing import CliRunner
from verb_processes import arm, verb

from imitation_ros import domain
from imitation_ros.cli import processes
from imitation_ros.cli.app import app
from imitation_ros.contract import Contract

VERBS = {
    'sim': ('sim',),
    'teleop': ('teleop',),
    'record': ('record', '--task', 'reach'),
    'safety': ('safety',),
    'deploy': ('deploy', 'policy.onnx'),
    'deploy --sim': ('deploy', 'policy.onnx', '--sim', '--teleop', 'leader'),
}
UNSET: dict[str, str] = {}


@pytest.mark.parametrize(
    ('given', 'private', 'wanted'),
    [
        ({}, False, ('0', 'LOCALHOST')),
        ({'ROS_DOMAIN_ID': '', 'ROS_AUTOMATIC_DISCOVERY_RANGE': ''}, False, ('0', 'LOCALHOST')),
        ({'ROS_DOMAIN_ID': '7'}, False, ('7', 'LOCALHOST')),
        ({'ROS_DOMAIN_ID': '7'}, True, ('7', 'LOCALHOST')),
        ({'ROS_AUTOMATIC_DISCOVERY_RANGE': 'SUBNET'}, False, ('0', 'SUBNET')),
        ({}, True, (str(1 + os.getpid() % 101), 'LOCALHOST')),
    ],
)
def test_what_the_user_has_set_is_kept(
    given: dict[str, str], private: bool, wanted: tuple[str, str]
) -> None:
    chosen = domain.choose(given, private)
    assert (chosen[domain.DOMAIN], chosen[domain.RANGE]) == wanted
    assert domain.line(chosen) == f'ROS domain {wanted[0]}, discovery {wanted[1]}'


@pytest.mark.parametrize(
    ('name', 'value', 'said'),
    [
        (domain.DOMAIN, 'robot', 'ROS_DOMAIN_ID is "robot"; set a whole number from 0 to 232'),
        (domain.DOMAIN, '-1', 'a whole number'),
        (domain.DOMAIN, '233', 'a whole number'),
        (domain.DOMAIN, '1.5', 'a whole number'),
        (domain.RANGE, 'LOCALHOTS', 'did you mean "LOCALHOST"'),
    ],
)
def test_a_graph_that_does_not_exist_is_refused(name: str, value: str, said: str) -> None:
    line = [sys.executable, '-m', 'imitation_ros', 'safety']
    done = subprocess.run(
        line, env=os.environ | {name: value}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith('error: ') and said in done.stderr
    assert done.stderr.count('\n') == 1


@pytest.mark.parametrize(
    ('environment', 'wanted'),
    [
        ({}, 'ROS domain 0, discovery SUBNET'),
        ({'ROS_LOCALHOST_ONLY': '1'}, 'ROS domain 0, discovery LOCALHOST'),
        (
            {'ROS_DISTRO': 'humble', 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'},
            'ROS domain 0, discovery SUBNET',
        ),
    ],
)
def test_a_node_started_alone_says_what_ros_gives_it(
    environment: dict[str, str], wanted: str
) -> None:
    assert domain.line(environment) == wanted
    assert domain.line(environment, 12) == wanted.replace('0', '12')


@pytest.mark.parametrize('words', VERBS.values(), ids=VERBS)
@pytest.mark.parametrize(
    ('given', 'wanted'),
    [
        (UNSET, ('0', 'LOCALHOST')),
        (
            {'ROS_DOMAIN_ID': '42', 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'SUBNET'},
            ('42', 'SUBNET'),
        ),
    ],
    ids=['nothing set', 'set by the user'],
)
def test_every_verb_gives_its_nodes_the_graph_that_it_prints(
    words: tuple[str, ...],
    given: dict[str, str],
    wanted: tuple[str, str],
    tmp_path: Path,
    contract: Contract,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Processes that print their environment take the nodes' place: nothing joins domain 0."""
    pytest.importorskip('rclpy', reason='rclpy is not installed')
    write_hold(tmp_path / 'policy.onnx', contract)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(processes.lifetime, 'on_ending', lambda _: None)
    for name in (domain.DOMAIN, domain.RANGE):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    code = 'import os, sys; print(*map(os.environ.get, sys.argv[2:]), file=open(sys.argv[1], "w"))'

    def stand_in(node: str, parameters: object) -> list[str]:
        target = tmp_path / f'{node}.graph'
        return [sys.executable, '-c', code, str(target), domain.DOMAIN, domain.RANGE]

    monkeypatch.setattr(processes, 'command', stand_in)
    monkeypatch.setattr(processes, 'end', lambda process: process.wait())
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0, done.output
    lines = [line for line in done.output.splitlines() if line.startswith('ROS domain')]
    assert len(lines) == 1
    assert lines[0].startswith(f'ROS domain {wanted[0]}, discovery {wanted[1]} ')
    told = sorted(tmp_path.glob('*.graph'))
    assert len(told) == {'deploy': 2, 'deploy --sim': 4}.get(
        ' '.join(w for w in words if w in ('deploy', '--sim')), 1
    )
    assert all(path.read_text().split() == list(wanted) for path in told)


@pytest.mark.ros
@pytest.mark.slow
@pytest.mark.sim
def test_a_deployment_is_armed_from_the_domain_that_it_prints(
    ros: Any, tmp_path: Path, contract: Contract
) -> None:
    """As by `ros2 service call /safety/arm` in another terminal of the same domain."""
    policy = write_hold(tmp_path / 'policy.onnx', contract)
    with verb(tmp_path / 'log', 'deploy', policy, '--sim', '--task', 'reach') as deploy:
        deploy.said(']: ready', 3)
        graph = domain.line(os.environ)
        assert graph.startswith(f'ROS domain {os.environ["ROS_DOMAIN_ID"]}, discovery ')
        assert deploy.text().startswith(f'{graph} ')
        assert deploy.text().count(graph) == 4  # the verb and three nodes
        arm(ros)
