# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The policy node over DDS: it proposes, refuses, recovers and stops."""

from collections.abc import Callable, Iterator
import json
import os
from pathlib import Path
import re
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import numpy as np
from onnx_models import head_camera, write_hold
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed')

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.node import Node
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CompressedImage, JointState
from trajectory_msgs.msg import JointTrajectory

from imitation_ros.contract import Contract
from imitation_ros.errors import MismatchError
from imitation_ros.nodes.policy.node import PolicyNode
from imitation_ros.nodes.ros.messages import (
    to_compressed,
    to_joint_state,
    to_pose,
    to_proposal,
    to_time,
)
from imitation_ros.nodes.ros.spin import make_executor, spin
from imitation_ros.nodes.scripts.clients import Clients, RefusedError

pytestmark = pytest.mark.ros
MS = 1_000_000
STEP = 40 * MS
SUCCESS = TransitionCallbackReturn.SUCCESS
FAILURE = TransitionCallbackReturn.FAILURE
POSE = np.array([0.4, 0.0, 0.1, 0.0, 0.0, 0.0, 1.0])


def eventually(holds: Callable[[], object], what: str, limit_s: float = 15.0) -> None:
    deadline = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < deadline, f'{what} did not happen in {limit_s:.0f} s'
        time.sleep(0.01)


class Rig:
    """A robot made of publishers, beside the policy node, on one executor in a thread."""

    def __init__(self, context: Any, contract: Contract) -> None:
        self.contract = contract
        self.context = context
        self.q = contract.home.copy()
        self.names = list(contract.joints)
        self.states = self.poses = self.images = True
        self.sim_ns = 0
        self.proposals: list[JointTrajectory] = []
        self.health: list[DiagnosticArray] = []
        self.node = Node('robot', context=context)
        create = self.node.create_publisher
        self.clock = create(Clock, '/clock', 1)
        self._state = create(JointState, '/joint_states', 100)
        self._pose = create(type(to_pose(0, '', POSE)), '/object_pose', 10)
        self._image = create(CompressedImage, contract.camera('head_camera').topic, 5)
        self.node.create_subscription(JointTrajectory, '/proposal', self.proposals.append, 10)
        self.node.create_subscription(DiagnosticArray, '/diagnostics', self.health.append, 10)
        self.node.create_timer(0.01, self.feed)
        self._executor = make_executor(context)
        self._executor.add_node(self.node)
        self._stop = threading.Event()
        self.policies: list[PolicyNode] = []
        self._thread = threading.Thread(target=spin, args=(self._executor, self._stop, context))
        self._thread.start()

    def feed(self) -> None:
        now = self.sim_ns or self.node.get_clock().now().nanoseconds
        if self.states:
            self._state.publish(to_joint_state(now, self.names, self.q, np.zeros(len(self.q))))
        if self.poses:
            self._pose.publish(to_pose(now, 'base', POSE))
        if self.images:
            pixels = np.full((96, 128, 3), 100, dtype=np.uint8)
            self._image.publish(to_compressed(now, 'head_camera', pixels))

    def policy(self, model: Path, **parameters: Any) -> PolicyNode:
        values = {'model': str(model), **parameters}
        overrides = [Parameter(name, value=value) for name, value in values.items()]
        policy = PolicyNode(self.context, parameter_overrides=overrides)
        self._executor.add_node(policy)
        self.policies.append(policy)
        return policy

    def close(self) -> None:
        self._stop.set()
        self._thread.join(10)
        for policy in self.policies:
            policy.close()
            policy.destroy_node()
        self._executor.shutdown(timeout_sec=1.0)
        self.node.destroy_node()

    @property
    def level(self) -> bytes:
        """Level of the policy node's health, as last published; empty before."""
        return self.health[-1].status[0].level if self.health else b''

    def values(self) -> dict[str, str]:
        """Health of the policy node, as last published."""
        for array in reversed(self.health):
            if array.status[0].name == 'policy':
                return {value.key: value.value for value in array.status[0].values}
        return {}


@pytest.fixture
def rig(ros: Any, contract: Contract) -> Iterator[Rig]:
    made = Rig(ros, contract)
    yield made
    made.close()


