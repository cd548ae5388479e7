# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Teleoperation node: a leader, a keyboard or a gamepad -> proposals, while the dead-man is held.

`python -m imitation_ros.nodes.teleop --ros-args -p source:=keyboard`
"""

from collections.abc import Sequence
from dataclasses import dataclass
import sys
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from rclpy.context import Context
from rclpy.node import Node
from sensor_msgs.msg import JointState, Joy
from std_msgs.msg import Bool, String
from trajectory_msgs.msg import JointTrajectory

from ... import contract as contracts
from ...data.frame import Array
from ...data.proposal import Proposal
from ...errors import DataError
from ...kinematics.model import RobotModel
from ...messages import codec
from ...teleop.devices import DEVICES, open_device, Reading, Targets
from ...teleop.gamepad import Gamepad
from ...teleop.gate import GateConfig
from ...teleop.keyboard import HELP, Keyboard
from ...teleop.leader import DELAY_PERIODS, LeaderTeleop
from ...teleop.mapping import LeaderMap
from ...teleop.twist import Jog, TwistConfig, TwistTeleop
from ..ros.messages import status, to_time, to_trajectory
from ..ros.parameters import declare
from ..ros.qos import LATCHED, profile
from ..ros.spin import run
from ..ros.terminal import Terminal

NS = 1_000_000_000
HEARTBEAT_S = 0.05
"""How often the node says whether the dead-man is held [s]; at once when that changes."""
UNARMED = ('DISARMED', 'DISARMING', 'ESTOP', 'FAULT')
"""States of the safety node in which the dead-man must be pressed anew."""


@dataclass(frozen=True)
class Parameters:
    """Parameters of the node.

    Attributes:
        contract: Name or path of the contract.
        source: `leader`, `keyboard`, `joy`, or a device that a plug-in adds.
        rate_hz: Highest rate of proposals [Hz].
        leader_map: YAML that maps a leader's joints to the robot's; '' if they have one name.
        delay_s: How far the robot follows behind the device [s]; 0 is three periods.
        relative: Follow the leader's motion from where the dead-man was pressed (clutch).
        leader_topic: Joint states of the leader.
        deadman_topic: Dead-man switch of the leader.
        joy_topic: Gamepad.
        max_age_s: Oldest joint state to engage from [s].
    """

    contract: str = 'imi_humanoid'
    source: str = 'leader'
    rate_hz: float = 50.0
    delay_s: float = 0.0
    leader_map: str = ''
    relative: bool = False
    leader_topic: str = '/leader/joint_states'
    deadman_topic: str = '/leader/deadman'
    joy_topic: str = '/joy'
    max_age_s: float = 0.25

    def __post_init__(self) -> None:
        """Check the source and the numbers."""
        DEVICES.find(self.source, ValueError)
        if not 1.0 <= self.rate_hz <= 500.0:
            raise ValueError(f'rate_hz must be in [1, 500], not {self.rate_hz}')
        if self.delay_s and not 1.5 / self.rate_hz <= self.delay_s <= 1.0:
            raise ValueError(
                f'delay_s must be 0, or between 1.5 periods and 1 s, not {self.delay_s}'
            )
        if not 0 < self.max_age_s <= 5.0:
            raise ValueError(f'max_age_s must be in (0, 5], not {self.max_age_s}')


class TeleopNode(Node):
    """Subscribes to an operator's device and the robot, publishes proposals."""

    def __init__(self, context: Context, **kwargs: Any) -> None:
        """Read the parameters; refuse to start with a wrong one."""
        super().__init__('teleop', context=context, **kwargs)
        self.parameters = declare(self, Parameters)
        parameters = self.parameters
        self.contract = contracts.load(parameters.contract)
        self._measured: tuple[int, int, Array] | None = None
        self._command: tuple[int, Array] | None = None
        self._jog: Jog | None = None
        self._jog_ns = 0
        self._proposed = self._refused = 0
        self._safety = ''
        self._terminal: Terminal | None = None
        self._reader: Reading | None = None
        device = DEVICES[parameters.source]
        config = GateConfig(
            first_move=self.contract.safety.first_move, relative=parameters.relative
        )
        period_s = 1.0 / parameters.rate_hz
        delay_s = parameters.delay_s or DELAY_PERIODS * period_s
        self._publisher = self.create_publisher(JointTrajectory, self.contract.topics.proposal, 10)
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', 10)
        self._gate = self.create_publisher(String, self.contract.topics.gate, 10)
        self._said: str | None = None
        joint_states = self.contract.joint_states
        subscribe = self.create_subscription
        subscribe(JointState, joint_states.topic, self._on_state, profile(joint_states.qos))
        subscribe(JointState, self.contract.topics.command, self._on_command, 10)
        subscribe(String, '/safety/state', self._on_safety, LATCHED)
        self.create_timer(1.0, self._diagnose)
        # Steady: a paused simulation must not look like a lost operator.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(HEARTBEAT_S, lambda: self._say_gate(beat=True), clock=steady)
        if device.joints:
            leader_map = None
            if parameters.leader_map:
                leader_map = LeaderMap.load(self.contract, parameters.leader_map)
            self._leader = LeaderTeleop(self.contract, config, period_s, delay_s, leader_map)
            self._teleop: LeaderTeleop | TwistTeleop = self._leader
            if device.open is None:
                subscribe(JointState, parameters.leader_topic, self._on_leader, 10)
                subscribe(Bool, parameters.deadman_topic, self._on_deadman, 10)
            else:
                self._reader = open_device(parameters.source, self.contract)
                self.create_timer(period_s, self._read)
            return
        model = RobotModel(self.contract)
        self._twist = TwistTeleop(model, TwistConfig(), config, period_s, delay_s)
        self._teleop = self._twist
        self._keyboard = Keyboard(tools=len(self.contract.tools))
        self._gamepad = Gamepad(tools=len(self.contract.tools))
        if device.open is not None:
            self._reader = open_device(parameters.source, self.contract)
            self.create_timer(period_s, self._read)
            return
        if parameters.source == 'joy':
            subscribe(Joy, parameters.joy_topic, self._on_joy, 10)
        else:
            self._terminal = Terminal()
            print(HELP, flush=True)
        self.create_timer(period_s, self._tick)

    def close(self) -> None:
        """Say that nobody holds the dead-man any more, and give the terminal back."""
        self._teleop.release('the teleop node ends')
        if self.context.ok():
            self._say_gate()
        if self._terminal is not None:
            self._terminal.close()
        if self._reader is not None:
            self._reader.close()

    def _on_state(self, message: JointState) -> None:
        try:
            stamp, q, _ = codec.joint_state(self.contract, message)
        except DataError as error:
            self._refuse(f'{self.contract.joint_states.topic}: {error}')
            return
        self._measured = time.monotonic_ns(), stamp, q

    def _on_command(self, message: JointState) -> None:
        try:
            _, q, _ = codec.joint_state(self.contract, message)
        except DataError as error:
            self._refuse(f'{self.contract.topics.command}: {error}')
            return
        self._command = time.monotonic_ns(), q

    def _on_safety(self, message: String) -> None:
        if message.data in UNARMED and self._safety not in UNARMED:
            self._teleop.release(f'the safety node is {message.data}')
            self._say_gate()
        self._safety = message.data

    def _on_deadman(self, message: Bool) -> None:
        self._leader.deadman(time.monotonic_ns(), bool(message.data))
        self._say_gate()

    def _on_leader(self, message: JointState) -> None:
        """Propose on each leader message: a timer of the same rate would alias with it."""
        stamp = codec.stamp_ns(message.header.stamp)
        self._follow(self.parameters.leader_topic, stamp, tuple(message.name), message.position)

    def _follow(
        self, source: str, stamp: int, names: tuple[str, ...], positions: Sequence[float] | Array
    ) -> None:
        """Propose what a leader's joints say; a stamp of 0 is now."""
        now = time.monotonic_ns()
        robot = self._robot(now)
        if robot is None:
            return
        try:
            proposal = self._leader.step(now, stamp or self._now_ns(), names, positions, robot[1])
        except DataError as error:
            self._refuse(f'{source}: {error}')
            return
        self._send(proposal)

    def _read(self) -> None:
        """Propose what a plug-in's device says; whatever it raises releases the dead-man."""
        now, source = time.monotonic_ns(), self.parameters.source
        if self._reader is None:
            return
        try:
            said = self._reader.read(now)
        except DataError as error:
            self._jog = None
            self._teleop.release(f'{source}: {error}')
            self._refuse(f'{source}: {error}')
            self._say_gate()
            return
        if isinstance(said, Targets):
            self._leader.deadman(now, said.held)
            self._say_gate()
            self._follow(source, 0, said.names, said.positions)
        elif not DEVICES[source].joints:
            if said is not None:
                self._jog, self._jog_ns = said, now
            self._tick()

    def _on_joy(self, message: Joy) -> None:
        try:
            self._jog = self._gamepad.read(message.axes, message.buttons)
            self._jog_ns = time.monotonic_ns()
        except DataError as error:
            self._jog = None
            self._refuse(f'{self.parameters.joy_topic}: {error}')

    def _tick(self) -> None:
        """Propose from the keys or the gamepad."""
        now = time.monotonic_ns()
        if self._terminal is not None:
            for key in self._terminal.read():
                self._keyboard.press(now, key)
            self._jog, self._jog_ns = self._keyboard.jog(now), now
        robot = self._robot(now)
        if robot is None or self._jog is None:
            return
        self._twist.jog(self._jog_ns, self._jog)
        self._send(self._twist.step(now, self._now_ns(), robot[0], robot[1]))

    def _robot(self, now: int) -> tuple[int, Array] | None:
        """Stamp of the newest joint state, and where the robot is commanded to be.

        The measured positions sag below the command; engaging from them would let every
        engagement lower the arm a little.
        """
        limit = round(self.parameters.max_age_s * NS)
        if self._measured is None or now - self._measured[0] > limit:
            what = 'nothing' if self._measured is None else 'nothing new'
            reason = f'{what} received on {self.contract.joint_states.topic}'
            self._teleop.release(reason)
            self._teleop.reason = reason
            self._say()
            return None
        _, stamp, q = self._measured
        if self._command is not None and now - self._command[0] <= limit:
            q = self._command[1]
        return stamp, q

    def _send(self, proposal: Proposal | None) -> None:
        self._say_gate()
        if proposal is None:
            self._say()
            return
        self._proposed += 1
        self._publisher.publish(to_trajectory(proposal))

    def _refuse(self, reason: str) -> None:
        self._refused += 1
        self.get_logger().error(f'refused: {reason}', throttle_duration_sec=1.0)

    def _say(self) -> None:
        if self._teleop.gate.refused:
            self.get_logger().warning(self._teleop.reason, throttle_duration_sec=1.0)

    def _say_gate(self, beat: bool = False) -> None:
        """Publish the state of the gate when it changes, and as a heartbeat."""
        gate = self._teleop.gate
        gate.held(time.monotonic_ns())
        if beat or gate.state.value != self._said:
            self._said = gate.state.value
            self._gate.publish(String(data=self._said))

    def _now_ns(self) -> int:
        return int(self.get_clock().now().nanoseconds)

    def _diagnose(self) -> None:
        gate = self._teleop.gate
        gate.held(time.monotonic_ns())
        level = 1 if self._refused or gate.refused else 0
        message = DiagnosticArray()
        message.header.stamp = to_time(self._now_ns())
        message.status = [
            status(
                level,
                'teleop',
                self._teleop.reason or 'engaged',
                {
                    'source': self.parameters.source,
                    'gate': gate.state.value,
                    'proposals': self._proposed,
                    'refused': self._refused,
                },
            )
        ]
        self._diagnostics.publish(message)
        self._proposed = self._refused = 0


def main(args: Sequence[str] | None = None) -> int:
    """Run the node."""
    return run(TeleopNode, args)


if __name__ == '__main__':
    sys.exit(main())
