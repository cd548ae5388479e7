# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The safety node over DDS: it arms, follows, refuses, latches, brakes and says so."""

from collections.abc import Iterator
from itertools import pairwise
import json
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
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, Float64MultiArray, String
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint
from waiting import LIMIT_S, until

from imitation_ros.bags.reader import Bag
from imitation_ros.contract import Contract
from imitation_ros.data.proposal import Proposal
from imitation_ros.errors import BagError
from imitation_ros.messages.codec import stamp_ns
from imitation_ros.nodes.ros.messages import to_joint_state, to_time, to_trajectory
from imitation_ros.nodes.ros.parameters import ParameterError
from imitation_ros.nodes.ros.qos import LATCHED
from imitation_ros.nodes.ros.spin import make_executor, spin
from imitation_ros.nodes.safety import blackbox as _blackbox
from imitation_ros.nodes.safety import estop as _estop
from imitation_ros.nodes.safety import node as _safety
from imitation_ros.nodes.safety.node import SafetyNode

pytestmark = pytest.mark.ros
MS = 1_000_000
ELBOW = 'left_elbow_joint'


class Rig:
    """The safety node, and a robot and a policy that talk to it from threads of their own."""

    def __init__(
        self, context: Any, contract: Contract, sim_time: bool = False, blackbox: str = ''
    ) -> None:
        self.contract = contract
        self.elbow = contract.index(ELBOW)
        overrides = [
            Parameter('use_sim_time', value=sim_time),
            Parameter('blackbox', value=blackbox),
        ]
        self.safety = SafetyNode(context, parameter_overrides=overrides)
        self.node = Node('rig', context=context)
        create, listen = self.node.create_publisher, self.node.create_subscription
        self.robot_pub = create(JointState, '/joint_states', 100)
        self.proposal_pub = create(JointTrajectory, '/proposal', 10)
        self.estop_pub = create(Bool, '/safety/estop', 10)
        self.clock_pub = create(Clock, '/clock', 10) if sim_time else None
        self.commands: list[JointState] = []
        self.verdicts: list[DiagnosticArray] = []
        self.diagnostics: list[DiagnosticArray] = []
        self.states: list[str] = []
        self.arm_points: list[JointTrajectory] = []
        self.leg_points: list[Float64MultiArray] = []
        listen(JointState, '/safety/command', self.commands.append, 100)
        listen(DiagnosticArray, '/safety/verdict', self.verdicts.append, 100)
        listen(DiagnosticArray, '/diagnostics', self.diagnostics.append, 10)
        listen(String, '/safety/state', lambda m: self.states.append(m.data), LATCHED)
        for group, kind, sink in (
            ('left_arm', JointTrajectory, self.arm_points),
            ('legs', Float64MultiArray, self.leg_points),
        ):
            listen(kind, contract.group(group).output.topic, sink.append, 100)
        names = ('arm', 'disarm', 'estop_now', 'reset')
        self.clients = {
            name: self.node.create_client(Trigger, f'/safety/{name}') for name in names
        }
        self.sim_ns = 5_000_000_000
        self.simulated = sim_time
        self.robot_alive = self.policy_alive = self.clock_alive = True
        self.goal: np.ndarray | None = None
        self.lead_ns = 0
        self.names = contract.joints
        self.executor = make_executor(context)
        self.executor.add_node(self.safety)
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
        matched = (self.robot_pub, self.proposal_pub, self.estop_pub)
        until(lambda: all(pub.get_subscription_count() for pub in matched), 'matching')
        until(lambda: self.states, 'a state')
        supervisor = self.safety.supervisor
        until(lambda: supervisor.measured is not None, 'a measured state')

    def close(self) -> None:
        self.safety.close()
        self.stop.set()
        for thread in self.threads:
            thread.join()
        self.executor.shutdown()
        self.safety.destroy_node()
        self.node.destroy_node()

    def now(self) -> int:
        return self.sim_ns if self.simulated else int(self.node.get_clock().now().nanoseconds)

    def _world(self) -> None:
        """A robot that is always where it was told to be, at 100 Hz, and a policy at 50 Hz."""
        tick = 0
        while not self.stop.is_set():
            tick += 1
            if self.clock_pub is not None and self.clock_alive:
                self.sim_ns += 10 * MS
                self.clock_pub.publish(Clock(clock=to_time(self.sim_ns)))
            if self.robot_alive:
                q = np.array(self.commands[-1].position) if self.commands else self.contract.home
                self.robot_pub.publish(to_joint_state(self.now(), self.contract.joints, q))
            if self.policy_alive and self.goal is not None and tick % 2 == 0:
                now = self.now()
                self.proposal_pub.publish(
                    to_trajectory(
                        Proposal(now + self.lead_ns, self.names, (now + 60 * MS,), self.goal[None])
                    )
                )
            time.sleep(0.01)

    def call(self, name: str) -> tuple[bool, str]:
        future = self.clients[name].call_async(Trigger.Request())
        until(future.done, f'an answer of /safety/{name}')
        answer = future.result()
        return answer.success, answer.message

    def arm(self) -> None:
        assert self.call('arm') == (True, 'armed at the measured pose')
        until(lambda: self.commands, 'a command')

    def propose(self, offset: float) -> None:
        self.goal = self.contract.home.copy()
        self.goal[self.elbow] += offset

    def rules(self) -> set[str]:
        return {status.name for message in list(self.verdicts) for status in message.status}

    def at_rest(self) -> bool:
        return bool(self.commands) and not any(self.commands[-1].velocity)


