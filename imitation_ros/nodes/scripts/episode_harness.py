# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The simulated robot and its safety node, as a script that runs episodes sees them.

The scripted operator and the deployment trials prepare an episode in the same way: disarm, reset
the scene with a seed, arm, wait until everything is fresh and at rest.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
import json
import threading
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, String

from ...contract import Contract
from ...data.frame import Array
from ...errors import DataError, ImitationError, NotReadyError
from ...messages import codec
from ..ros.qos import LATCHED, profile
from .clients import Clients, RefusedError

NS = 1_000_000_000
SILENT_S = 2.0
"""How long the robot, the safety node or the clock may be silent [s]."""
REST_SPEED = 0.05
"""Highest joint speed of a robot at rest [rad/s]."""


class Stage:
    """Newest state of the robot, its commands, the scene and the safety node.

    Attributes:
        clients: Calls the services.
        interventions: Interventions of the safety node since `count_interventions`, by rule.
        state: State of the safety node, '' before it was heard.
    """

    def __init__(self, node: Node, contract: Contract, clients: Clients) -> None:
        """Subscribe.

        Args:
            node: Owner of the subscriptions.
            contract: The contract.
            clients: Calls the services of the sim and of the safety node.
        """
        self.clients = clients
        self.interventions: Counter[str] = Counter()
        self.state = ''
        self._node = node
        self._contract = contract
        self._measured: tuple[int, Array, Array] | None = None
        self._command: tuple[int, Array] | None = None
        self._poses: dict[str, tuple[int, Array]] = {}
        self._success: bool | None = None
        self._fresh_success = False
        self._heard_s: dict[str, float] = {}
        self._lock = threading.Lock()
        joint_states = contract.joint_states
        subscribe = node.create_subscription
        subscribe(JointState, joint_states.topic, self._on_state, profile(joint_states.qos))
        subscribe(JointState, contract.topics.command, self._on_command, 10)
        subscribe(DiagnosticArray, contract.topics.verdict, self._on_verdict, 100)
        subscribe(Bool, '/sim/success', self._on_success, LATCHED)
        subscribe(String, '/safety/state', self._on_safety, LATCHED)
        for pose in contract.poses:
            subscribe(
                PoseStamped,
                pose.topic,
                lambda message, name=pose.name: self._on_pose(name, message),
                profile(pose.qos),
            )
        clients.expect('/sim/reset', '/safety/arm', '/safety/disarm')

    @property
    def now_ns(self) -> int:
        """Time of the node's clock, simulated or not [ns]."""
        return int(self._node.get_clock().now().nanoseconds)

    def sleep_until(self, time_ns: int) -> None:
        """Sleep until a time of the node's clock [ns].

        Raises:
            NotReadyError: If simulated time stands still, or the script is interrupted.
        """
        clock = self._node.get_clock()
        poll_s = 0.002 if clock.ros_time_is_active else 0.05
        seen_ns, seen_s = self.now_ns, time.monotonic()
        while (now_ns := self.now_ns) < time_ns:
            self.clients.check()
            if now_ns != seen_ns:
                seen_ns, seen_s = now_ns, time.monotonic()
            elif time.monotonic() - seen_s > SILENT_S:
                raise NotReadyError(f'/clock stands still for {SILENT_S:g} s; is the sim alive?')
            time.sleep(min(poll_s, (time_ns - now_ns) / NS))

    def check(self) -> bool:
        """Look after the robot while it moves; return whether it still obeys.

        Raises:
            NotReadyError: If the robot or the safety node has gone silent, or the script is
                interrupted.
        """
        self.clients.check()
        for topic, heard_s in self._heard_s.items():
            silent_s = time.monotonic() - heard_s
            if silent_s > SILENT_S:
                raise NotReadyError(f'nothing received on {topic} for {silent_s:.1f} s')
        return self.state not in ('FAULT', 'ESTOP', 'DISARMED')

    @property
    def success(self) -> bool:
        """Whether the task's success rule holds, as heard since the last reset."""
        return self._fresh_success and bool(self._success)

    @property
    def q(self) -> Array:
        """Newest joint positions [rad or m], shape (n,)."""
        if self._measured is None:
            raise NotReadyError(f'nothing received on {self._contract.joint_states.topic}')
        return self._measured[1]

    @property
    def command(self) -> Array:
        """Newest command [rad or m], shape (n,); the measured positions before the first."""
        return self.q if self._command is None else self._command[1]

    @property
    def poses(self) -> dict[str, Array]:
        """Newest pose of each object, shape (7,)."""
        return {name: pose for name, (_, pose) in self._poses.items()}

    def count_interventions(self) -> None:
        """Start counting interventions anew."""
        with self._lock:
            self.interventions = Counter()

    def intervened(self) -> dict[str, int]:
        """Interventions since `count_interventions`, by rule."""
        with self._lock:
            return dict(sorted(self.interventions.items()))

    def prepare(self, seed: int, task: str, timeout_s: float = 10.0) -> dict[str, Any]:
        """Disarm, reset the scene, arm, and wait until all is fresh and at rest.

        Args:
            seed: Seed of the scene.
            task: Task the sim must be running; '' takes any.
            timeout_s: Longest wait for each step [s].

        Returns:
            The sim's answer: seed and task.

        Raises:
            NotReadyError: If something is missing; the message names it.
            RefusedError: If a service says no.
        """
        clients = self.clients
        self.disarm(timeout_s)
        clients.set_parameter('/sim', 'seed', seed, timeout_s)
        self._success, self._fresh_success = None, False
        answer = clients.call_trigger('/sim/reset', timeout_s)
        try:
            scene: dict[str, Any] = json.loads(answer)
            running, seeded = str(scene['task']), int(scene['seed'])
        except (ValueError, KeyError, TypeError) as error:
            raise NotReadyError(
                f'/sim/reset answered {answer!r}, not a seed and a task'
            ) from error
        if seeded != seed:
            raise NotReadyError(f'/sim/reset used seed {seeded}, not {seed}')
        if task and running != task:
            raise NotReadyError(f'the sim runs task "{running}", not "{task}"')
        reset_ns = self.now_ns
        self._wait_for_rest(reset_ns, timeout_s)
        self._command = None
        clients.insist('/safety/arm', timeout_s)
        clients.wait_until(
            lambda: self._command is not None,
            f'a command on {self._contract.topics.command}',
            timeout_s,
        )
        return scene

    @contextmanager
    def leaving(self, timeout_s: float) -> Iterator[None]:
        """Disarm at the end, whatever happened; an error on the way stays the one reported."""
        try:
            yield
        except BaseException:
            self.clients.resume()
            try:
                self.disarm(timeout_s)
            except ImitationError as error:
                self._node.get_logger().error(f'not disarmed: {error}')
            raise
        self.disarm(timeout_s)

    def disarm(self, timeout_s: float = 10.0) -> None:
        """Disarm, and wait until the safety node has stopped; a fault is reset.

        Raises:
            NotReadyError: If the e-stop is latched: that is a person's to release.
        """
        clients = self.clients
        clients.call_trigger('/safety/disarm', timeout_s)
        clients.wait_until(
            lambda: self.state in ('DISARMED', 'FAULT', 'ESTOP'),
            'DISARMED on /safety/state',
            timeout_s,
        )
        if self.state == 'ESTOP':
            raise NotReadyError('the e-stop is latched; release it (/safety/reset), start again')
        if self.state == 'FAULT':
            # Refused until the robot has braked to a standstill.
            clients.wait_until(self._reset_fault, 'DISARMED on /safety/state', timeout_s)

    def _reset_fault(self) -> bool:
        try:
            self.clients.call_trigger('/safety/reset')
        except RefusedError as error:
            self._node.get_logger().info(str(error), throttle_duration_sec=1.0)
        return self.state == 'DISARMED'

    def _wait_for_rest(self, since_ns: int, timeout_s: float) -> None:
        def at_rest() -> bool:
            measured = self._measured
            return (
                measured is not None
                and measured[0] > since_ns
                and bool((np.abs(measured[2]) < REST_SPEED).all())
            )

        self.clients.wait_until(
            at_rest, f'joint states at rest on {self._contract.joint_states.topic}', timeout_s
        )
        for pose in self._contract.poses:
            self.clients.wait_until(
                lambda name=pose.name: self._poses.get(name, (0, None))[0] > since_ns,  # type: ignore[misc]
                f'a pose on {pose.topic}',
                timeout_s,
            )

    def _on_state(self, message: JointState) -> None:
        try:
            self._measured = codec.joint_state(self._contract, message)
            self._heard_s[self._contract.joint_states.topic] = time.monotonic()
        except DataError as error:
            self._node.get_logger().error(str(error), throttle_duration_sec=1.0)

    def _on_command(self, message: JointState) -> None:
        stamp, q, _ = codec.joint_state(self._contract, message)
        self._command = stamp, q
        self._heard_s[self._contract.topics.command] = time.monotonic()

    def _on_pose(self, name: str, message: PoseStamped) -> None:
        self._poses[name] = codec.pose(message)

    def _on_success(self, message: Bool) -> None:
        # The answer of a reset may overtake the last success of the scene before it.
        self._fresh_success = self._fresh_success or not message.data
        self._success = bool(message.data)

    def _on_safety(self, message: String) -> None:
        self.state = str(message.data)

    def _on_verdict(self, message: DiagnosticArray) -> None:
        with self._lock:
            for status in message.status:
                values = {pair.key: pair.value for pair in status.values}
                rule = values.get('rule', status.message or status.name)
                self.interventions[rule] += int(values.get('count', 1))