@pytest.fixture
def hold(tmp_path: Path, contract: Contract) -> Path:
    """A policy that proposes to stay where the arm is."""
    return write_hold(tmp_path / 'policy.onnx', contract, execute=2)


def test_proposals_hold_the_arm_where_it_was_measured(rig: Rig, hold: Path) -> None:
    policy = rig.policy(hold)
    assert policy.trigger_configure() == SUCCESS
    assert policy.trigger_activate() == SUCCESS
    eventually(lambda: len(rig.proposals) >= 6, 'six proposals')
    assert policy.trigger_deactivate() == SUCCESS
    proposals = [to_proposal(message) for message in rig.proposals]
    arm = rig.contract.group('right_arm').joints
    home = rig.contract.home[[rig.contract.index(joint) for joint in arm]]
    for proposal in proposals:
        assert proposal.joints == arm
        assert len(proposal.times_ns) == 8
        assert set(np.diff(proposal.times_ns)) == {STEP}
        # The tick lies one step before the first point; nothing newer was seen, nothing stale.
        assert 0 <= proposal.times_ns[0] - STEP - proposal.stamp_ns <= 60 * MS
        np.testing.assert_allclose(proposal.positions, np.tile(home, (8, 1)), atol=1e-6)
    # Ticks are on one grid; two steps are executed per inference, more only on a busy machine.
    gaps = np.diff([proposal.times_ns[0] for proposal in proposals])
    assert (gaps % STEP == 0).all()
    assert (gaps >= 2 * STEP).all()
    assert (gaps == 2 * STEP).any()


def test_nothing_is_proposed_before_activate_or_after_deactivate(rig: Rig, hold: Path) -> None:
    policy = rig.policy(hold)
    policy.trigger_configure()
    assert policy.state == 'inactive'
    eventually(lambda: rig.values().get('state') == 'inactive', 'health')
    assert rig.proposals == []
    policy.trigger_activate()
    eventually(lambda: rig.proposals, 'a proposal')
    policy.trigger_deactivate()
    time.sleep(0.1)
    count = len(rig.proposals)
    health = len(rig.health)
    eventually(lambda: len(rig.health) > health, 'health')
    assert len(rig.proposals) == count
    assert policy.trigger_cleanup() == SUCCESS
    assert policy.state == 'unconfigured'
    # And all over again.
    assert policy.trigger_configure() == SUCCESS
    assert policy.trigger_activate() == SUCCESS
    eventually(lambda: len(rig.proposals) > count, 'a proposal of the second life')


def test_nan_in_a_joint_state_stops_the_proposals_and_not_the_node(rig: Rig, hold: Path) -> None:
    policy = rig.policy(hold)
    policy.trigger_configure()
    policy.trigger_activate()
    eventually(lambda: rig.proposals, 'a proposal')
    rig.q[3] = np.nan
    eventually(lambda: 'joint_states' in rig.values().get('bad_messages', ''), 'bad messages')
    eventually(lambda: rig.level == b'\x01', 'a warning')
    assert 'joint_states: last sample' in rig.health[-1].status[0].message
    assert all(to_proposal(message).finite for message in rig.proposals)
    count = len(rig.proposals)
    rig.q[3] = 0.0
    eventually(lambda: len(rig.proposals) > count, 'a proposal after the NaN')


def test_a_state_with_the_wrong_names_is_refused(rig: Rig, hold: Path) -> None:
    rig.names[-1] = 'left_tentacle_joint'
    policy = rig.policy(hold)
    policy.trigger_configure()
    policy.trigger_activate()
    eventually(lambda: 'joint_states' in rig.values().get('bad_messages', ''), 'bad messages')
    assert rig.proposals == []


def test_a_camera_that_never_publishes_is_named(
    rig: Rig, tmp_path: Path, contract: Contract
) -> None:
    rig.images = False
    policy = rig.policy(write_hold(tmp_path / 'p.onnx', contract, cameras=(head_camera(),)))
    policy.trigger_configure()
    policy.trigger_activate()
    eventually(
        lambda: rig.health and 'head_camera: nothing' in rig.health[-1].status[0].message, 'why'
    )
    assert rig.proposals == []
    rig.images = True
    eventually(lambda: rig.proposals, 'a proposal with the camera')


