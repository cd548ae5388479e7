# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Safety node: proposals -> commands; the only publisher of commands.

A thread of its own steps the supervisor once per command period. Nothing is published before
`/safety/arm`. Python is no certified safety function: keep a hardware e-stop in reach.

`python -m imitation_ros.nodes.safety --ros-args -p contract:=imi_humanoid`

As a shadow (`-p shadow:=true`) it does the same beside whatever moves the robot, and all that it
publishes and serves has a name below `/shadow`: it has no publisher that a controller listens to.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
import gc
import json
from pathlib import Path
import sys
import threading
import time
import traceback
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.clock import Clock, ClockType
from rclpy.context import Context
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Header, String
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from ...contract import Contract, load
from ...errors import DataError, ImitationError, SafetyError
from ...messages.codec import joint_state
from ...runtime.latency import Latencies
from ...safety.intervention import Rule
from ...safety.supervisor import SafetySupervisor
from ...safety.verdict import State, Verdict
from ..ros.messages import status, to_joint_state, to_proposal, to_time
from ..ros.parameters import declare
from ..ros.qos import LATCHED, profile
from ..ros.spin import run
from ..ros.wait import NS
from .blackbox import BlackBox
from .estop import EstopTopic
from .outputs import make_output
from .pacer import Pacer, Tick
from .realtime import claim, MODES
from .verdicts import Verdicts

BRAKING_S = 2.0
"""How long closing waits for the command to come to rest."""

SHADOW = '/shadow'
"""Before the name of everything that a shadow publishes and serves."""

LEVELS = {State.FAULT: DiagnosticStatus.ERROR, State.ESTOP: DiagnosticStatus.ERROR}


@dataclass(frozen=True)
class Parameters:
    """Parameters of the node.

    Attributes:
        contract: Name or path of the contract.
        blackbox: Folder for a bag of the seconds around every trip; empty: none is kept.
        realtime: Real-time scheduling of the command thread: never, auto or required.
        shadow: Whether it only watches: everything is published below /shadow, nothing commanded.
    """

    contract: str = 'imi_humanoid'
    blackbox: str = ''
    realtime: str = 'never'
    shadow: bool = False

    def __post_init__(self) -> None:
        """Check the mode of scheduling, and that a shadow keeps no black box."""
        if self.shadow and self.blackbox:
            raise ValueError(
                'a shadow keeps no black box, nothing trips; record the topics below '
                f'{SHADOW} instead of setting blackbox "{self.blackbox}"'
            )
        if self.realtime not in MODES:
            raise ValueError(f'realtime must be one of {", ".join(MODES)}, not "{self.realtime}"')


def shadowed(contract: Contract) -> Contract:
    """The contract with every topic that the node publishes below SHADOW."""
    topics = contract.topics
    moved = {'command': SHADOW + topics.command, 'verdict': SHADOW + topics.verdict}
    groups = [
        group.model_copy(
            update={
                'output': group.output.model_copy(update={'topic': SHADOW + group.output.topic})
            }
        )
        for group in contract.groups
    ]
    return replace(contract, topics=topics.model_copy(update=moved), groups=tuple(groups))


