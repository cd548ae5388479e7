# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The teleop node over DDS: leader to proposal, dead-man, refusals; gamepad; terminal."""

from collections.abc import Callable, Iterator
import os
import pty
import signal
import subprocess
import sys
import termios
import threading
import time
from typing import Any

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed')

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState, Joy
from std_msgs.msg import Bool, String
from trajectory_msgs.msg import JointTrajectory

from imitation_ros.contract import Contract
from imitation_ros.errors import ImitationError, NotReadyError
from imitation_ros.nodes.ros.messages import to_joint_state, to_proposal
from imitation_ros.nodes.ros.qos import LATCHED
from imitation_ros.nodes.ros.spin import make_executor, spin
from imitation_ros.nodes.ros.terminal import Terminal
from imitation_ros.nodes.teleop.node import TeleopNode

pytestmark = pytest.mark.ros
LIMIT_S = 10.0


class Rig:
    """A teleop node, and a robot and an operator that talk to it."""

    def __init__(self, context: Any, contract: Contract, **parameters: Any) -> None:
        self.contract = contract
        overrides = [Parameter(name, value=value) for name, value in parameters.items()]
        self.teleop = TeleopNode(context, parameter_overrides=overrides)
        self.node = Node('rig', context=context)
        create = self.node.create_publisher
        self.robot = create(JointState, '/joint_states', 100)
        self.leader = create(JointState, '/leader/joint_states', 10)
        self.deadman = create(Bool, '/leader/deadman', 10)
        self.joy = create(Joy, '/joy', 10)
        self.safety = create(String, '/safety/state', LATCHED)
        self.proposals: list[JointTrajectory] = []
        self.diagnostics: list[DiagnosticArray] = []
        listen = self.node.create_subscription
        listen(JointTrajectory, '/proposal', self.proposals.append, 10)
        listen(DiagnosticArray, '/diagnostics', self.diagnostics.append, 10)
        self.executor = make_executor(context)
        self.executor.add_node(self.teleop)
        self.executor.add_node(self.node)
        self.stop = threading.Event()
        self.thread = threading.Thread(target=spin, args=(self.executor, self.stop, context))
        self.thread.start()
        self.stamp = self.now()

    def close(self) -> None:
        self.stop.set()
        self.thread.join()
        self.executor.shutdown()
        self.teleop.close()
        self.teleop.destroy_node()
        self.node.destroy_node()

    def now(self) -> int:
        return int(self.node.get_clock().now().nanoseconds)

    def until(self, holds: Callable[[], bool], act: Callable[[], None], what: str) -> None:
        """Repeat an action at 50 Hz until something holds."""
        deadline = time.monotonic() + LIMIT_S
        while not holds():
            assert time.monotonic() < deadline, f'{what} did not happen in {LIMIT_S} s'
            act()
            time.sleep(0.02)

    def send(
        self,
        held: bool = True,
        q: np.ndarray | None = None,
        joints: tuple[str, ...] | None = None,
    ) -> None:
        """One round of messages of robot and leader."""
        joints = joints or self.contract.joints
        q = self.contract.home if q is None else q
        self.robot.publish(to_joint_state(self.now(), self.contract.joints, self.contract.home))
        self.deadman.publish(Bool(data=held))
        self.leader.publish(to_joint_state(self.now(), joints, q))

    def silent(self, act: Callable[[], None], rounds: int = 25) -> None:
        """Check that an action, repeated, leads to no proposal."""
        for _ in range(10):
            act()
            time.sleep(0.02)
        self.proposals.clear()
        for _ in range(rounds):
            act()
            time.sleep(0.02)
        assert not self.proposals

    @property
    def reason(self) -> str:
        """What the node says of itself in /diagnostics."""
        told = [s for array in self.diagnostics for s in array.status if s.name == 'teleop']
        return told[-1].message if told else ''


@pytest.fixture
def make_rig(ros: Any, contract: Contract) -> Iterator[Callable[..., Rig]]:
    rigs: list[Rig] = []

    def make(**parameters: Any) -> Rig:
        rigs.append(Rig(ros, contract, **parameters))
        return rigs[-1]

    yield make
    for rig in rigs:
        rig.close()


