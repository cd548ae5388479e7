# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""An operator takes over from a policy and gives back: teleop, policy and safety node over DDS."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
import threading
import time
from typing import Any

import numpy as np
from onnx_models import write_hold
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed')

from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, Header
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory
import waiting

from imitation_ros.contract import Contract
from imitation_ros.messages.codec import joint_state, stamp_ns
from imitation_ros.nodes.policy.node import PolicyNode
from imitation_ros.nodes.ros.messages import to_joint_state, to_pose
from imitation_ros.nodes.ros.spin import make_executor, spin
from imitation_ros.nodes.safety.node import SafetyNode
from imitation_ros.nodes.teleop.node import TeleopNode
from imitation_ros.safety.verdict import State

pytestmark = pytest.mark.ros
LIMIT_S = 20.0
until = partial(waiting.until, limit_s=LIMIT_S)
ELBOW = 'right_elbow_joint'
POSE = np.array([0.4, 0.0, 0.1, 0.0, 0.0, 0.0, 1.0])


class Rig:
    """The three nodes, a robot that goes where it is told, and an operator with a leader."""

    def __init__(self, context: Any, contract: Contract, model: Path) -> None:
        self.contract = contract
        self.q = contract.home.copy()
        self.leader = contract.home.copy()
        self.held = False
        self.commands: list[JointState] = []
        self.proposals: list[JointTrajectory] = []
        self.drivers: list[Header] = []
        overrides = [Parameter('model', value=str(model))]
        self.policy = PolicyNode(context, parameter_overrides=overrides)
        self.teleop, self.safety = TeleopNode(context), SafetyNode(context)
        self.node = Node('rig', context=context)
        create, listen = self.node.create_publisher, self.node.create_subscription
        self._state = create(JointState, '/joint_states', 100)
        self._pose = create(type(to_pose(0, '', POSE)), '/object_pose', 10)
        self._leader = create(JointState, '/leader/joint_states', 10)
        self._deadman = create(Bool, '/leader/deadman', 10)
        listen(JointState, '/safety/command', self._follow, 1000)
        listen(JointTrajectory, '/proposal', self.proposals.append, 1000)
        listen(Header, '/driver', self.drivers.append, 1000)
        self.arm = self.node.create_client(Trigger, '/safety/arm')
        self.node.create_timer(0.01, self._publish)
        self.executor = make_executor(context)
        for node in (self.policy, self.teleop, self.safety, self.node):
            self.executor.add_node(node)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=spin, args=(self.executor, self._stop, context))
        self._thread.start()

    def _follow(self, message: JointState) -> None:
        self.commands.append(message)
        self.q = joint_state(self.contract, message)[1]

    def _publish(self) -> None:
        now, names = self.node.get_clock().now().nanoseconds, self.contract.joints
        self._state.publish(to_joint_state(now, names, self.q, np.zeros(len(self.q))))
        self._pose.publish(to_pose(now, 'base', POSE))
        self._deadman.publish(Bool(data=self.held))
        self._leader.publish(to_joint_state(now, names, self.leader))

    def begin(self) -> None:
        self.policy.start()
        until(lambda: self.safety.supervisor.measured is not None, 'a measured state')
        assert self.arm.wait_for_service(LIMIT_S)
        assert self.arm.call(Trigger.Request()).success
        until(lambda: self.safety.supervisor.state is State.ACTIVE, 'the policy moves the robot')

    def driver(self, name: str) -> None:
        """Wait until somebody drives."""
        self.drivers.clear()
        until(lambda: self.drivers and self.drivers[-1].frame_id == name, f'{name} drives')

    def of_policy(self) -> list[JointTrajectory]:
        """Proposals of the policy: chunks for one arm."""
        arm = self.contract.group('right_arm').joints
        return [p for p in self.proposals if tuple(p.joint_names) == arm]

    def close(self) -> None:
        self._stop.set()
        self._thread.join(10)
        for node in (self.policy, self.teleop, self.safety):
            node.close()
            node.destroy_node()
        self.executor.shutdown(timeout_sec=1.0)
        self.node.destroy_node()


@pytest.fixture
def rig(ros: Any, contract: Contract, tmp_path: Path) -> Iterator[Rig]:
    made = Rig(ros, contract, write_hold(tmp_path / 'policy.onnx', contract, execute=2))
    yield made
    made.close()


