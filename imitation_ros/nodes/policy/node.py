# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Policy node: observations -> proposals, by one policy.onnx that was made for this robot.

A lifecycle node. `configure` loads the model, checks it against the robot and warms it up;
`activate` starts proposing; nothing moves before the safety node is armed as well.

`python -m imitation_ros.nodes.policy --ros-args -p model:=policy.onnx -p autostart:=true`
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
import functools
import gc
import json
import sys
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.clock import Clock, ClockType
from rclpy.context import Context
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from std_msgs.msg import Header, String
from trajectory_msgs.msg import JointTrajectory

from ...contract import load, Qos
from ...data.proposal import Proposal
from ...errors import ImitationError
from ...runtime.bundle import load as load_bundle
from ...runtime.handover import Driver, Handover
from ...runtime.loop import LoopStats, PolicyLoop
from ...runtime.session import Session
from ..ros.messages import status, to_time, to_trajectory
from ..ros.parameters import declare
from ..ros.qos import profile
from ..ros.spin import run
from ..ros.ticks import Ticks
from .observations import Observations

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE
Transition = Callable[['PolicyNode', LifecycleState], TransitionCallbackReturn]


@dataclass(frozen=True)
class Parameters:
    """Parameters of the node.

    Attributes:
        model: Path of the policy.onnx.
        contract: Name or path of the contract.
        autostart: Configure and activate at start-up, or end with exit code 1.
        threads: Threads of one inference.
    """

    model: str
    contract: str = 'imi_humanoid'
    autostart: bool = False
    threads: int = 1

    def __post_init__(self) -> None:
        """Check the number of threads."""
        if not 1 <= self.threads <= 64:
            raise ValueError(f'threads must be in [1, 64], not {self.threads}')


def _transition(callback: Transition) -> Transition:
    """Log what goes wrong: rclpy drops the exceptions of transitions, and refusals are ours."""

    @functools.wraps(callback)
    def logged(node: 'PolicyNode', state: LifecycleState) -> TransitionCallbackReturn:
        try:
            return callback(node, state)
        except ImitationError as error:
            node.refusal = error
            node.get_logger().error(f'{callback.__name__} refused: {error}')
            return FAILURE
        except Exception as error:
            node.get_logger().fatal(f'{callback.__name__}: {type(error).__name__}: {error}')
            raise

    return logged


