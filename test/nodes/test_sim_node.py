# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The sim node over real DDS: what a controller, a recorder and a trial runner see of it."""

from collections.abc import Callable, Iterator
import json
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import numpy as np
import pytest

rclpy = pytest.importorskip('rclpy', reason='rclpy is not installed')

from diagnostic_msgs.msg import DiagnosticArray  # noqa: E402
from geometry_msgs.msg import PoseStamped  # noqa: E402
from rclpy.node import Node  # noqa: E402
from rclpy.parameter import Parameter  # noqa: E402
from rosgraph_msgs.msg import Clock  # noqa: E402
from sensor_msgs.msg import CompressedImage, JointState  # noqa: E402
from std_msgs.msg import Bool, Float64MultiArray  # noqa: E402
from std_srvs.srv import Trigger  # noqa: E402
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint  # noqa: E402

from imitation_ros.contract import Contract  # noqa: E402
from imitation_ros.errors import ImitationError  # noqa: E402
from imitation_ros.messages import codec  # noqa: E402
from imitation_ros.nodes.ros.messages import to_duration  # noqa: E402
from imitation_ros.nodes.ros.parameters import ParameterError  # noqa: E402
from imitation_ros.nodes.ros.qos import LATCHED, profile  # noqa: E402
from imitation_ros.nodes.ros.spin import make_executor, spin  # noqa: E402
from imitation_ros.nodes.sim.node import SimNode  # noqa: E402
from imitation_ros.sim.tasks import TASKS  # noqa: E402

pytestmark = [pytest.mark.ros, pytest.mark.sim]

PATIENCE_S = 20.0


class Station:
    """A sim node and a peer of it, spinning."""

    def __init__(self, context: Any, contract: Contract, **parameters: Any) -> None:
        values = {'renderer': 'ray', **parameters}
        overrides = [Parameter(name, value=value) for name, value in values.items()]
        self.contract = contract
        self.sim = SimNode(context, parameter_overrides=overrides)
        self.peer = Node('peer', context=context)
        self.received: dict[str, list[Any]] = {}
        self._executor = make_executor(context)
        self._executor.add_node(self.sim)
        self._executor.add_node(self.peer)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=spin, args=(self._executor, self._stop, context))
        self.listen(JointState, '/joint_states', profile(contract.joint_states.qos))
        self.reset_client = self.peer.create_client(Trigger, '/sim/reset')
        self._thread.start()
        self.wait(lambda: self.received['/joint_states'])

    def listen(self, kind: Any, topic: str, qos: Any = 10) -> list[Any]:
        messages = self.received.setdefault(topic, [])
        self.peer.create_subscription(kind, topic, messages.append, qos)
        return messages

    def publisher(self, kind: Any, topic: str) -> Any:
        publisher = self.peer.create_publisher(kind, topic, 10)
        self.wait(lambda: publisher.get_subscription_count() > 0)
        return publisher

    def wait(self, condition: Callable[[], Any]) -> None:
        end = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < end, 'nothing came'
            time.sleep(0.005)

    def wait_for_new(self, messages: list[Any], count: int = 1) -> None:
        before = len(messages)
        self.wait(lambda: len(messages) >= before + count)

    def q(self) -> Any:
        return codec.joint_state(self.contract, self.received['/joint_states'][-1])[1]

    def reset(self) -> dict[str, Any]:
        self.wait(self.reset_client.service_is_ready)
        answer = self.reset_client.call_async(Trigger.Request())
        self.wait(answer.done)
        assert answer.result().success
        return dict(json.loads(answer.result().message))

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self.sim.close()
        self._executor.shutdown(timeout_sec=1.0)
        self.peer.destroy_node()
        self.sim.destroy_node()


@pytest.fixture
def start(ros: Any, contract: Contract) -> Iterator[Callable[..., Station]]:
    stations = []

    def make(**parameters: Any) -> Station:
        stations.append(Station(ros, contract, **parameters))
        return stations[-1]

    yield make
    for station in stations:
        station.close()


def trajectory(joints: Any, *points: tuple[float, Any]) -> JointTrajectory:
    message = JointTrajectory(joint_names=list(joints))
    message.points = [
        JointTrajectoryPoint(
            positions=[float(x) for x in row], time_from_start=to_duration(round(1e9 * time_s))
        )
        for time_s, row in points
    ]
    return message


def stamps(messages: list[Any]) -> np.ndarray:
    return np.array([codec.stamp_ns(message.header.stamp) for message in messages])