def check_motion(commands: list[JointState], contract: Contract) -> None:
    """No command is further from the one before than the limits allow in the time between."""
    times = np.array([stamp_ns(m.header.stamp) for m in commands]) / 1e9
    q, v = (np.array([getattr(m, name) for m in commands]) for name in ('position', 'velocity'))
    dt = np.maximum(np.diff(times), 1.0 / contract.rates.command_hz)[:, None]
    limits = contract.limits
    assert (np.abs(np.diff(q, axis=0)) <= limits.velocity * dt + 1e-6).all()
    assert (np.abs(np.diff(v, axis=0)) <= limits.acceleration * dt + 1e-3).all()


def test_taking_over_and_giving_back(rig: Rig, contract: Contract) -> None:
    elbow = contract.index(ELBOW)
    rig.begin()
    rig.driver('policy')
    # Not where the robot is, but near enough: the gate lets the gap fade.
    rig.leader[elbow] += 0.15
    rig.held = True
    rig.driver('operator')
    for _ in range(5):
        time.sleep(0.1)  # whatever the policy had sent before has arrived
        rig.drivers.clear()
        rig.proposals.clear()
        for _ in range(30):
            rig.leader[elbow] += 0.002
            time.sleep(0.02)
        if {header.frame_id for header in rig.drivers} == {'operator'}:
            break
        rig.driver('operator')  # a machine that stood still: the dead-man was silent
    else:
        pytest.fail('no half second in which the operator drove without a break')
    assert len(rig.proposals) > 10
    assert not rig.of_policy()
    moved = rig.leader[elbow] - contract.home[elbow]
    until(lambda: abs(rig.q[elbow] - rig.leader[elbow]) < 0.02, 'the robot follows')
    assert rig.policy._account(rig.policy._loop.stats())['takeovers'] >= 1

    rig.held = False
    rig.driver('policy')
    rig.proposals.clear()
    until(lambda: len(rig.of_policy()) >= 3, 'the policy goes on')
    # This policy holds what it measures: from where the operator left the robot.
    first = rig.of_policy()[0]
    asked = np.array(first.points[0].positions)[list(first.joint_names).index(ELBOW)]
    assert abs(asked - contract.home[elbow] - moved) < 0.03
    until(lambda: rig.safety.supervisor.state is State.ACTIVE, 'the robot follows the policy')
    check_motion(rig.commands, contract)


def test_a_lost_operator_stops_the_robot(rig: Rig, contract: Contract) -> None:
    rig.begin()
    rig.held = True
    rig.driver('operator')
    rig.executor.remove_node(rig.teleop)  # it hangs, with the dead-man held
    rig.driver('nobody')
    rig.proposals.clear()
    rig.drivers.clear()
    until(lambda: rig.safety.supervisor.state is State.HOLD, 'the robot holds')
    until(lambda: len(rig.drivers) > 30, 'a second of nobody')
    assert not rig.proposals
    assert {header.frame_id for header in rig.drivers} == {'nobody'}
    # It comes back, and says that nobody holds the dead-man.
    rig.held = False
    rig.executor.add_node(rig.teleop)
    rig.driver('policy')
    until(lambda: rig.safety.supervisor.state is State.ACTIVE, 'the policy goes on')
    check_motion(rig.commands, contract)


def test_a_takeover_in_vain_stops_the_policy_too(rig: Rig, contract: Contract) -> None:
    """The leader is too far off: the operator wants the robot to stop, and it does."""
    rig.begin()
    rig.leader[contract.index(ELBOW)] += 0.5
    rig.held = True
    rig.driver('nobody')
    until(lambda: rig.safety.supervisor.state is State.HOLD, 'the robot holds')
    rig.held = False
    rig.driver('policy')
    check_motion(rig.commands, contract)


def test_every_change_of_the_driver_is_told_to_the_supervisor(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(
        rig.safety.supervisor, 'hand_over', lambda: told.append(rig.safety._driver)
    )
    rig.begin()
    rig.driver('policy')
    assert told == []
    rig.held = True
    rig.driver('operator')
    rig.held = False
    rig.driver('policy')
    until(lambda: told[:2] == ['policy', 'operator'], 'both changes are told')
