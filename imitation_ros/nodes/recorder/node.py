# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Recorder node: one rosbag2 bag per episode, started and judged by the operator.

Subscribes to every topic of the contract without decoding anything. Services, keys and buttons
start, stop, discard and mark a take; a writer thread (`bags.take`) puts it on the disk. Before and
during a take the health of every topic is on the screen and in the diagnostics. A write error
ends the take loudly, and never the node.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
import json
import os
from pathlib import Path
import signal
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import SetParametersResult
from rclpy.context import Context
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import Joy
from std_msgs.msg import String
from std_srvs.srv import Trigger

from ... import contract as contracts
from ...bags.layout import DROPPED
from ...bags.topics import recorded
from ...data.outcomes import said
from ...errors import BagError, ImitationError, NotReadyError
from ...recording.compression import Compression
from ...recording.session import Finished, Session
from ..ros.parameters import declare
from ..ros.qos import LATCHED
from ..ros.spin import run
from .buttons import Buttons, parse
from .console import Console, LEGEND
from .health import Health, to_diagnostics
from .memory import keep_freed_memory
from .provenance import clock_offsets, software
from .subscriptions import Subscriptions
from .view import View

SCREEN_S = 0.5
"""Time between two drawings of the screen [s]; the diagnostics come every other time."""
FIXED = (
    'contract',
    'tasks',
    'keys',
    'screen',
    'joy',
    'buttons',
    'minimum_rate',
    'compress',
    'discard_rejected',
)