def test_leader_becomes_proposal_with_its_stamp(
    make_rig: Callable[..., Rig], contract: Contract
) -> None:
    rig = make_rig(rate_hz=50.0)
    target = contract.home.copy()
    target[contract.index('left_elbow_joint')] += 0.1
    stamps = []

    def act() -> None:
        stamps.append(rig.now())
        rig.robot.publish(to_joint_state(rig.now(), contract.joints, contract.home))
        rig.deadman.publish(Bool(data=True))
        rig.leader.publish(to_joint_state(stamps[-1], contract.joints, target))

    def arrived() -> bool:
        return bool(rig.proposals) and np.allclose(
            rig.proposals[-1].points[-1].positions, target, atol=1e-9
        )

    rig.until(arrived, act, 'a proposal at the leader')
    proposal = to_proposal(rig.proposals[-1])
    assert proposal.joints == contract.joints
    assert proposal.stamp_ns in stamps
    assert proposal.stamp_ns <= proposal.times_ns[0]
    assert 0 < proposal.times_ns[-1] - proposal.stamp_ns < 500_000_000
    # It did not jump there: the first proposal was where the robot is.
    first = to_proposal(rig.proposals[0])
    np.testing.assert_allclose(first.positions[0], contract.home, atol=0.01)


def test_release_and_silence_of_the_deadman_stop_proposals(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig()
    rig.until(lambda: bool(rig.proposals), rig.send, 'a proposal')
    rig.silent(lambda: rig.send(held=False))
    rig.until(lambda: bool(rig.proposals), rig.send, 'a proposal after pressing again')

    def without_deadman() -> None:
        now = rig.now()
        rig.robot.publish(to_joint_state(now, rig.contract.joints, rig.contract.home))
        rig.leader.publish(to_joint_state(now, rig.contract.joints, rig.contract.home))

    rig.silent(without_deadman)


def test_nan_and_wrong_names_are_refused(make_rig: Callable[..., Rig], contract: Contract) -> None:
    rig = make_rig()
    rig.until(lambda: bool(rig.proposals), rig.send, 'a proposal')
    bad = contract.home.copy()
    bad[contract.index('left_elbow_joint')] = np.nan
    rig.silent(lambda: rig.send(q=bad))
    rig.until(
        lambda: 'leader joint "left_elbow_joint" is nan' in rig.reason,
        lambda: rig.send(q=bad),
        'the reason',
    )
    names = ('left_elbow', *contract.joints[1:])
    rig.silent(lambda: rig.send(joints=names))
    rig.until(lambda: bool(rig.proposals), rig.send, 'a proposal after good messages')


def test_far_leader_is_refused_and_named(make_rig: Callable[..., Rig], contract: Contract) -> None:
    rig = make_rig()
    far = contract.home.copy()
    far[contract.index('left_elbow_joint')] += contract.safety.first_move + 0.1
    rig.silent(lambda: rig.send(q=far))
    rig.until(
        lambda: '"left_elbow_joint" is 0.450 from the robot' in rig.reason,
        lambda: rig.send(q=far),
        'the refusal',
    )


def test_disarming_needs_a_new_check_of_the_leader(
    make_rig: Callable[..., Rig], contract: Contract
) -> None:
    rig = make_rig()
    rig.safety.publish(String(data='ACTIVE'))
    rig.until(lambda: bool(rig.proposals), rig.send, 'a proposal')
    far = contract.home.copy()
    far[contract.index('left_elbow_joint')] += 0.3
    rig.until(
        lambda: abs(rig.proposals[-1].points[-1].positions[8] - far[8]) < 1e-6,
        lambda: rig.send(q=far),
        'the leader being followed',
    )
    far[contract.index('left_elbow_joint')] += 0.3
    rig.until(
        lambda: 'from the robot' in rig.reason,
        lambda: (rig.safety.publish(String(data='DISARMED')), rig.send(q=far))[1],
        'the refusal after disarming',
    )


def test_without_joint_states_nothing_is_proposed(
    make_rig: Callable[..., Rig], contract: Contract
) -> None:
    rig = make_rig()

    def act() -> None:
        rig.deadman.publish(Bool(data=True))
        rig.leader.publish(to_joint_state(rig.now(), contract.joints, contract.home))

    rig.silent(act)
    rig.until(lambda: rig.reason == 'nothing received on /joint_states', act, 'the reason')


def test_gamepad_lifts_the_hand(make_rig: Callable[..., Rig], contract: Contract) -> None:
    rig = make_rig(source='joy')
    q = contract.home.copy()

    def act(held: bool = True) -> None:
        if rig.proposals:
            last = rig.proposals[-1]
            q[[contract.index(name) for name in last.joint_names]] = last.points[-1].positions
        rig.robot.publish(to_joint_state(rig.now(), contract.joints, q))
        buttons = [0] * 11
        buttons[4] = int(held)
        rig.joy.publish(Joy(axes=[0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0], buttons=buttons))

    from imitation_ros.kinematics.model import RobotModel

    model = RobotModel(contract)
    start = model.placement(contract.home, 'left_tool_link').translation[2]
    rig.until(
        lambda: model.placement(q, 'left_tool_link').translation[2] > start + 0.03,
        act,
        'the lift',
    )
    assert tuple(rig.proposals[-1].joint_names) == contract.group('left_arm').joints
    rig.silent(lambda: act(held=False))


@pytest.mark.parametrize(
    ('parameters', 'message'),
    [
        ({'source': 'leeder'}, 'did you mean "leader"'),
        ({'rate_hz': 0.0}, 'rate_hz'),
        ({'ratehz': 50.0}, 'did you mean "rate_hz"'),
        ({'leader_map': '/none.yaml'}, 'cannot read the leader map'),
    ],
)
def test_wrong_parameters_are_refused(ros: Any, parameters: dict[str, Any], message: str) -> None:
    overrides = [Parameter(name, value=value) for name, value in parameters.items()]
    with pytest.raises(ImitationError, match=message):
        TeleopNode(ros, parameter_overrides=overrides)


def test_terminal_reads_single_keys_and_is_given_back() -> None:
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    terminal = Terminal(slave)
    try:
        assert terminal.read() == ''
        os.write(master, b'wq')
        deadline = time.monotonic() + LIMIT_S
        typed = ''
        while typed != 'wq' and time.monotonic() < deadline:
            typed += terminal.read()
        assert typed == 'wq'
    finally:
        terminal.close()
    assert termios.tcgetattr(slave) == before
    os.close(master)
    os.close(slave)
    read, write = os.pipe()
    with pytest.raises(NotReadyError, match='need a terminal'):
        Terminal(read)
    os.close(read)
    os.close(write)


def test_keys_of_a_terminal_move_the_hand(ros: Any, contract: Contract) -> None:
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    process = subprocess.Popen(
        [
            sys.executable,
            '-m',
            'imitation_ros.nodes.teleop',
            '--ros-args',
            '-p',
            'source:=keyboard',
        ],
        stdin=slave,
        env={**os.environ, 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    node = Node('rig', context=ros)
    robot = node.create_publisher(JointState, '/joint_states', 100)
    proposals: list[JointTrajectory] = []
    node.create_subscription(JointTrajectory, '/proposal', proposals.append, 10)
    executor, stop = make_executor(ros), threading.Event()
    executor.add_node(node)
    thread = threading.Thread(target=spin, args=(executor, stop, ros))
    thread.start()
    try:
        deadline = time.monotonic() + 30.0
        while not proposals and time.monotonic() < deadline:
            now = int(node.get_clock().now().nanoseconds)
            robot.publish(to_joint_state(now, contract.joints, contract.home))
            os.write(master, b'r')
            time.sleep(0.03)
        assert proposals
        assert tuple(proposals[-1].joint_names) == contract.group('left_arm').joints
    finally:
        process.send_signal(signal.SIGINT)
        code = process.wait(20)
        stop.set()
        thread.join()
        executor.shutdown()
        node.destroy_node()
    assert code == 0
    assert termios.tcgetattr(slave) == before
    os.close(master)
    os.close(slave)