class SafetyNode(Node):  # type: ignore[misc]
    """Feeds the supervisor, steps it in a thread, publishes what it allows.

    Attributes:
        contract: The robot.
        supervisor: The state machine; guarded by a lock.
    """

    def __init__(self, context: Context, **options: Any) -> None:
        """Build the filter, subscribe, and start the command thread."""
        super().__init__('safety', context=context, **options)
        parameters = declare(self, Parameters)
        self._shadow = parameters.shadow
        contract = load(parameters.contract)
        self.contract = contract = shadowed(contract) if self._shadow else contract
        self.supervisor = SafetySupervisor(
            contract, timer_ns=time.monotonic_ns, shadow=self._shadow
        )
        self._lock = threading.RLock()
        self._failure: Exception | None = None
        self._said_failure = ''
        self._mode, self._realtime = parameters.realtime, False
        self._verdicts = Verdicts()
        self._cost, self._jitter, self._latency = Latencies(), Latencies(), Latencies()
        self._played_ns: int | None = None
        self._said_state: State | None = None
        self._driver = ''
        watched = self.supervisor.filter.backend.geometry
        self.get_logger().info(
            f'{contract.name}: {contract.n} joints, {len(watched)} pairs of links watched'
        )
        if self._shadow:
            self.get_logger().warning(f'a shadow: nothing is commanded, all is below {SHADOW}')
        for pair in watched.skipped:
            self.get_logger().warning(f'not watched: {"/".join(pair.links)}: {pair.reason}')

        publish, topics = self.create_publisher, contract.topics
        self._command_pub = publish(JointState, topics.command, 10)
        self._verdict_pub = publish(DiagnosticArray, topics.verdict, 10)
        prefix = SHADOW if self._shadow else ''
        self._state_pub = publish(String, f'{prefix}/safety/state', LATCHED)
        self._diagnostics_pub = publish(DiagnosticArray, '/diagnostics', 10)
        box = self.supervisor.filter.box
        self._outputs = [make_output(self, contract, box, group) for group in contract.groups]
        subscribe, states = self.create_subscription, contract.joint_states
        subscribe(JointState, states.topic, self._guarded(self._on_state), profile(states.qos))
        subscribe(JointTrajectory, topics.proposal, self._guarded(self._on_proposal), 10)
        subscribe(Header, topics.driver, self._guarded(self._on_driver), 10)
        self._estop = EstopTopic(self, topics.estop, self.supervisor, self._lock, self._surviving)
        for name, action in (
            ('arm', self._arm),
            ('disarm', self._disarm),
            ('estop_now', self._estop_now),
            ('reset', self._reset),
        ):
            self.create_service(Trigger, f'{prefix}/safety/{name}', self._serve(name, action))
        self._blackbox: BlackBox | None = None
        if parameters.blackbox:
            self._blackbox = BlackBox(self, contract, Path(parameters.blackbox).expanduser())
        # Steady, or a paused simulation would silence the node's health.
        self.create_timer(1.0, self._diagnose, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self._pacer = Pacer(
            self.get_clock(), round(NS / contract.rates.command_hz), round(states.max_age_s * NS)
        )
        self._thread = threading.Thread(target=self._work, name='commands', daemon=True)
        self._say_state(self.supervisor.state)
        self._thread.start()

    def close(self) -> None:
        """Brake, stop the command thread, and write the account into the log."""
        deadline = time.monotonic() + BRAKING_S
        with self._lock:
            self.supervisor.disarm()
        while self._thread.is_alive() and time.monotonic() < deadline:
            with self._lock:
                if self.supervisor.filter.at_rest:
                    break
            time.sleep(0.005)
        self._pacer.stop()
        self._thread.join(timeout=1.0)
        with self._lock:
            message = self._verdicts.take(self._now_ns(), time.monotonic_ns(), last=True)
        if message is not None and self.context.ok():
            self._verdict_pub.publish(message)
        if self._blackbox is not None:
            self._blackbox.close()
        self.get_logger().info(f'summary {json.dumps(self._account())}')

    def _work(self) -> None:
        """Step at every tick; runs in the command thread."""
        try:
            self._realtime = claim(self._mode, self.get_logger().warning)
        except Exception as error:  # noqa: BLE001  (the timer raises it in the executor)
            self._failure = error
            return
        while not self._pacer.stopped:
            with self._surviving():
                for tick in self._pacer.run():
                    with self._surviving():
                        self._tick(tick)
                return
            # Without a pacer it brakes at about the right times.
            time.sleep(1.0 / self.contract.rates.command_hz)
            with self._surviving():
                self._tick(Tick(self._now_ns(), time.monotonic_ns(), 0))

    def _tick(self, tick: Tick) -> None:
        """One command period."""
        start = time.thread_time_ns()
        with self._lock:
            verdict = self.supervisor.step(tick.now_ns, tick.steady_ns)
            self._cost.add(time.thread_time_ns() - start)
        self._send(tick, verdict)
        with self._lock:
            self._verdicts.add(verdict.interventions)
            message = self._verdicts.take(tick.now_ns, tick.steady_ns)
        self._say_state(verdict.state)
        if self._blackbox is not None:
            self._blackbox.look(verdict)
        if message is not None:
            self._verdict_pub.publish(message)
        self._jitter.add(tick.late_ns)

    @contextmanager
    def _surviving(self) -> Iterator[None]:
        """Whatever fails within: the robot brakes and latches, and the node goes on answering."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  (without this node there is no e-stop)
            with self._lock:
                self.supervisor.fail(error)
            text = f'{type(error).__name__}: {error}'
            if text != self._said_failure:
                self._said_failure = text
                where = traceback.format_exc()
                self.get_logger().error(f'internal error, the robot brakes: {text}\n{where}')

    def _send(self, tick: Tick, verdict: Verdict) -> None:
        """Publish the command of a tick, if there is one."""
        if verdict.q is None or verdict.v is None:
            return
        for output in self._outputs:
            with self._surviving():  # the other groups still have to brake
                output(verdict.q, verdict.v)
        self._command_pub.publish(
            to_joint_state(tick.now_ns, self.contract.joints, verdict.q, verdict.v)
        )
        stamp = verdict.observation_ns
        if stamp is not None and stamp != self._played_ns:
            self._played_ns = stamp
            self._latency.add(self._now_ns() - stamp)

    def _guarded(self, take: Callable[[Any], None]) -> Callable[[Any], None]:
        """A subscription's callback that ends neither the node nor its e-stop."""

        def callback(message: Any) -> None:
            with self._surviving():
                take(message)

        return callback

    def _on_state(self, message: JointState) -> None:
        steady = time.monotonic_ns()
        try:
            stamp, q, v = joint_state(self.contract, message)
        except DataError as error:
            with self._lock:
                self.supervisor.reject(Rule.REJECTED_STATE, str(error))
            return
        with self._lock:
            self.supervisor.push_state(steady, stamp, q, v)

    def _on_proposal(self, message: JointTrajectory) -> None:
        try:
            proposal = to_proposal(message)
        except DataError as error:
            with self._lock:
                self.supervisor.reject(Rule.REJECTED_MALFORMED, str(error))
            return
        with self._lock:
            self.supervisor.push_proposal(self._now_ns(), time.monotonic_ns(), proposal)

    def _on_driver(self, message: Header) -> None:
        """Check the first move again whenever an operator takes over, or gives back."""
        if self._driver and message.frame_id != self._driver:
            with self._lock:
                self.supervisor.hand_over()
        self._driver = message.frame_id

    def _serve(
        self, name: str, action: Callable[[], str]
    ) -> Callable[[Trigger.Request, Trigger.Response], Trigger.Response]:
        """Service that runs an action and answers with its words or its refusal."""

        def serve(_: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
            try:
                with self._lock:
                    response.message = action()
                response.success = True
                self.get_logger().info(f'{name}: {response.message}')
            except SafetyError as error:
                response.success, response.message = False, str(error)
                self.get_logger().warning(f'{name} refused: {error}')
            except Exception as error:  # noqa: BLE001  (a service always answers)
                text = f'internal error: {type(error).__name__}: {error}'
                response.success, response.message = False, text
                self.get_logger().error(f'{name} failed: {text}')
            return response

        return serve

    def _arm(self) -> str:
        self.supervisor.arm(self._now_ns(), time.monotonic_ns())
        return 'armed at the measured pose'

    def _disarm(self) -> str:
        self.supervisor.disarm()
        return f'{self.supervisor.state.value}'

    def _estop_now(self) -> str:
        self.supervisor.estop('/safety/estop_now was called')
        return 'the e-stop is latched'

    def _reset(self) -> str:
        self._estop.look()
        gone = self.supervisor.reset()
        if not gone:
            return 'reset; arm to move'
        who = ' and '.join(f'"{name}"' for name in gone)
        return f'reset; arm to move (the e-stop was pressed by {who} until it left the graph)'

    def _now_ns(self) -> int:
        return int(self.get_clock().now().nanoseconds)

    def _say_state(self, state: State) -> None:
        """Publish the state when it changes."""
        if state is not self._said_state:
            self._said_state = state
            self._state_pub.publish(String(data=state.value))

    def _account(self) -> dict[str, object]:
        """Cost, punctuality and interventions since the start."""
        with self._lock:
            counts = dict(self._verdicts.counts)
        values: dict[str, object] = {'state': self.supervisor.state.value, 'shadow': self._shadow}
        for name, times in (
            ('step', self._cost),
            ('jitter', self._jitter),
            ('latency', self._latency),
        ):
            values |= {f'{name}_{key}': value for key, value in times.summary().to_dict().items()}
        values['skipped_ticks'] = self._pacer.skipped
        values['realtime'] = self._realtime
        if self._blackbox is not None:
            values |= self._blackbox.account()
        return values | {f'interventions_{rule}': count for rule, count in sorted(counts.items())}

    def _diagnose(self) -> None:
        """Publish the node's health, once a second."""
        with self._surviving():
            self._estop.look()
        if self._failure is not None:
            raise ImitationError(
                f'the command thread died: {type(self._failure).__name__}: {self._failure}'
            ) from self._failure
        if self._blackbox is not None:
            self._blackbox.adapt()
        state = self.supervisor.state
        level = LEVELS.get(state, DiagnosticStatus.OK)
        message = DiagnosticArray()
        message.header.stamp = to_time(self._now_ns())
        name = 'safety_shadow' if self._shadow else 'safety'
        message.status = [status(level[0], name, state.value, self._account())]
        self._diagnostics_pub.publish(message)


def main(args: Sequence[str] | None = None) -> int:
    """Run the node; see `imitation_ros.nodes.ros.spin.run`."""

    def make(context: Context) -> SafetyNode:
        node = SafetyNode(context)
        # What lives as long as the node is never looked at by the garbage collector again.
        gc.collect()
        gc.freeze()
        return node

    return run(make, args)


if __name__ == '__main__':
    sys.exit(main())