def test_health_holds_the_latencies(rig: Rig, hold: Path) -> None:
    policy = rig.policy(hold)
    policy.trigger_configure()
    policy.trigger_activate()
    eventually(lambda: float(rig.values().get('proposals_hz', 0)) > 1, 'a rate')
    values = rig.values()
    assert values['state'] == 'active'
    assert values['method'] == 'bc'
    assert int(values['proposals']) > 0
    for key in ('inference_p50_ms', 'inference_p99_ms', 'observation_age_max_ms'):
        assert float(values[key]) > 0
    assert float(values['inference_p50_ms']) <= float(values['inference_max_ms'])
    assert int(values['deadline_misses']) >= 0


def test_a_policy_for_another_robot_is_refused(
    rig: Rig, tmp_path: Path, contract: Contract, hold: Path
) -> None:
    text = contract.text.replace('right_elbow_joint', 'left_claw_joint')
    text = text.replace('policy_hz: 25.0', 'policy_hz: 10.0')
    (tmp_path / 'robot.urdf').write_text(
        contract.urdf_text.replace('right_elbow_joint', 'left_claw_joint')
    )
    other = tmp_path / 'other.yaml'
    other.write_text(re.sub(r'urdf: .*', 'urdf: robot.urdf', text, count=1))
    policy = rig.policy(hold, contract=str(other))
    assert policy.trigger_configure() == FAILURE
    assert isinstance(policy.refusal, MismatchError)
    assert len(policy.refusal.differences) == 2
    assert policy.state == 'unconfigured'
    eventually(lambda: rig.level == b'\x02', 'an error')
    for words in ('right_elbow_joint', 'policy rate was 25 Hz'):
        assert words in rig.health[-1].status[0].message
    assert policy.trigger_activate() != SUCCESS


def test_a_worker_that_dies_is_noticed(rig: Rig, hold: Path) -> None:
    policy = rig.policy(hold)
    policy.trigger_configure()

    def broken(now_ns: int) -> None:
        raise ZeroDivisionError(now_ns)

    policy._loop.step = broken
    policy.trigger_activate()
    eventually(lambda: policy.state == 'inactive', 'the deactivation')
    eventually(lambda: rig.level == b'\x02', 'an error')


def test_simulated_time(rig: Rig, hold: Path) -> None:
    policy = rig.policy(hold, use_sim_time=True)
    policy.trigger_configure()
    policy.trigger_activate()

    def advance(begin: int, end: int, want: int) -> None:
        """Simulate until `want` proposals more have come, at twice real time."""
        count = len(rig.proposals)
        rig.sim_ns = begin
        deadline = time.monotonic() + 15
        while len(rig.proposals) < count + want:
            assert time.monotonic() < deadline, 'no proposals in simulated time'
            assert rig.sim_ns < end
            rig.sim_ns += 10 * MS
            rig.feed()
            rig.clock.publish(Clock(clock=to_time(rig.sim_ns)))
            time.sleep(0.005)

    advance(100_000 * MS, 130_000 * MS, 4)
    stamps = [to_proposal(message).stamp_ns for message in rig.proposals]
    assert all(100_000 * MS < stamp <= rig.sim_ns for stamp in stamps)
    # Paused: time stands still, and so does the policy.
    time.sleep(0.1)
    count = len(rig.proposals)
    health = len(rig.health)
    eventually(lambda: len(rig.health) > health, 'health while paused')
    assert len(rig.proposals) == count
    # The simulation starts again from an earlier time.
    advance(10_000 * MS, 40_000 * MS, 2)
    last = to_proposal(rig.proposals[-1])
    assert 10_000 * MS < last.stamp_ns <= rig.sim_ns


class Process:
    """The node as a process of its own."""

    def __init__(self, log: Path, *parameters: str) -> None:
        self.log = log
        command = [sys.executable, '-m', 'imitation_ros.nodes.policy', '--ros-args']
        for parameter in parameters:
            command += ['-p', parameter]
        with log.open('wb') as file:
            self.popen = subprocess.Popen(
                command,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=os.environ | {'PYTHONUNBUFFERED': '1'},
            )

    def text(self) -> str:
        return self.log.read_text(errors='replace')

    def wait_ready(self) -> None:
        eventually(lambda: ': ready' in self.text() or self.popen.poll() is not None, 'ready', 40)
        assert self.popen.poll() is None, self.text()


