# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Recorder node: one rosbag2 bag per episode, started and judged by the operator.

Subscribes to every topic of the contract without decoding anything. Services and keys start,
stop, discard and mark a take; a writer thread (`bags.take`) puts it on the disk. A write error
ends the take loudly, and never the node.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
import json
import os
from pathlib import Path
import signal
import socket
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import SetParametersResult
from rclpy.context import Context
from rclpy.node import Node
from rclpy.parameter import Parameter
from std_msgs.msg import String
from std_srvs.srv import Trigger

from .. import __version__
from .. import contract as contracts
from ..bags.session import Finished, Session
from ..bags.take import Counts
from ..bags.topics import recorded
from ..errors import BagError, ImitationError, NotReadyError
from ._messages import status, to_time
from ._parameters import declare
from ._qos import LATCHED
from ._spin import run
from ._subscriptions import Subscriptions
from ._terminal import Terminal

NS = 1_000_000_000
PREFLIGHT_S = 1.0
OK, WARN, ERROR = 0, 1, 2


@dataclass(frozen=True)
class Parameters:
    """Parameters of the node.

    Attributes:
        contract: Name or file of the robot's contract.
        output: Folder of the session; it may hold earlier takes.
        task: What the operator means to do; names the episodes.
        operator: Who does it.
        keys: Whether keys typed at the terminal work, if there is a terminal.
    """

    contract: str
    output: str = 'bags'
    task: str = 'task'
    operator: str = ''
    keys: bool = True


