# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The safety node as a shadow over DDS: it says everything and commands nothing."""

from collections.abc import Iterator
from pathlib import Path
import threading
import time
from typing import Any

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed')

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray, String
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory
from waiting import LIMIT_S, until

from imitation_ros.contract import Contract
from imitation_ros.data.proposal import Proposal
from imitation_ros.nodes.ros.messages import to_joint_state, to_trajectory
from imitation_ros.nodes.ros.parameters import ParameterError
from imitation_ros.nodes.ros.qos import LATCHED
from imitation_ros.nodes.ros.spin import make_executor, spin
from imitation_ros.nodes.safety.node import SafetyNode

pytestmark = pytest.mark.ros
MS = 1_000_000
ELBOW = 'left_elbow_joint'


class Rig:
    """A robot that somebody else moves, a policy that proposes, and a shadow that watches both."""

    def __init__(self, context: Any, contract: Contract) -> None:
        self.contract, self.elbow = contract, contract.index(ELBOW)
        self.shadow = SafetyNode(
            context,
            parameter_overrides=[Parameter('shadow', value=True)],
            cli_args=['--ros-args', '-r', '__node:=safety_shadow'],
        )
        self.node = Node('rig', context=context)
        create, listen = self.node.create_publisher, self.node.create_subscription
        self.robot_pub = create(JointState, '/joint_states', 100)
        self.proposal_pub = create(JointTrajectory, '/proposal', 10)
        self.commands: list[JointState] = []
        self.arm: list[JointTrajectory] = []
        self.verdicts: list[DiagnosticArray] = []
        self.diagnostics: list[DiagnosticArray] = []
        self.states: list[str] = []
        self.commanded: list[Any] = []
        listen(JointState, '/shadow/safety/command', self.commands.append, 100)
        listen(DiagnosticArray, '/shadow/safety/verdict', self.verdicts.append, 100)
        listen(DiagnosticArray, '/diagnostics', self.diagnostics.append, 10)
        listen(String, '/shadow/safety/state', lambda m: self.states.append(m.data), LATCHED)
        left_arm = contract.group('left_arm').output.topic
        listen(JointTrajectory, f'/shadow{left_arm}', self.arm.append, 100)
        # Where a robot would listen.
        self.robot_topics = [contract.topics.command, '/safety/state', contract.topics.verdict]
        listen(JointState, contract.topics.command, self.commanded.append, 100)
        for group in contract.groups:
            kind = JointTrajectory
            if group.output.type == 'std_msgs/msg/Float64MultiArray':
                kind = Float64MultiArray
            listen(kind, group.output.topic, self.commanded.append, 100)
            self.robot_topics.append(group.output.topic)
        self.clients = {
            name: self.node.create_client(Trigger, f'/shadow/safety/{name}')
            for name in ('arm', 'estop_now', 'reset')
        }
        self.q = contract.home.copy()
        self.speed = 0.0
        self.goal: np.ndarray | None = None
        self.executor = make_executor(context)
        self.executor.add_node(self.shadow)
        self.executor.add_node(self.node)
        self.stop = threading.Event()
        self.threads = [
            threading.Thread(target=spin, args=(self.executor, self.stop, context)),
            threading.Thread(target=self._world),
        ]
        for thread in self.threads:
            thread.start()
        for client in self.clients.values():
            assert client.wait_for_service(LIMIT_S)
        until(lambda: self.shadow.supervisor.measured is not None, 'a measured state')
        until(lambda: self.states, 'a state')

    def close(self) -> None:
        self.shadow.close()
        self.stop.set()
        for thread in self.threads:
            thread.join()
        self.executor.shutdown()
        self.shadow.destroy_node()
        self.node.destroy_node()

    def _world(self) -> None:
        """The robot at 100 Hz, moved by somebody else; the policy at 50 Hz."""
        tick = 0
        while not self.stop.is_set():
            tick += 1
            now = int(self.node.get_clock().now().nanoseconds)
            v = np.zeros(self.contract.n)
            v[self.elbow] = self.speed
            self.q = self.q + 0.01 * v
            self.robot_pub.publish(to_joint_state(now, self.contract.joints, self.q, v))
            if self.goal is not None and tick % 2 == 0:
                chunk = Proposal(now, self.contract.joints, (now + 60 * MS,), self.goal[None])
                self.proposal_pub.publish(to_trajectory(chunk))
            time.sleep(0.01)

    def call(self, name: str) -> tuple[bool, str]:
        future = self.clients[name].call_async(Trigger.Request())
        until(future.done, f'an answer of {name}')
        return future.result().success, future.result().message

    def rules(self) -> set[str]:
        return {status.name for message in list(self.verdicts) for status in message.status}

    def commands_nothing(self) -> bool:
        publishers = [self.node.get_publishers_info_by_topic(t) for t in self.robot_topics]
        return not self.commanded and not any(publishers)


