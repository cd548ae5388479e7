# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Calls between nodes, and the scripted operator with the whole loop around it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
import json
import os
from pathlib import Path
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed')

from rclpy.lifecycle import LifecycleNode, TransitionCallbackReturn
from rclpy.node import Node
from std_msgs.msg import Bool
from std_srvs.srv import Trigger

from imitation_ros.cli.processes import NODES
from imitation_ros.contract import Contract, load
from imitation_ros.errors import NotReadyError
from imitation_ros.nodes.ros.messages import to_joint_state
from imitation_ros.nodes.ros.spin import make_executor, spin
from imitation_ros.nodes.scripts.clients import Clients, RefusedError
from imitation_ros.nodes.scripts.episode_harness import Stage

pytestmark = pytest.mark.ros


class Picky(LifecycleNode):
    """A lifecycle node that configures, and refuses to activate."""

    def on_configure(self, state: Any) -> TransitionCallbackReturn:
        return TransitionCallbackReturn.SUCCESS

    def on_activate(self, state: Any) -> TransitionCallbackReturn:
        return TransitionCallbackReturn.FAILURE


@pytest.fixture
def serve(ros: Any) -> Iterator[Callable[[Node], Node]]:
    """Runs nodes in a thread of their own."""
    executor, stop = make_executor(ros), threading.Event()
    thread = threading.Thread(target=spin, args=(executor, stop, ros))
    thread.start()
    nodes: list[Node] = []

    def add(node: Node) -> Node:
        executor.add_node(node)
        nodes.append(node)
        return node

    yield add
    stop.set()
    thread.join()
    executor.shutdown()
    for node in nodes:
        node.destroy_node()


@pytest.fixture
def clients(ros: Any) -> Iterator[Clients]:
    node = Node('caller', context=ros)
    made = Clients(node)
    yield made
    made.close()
    node.destroy_node()