def test_everything_of_the_contract_is_published(start, contract: Contract):
    station = start(task='lift')
    poses = station.listen(PoseStamped, '/object_pose')
    success = station.listen(Bool, '/sim/success', LATCHED)
    diagnostics = station.listen(DiagnosticArray, '/diagnostics')
    images = {
        camera.name: station.listen(CompressedImage, camera.topic, profile(camera.qos))
        for camera in contract.cameras
    }
    states = station.received['/joint_states']
    station.wait(lambda: len(states) > 60 and len(poses) > 10 and diagnostics and success)
    station.wait(lambda: all(len(got) > 3 for got in images.values()))
    assert list(states[0].name) == list(contract.joints)
    assert (np.diff(stamps(states)) > 0).all()
    _, pose = codec.pose(poses[-1])
    centre = TASKS['lift'].centre
    assert pose[:3] == pytest.approx(centre[:3], abs=0.05)
    assert poses[-1].header.frame_id == 'pelvis'
    assert [message.data for message in success] == [False]
    for camera in contract.cameras:
        _, pixels = codec.compressed_image(images[camera.name][-1])
        assert pixels.shape == (camera.height, camera.width, 3)
        assert (np.diff(stamps(images[camera.name])) > 0).all()
    values = {item.key: item.value for item in diagnostics[0].status[0].values}
    assert values['task'] == 'lift'
    assert values['renderer'] == 'ray'
    assert float(values['real_time_factor']) > 0.0


def test_a_trajectory_moves_its_group_through_all_points(start, contract: Contract):
    station = start(task='reach', renderer='none')
    group = contract.group('left_arm')
    columns = [contract.index(name) for name in group.joints]
    home = np.array(contract.home)[columns]
    publisher = station.publisher(JointTrajectory, group.output.topic)
    way = np.zeros(len(columns))
    way[1] = 0.3
    states = station.received['/joint_states']
    before = len(states)
    # Names in another order than the contract's: they are matched, not counted.
    backwards = list(reversed(group.joints))
    there, back = (home + way)[::-1], (home - 0.3 * way)[::-1]
    publisher.publish(trajectory(backwards, (0.3, there), (0.6, home[::-1]), (0.9, back)))
    goal = np.array(contract.home)
    goal[columns] = home - 0.3 * way
    station.wait(lambda: np.abs(station.q() - goal).max() < 0.01)
    seen = np.array([codec.joint_state(contract, m)[1][columns[1]] for m in states[before:]])
    assert seen.max() > home[1] + 0.2
    assert np.abs(np.diff(seen)).max() < 0.03


def test_a_float_array_is_a_set_point(start, contract: Contract):
    station = start(task='reach', renderer='none')
    group = contract.group('legs')
    column = contract.index(group.joints[1])
    publisher = station.publisher(Float64MultiArray, group.output.topic)
    publisher.publish(Float64MultiArray(data=[0.0, 0.2] + [0.0] * (len(group.joints) - 2)))
    station.wait(lambda: abs(station.q()[column] - 0.2) < 0.02)


def test_malformed_commands_are_ignored(start, contract: Contract):
    station = start(task='reach', renderer='none')
    arm, legs = contract.group('left_arm'), contract.group('legs')
    to_arm = station.publisher(JointTrajectory, arm.output.topic)
    to_legs = station.publisher(Float64MultiArray, legs.output.topic)
    good = np.array(contract.home)[[contract.index(name) for name in arm.joints]]
    for message in (
        trajectory(arm.joints, (0.1, good * np.nan)),
        trajectory(arm.joints[:-1], (0.1, good[:-1] + 0.3)),
        trajectory(arm.joints, (0.1, good[:-1] + 0.3)),
        trajectory([*arm.joints[:-1], 'left_griper_joint'], (0.1, good + 0.3)),
        trajectory(arm.joints),
        trajectory(arm.joints, (0.2, good + 0.3), (0.1, good + 0.3)),
    ):
        to_arm.publish(message)
    to_legs.publish(Float64MultiArray(data=[0.3, 0.3]))
    to_legs.publish(Float64MultiArray(data=[float('nan')] * len(legs.joints)))
    station.wait_for_new(station.received['/joint_states'], 60)
    assert np.abs(station.q() - contract.home).max() < 1e-3
    # The last message of all is good: so the others had arrived, and the node still works.
    to_arm.publish(trajectory(arm.joints, (0.0, good + np.eye(len(good))[1] * 0.1)))
    column = contract.index(arm.joints[1])
    station.wait(lambda: abs(station.q()[column] - contract.home[column] - 0.1) < 0.01)


def test_reset_takes_the_seed_and_goes_home_at_once(start, contract: Contract):
    station = start(task='pick_place', renderer='none', seed=7)
    poses = station.listen(PoseStamped, '/object_pose')
    success = station.listen(Bool, '/sim/success', LATCHED)
    group = contract.group('right_arm')
    columns = [contract.index(name) for name in group.joints]
    publisher = station.publisher(JointTrajectory, group.output.topic)
    away = np.array(contract.home)[columns]
    away[1] -= 0.3
    publisher.publish(trajectory(group.joints, (0.1, away)))
    station.wait(lambda: np.abs(station.q() - contract.home).max() > 0.2)

    station.sim.set_parameters([Parameter('seed', value=41)])
    states = station.received['/joint_states']
    assert station.reset() == {'seed': 41, 'task': 'pick_place'}
    station.wait_for_new(states, 2)
    assert np.abs(station.q() - contract.home).max() < 1e-3
    station.wait_for_new(states, 60)
    assert np.abs(station.q() - contract.home).max() < 1e-3, 'an old trajectory went on'
    station.wait_for_new(poses, 2)
    placed = TASKS['pick_place'].place(np.random.default_rng(41))
    assert codec.pose(poses[-1])[1] == pytest.approx(placed, abs=5e-3)
    assert (np.diff(stamps(states)) > 0).all()
    assert [message.data for message in success] == [False, False]
    assert station.reset() == {'seed': 42, 'task': 'pick_place'}