class Recorder(Node):
    """Records takes into a session."""

    def __init__(self, context: Context, name: str = 'recorder') -> None:
        """Subscribe, repair what a crash left in the session, and offer the services.

        Raises:
            ImitationError: If the contract is wrong or the session cannot be made.
        """
        super().__init__(name, context=context)
        parameters = declare(self, Parameters)
        self.contract = contracts.load(parameters.contract)
        self._distro = os.environ.get('ROS_DISTRO', 'kilted')
        self.session = self._open(Path(parameters.output))
        self.add_on_set_parameters_callback(self._check_parameters)
        self._error = ''
        self._before: dict[str, int] = {}
        self._written = (time.monotonic_ns(), 0)
        self._state = self.create_publisher(String, '/recorder/state', LATCHED)
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', 10)
        self._verbs: dict[str, Callable[[], dict[str, Any]]] = {
            'start': self.start,
            'stop': self.stop,
            'discard': self.discard,
            'success': lambda: self.mark('success'),
            'failure': lambda: self.mark('failure'),
        }
        for verb, act in self._verbs.items():
            self.create_service(Trigger, f'/recorder/{verb}', self._service(act))
        self.subscriptions_ = Subscriptions(self, recorded(self.contract))
        self._terminal: Terminal | None = None
        if parameters.keys:
            try:
                self._terminal = Terminal()
                print('keys: space start/stop, s success, f failure, d discard, q quit')
            except NotReadyError:
                self.get_logger().info('standard input is no terminal: services only')
        self.create_timer(0.1, self._watch)
        self.create_timer(0.5, self.subscriptions_.adapt)
        self.create_timer(1.0, self._diagnose)
        self._say()

    def _open(self, root: Path) -> Session:
        session = Session(root, self.contract, time.monotonic_ns, self._distro)
        for repair in session.repaired:
            self.get_logger().warning(
                f'repaired {repair.path}: {repair.messages} messages, {repair.seconds:.1f} s, '
                f'{repair.lost_bytes} bytes lost'
            )
        for folder, why in session.failed.items():
            self.get_logger().error(f'cannot repair {folder}: {why}')
        return session

    def _check_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        """A take keeps its contract and its session."""
        for parameter in parameters:
            if parameter.name in ('contract', 'keys'):
                reason = f'"{parameter.name}" is fixed; restart the recorder'
                return SetParametersResult(successful=False, reason=reason)
            if parameter.name == 'output':
                if self.session.take is not None:
                    reason = 'a take is running; stop it before changing the session'
                    return SetParametersResult(successful=False, reason=reason)
                try:
                    self.session = self._open(Path(str(parameter.value)))
                except BagError as error:
                    return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _service(self, act: Callable[[], dict[str, Any]]) -> Callable[..., Trigger.Response]:
        def answer(_: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
            try:
                response.message = json.dumps(act())
                response.success = True
            except ImitationError as error:
                self.get_logger().error(str(error))
                response.message = json.dumps({'error': str(error)})
                response.success = False
            return response

        return answer

    def start(self) -> dict[str, Any]:
        """Start a take.

        Raises:
            NotReadyError: If a topic of the contract has been silent.
            BagError: If a take is running or the bag cannot be created.
        """
        self._watch_error()
        if self.session.take is not None:
            raise BagError('a take is running; stop or discard it first')
        now = time.time_ns()
        self.subscriptions_.adapt()
        problems = self.subscriptions_.problems(now, PREFLIGHT_S)
        if problems:
            raise NotReadyError('not started:\n  ' + '\n  '.join(problems))
        if self.session.failed:
            self.session.repair()
        name = self.session.start(
            self.subscriptions_.channels(),
            now,
            task=str(self.get_parameter('task').value),
            operator=str(self.get_parameter('operator').value),
            extra={
                'host': socket.gethostname(),
                'imitation_ros': __version__,
                'ros_distro': self._distro,
            },
        )
        take = self.session.take
        if take is not None:
            for item in self.subscriptions_.latched(now):
                take.put(item)
            self.subscriptions_.sink = take.put
        self._error = ''
        self._written = (time.monotonic_ns(), 0)
        self._say()
        self.get_logger().info(f'recording {name}')
        return {'episode': name, 'path': str(self.session.root / name)}

    def stop(self) -> dict[str, Any]:
        """Stop the take, audit it and return what became of it.

        Raises:
            BagError: If no take is running, or it could not be written.
        """
        self._watch_error()
        if self._error:
            error, self._error = self._error, ''
            self._say()
            raise BagError(error)
        self.subscriptions_.sink = None
        try:
            finished = self.session.stop()
        except ImitationError as error:
            if str(error) != 'no take is running':
                self._error = str(error)
                self._say()
            raise
        self._say()
        self._tell(finished)
        return finished.to_dict()

    def _tell(self, finished: Finished) -> None:
        """Log the verdict; rclpy allows a line of code one severity, so there are three."""
        verdict, reasons = finished.audit.verdict, '; '.join(finished.audit.reasons)
        text = f'{finished.meta.episode}: {finished.audit.seconds:.1f} s, {verdict.upper()}'
        if verdict == 'reject':
            self.get_logger().error(f'{text}: {reasons}')
        elif verdict == 'warn':
            self.get_logger().warning(f'{text}: {reasons}')
        else:
            self.get_logger().info(text)

    def discard(self) -> dict[str, Any]:
        """Throw the running take away.

        Raises:
            BagError: If no take is running.
        """
        self.subscriptions_.sink = None
        name = self.session.discard()
        self._say()
        self.get_logger().info(f'discarded {name}')
        return {'episode': name}

    def mark(self, outcome: Any) -> dict[str, Any]:
        """Mark the running take, or the last one, as a success or a failure."""
        meta = self.session.mark(outcome)
        self.get_logger().info(f'{meta.episode}: {outcome}')
        return {'episode': meta.episode, 'outcome': meta.outcome}

    def _say(self) -> None:
        """Publish the state: IDLE, RECORDING <episode> or ERROR <reason>."""
        meta = self.session.meta
        text = f'ERROR {self._error}' if self._error else 'IDLE'
        if meta is not None:
            text = f'RECORDING {meta.episode}'
        self._state.publish(String(data=text))

    def _watch_error(self) -> None:
        """End a take that can no longer be written."""
        take = self.session.take
        if take is None or take.error is None:
            return
        self.subscriptions_.sink = None
        self._error = self.session.fail()
        self.get_logger().error(f'the take was ended: {self._error}')
        self._say()

    def _watch(self) -> None:
        self._watch_error()
        for key in self._terminal.read() if self._terminal is not None else '':
            self._press(key)

    def _press(self, key: str) -> None:
        verb = {'s': 'success', 'f': 'failure', 'd': 'discard'}.get(key)
        if key == ' ':
            verb = 'start' if self.session.take is None else 'stop'
        if key == 'q':
            os.kill(os.getpid(), signal.SIGINT)
        if verb is not None:
            try:
                self._verbs[verb]()
            except ImitationError as error:
                self.get_logger().error(str(error))

    def _diagnose(self) -> None:
        now = time.monotonic_ns()
        take = self.session.take
        counts: dict[str, Counts] = {} if take is None else take.counts()
        written = 0 if take is None else take.writer.bytes
        seconds = max((now - self._written[0]) / NS, 1e-3)
        rate = max(written - self._written[1], 0) / seconds
        self._written = (now, written)
        free = self.session.free_bytes()
        meta = self.session.meta
        minutes = f'{free / rate / 60:.0f}' if rate > 0 else ''
        level = ERROR if self._error else WARN if minutes and float(minutes) < 5 else OK
        message = DiagnosticArray()
        message.header.stamp = to_time(int(self.get_clock().now().nanoseconds))
        values = {
            'episode': '' if meta is None else meta.episode,
            'MB/s': f'{rate / 1e6:.1f}',
            'queue_MB': f'{(0 if take is None else take.queued_bytes) / 1e6:.1f}',
            'disk_free_GB': f'{free / 1e9:.1f}',
            'disk_free_minutes': minutes,
            'unrepaired': len(self.session.failed),
        }
        text = self._error or ('idle' if meta is None else f'recording {meta.episode}')
        message.status = [status(level, 'recorder', text, values)]
        for stream in self.subscriptions_.streams:
            topic = stream.topic
            hz = (stream.count - self._before.get(topic.name, 0)) / seconds
            self._before[topic.name] = stream.count
            silent = topic.required and hz == 0.0
            count = counts.get(topic.name, Counts(0, 0, 0))
            bad = silent or count.lost + count.dropped > 0
            if topic.required or stream.count:
                details = {
                    'Hz': f'{hz:.1f}',
                    'expected_Hz': topic.rate_hz or '',
                    'written': count.written,
                    'lost': count.lost,
                    'dropped': count.dropped,
                }
                said = 'silent' if silent else 'losing messages' if bad else 'ok'
                message.status.append(
                    status(WARN if bad else OK, f'recorder: {topic.name}', said, details)
                )
        self._diagnostics.publish(message)

    def close(self) -> None:
        """Finish and keep a take that is running; its outcome stays unknown unless marked."""
        if self._terminal is not None:
            self._terminal.close()
        if self.session.take is not None:
            try:
                self.stop()
            except ImitationError as error:
                self.get_logger().error(str(error))


def main(args: Sequence[str] | None = None) -> int:
    """Run the recorder."""
    return run(Recorder, args)


if __name__ == '__main__':
    raise SystemExit(main())