def answer(success: bool, text: str) -> Callable[..., Trigger.Response]:
    def handle(_: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success, response.message = success, text
        return response

    return handle


def test_trigger_gives_the_message_or_says_who_refused(
    ros: Any, serve: Callable[[Node], Node], clients: Clients
) -> None:
    server = Node('server', context=ros)
    server.create_service(Trigger, '/yes', answer(True, 'done'))
    server.create_service(Trigger, '/no', answer(False, 'moving'))
    serve(server)
    assert clients.call_trigger('/yes', 10.0) == 'done'
    with pytest.raises(RefusedError, match='/no refused: moving'):
        clients.call_trigger('/no', 10.0)


def test_insisting_waits_for_a_yes_and_ends_with_the_no(
    ros: Any, serve: Callable[[Node], Node], clients: Clients
) -> None:
    answers = [False, False, True]

    def handle(_: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success, response.message = answers.pop(0), 'not yet'
        return response

    server = Node('server', context=ros)
    server.create_service(Trigger, '/later', handle)
    server.create_service(Trigger, '/never', answer(False, 'no publisher'))
    serve(server)
    assert clients.insist('/later', 10.0) == 'not yet'
    assert answers == []
    with pytest.raises(RefusedError, match='/never refused: no publisher'):
        clients.insist('/never', 0.5)


def test_what_is_missing_is_named(clients: Clients) -> None:
    with pytest.raises(NotReadyError, match=r'service /nobody/arm: not within 0\.2 s'):
        clients.call_trigger('/nobody/arm', 0.2)
    with pytest.raises(NotReadyError, match='service /nobody/set_parameters'):
        clients.set_parameter('/nobody', 'seed', 1, 0.2)
    with pytest.raises(NotReadyError, match='service /nobody/change_state'):
        clients.change_state('/nobody', 'activate', 0.2)
    with pytest.raises(NotReadyError, match='a publisher of /nothing'):
        clients.wait_for_topic('/nothing', 0.2)
    with pytest.raises(NotReadyError, match='a subscriber of /nothing'):
        clients.wait_for_reader('/nothing', 0.2)
    with pytest.raises(ValueError, match='did you mean "activate"'):
        clients.change_state('/nobody', 'activat')


def test_topics_are_found(ros: Any, serve: Callable[[Node], Node], clients: Clients) -> None:
    server = Node('server', context=ros)
    server.create_publisher(Bool, '/said', 1)
    server.create_subscription(Bool, '/heard', lambda _: None, 1)
    serve(server)
    clients.wait_for_topic('/said')
    clients.wait_for_reader('/heard')


def test_parameter_of_another_node(
    ros: Any, serve: Callable[[Node], Node], clients: Clients
) -> None:
    server = Node('server', context=ros)
    server.declare_parameter('seed', 0)
    serve(server)
    clients.set_parameter('/server', 'seed', 7, 10.0)
    assert server.get_parameter('seed').value == 7
    with pytest.raises(RefusedError, match='/server refused'):
        clients.set_parameter('/server', 'sed', 7, 10.0)


def test_lifecycle_of_another_node(
    ros: Any, serve: Callable[[Node], Node], clients: Clients
) -> None:
    serve(Picky('picky', context=ros))
    assert clients.lifecycle_state('/picky') == 'unconfigured'
    clients.change_state('/picky', 'configure')
    assert clients.lifecycle_state('/picky') == 'inactive'
    with pytest.raises(RefusedError, match='/picky refused to activate'):
        clients.change_state('/picky', 'activate')


def test_success_left_over_from_the_scene_before_does_not_count(
    ros: Any, contract: Contract, clients: Clients
) -> None:
    stage = Stage(clients.node, contract, clients)
    stage._on_success(Bool(data=True))
    assert not stage.success
    stage._on_success(Bool(data=False))
    stage._on_success(Bool(data=True))
    assert stage.success


def test_an_e_stop_is_left_to_a_person(
    ros: Any, serve: Callable[[Node], Node], contract: Contract, clients: Clients
) -> None:
    server = Node('server', context=ros)
    server.create_service(Trigger, '/safety/disarm', answer(True, ''))
    serve(server)
    stage = Stage(clients.node, contract, clients)
    stage.state = 'ESTOP'
    with pytest.raises(NotReadyError, match='the e-stop is latched'):
        stage.disarm()


def test_silent_robot_ends_the_episode(contract: Contract, clients: Clients) -> None:
    stage = Stage(clients.node, contract, clients)
    stage._on_state(to_joint_state(1, contract.joints, contract.home, 0 * contract.home))
    stage.check()
    stage._heard_s['/joint_states'] -= 10.0
    with pytest.raises(NotReadyError, match='nothing received on /joint_states for 10'):
        stage.check()


def command(name: str, **parameters: Any) -> list[str]:
    given = [part for key, value in parameters.items() for part in ('-p', f'{key}:={value}')]
    return [sys.executable, '-m', NODES[name], '--ros-args', *given]


def environment() -> dict[str, str]:
    return {**os.environ, 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}


def operate(limit_s: float, **parameters: Any) -> subprocess.CompletedProcess[str]:
    """Run the operator to its end."""
    return subprocess.run(
        command('operator', **parameters),
        env=environment(),
        capture_output=True,
        text=True,
        timeout=limit_s,
        check=False,
    )


def test_operator_alone_says_what_it_misses() -> None:
    done = operate(60.0, task='reach', episodes=1, timeout_s=0.5)
    assert done.returncode == 1
    assert 'a subscriber of /leader/joint_states: not within 0.5 s' in done.stderr
    assert 'Traceback' not in done.stderr


@pytest.mark.parametrize(
    ('parameters', 'message'),
    [
        ({'task': 'reech'}, 'did you mean "reach"'),
        ({'episodes': 0}, 'episodes 0 >= 1'),
        ({'noise': -0.1}, 'noise -0.1'),
    ],
)
def test_operator_refuses_wrong_parameters(parameters: dict[str, Any], message: str) -> None:
    done = operate(60.0, **parameters)
    assert done.returncode == 1 and message in done.stderr


@contextmanager
def running(folder: Path, **commands: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Run nodes, each in a process of its own, and stop them as Ctrl-C does.

    Yields their processes by name; afterwards the dictionary holds their exit codes instead.
    """
    nodes: dict[str, Any] = {}
    try:
        for name, line in commands.items():
            with (folder / f'{name}.log').open('w') as log:
                nodes[name] = subprocess.Popen(line, env=environment(), stdout=log, stderr=log)
        yield nodes
    finally:
        for process in nodes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
        for name, process in nodes.items():
            try:
                nodes[name] = process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                nodes[name] = process.wait()


def logs(folder: Path, *done: subprocess.CompletedProcess[str]) -> str:
    """Everything that was said, for the message of a failed assertion."""
    said = [f'{process.stdout}\n{process.stderr}' for process in done]
    said += [f'--- {path.name}\n{path.read_text()}' for path in sorted(folder.glob('*.log'))]
    return '\n'.join(said)


@pytest.mark.slow
@pytest.mark.sim
def test_whole_loop_records_good_episodes(tmp_path: Path) -> None:
    bags = tmp_path / 'bags'
    with running(
        tmp_path,
        sim=command('sim', task='reach'),
        safety=command('safety', contract='imi_humanoid'),
        teleop=command('teleop'),
        recorder=command('recorder', contract='imi_humanoid', output=bags, keys='false'),
    ) as nodes:
        done = operate(200.0, task='reach', episodes=2, seed=3, max_attempts=6, timeout_s=60.0)
    assert done.returncode == 0, logs(tmp_path, done)
    assert set(nodes.values()) == {0}, logs(tmp_path)
    lines = [line for line in done.stdout.splitlines() if line.startswith('episode ')]
    assert lines[-1].startswith('episode 2/2')
    assert all('  success  ' in line for line in lines), done.stdout
    # A machine that is busy with something else delays commands, which costs speed and nothing
    # else; test_teleop_loop.py shows that without delays there is no intervention at all.
    late = {'velocity', 'acceleration', 'proposal_timeout', 'state_stale', 'rejected_stale', '0'}
    for line in lines:
        rules = line.split('  interventions ')[1].split(', ')
        assert {rule.split()[0] for rule in rules} <= late, line
    from imitation_ros.bags.reader import Bag

    folders = sorted(path for path in bags.iterdir() if path.is_dir())
    assert len(folders) == len(lines)
    verdicts = []
    for folder in folders:
        with Bag(folder) as bag:
            assert bag.meta.task == 'reach' and bag.meta.outcome == 'success'
            assert bag.counts['/proposal'] and bag.counts['/safety/command']
            verdicts.append(bag.meta.verdict)
    assert sum(verdict in ('ok', 'warn') for verdict in verdicts) == 2, verdicts


@pytest.mark.slow
@pytest.mark.sim
def test_operator_keeps_what_was_recorded_when_the_sim_is_killed(tmp_path: Path) -> None:
    bags = tmp_path / 'bags'
    with running(
        tmp_path,
        sim=command('sim', task='pick_place', renderer='ray'),
        safety=command('safety', contract='imi_humanoid'),
        teleop=command('teleop'),
        recorder=command('recorder', contract='imi_humanoid', output=bags, keys='false'),
    ) as nodes:
        operator = subprocess.Popen(
            command('operator', task='pick_place', episodes=1, timeout_s=60.0),
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            deadline = time.monotonic() + 90.0
            while not list(bags.glob('*.recording/*.mcap')):
                assert operator.poll() is None, operator.communicate()
                assert time.monotonic() < deadline, logs(tmp_path)
                time.sleep(0.05)
            time.sleep(1.0)
            nodes['sim'].kill()
            out, err = operator.communicate(timeout=60)
        finally:
            operator.kill()
    assert operator.returncode == 1, out + err
    assert 'nothing received on /joint_states' in err and 'Traceback' not in err
    assert nodes == {'sim': -signal.SIGKILL, 'safety': 0, 'teleop': 0, 'recorder': 0}
    from imitation_ros.bags.reader import Bag

    (folder,) = bags.iterdir()
    with Bag(folder) as bag:
        assert bag.meta is not None and bag.meta.outcome == 'failure'
        assert bag.counts['/joint_states'] > 100


@pytest.mark.slow
@pytest.mark.sim
def test_trials_of_a_policy_that_does_nothing_all_fail(tmp_path: Path) -> None:
    from onnx_models import write_hold

    model = write_hold(tmp_path / 'policy.onnx', load('imi_humanoid'))
    output = tmp_path / 'results' / 'trials.json'
    line = command(
        'trials', task='reach', trials=2, seed=50, time_limit_s=0.5, output=output, timeout_s=60.0
    )
    with running(
        tmp_path,
        sim=command('sim', task='reach', renderer='none'),
        safety=command('safety', contract='imi_humanoid'),
        policy=command('policy', model=model),
    ) as nodes:
        done = subprocess.run(
            line, env=environment(), capture_output=True, text=True, timeout=150, check=False
        )
    assert done.returncode == 0, logs(tmp_path, done)
    assert set(nodes.values()) == {0}, logs(tmp_path)
    results = json.loads(output.read_text())
    assert results['successes'] == 0
    assert [trial['seed'] for trial in results['trials']] == [50, 51]
    assert all(not trial['success'] for trial in results['trials'])
    assert list(output.parent.iterdir()) == [output]