def test_only_seed_and_spread_may_change(start):
    station = start(task='reach', renderer='none')
    fixed, negative, spread = station.sim.set_parameters(
        [
            Parameter('task', value='lift'),
            Parameter('seed', value=-1),
            Parameter('spread', value=0.0),
        ]
    )
    assert not fixed.successful and 'fixed' in fixed.reason
    assert not negative.successful and 'negative' in negative.reason
    assert spread.successful
    poses = station.listen(PoseStamped, '/object_pose')
    station.reset()
    station.wait_for_new(poses, 3)
    assert codec.pose(poses[-1])[1][:3] == pytest.approx(TASKS['reach'].centre[:3], abs=1e-6)


def test_noise_shakes_the_servos_of_the_group_that_moves(start, contract: Contract):
    station = start(task='reach', renderer='none')
    (accepted,) = station.sim.set_parameters([Parameter('noise', value=0.02)])
    assert accepted.successful
    station.reset()
    arm = contract.group('right_arm')
    columns = [contract.index(name) for name in arm.joints[:7]]
    others = [contract.index(name) for name in contract.group('left_arm').joints]
    states = station.received['/joint_states']
    station.wait_for_new(states, 60)
    # Nobody has moved yet.
    assert np.abs(station.q() - contract.home).max() < 1e-3
    target = contract.home[[contract.index(name) for name in arm.joints]] + 0.02
    publisher = station.publisher(JointTrajectory, arm.output.topic)
    publisher.publish(trajectory(arm.joints, (0.1, target)))
    station.wait_for_new(states, 120)
    seen = []
    for _ in range(20):
        station.wait_for_new(states, 20)
        seen.append(station.q())
    apart = np.array(seen) - np.array(seen).mean(axis=0)
    assert 0.005 < apart[:, columns].std() < 0.03
    assert np.abs(apart[:, others]).max() < 2e-3


def test_success_is_told_when_it_comes(start, contract: Contract):
    """The target is put where the right tool is: success must follow, and end with a reset."""
    station = start(task='reach', renderer='none', speed=4.0)
    success = station.listen(Bool, '/sim/success', LATCHED)
    station.wait(lambda: success)
    robot = station.sim._robot
    with station.sim._lock:
        robot._write_object(np.array([*robot.tool_position('right_tool_link'), 0, 0, 0, 1.0]))
    station.wait(lambda: success[-1].data)
    station.reset()
    station.wait(lambda: not success[-1].data)
    assert [message.data for message in success] == [False, True, False]


def test_a_speed_factor_brings_a_clock(start):
    station = start(task='reach', renderer='none', speed=5.0)
    clock = station.listen(Clock, '/clock')
    begin = time.monotonic()
    station.wait_for_new(clock, 400)
    wall_s = time.monotonic() - begin
    ticks = np.array([codec.stamp_ns(message.clock) for message in clock])
    assert (np.diff(ticks) == 5_000_000).mean() > 0.9
    # 400 ticks are 2 s of simulated time; at speed 1 they take 2 s, here 0.4 s and discovery.
    assert wall_s < 2.0
    states = station.received['/joint_states']
    assert stamps(states)[-1] < 60e9, 'stamps must be simulated time'


def test_a_parameter_that_makes_no_sense_is_refused(ros):
    for name, value in (('speed', 0.0), ('seed', -1), ('tusk', 'lift')):
        with pytest.raises(ParameterError, match=name):
            SimNode(ros, parameter_overrides=[Parameter(name, value=value)])


@pytest.mark.filterwarnings('ignore::pytest.PytestUnhandledThreadExceptionWarning')
def test_a_thread_that_dies_ends_the_node(start):
    """The failure comes out of the executor, where `run` turns it into exit code 1."""
    station = start(task='reach', renderer='none')
    with station.sim._lock:
        station.sim._robot = None
    station.wait(lambda: not station._thread.is_alive())
    with pytest.raises(ImitationError, match='the simulation stopped'):
        station.sim._check()


def test_sigterm_ends_the_process_with_zero():
    environment = {**os.environ, 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}
    process = subprocess.Popen(
        [sys.executable, '-m', 'imitation_ros.nodes.sim', '--ros-args', '-p', 'task:=pick_place'],
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        assert process.stderr is not None
        said = ''
        for line in process.stderr:
            said += line
            if 'ready' in line:
                break
        assert 'ready' in said, said
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)
        _, rest = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, said + rest
        assert 'Traceback' not in rest
    finally:
        process.kill()
        process.wait()