@pytest.fixture
def rig(ros: Any, contract: Contract) -> Iterator[Rig]:
    rig = Rig(ros, contract)
    yield rig
    rig.close()


def test_a_shadow_says_what_it_would_do_and_commands_nothing(rig: Rig, contract: Contract) -> None:
    rig.goal = contract.home.copy()
    rig.goal[rig.elbow] += 0.1
    assert rig.call('arm')[0]
    until(lambda: rig.states[-1] == 'ACTIVE', 'ACTIVE')
    home = contract.home[rig.elbow]
    until(lambda: abs(rig.commands[-1].position[rig.elbow] - home - 0.1) < 1e-3, 'arriving')
    # What would go to the controller, with its brake tail, and what would be held back.
    assert list(rig.arm[-1].joint_names) == list(contract.group('left_arm').joints)
    rig.goal[rig.elbow] += 1.4
    until(lambda: 'velocity' in rig.rules(), 'a verdict')
    until(lambda: rig.diagnostics, 'diagnostics')
    (status,) = rig.diagnostics[-1].status
    assert status.name == 'safety_shadow'
    assert {pair.key: pair.value for pair in status.values}['shadow'] == 'True'
    assert rig.call('estop_now')[0]
    until(lambda: rig.states[-1] == 'ESTOP', 'ESTOP')
    rig.shadow.close()
    # The robot stood still all the time, and nobody told it anything.
    assert rig.commands_nothing()
    assert np.array_equal(rig.q, contract.home)
    names = {info.node_name for info in rig.node.get_publishers_info_by_topic('/diagnostics')}
    assert names == {'safety_shadow'}


def test_a_shadow_follows_a_robot_that_another_moves(rig: Rig, contract: Contract) -> None:
    rig.speed = 0.3
    until(lambda: rig.q[rig.elbow] > contract.home[rig.elbow] + 0.05, 'moving')
    # A shadow may start while the robot moves: it does not touch it.
    assert rig.call('arm')[0]
    until(lambda: 'rebased' in rig.rules(), 'starting anew')
    until(lambda: rig.q[rig.elbow] > contract.home[rig.elbow] + 0.8, 'moving on')
    rig.speed = 0.0
    until(lambda: abs(rig.commands[-1].position[rig.elbow] - rig.q[rig.elbow]) < 0.25, 'following')
    # It is never lost: it would be as ready as ever to judge the next proposal.
    rig.goal = rig.q.copy()
    until(lambda: rig.states[-1] == 'ACTIVE', 'ACTIVE')
    assert 'FAULT' not in rig.states
    assert rig.rules().isdisjoint({'tracking_lost'})
    assert rig.commands_nothing()


def test_a_shadow_and_the_node_that_moves_the_robot_share_a_machine(
    rig: Rig, ros: Any, contract: Contract
) -> None:
    mover = SafetyNode(ros)
    rig.executor.add_node(mover)
    client = rig.node.create_client(Trigger, '/safety/arm')
    try:
        assert client.wait_for_service(LIMIT_S)
        assert rig.call('arm')[0]
        until(lambda: rig.commands, 'a command of the shadow')
        assert not rig.commanded  # arming the shadow arms nobody else
        until(lambda: mover.supervisor.measured is not None, 'a measured state')
        future = client.call_async(Trigger.Request())
        until(future.done, 'arming')
        assert future.result().success
        until(lambda: rig.commanded, 'a command of the mover')
        for topic in rig.robot_topics:
            names = {info.node_name for info in rig.node.get_publishers_info_by_topic(topic)}
            assert names == {'safety'}, topic
    finally:
        mover.close()
        rig.executor.remove_node(mover)
        mover.destroy_node()


def test_a_shadow_keeps_no_black_box(ros: Any, tmp_path: Path) -> None:
    overrides = [
        Parameter('shadow', value=True),
        Parameter('blackbox', value=str(tmp_path / 'boxes')),
    ]
    with pytest.raises(ParameterError, match='a shadow keeps no black box'):
        SafetyNode(ros, parameter_overrides=overrides)