@pytest.fixture
def rig(ros: Any, contract: Contract) -> Iterator[Rig]:
    rig = Rig(ros, contract)
    yield rig
    rig.close()


def test_follows_a_proposal_after_arming_and_not_before(rig: Rig, contract: Contract) -> None:
    rig.propose(0.2)
    time.sleep(0.3)
    assert not rig.commands and not rig.arm_points and not rig.leg_points
    assert rig.states == ['DISARMED']
    rig.arm()
    home = contract.home[rig.elbow]
    until(lambda: abs(rig.commands[-1].position[rig.elbow] - home - 0.2) < 1e-3, 'arriving')
    assert rig.states[-1] == 'ACTIVE'
    assert list(rig.commands[-1].name) == list(contract.joints)
    assert rig.commands[0].position[rig.elbow] == pytest.approx(home, abs=1e-3)
    stamps = [stamp_ns(message.header.stamp) for message in rig.commands]
    assert stamps == sorted(set(stamps))
    # Each group in its controller's order: a point two periods ahead, or a bare array.
    group = contract.group('left_arm')
    message = rig.arm_points[-1]
    assert list(message.joint_names) == list(group.joints)
    assert stamp_ns(message.header.stamp) == 0
    point = message.points[0]
    assert stamp_ns(point.time_from_start) == round(2e9 / contract.rates.command_hz)
    assert point.positions[group.joints.index(ELBOW)] == pytest.approx(home + 0.2, abs=1e-2)
    assert len(rig.leg_points[-1].data) == len(contract.group('legs').joints)


def test_refuses_bad_proposals_and_says_so(rig: Rig, contract: Contract) -> None:
    rig.arm()
    rig.propose(0.0)
    until(lambda: rig.states[-1] == 'ACTIVE', 'ACTIVE')
    good = rig.goal
    rig.goal = contract.home.copy()
    rig.goal[rig.elbow] = np.nan
    until(lambda: 'rejected_non_finite' in rig.rules(), 'refusing NaN')
    rig.goal, rig.names = good, ('left_elbow', *contract.joints[1:])
    until(lambda: 'rejected_names' in rig.rules(), 'refusing a wrong name')
    rig.names, rig.lead_ns = contract.joints, 1000 * MS
    until(lambda: 'rejected_future' in rig.rules(), 'refusing a stamp from the future')
    rig.lead_ns, rig.policy_alive = 0, False
    for broken in (
        JointTrajectory(joint_names=list(contract.joints)),
        JointTrajectory(
            joint_names=list(contract.joints),
            points=[JointTrajectoryPoint(positions=[0.0, 1.0])],
        ),
    ):
        rig.proposal_pub.publish(broken)
    until(lambda: 'rejected_malformed' in rig.rules(), 'refusing a broken message')
    values = {
        status.name: {pair.key: pair.value for pair in status.values}
        for message in rig.verdicts
        for status in message.status
    }
    assert values['rejected_non_finite']['joint'] == ELBOW
    assert values['rejected_non_finite']['asked'] == 'nan'
    assert int(values['rejected_non_finite']['count']) >= 1
    assert np.isfinite([message.position for message in rig.commands]).all()