class PolicyNode(LifecycleNode):  # type: ignore[misc]
    """Subscribes to what the policy sees, steps the loop in a thread, publishes proposals.

    Attributes:
        parameters: As given.
        refusal: Why the last transition was refused.
    """

    def __init__(self, context: Context, **options: Any) -> None:
        """Read the parameters; the model is only looked at by `configure`."""
        super().__init__('policy', context=context, **options)
        self.parameters = declare(self, Parameters)
        self.refusal: ImitationError | None = None
        self._loop: PolicyLoop | None = None
        self._ticks: Ticks | None = None
        self._worker: ThreadPoolExecutor | None = None
        self._job: Future[None] | None = None
        self._publisher: Any = None
        self._observations: Observations | None = None
        self._handover = Handover()
        self._driver_publisher: Any = None
        self._gate: Any = None
        self._counted = (time.monotonic_ns(), 0)
        self._about = {'model': self.parameters.model}
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', 10)
        # Steady, or a paused simulation would silence the node's health.
        self.create_timer(1.0, self._diagnose, clock=Clock(clock_type=ClockType.STEADY_TIME))

    @property
    def state(self) -> str:
        """Primary state of the lifecycle."""
        if self._loop is None:
            return 'unconfigured'
        return 'inactive' if self._job is None else 'active'

    def start(self) -> None:
        """Configure and activate; raises the refusal if either is refused."""
        for trigger in (self.trigger_configure, self.trigger_activate):
            if trigger() != SUCCESS:
                raise self.refusal or ImitationError('the policy node could not be started')

    def close(self) -> None:
        """Stop proposing and write the account into the log."""
        self._stop()
        self._report()

    @_transition
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the model, check it against the robot, warm it up, subscribe."""
        self.refusal = None
        contract = load(self.parameters.contract)
        bundle = load_bundle(self.parameters.model)
        session = Session(bundle, contract, self.parameters.threads)
        for warning in session.warnings:
            self.get_logger().warning(warning)
        session.warm_up()
        self._about |= {'method': bundle.method, 'sha256': bundle.sha256[:12]}
        self._loop = PolicyLoop(contract, session, time.monotonic_ns, self._now_ns)
        self._publisher = self.create_lifecycle_publisher(
            JointTrajectory, contract.topics.proposal, profile(Qos(depth=10))
        )
        self._observations = Observations(self, contract, self._loop)
        self._driver_publisher = self.create_lifecycle_publisher(
            Header, contract.topics.driver, profile(Qos(depth=10))
        )
        self._gate = self.create_subscription(String, contract.topics.gate, self._on_gate, 10)
        spec = session.spec
        self.get_logger().info(
            f'{bundle.method} policy {bundle.sha256[:12]}: {len(spec.joints)} joints, sees '
            f'{", ".join(spec.modalities)}, {spec.chunk} actions at {spec.policy_hz:g} Hz, '
            f'inference every {spec.execute}'
        )
        return super().on_configure(state)

    @_transition
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start proposing."""
        if self._loop is None:
            raise ImitationError('there is no model to activate')
        result = super().on_activate(state)
        self._handover.forget()
        self._loop.start(self._now_ns())
        # A full collection takes about 20 ms; none happens while the robot moves.
        gc.collect()
        gc.disable()
        self._ticks = Ticks(self.get_clock(), self._loop.spec.step_ns)
        self._worker = ThreadPoolExecutor(1, 'policy')
        self._job = self._worker.submit(self._work, self._loop, self._ticks)
        return result

    @_transition
    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop proposing; the safety node then brakes to a hold."""
        self._stop()
        return super().on_deactivate(state)

    @_transition
    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Forget the model."""
        self._stop()
        self._report()
        result = super().on_cleanup(state)
        if self._observations is not None:
            self._observations.close()
            self.destroy_lifecycle_publisher(self._publisher)
            self.destroy_lifecycle_publisher(self._driver_publisher)
            self.destroy_subscription(self._gate)
        self._publisher = self._observations = self._loop = None
        return result

    @_transition
    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop for good."""
        return self.on_cleanup(state)

    @_transition
    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Begin again from nothing after a transition that broke."""
        return self.on_cleanup(state)

    def _work(self, loop: PolicyLoop, ticks: Ticks) -> None:
        """Say at every tick who drives, and step if it is the policy; runs in a thread."""
        before = Driver.POLICY
        for tick_ns in ticks.run():
            driver = self._handover.driver(time.monotonic_ns())
            self._driver_publisher.publish(Header(stamp=to_time(tick_ns), frame_id=driver.value))
            if driver is not before:
                self.get_logger().info(f'{driver.value} drives')
                if driver is Driver.POLICY:
                    # From where the robot is: no chunk and no history from before the takeover.
                    loop.start(tick_ns)
            before = driver
            if driver is not Driver.POLICY:
                continue
            answer = loop.step(tick_ns)
            if isinstance(answer, Proposal):
                # The operator may have taken over during the inference.
                if self._handover.driver(time.monotonic_ns()) is Driver.POLICY:
                    self._publisher.publish(to_trajectory(answer))
            elif answer.reasons:
                self.get_logger().warning(f'no proposal: {answer}', throttle_duration_sec=2.0)

    def _on_gate(self, message: String) -> None:
        self._handover.hear(time.monotonic_ns(), message.data)

    def _stop(self) -> None:
        """Stop the worker thread, if it runs."""
        if self._ticks is None or self._worker is None or self._job is None:
            return
        self._ticks.stop()
        self._worker.shutdown(wait=True)
        error = self._job.exception()
        if error is not None:
            self.get_logger().fatal(f'the policy died: {type(error).__name__}: {error}')
        self._worker = self._job = None
        gc.enable()

    def _report(self) -> None:
        """Write the latencies as one line of JSON."""
        if self._loop is not None:
            values = {**self._about, **self._account(self._loop.stats())}
            self.get_logger().info(f'summary {json.dumps(values)}')

    def _account(self, stats: LoopStats) -> dict[str, Any]:
        return {
            'proposals': stats.proposals,
            'driver': self._handover.driver(time.monotonic_ns()).value,
            'takeovers': self._handover.takeovers,
            **{f'inference_{key}': value for key, value in stats.inference.to_dict().items()},
            **{f'observation_age_{key}': value for key, value in stats.age.to_dict().items()},
            'deadline_misses': stats.deadline_misses,
            'refusals': stats.refusals,
            'failures': stats.failures,
            'skipped_ticks': self._ticks.skipped if self._ticks else 0,
            'bad_messages': self._observations.bad if self._observations else {},
        }

    def _now_ns(self) -> int:
        return int(self.get_clock().now().nanoseconds)

    def _diagnose(self) -> None:
        """Publish the node's health, once a second."""
        if self._job is not None and self._job.done():
            self.trigger_deactivate()
            self.refusal = ImitationError('the policy died; see the log')
        level, text, values = DiagnosticStatus.OK, '', dict(self._about)
        values['state'] = self.state
        if self._loop is not None:
            stats = self._loop.stats()
            since_ns, before = self._counted
            self._counted = time.monotonic_ns(), stats.proposals
            rate = (stats.proposals - before) / ((self._counted[0] - since_ns) / 1e9)
            values |= {'proposals_hz': f'{rate:.1f}', **self._account(stats)}
            if self._job is not None and stats.reasons:
                level = DiagnosticStatus.WARN
                text = '; '.join(f'{name}: {why}' for name, why in stats.reasons.items())
        if self.refusal is not None and self._job is None:
            level, text = DiagnosticStatus.ERROR, str(self.refusal)
        message = DiagnosticArray()
        message.header.stamp = to_time(self._now_ns())
        message.status = [status(level[0], 'policy', text or values['state'], values)]
        self._diagnostics.publish(message)


def main(args: Sequence[str] | None = None) -> int:
    """Run the node."""

    def make(context: Context) -> PolicyNode:
        node = PolicyNode(context)
        if node.parameters.autostart:
            node.start()
        return node

    return run(make, args)


if __name__ == '__main__':
    sys.exit(main())