@dataclass(frozen=True)
class Parameters:
    """Parameters of the node.

    Attributes:
        contract: Name or file of the robot's contract.
        output: Folder of the session; it may hold earlier takes.
        task: What the operator means to do; names the episodes.
        tasks: Tasks that the key n goes through, separated by commas.
        operator: Who does it.
        keys: Whether keys typed at the terminal work, if there is a terminal.
        screen: Whether the terminal shows the health of every topic, if there is a terminal.
        joy: Topic of a gamepad or a pedal (sensor_msgs/msg/Joy).
        buttons: Its buttons, such as `start=7, stop=7, discard=6, success=0, failure=1`.
        minimum_rate: Share of a topic's rate below which no take starts; 0: any rate will do.
        compress: Compress raw images on the way: `jpeg`, `jpeg:85`, `png`; '' leaves them as
            they are. Sixteen-bit images are always PNG, which loses nothing.
        discard_rejected: Whether takes with the verdict `reject` are put into `.dropped/`.
    """

    contract: str
    output: str = 'bags'
    task: str = 'task'
    tasks: str = ''
    operator: str = ''
    keys: bool = True
    screen: bool = True
    joy: str = '/joy'
    buttons: str = ''
    minimum_rate: float = 0.5
    compress: str = ''
    discard_rejected: bool = False


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
        self._compression = Compression.parse(parameters.compress)
        self._discard_rejected = parameters.discard_rejected
        self._distro = os.environ.get('ROS_DISTRO', 'kilted')
        self.session = self._open(parameters.output)
        self.add_on_set_parameters_callback(self._check_parameters)
        self._error = ''
        self._beats = 0
        self._tasks = [task.strip() for task in parameters.tasks.split(',') if task.strip()]
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
        self._verbs |= {'toggle': self.toggle, 'next': self.next_task, 'quit': self._quit}
        self.subscriptions_ = Subscriptions(self, recorded(self.contract))
        self._health = Health(self.contract, self.subscriptions_, parameters.minimum_rate)
        self._health.opened(self.session)
        buttons = parse(parameters.buttons, self._verbs)
        if buttons:
            self._buttons = Buttons(buttons)
            self.create_subscription(Joy, parameters.joy, self._on_joy, 10)
        self.create_timer(0.1, self._watch)
        self.create_timer(0.5, self.subscriptions_.adapt)
        self.create_timer(SCREEN_S, self._beat)
        self._say()
        # The terminal last of all: from here on it is `close` that gives it back.
        self._console = Console(parameters.keys, parameters.screen)
        if not self._console.keys:
            self.get_logger().info('no keys: services only')
        elif not self._console.screen:
            listed = ', '.join(f'{key} {text}' for key, text in self._keys().items())
            print(f'keys: {listed}', flush=True)

    def _keys(self) -> dict[str, str]:
        """Keys and what they do, as the operator reads them."""
        return {key: text for key, text in LEGEND.items() if key != 'n' or self._tasks}

    def _open(self, output: str) -> Session:
        if not output.strip():
            raise BagError('the parameter "output" is empty; name the folder of the session')
        session = Session(
            Path(output).expanduser(), self.contract, time.monotonic_ns, self._distro
        )
        for repair in session.repaired:
            self.get_logger().warning(
                f'repaired {repair.path}: {repair.messages} messages, {repair.seconds:.1f} s, '
                f'{repair.lost_bytes} bytes lost'
            )
        for broken, why in session.failed.items():
            self.get_logger().error(f'cannot repair {broken}: {why}')
        return session

    def _check_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        """A take keeps its contract and its session."""
        for parameter in parameters:
            if parameter.name in FIXED:
                reason = f'"{parameter.name}" is fixed; restart the recorder'
                return SetParametersResult(successful=False, reason=reason)
            if parameter.name == 'output':
                if self.session.take is not None:
                    reason = 'a take is running; stop it before changing the session'
                    return SetParametersResult(successful=False, reason=reason)
                try:
                    self.session = self._open(str(parameter.value or ''))
                    self._health.opened(self.session)
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
            NotReadyError: If a topic of the contract is not fit to be recorded; says what to do.
            BagError: If a take is running or the bag cannot be created.
        """
        self._watch_error()
        if self.session.take is not None:
            raise BagError('a take is running; stop or discard it first')
        now = time.time_ns()
        self.subscriptions_.adapt()
        rows = self._health.rows(now)
        refusals = [row for row in rows if row.refuses]
        if refusals:
            raise NotReadyError('not started:\n  ' + '\n  '.join(map(str, refusals)))
        if self.session.failed:
            self.session.repair()
        name = self.session.start(
            self.subscriptions_.channels(),
            now,
            task=str(self.get_parameter('task').value),
            operator=str(self.get_parameter('operator').value),
            extra={
                **software(self._distro),
                'clock_offsets_ms': clock_offsets(rows),
                'compress': str(self._compression or ''),
            },
            compress=self.subscriptions_.compressible(self._compression),
        )
        take = self.session.take
        if take is not None:
            for item in self.subscriptions_.latched(now):
                take.put(item)
            self._health.started()
            self.subscriptions_.sink = take.put
        self._error = ''
        self._say()
        self.get_logger().info(f'recording {name}')
        return {'episode': name, 'path': str(self.session.root / name)}

    def stop(self) -> dict[str, Any]:
        """Stop the take and return what became of it; it was audited while it was written.

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
        discard = self._discard_rejected and finished.audit.verdict == 'reject'
        if discard:
            finished = self.session.put_aside()
        self._health.kept(finished, discard)
        self._tell(finished, discard)
        return finished.to_dict() | {'discarded': discard}

    def _tell(self, finished: Finished, discarded: bool) -> None:
        """Log the verdict; rclpy allows a line of code one severity, so there are three."""
        verdict, reasons = finished.audit.verdict, '; '.join(finished.audit.reasons)
        text = f'{finished.meta.episode}: {finished.audit.seconds:.1f} s, {verdict.upper()}'
        text += f', {said(finished.meta.outcome)}'
        if discarded:
            self.get_logger().error(f'{text} and put into {DROPPED}/: {reasons}')
        elif verdict == 'reject':
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

    def toggle(self) -> dict[str, Any]:
        """Start a take, or stop the one that is running."""
        return self.start() if self.session.take is None else self.stop()

    def next_task(self) -> dict[str, Any]:
        """Go on to the next of the tasks; the takes from now on are called after it.

        Raises:
            BagError: If a take is running, or there is no list of tasks.
        """
        if self.session.take is not None:
            raise BagError('a take is running; stop it before the next task')
        if not self._tasks:
            raise BagError('no tasks to go through: give the parameter "tasks"')
        now = str(self.get_parameter('task').value)
        after = self._tasks.index(now) + 1 if now in self._tasks else 0
        task = self._tasks[after % len(self._tasks)]
        self.set_parameters([Parameter('task', value=task)])
        return {'task': task}

    def _quit(self) -> dict[str, Any]:
        os.kill(os.getpid(), signal.SIGINT)
        return {}

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
        for verb in self._console.read():
            self._press(verb)

    def _on_joy(self, message: Joy) -> None:
        for verbs in self._buttons.press(message.buttons):
            if 'start' in verbs and 'stop' in verbs:
                verbs = ('toggle', *(verb for verb in verbs if verb not in ('start', 'stop')))
            for verb in verbs:
                self._press(verb)

    def _press(self, verb: str) -> None:
        """Do what a key or a button asks for; whatever is wrong is told, and the node goes on."""
        try:
            self._verbs[verb]()
        except ImitationError as error:
            self.get_logger().error(str(error))
        if self._console.screen:
            self._console.show(self._view())

    def _view(self) -> View:
        return self._health.view(
            self.session,
            str(self.get_parameter('task').value),
            str(self.get_parameter('operator').value),
            self._error,
            self._keys(),
        )

    def _beat(self) -> None:
        """Draw the screen, and every other time publish the diagnostics."""
        self._beats += 1
        whole = self._beats % 2 == 0
        if whole:
            self._health.measure(self.session)
        elif not self._console.screen:
            return
        view = self._view()
        self._console.show(view)
        if whole:
            stamp = int(self.get_clock().now().nanoseconds)
            self._diagnostics.publish(to_diagnostics(view, stamp, len(self.session.failed)))

    def close(self) -> None:
        """Finish and keep a take that is running; its outcome stays unknown unless marked."""
        try:
            if self.session.take is not None:
                self.stop()
        except ImitationError as error:
            self.get_logger().error(str(error))
        finally:
            self._console.close()
            if self._console.keys:
                counted = ', '.join(
                    f'{count} {name}' for name, count in self._health.tally.items()
                )
                count = len(self.session.episodes())
                text = f'{count} episode{"s" * (count != 1)} in {self.session.root}'
                with suppress(OSError):  # the terminal may have been closed
                    print(f'{text}; of this run: {counted}' if counted else text, flush=True)


def main(args: Sequence[str] | None = None) -> int:
    """Run the recorder."""
    keep_freed_memory()
    return run(Recorder, args)


if __name__ == '__main__':
    raise SystemExit(main())