def test_a_huge_proposal_leaves_every_command_finite(rig: Rig, contract: Contract) -> None:
    rig.arm()
    rig.propose(0.3)
    until(lambda: not rig.at_rest(), 'moving')
    rig.policy_alive = False
    for value in (1e304, -1e304, 1.7976931348623157e308, 1e155, 5e-324, -0.0):
        huge = np.full(contract.n, value)
        now = rig.now()
        for times in ((now + 60 * MS,), (now + 1, now + 2, now + 2**62)):
            message = to_trajectory(Proposal(now, contract.joints, times[:1], huge[None]))
            for point in message.points:
                point.velocities = point.accelerations = [value] * contract.n
            for k, time_ns in enumerate(times[1:]):
                seconds = min((time_ns - now) // 10**9, 2**31 - 1)
                point = JointTrajectoryPoint(positions=huge.tolist(), velocities=huge.tolist())
                point.time_from_start.sec, point.time_from_start.nanosec = seconds, k + 2
                message.points.append(point)
            rig.proposal_pub.publish(message)
        rig.robot_pub.publish(to_joint_state(rig.now(), contract.joints, huge, huge))
    until(lambda: 'rejected_out_of_range' in rig.rules(), 'refusing it')
    until(lambda: 'rejected_state' in rig.rules(), 'refusing the state')
    rig.estop_pub.publish(Bool(data=True))
    until(lambda: rig.states[-1] == 'ESTOP', 'ESTOP')
    until(rig.at_rest, 'braking')
    rig.estop_pub.publish(Bool(data=False))
    until(lambda: rig.call('reset')[0], 'the reset')
    until(lambda: rig.states[-1] == 'DISARMED', 'DISARMED')
    assert 'internal_error' not in rig.rules()
    sent = np.array([message.position for message in rig.commands])
    assert np.isfinite(sent).all()
    assert (sent >= contract.limits.lower).all() and (sent <= contract.limits.upper).all()
    assert np.isfinite([message.data for message in rig.leg_points]).all()
    assert all(
        np.isfinite(point.positions).all()
        for message in rig.arm_points
        for point in message.points
    )


@pytest.mark.parametrize('where', ['step', 'output', 'pacer', 'proposal'])
def test_a_failing_command_thread_brakes_and_answers(
    rig: Rig, contract: Contract, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    rig.arm()
    rig.propose(0.3)
    until(lambda: not rig.at_rest(), 'moving')
    safety = rig.safety

    def broken(*_: object) -> None:
        raise ZeroDivisionError('made to fail')

    if where == 'step':
        monkeypatch.setattr(safety.supervisor.player, 'target', broken)
    elif where == 'output':
        safety._outputs[0] = broken
    elif where == 'pacer':
        monkeypatch.setattr(safety._pacer, '_steady', broken)
        # The generator that runs is left by a tick that fails.
        monkeypatch.setattr(safety._pacer._alarm, 'pause', broken)
    else:
        monkeypatch.setattr(_safety, 'to_proposal', broken)
    until(lambda: 'FAULT' in rig.states, 'FAULT')
    until(rig.at_rest, 'braking')
    until(lambda: 'internal_error' in rig.rules(), 'reporting it')
    count = len(rig.commands)
    until(lambda: len(rig.commands) > count + 5, 'holding')
    rig.policy_alive = False
    assert rig.call('estop_now') == (True, 'the e-stop is latched')
    until(lambda: rig.states[-1] == 'ESTOP', 'ESTOP')
    assert rig.call('disarm')[0]
    rig.estop_pub.publish(Bool(data=True))
    until(lambda: 'still pressed' in rig.call('reset')[1], 'pressing')
    rig.estop_pub.publish(Bool(data=False))
    until(lambda: rig.call('reset')[0], 'the reset')
    sent = np.array([message.velocity for message in rig.commands])
    slowing = np.abs(np.diff(sent, axis=0))
    assert (slowing <= contract.limits.acceleration / contract.rates.command_hz + 1e-6).all()


def test_a_jump_is_refused_and_a_lag_is_reported(rig: Rig, contract: Contract) -> None:
    rig.arm()
    rig.propose(0.6)
    until(lambda: 'rejected_first_move' in rig.rules(), 'refusing the jump')
    assert rig.at_rest()
    rig.propose(0.1)
    until(lambda: rig.states[-1] == 'ACTIVE', 'ACTIVE')
    rig.propose(1.5)
    until(lambda: 'velocity' in rig.rules(), 'reporting the lag')
    # Ten messages a second at most, however many interventions there are.
    stamps = [stamp_ns(message.header.stamp) for message in rig.verdicts]
    assert all(b - a >= 90 * MS for a, b in pairwise(stamps))
    v = np.array([message.velocity for message in rig.commands])
    assert (np.abs(v) <= contract.limits.velocity * (1 + 1e-9)).all()


def test_the_estop_topic_latches(rig: Rig) -> None:
    rig.arm()
    rig.propose(0.3)
    until(lambda: not rig.at_rest(), 'moving')
    rig.estop_pub.publish(Bool(data=True))
    until(lambda: rig.states[-1] == 'ESTOP', 'ESTOP')
    until(rig.at_rest, 'braking')
    count = len(rig.commands)
    until(lambda: len(rig.commands) > count + 5, 'holding')
    assert rig.call('arm') == (False, 'ESTOP is latched; reset it first')
    assert rig.call('reset') == (False, 'the e-stop is still pressed by "/rig"')
    rig.estop_pub.publish(Bool(data=False))
    until(lambda: rig.call('reset')[0], 'the reset')
    until(lambda: rig.states[-1] == 'DISARMED', 'DISARMED')
    until(lambda: 'estop' in rig.rules(), 'reporting it')
    rig.arm()
    until(lambda: rig.states[-1] == 'ACTIVE', 'ACTIVE')


def test_one_estop_publisher_never_releases_another(rig: Rig, ros: Any) -> None:
    pendant = Node('pendant', namespace='/wall', context=ros)
    try:
        button = pendant.create_publisher(Bool, '/safety/estop', LATCHED)
        # Both subscriptions of the node hear a latched publisher.
        until(lambda: button.get_subscription_count() == 2, 'matching')
        rig.arm()
        button.publish(Bool(data=True))
        until(lambda: rig.states[-1] == 'ESTOP', 'ESTOP')
        until(rig.at_rest, 'braking')
        pressed = (False, 'the e-stop is still pressed by "/wall/pendant"')
        for _ in range(20):
            rig.estop_pub.publish(Bool(data=False))
            assert rig.call('reset') == pressed
        rig.estop_pub.publish(Bool(data=True))
        both = (False, 'the e-stop is still pressed by "/rig" and "/wall/pendant"')
        until(lambda: rig.call('reset') == both, 'both pressing')
        button.publish(Bool(data=False))
        alone = (False, 'the e-stop is still pressed by "/rig"')
        until(lambda: rig.call('reset') == alone, 'one pressing')
        rig.estop_pub.publish(Bool(data=False))
        until(lambda: rig.call('reset') == (True, 'reset; arm to move'), 'the reset')
    finally:
        pendant.destroy_node()


def test_a_stop_outlives_its_publisher_until_it_is_gone_and_reset(rig: Rig, ros: Any) -> None:
    pendant = Node('pendant', context=ros)
    button = pendant.create_publisher(Bool, '/safety/estop', 10)
    until(lambda: button.get_subscription_count() == 1, 'matching')
    button.publish(Bool(data=True))
    until(lambda: rig.states[-1] == 'ESTOP', 'ESTOP')
    assert rig.call('reset') == (False, 'the e-stop is still pressed by "/pendant"')
    pendant.destroy_node()
    rig.estop_pub.publish(Bool(data=False))
    answers: list[tuple[bool, str]] = []

    def reset() -> bool:
        answers.append(rig.call('reset'))
        return answers[-1][0]

    until(reset, 'the reset')
    assert any('left the graph less than' in text for _, text in answers[:-1])
    assert answers[-1][1] == (
        'reset; arm to move (the e-stop was pressed by "/pendant" until it left the graph)'
    )


def test_without_gids_a_false_releases_nothing_while_there_are_two(
    rig: Rig, ros: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_estop, 'publisher_gid', lambda info: b'')
    pendant = Node('pendant', context=ros)
    try:
        button = pendant.create_publisher(Bool, '/safety/estop', 10)
        until(lambda: button.get_subscription_count() == 1, 'matching')
        button.publish(Bool(data=True))
        until(lambda: rig.states[-1] == 'ESTOP', 'ESTOP')
        for _ in range(20):
            rig.estop_pub.publish(Bool(data=False))
            assert not rig.call('reset')[0]
    finally:
        pendant.destroy_node()
    # Alone, it speaks for everybody.
    until(lambda: rig.safety.count_publishers('/safety/estop') == 1, 'leaving')

    def reset() -> bool:
        rig.estop_pub.publish(Bool(data=False))
        return rig.call('reset')[0]

    until(reset, 'the reset')


def test_an_estop_pressed_before_the_start_is_heard(ros: Any, contract: Contract) -> None:
    presser = Node('presser', context=ros)
    presser.create_publisher(Bool, '/safety/estop', LATCHED).publish(Bool(data=True))
    rig = Rig(ros, contract)
    try:
        until(lambda: rig.states[-1] == 'ESTOP', 'ESTOP')
        assert rig.call('arm') == (False, 'ESTOP is latched; reset it first')
    finally:
        rig.close()
        presser.destroy_node()


def test_the_estop_service_latches_and_disarm_stops_sending(rig: Rig) -> None:
    rig.arm()
    rig.propose(0.2)
    until(lambda: rig.states[-1] == 'ACTIVE', 'ACTIVE')
    assert rig.call('disarm')[0]
    until(lambda: rig.states[-1] == 'DISARMED', 'DISARMED')
    time.sleep(0.05)
    count = len(rig.commands)
    time.sleep(0.2)
    assert len(rig.commands) == count
    assert rig.call('estop_now')[0]
    assert rig.call('arm') == (False, 'ESTOP is latched; reset it first')
    until(lambda: rig.call('reset')[0], 'the reset')


def test_a_killed_source_ends_in_hold(rig: Rig) -> None:
    rig.arm()
    rig.propose(0.3)
    until(lambda: not rig.at_rest(), 'moving')
    rig.policy_alive = False
    until(lambda: rig.states[-1] == 'HOLD', 'HOLD')
    until(rig.at_rest, 'braking')
    until(lambda: 'proposal_timeout' in rig.rules(), 'reporting it')
    rig.policy_alive = True
    until(lambda: rig.states[-1] == 'ACTIVE', 'ACTIVE')


def test_a_dead_robot_ends_in_hold_and_cannot_be_armed(rig: Rig) -> None:
    rig.arm()
    rig.propose(0.3)
    until(lambda: rig.states[-1] == 'ACTIVE', 'ACTIVE')
    rig.robot_alive = False
    until(lambda: rig.states[-1] == 'HOLD', 'HOLD')
    until(rig.at_rest, 'braking')
    until(lambda: 'state_stale' in rig.rules(), 'reporting it')
    rig.call('disarm')
    until(lambda: rig.states[-1] == 'DISARMED', 'DISARMED')
    armed, why = rig.call('arm')
    assert not armed and 's old' in why


def test_a_nan_state_is_refused(rig: Rig, contract: Contract) -> None:
    bad = contract.home.copy()
    bad[rig.elbow] = np.nan
    rig.robot_pub.publish(to_joint_state(rig.now(), contract.joints, bad))
    rig.robot_pub.publish(to_joint_state(rig.now(), contract.joints[1:], bad[1:]))
    until(
        lambda: (
            sum(
                int({pair.key: pair.value for pair in status.values}['count'])
                for message in list(rig.verdicts)
                for status in message.status
                if status.name == 'rejected_state'
            )
            == 2
        ),
        'refusing both states',
    )
    rig.arm()


def test_diagnostics(rig: Rig) -> None:
    rig.arm()
    rig.propose(0.1)
    until(lambda: rig.states[-1] == 'ACTIVE', 'ACTIVE')
    rig.diagnostics.clear()
    until(lambda: len(rig.diagnostics) >= 2, 'diagnostics')
    (status,) = rig.diagnostics[-1].status
    values = {pair.key: pair.value for pair in status.values}
    assert (status.name, status.message) == ('safety', 'ACTIVE')
    assert float(values['latency_p50_ms']) > 0.0
    assert int(values['latency_count']) > 10
    assert float(values['step_p99_ms']) >= float(values['step_p50_ms']) > 0.0
    assert 'jitter_max_ms' in values


def test_closing_brakes_first_and_writes_a_summary(
    ros: Any, contract: Contract, capfd: pytest.CaptureFixture[str]
) -> None:
    rig = Rig(ros, contract)
    try:
        rig.arm()
        rig.propose(0.3)
        until(lambda: max(np.abs(rig.commands[-1].velocity)) > 0.2, 'moving')
        rig.safety.close()
        until(lambda: not rig.safety._thread.is_alive(), 'the end of the thread')
        summary = json.loads(capfd.readouterr().err.split('summary ')[1].splitlines()[0])
        assert summary['latency_count'] > 0
        assert summary['step_count'] > 10
        time.sleep(0.2)
        v = np.array([message.velocity for message in rig.commands])
        step = contract.limits.acceleration / contract.rates.command_hz
        assert (np.abs(v[-1]) <= step + 1e-9).all()
        assert (np.abs(np.diff(v, axis=0)) <= step * (1 + 1e-6) + 1e-9).all()
    finally:
        rig.close()


def test_watchdogs_work_when_simulated_time_stands_still(ros: Any, contract: Contract) -> None:
    rig = Rig(ros, contract, sim_time=True)
    try:
        rig.arm()
        rig.propose(0.3)
        until(lambda: not rig.at_rest(), 'moving')
        rig.clock_alive = rig.robot_alive = rig.policy_alive = False
        until(lambda: rig.states[-1] == 'HOLD', 'HOLD')
        until(rig.at_rest, 'braking')
        until(lambda: 'state_stale' in rig.rules(), 'reporting it')
    finally:
        rig.close()


def wait_for_bag(folder: Path, count: int) -> Path:
    """The newest of so many finished bags."""

    def bags() -> list[Path]:
        return sorted(path for path in folder.iterdir() if path.suffix != '.recording')

    until(lambda: len(bags()) == count, f'bag {count}')
    return bags()[-1]


def test_a_trip_lands_in_the_black_box(
    ros: Any, contract: Contract, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_blackbox, 'AFTER_NS', 500 * MS)
    folder = tmp_path / 'boxes'
    rig = Rig(ros, contract, blackbox=str(folder))
    try:
        rig.arm()
        rig.propose(0.3)
        until(lambda: rig.states[-1] == 'ACTIVE', 'ACTIVE')
        until(lambda: max(np.abs(rig.commands[-1].velocity)) > 0.2, 'moving')
        rig.estop_pub.publish(Bool(data=True))
        path = wait_for_bag(folder, 1)
        with Bag(path) as bag:
            assert bag.meta.extra['rule'] == 'estop'
            assert bag.meta.extra['why'] == 'e-stop: the e-stop topic says stop'
            assert bag.meta.contract_hash == contract.hash
            messages = list(bag.messages())
            decoded: dict[str, list[Any]] = {}
            for message in messages:
                decoded.setdefault(message.topic, []).append(bag.decode(message))
        rules = {status.name for one in decoded['/safety/verdict'] for status in one.status}
        assert 'estop' in rules
        assert [one.data for one in decoded['/safety/state']] == [
            'DISARMED',
            'HOLD',
            'ACTIVE',
            'ESTOP',
        ]
        assert decoded['/proposal'] and decoded['/joint_states']
        # From before the trip until after the braking; nothing of it is lost.
        trip = int(bag.meta.extra['trip_ns'])
        stamps = [one.log_ns for one in messages if one.topic == '/safety/command']
        assert stamps[0] < trip < stamps[-1]
        assert any(decoded['/safety/command'][0].velocity) is False
        assert any(decoded['/safety/command'][-1].velocity) is False
        assert max(max(np.abs(one.velocity)) for one in decoded['/safety/command']) > 0.1

        def again() -> None:
            rig.estop_pub.publish(Bool(data=False))
            until(lambda: rig.call('reset')[0], 'the reset')
            rig.arm()
            until(lambda: rig.states[-1] == 'ACTIVE', 'ACTIVE')

        # Soon after, a lesser trip is only counted; one that latches is kept.
        again()
        rig.robot_alive = False
        until(lambda: rig.states[-1] == 'HOLD', 'HOLD')
        until(lambda: rig.safety._account()['blackbox_suppressed'] == 1, 'counting it')
        rig.robot_alive = True
        until(lambda: rig.states[-1] == 'ACTIVE', 'ACTIVE')
        time.sleep(_blackbox.SAME_NS / 1e9)
        assert rig.call('estop_now')[0]
        with Bag(wait_for_bag(folder, 2)) as bag:
            assert bag.meta.extra['suppressed'] == '1'
            states = [
                bag.decode(one).data for one in bag.messages() if one.topic == '/safety/state'
            ]
        assert states[-1] == 'ESTOP'
        assert rig.safety._account()['blackbox_kept'] == 2
    finally:
        rig.close()


def test_without_a_place_for_the_black_box_it_does_not_start(ros: Any, tmp_path: Path) -> None:
    (tmp_path / 'file').touch()
    with pytest.raises(BagError, match='no place for the black box'):
        SafetyNode(
            ros, parameter_overrides=[Parameter('blackbox', value=str(tmp_path / 'file/box'))]
        )


def test_refuses_a_misspelt_parameter(ros: Any) -> None:
    with pytest.raises(ParameterError, match='did you mean "contract"'):
        SafetyNode(ros, parameter_overrides=[Parameter('contrac', value='imi_humanoid')])
