# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The safety node is killed in the middle of a motion, for real: the controller brakes by itself.

Three processes over DDS: the simulator, the safety node, and this one, which proposes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
import signal
import subprocess
import threading
import time
from typing import Any

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed')
pytest.importorskip('mujoco', reason='mujoco is not installed')

from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory
import waiting

from imitation_ros.cli.processes import command, end, remove_stale_segments, ros_environment
from imitation_ros.contract import Contract
from imitation_ros.data.proposal import Proposal
from imitation_ros.messages.codec import joint_state
from imitation_ros.nodes.ros.messages import to_trajectory
from imitation_ros.nodes.ros.qos import profile
from imitation_ros.nodes.ros.spin import make_executor, spin

pytestmark = [pytest.mark.ros, pytest.mark.sim]
LIMIT_S = 30.0
until = partial(waiting.until, limit_s=LIMIT_S)
NS = 1_000_000_000
AHEAD_NS = 60_000_000
SPEED = 1.2
"""Of the proposed motion [rad/s]."""


@contextmanager
def process(node: str, **parameters: object) -> 'Iterator[subprocess.Popen[bytes]]':
    child = subprocess.Popen(
        command(node, parameters),
        env=ros_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield child
    finally:
        end(child)


class Source:
    """Proposes a steady motion of one joint, and keeps every joint state."""

    def __init__(self, context: Any, contract: Contract) -> None:
        self.contract = contract
        self.joint = contract.index('left_shoulder_roll_joint')
        self.node = Node('source', context=context)
        self.states: list[tuple[int, np.ndarray, np.ndarray]] = []
        self.started: tuple[int, np.ndarray] | None = None
        self.proposals = self.node.create_publisher(JointTrajectory, '/proposal', 10)
        self.clients = {
            name: self.node.create_client(Trigger, name) for name in ('/safety/arm', '/sim/reset')
        }
        topic = contract.joint_states
        self.node.create_subscription(JointState, topic.topic, self._on_state, profile(topic.qos))
        self._executor = make_executor(context)
        self._executor.add_node(self.node)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=spin, args=(self._executor, self._stop, context))
        self._thread.start()

    def _on_state(self, message: JointState) -> None:
        now, q, v = joint_state(self.contract, message)
        self.states.append((now, q, v))
        if self.started is None or len(self.states) % 4:
            return
        start, goal = self.started[0], self.started[1].copy()
        goal[self.joint] += SPEED * (now + AHEAD_NS - start) / NS
        self.proposals.publish(
            to_trajectory(Proposal(now, self.contract.joints, (now + AHEAD_NS,), goal[None]))
        )

    def call(self, name: str) -> bool:
        client = self.clients[name]
        deadline = time.monotonic() + LIMIT_S
        while time.monotonic() < deadline:
            # A call that comes while the service is being matched, or reaches the dead one of
            # before, is never answered.
            answer = client.call_async(Trigger.Request())
            again = time.monotonic() + 1.0
            while time.monotonic() < again:
                if answer.done():
                    said = answer.result()
                    return bool(said.success) or 'already armed' in said.message
                time.sleep(0.01)
        raise AssertionError(f'{name} did not answer in {LIMIT_S} s')

    def move(self) -> None:
        self.started = (self.states[-1][0], self.contract.home)

    def speed(self) -> float:
        return float(self.states[-1][2][self.joint])

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._executor.shutdown(timeout_sec=1.0)
        self.node.destroy_node()


def killed(source: Source, contract_file: str) -> tuple[np.ndarray, np.ndarray]:
    """Time [s] and speed [rad/s] of the joint from the kill on; at the end it is at rest."""
    source.call('/sim/reset')
    with process('safety', contract=contract_file, use_sim_time=True) as safety:
        until(lambda: source.call('/safety/arm'), 'arming')
        source.move()
        until(lambda: source.speed() > 0.95 * SPEED, 'moving')
        begin = len(source.states)
        until(lambda: len(source.states) > begin + 20, 'moving on')
        begin = len(source.states) - 1
        safety.send_signal(signal.SIGKILL)
        safety.wait()
        source.started = None
    at = source.states[begin][0]
    until(lambda: source.states[-1][0] > at + 1.2 * NS, 'simulated time')
    rows = source.states[begin:]
    times = np.array([(now - at) / NS for now, _, _ in rows])
    return times, np.array([v[source.joint] for _, _, v in rows])


def killed_at_speed(source: Source, contract_file: str) -> tuple[np.ndarray, np.ndarray]:
    """As `killed`; tried again where a busy machine starved the source before the kill."""
    for _ in range(4):
        times, speed = killed(source, contract_file)
        if speed[0] > 0.9 * SPEED:
            break
    return times, speed


def hardest(times: np.ndarray, speed: np.ndarray) -> float:
    """Largest deceleration over 20 ms [rad/s^2]."""
    return float(-((speed[4:] - speed[:-4]) / (times[4:] - times[:-4])).min())


def way(times: np.ndarray, speed: np.ndarray) -> float:
    """Travel [rad]."""
    return float((speed[:-1] * np.diff(times)).sum())


@pytest.mark.slow
def test_a_killed_safety_node_leaves_a_robot_that_brakes(
    ros: Any, contract: Contract, tmp_path: Path
) -> None:
    without = tmp_path / 'without.yaml'
    without.write_text(contract.text.replace('safety:\n', 'safety:\n  brake_tail: false\n'))
    # Simulated time: a busy machine slows the robot down, and changes nothing else.
    with process('sim', renderer='none', publish_clock=True):
        source = Source(ros, contract)
        try:
            until(lambda: source.states, 'a joint state')
            braked_s, braked = killed_at_speed(source, 'imi_humanoid')
            stopped_s, stopped = killed_at_speed(source, str(without))
        finally:
            source.close()
    remove_stale_segments()
    limit = float(contract.limits.acceleration[source.joint])
    for speed in (braked, stopped):
        assert speed[0] > 0.9 * SPEED
        assert np.abs(speed[-20:]).max() < 0.02
    # Along the tail no harder than the limit, but for the ripple of the servo; where a set-point
    # is merely held, the servo stops the arm in its tracks, as hard as it can.
    assert hardest(braked_s, braked) < 1.4 * limit
    assert hardest(stopped_s, stopped) > 2.0 * limit
    # It goes on for v^2 / 2a, the way that braking takes.
    further = way(braked_s, braked) - way(stopped_s, stopped)
    assert further == pytest.approx(braked[0] ** 2 / (2.0 * limit), rel=0.35)