def mapped(pid: str) -> set[Path]:
    """Shared-memory segments of Fast DDS that a process maps."""
    try:
        lines = Path(f'/proc/{pid}/maps').read_text().splitlines()
    except OSError:
        return set()
    return {Path(line.split()[-1]) for line in lines if '/dev/shm/fastdds' in line}


def kill(process: Process) -> None:
    """SIGKILL a node; remember the segments it leaves."""
    left_behind.update(mapped(str(process.popen.pid)))
    process.popen.kill()
    process.popen.wait(10)


left_behind: set[Path] = set()


@pytest.fixture(scope='module', autouse=True)
def sweep() -> Iterator[None]:
    """Remove what killed nodes left in shared memory, once no other process maps it."""
    yield
    for other in Path('/proc').glob('[0-9]*'):
        if other.name != str(os.getpid()):
            left_behind.difference_update(mapped(other.name))
    for segment in left_behind:
        segment.unlink(missing_ok=True)
        Path(f'{segment}_el').unlink(missing_ok=True)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    started: list[Process] = []

    def make(*parameters: str) -> Process:
        started.append(Process(tmp_path / f'{len(started)}.log', *parameters))
        return started[-1]

    yield make
    for process in started:
        if process.popen.poll() is None:
            kill(process)


@pytest.mark.slow
def test_the_life_of_the_process(rig: Rig, hold: Path, start: Callable[..., Process]) -> None:
    process = start(f'model:={hold}')
    process.wait_ready()

    clients = Clients(Node('operator', context=rig.context))
    try:
        with pytest.raises(RefusedError):
            clients.change_state('/policy', 'activate')
        clients.change_state('/policy', 'configure')
        clients.change_state('/policy', 'activate')
        assert clients.lifecycle_state('/policy') == 'active'
    finally:
        clients.close()
    eventually(lambda: len(rig.proposals) >= 3, 'three proposals')
    # A terminal and a launch file both send an interrupt.
    process.popen.send_signal(signal.SIGINT)
    process.popen.send_signal(signal.SIGINT)
    assert process.popen.wait(15) == 0, process.text()
    (line,) = re.findall(r'summary (\{.*\})', process.text())
    summary = json.loads(line)
    assert summary['proposals'] >= 3
    assert summary['inference_count'] == summary['proposals']
    assert summary['inference_p50_ms'] > 0


@pytest.mark.slow
def test_a_process_that_must_not_start(
    tmp_path: Path, contract: Contract, hold: Path, start: Callable[..., Process]
) -> None:
    text = contract.text.replace('policy_hz: 25.0', 'policy_hz: 50.0')
    text = text.replace('name: object,', 'name: cube,')
    (tmp_path / 'other.yaml').write_text(text)
    wrong = start(f'model:={hold}', f'contract:={tmp_path / "other.yaml"}', 'autostart:=true')
    typo = start(f'model:={hold}', 'autostrat:=true')
    nothing = start('autostart:=true')
    for process, words in (
        (wrong, ('does not fit', 'policy rate was 25 Hz', 'pose "object"')),
        (typo, ('"autostrat" is not a parameter of policy; did you mean "autostart"?',)),
        (nothing, ('policy needs the parameter "model"',)),
    ):
        assert process.popen.wait(40) == 1, process.text()
        for word in words:
            assert word in process.text()


@pytest.mark.slow
def test_a_killed_policy_leaves_nothing_behind(
    rig: Rig, hold: Path, start: Callable[..., Process]
) -> None:
    first = start(f'model:={hold}', 'autostart:=true')
    first.wait_ready()
    eventually(lambda: rig.proposals, 'a proposal of the first process')
    kill(first)
    assert first.popen.returncode == -signal.SIGKILL
    rig.proposals.clear()
    # The next one takes over.
    second = start(f'model:={hold}', 'autostart:=true')
    second.wait_ready()
    eventually(lambda: rig.proposals, 'a proposal of the second process')
    second.popen.send_signal(signal.SIGTERM)
    assert second.popen.wait(15) == 0, second.text()
