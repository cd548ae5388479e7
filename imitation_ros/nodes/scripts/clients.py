# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Call other nodes and wait for them, one line after the other, from a script-like node.

The callbacks run in a thread of their own, so that a plain function can call a service, read
the newest message and go on. Whatever does not come in time ends in a NotReadyError that says
which service, topic or node it was.
"""

from collections.abc import Callable, Sequence
import sys
import threading
import time
from typing import Any

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import GetParameters, SetParameters
import rclpy
from rclpy.context import Context
from rclpy.node import Node, NodeNameNonExistentError
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions
from std_srvs.srv import Trigger

from ...errors import ImitationError, NotReadyError, unknown
from ..ros.spin import ending, log_domain, make_executor, spin

TRANSITIONS = {
    'configure': Transition.TRANSITION_CONFIGURE,
    'cleanup': Transition.TRANSITION_CLEANUP,
    'activate': Transition.TRANSITION_ACTIVATE,
    'deactivate': Transition.TRANSITION_DEACTIVATE,
}
"""Transitions of a lifecycle node that `change_state` knows."""

POLL_S = 0.005

RETRY_S = 0.1
PING_S = 0.3
"""How long a node has to answer a ping before it is pinged again [s]."""


class RefusedError(ImitationError, RuntimeError):
    """A node answered, and the answer was no."""


class Clients:
    """Services of other nodes, called one after the other.

    Attributes:
        node: The node whose callbacks run in the thread.
    """

    def __init__(self, node: Node, stop: threading.Event | None = None) -> None:
        """Start running the node's callbacks.

        Args:
            node: The node.
            stop: When set, every wait ends in a NotReadyError.
        """
        self.node = node
        self._stop = stop or threading.Event()
        self._ended = threading.Event()
        context: Context = node.context
        self._executor = make_executor(context)
        self._executor.add_node(node)
        self._clients: dict[str, Any] = {}
        self._met: set[str] = set()
        self._pings: list[Any] = []
        self._thread = threading.Thread(
            target=spin, args=(self._executor, self._ended, context), name='callbacks', daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop running callbacks."""
        self._ended.set()
        self._thread.join(2.0)
        self._executor.shutdown(timeout_sec=1.0)

    def expect(self, *services: str) -> None:
        """Start looking for Trigger services, so that the first call of each is quick."""
        for service in services:
            self._client(Trigger, service)

    def call_trigger(self, service: str, timeout_s: float = 5.0) -> str:
        """Call a std_srvs/srv/Trigger service and return its message.

        Raises:
            NotReadyError: If the service is not there or does not answer in time.
            RefusedError: If it answers `success: false`, with its message.
        """
        answer = self._call(Trigger, service, Trigger.Request(), timeout_s)
        if not answer.success:
            raise RefusedError(f'{service} refused: {answer.message}')
        return str(answer.message)

    def insist(self, service: str, timeout_s: float) -> str:
        """Call a Trigger service again while it refuses: its node may still be getting ready.

        Raises:
            NotReadyError: If the service is not there or does not answer in time.
            RefusedError: If it still refuses at the end.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                return self.call_trigger(service, timeout_s)
            except RefusedError:
                self.check(service)
                if time.monotonic() > deadline:
                    raise
                time.sleep(RETRY_S)

    def set_parameter(self, node: str, name: str, value: Any, timeout_s: float = 5.0) -> None:
        """Set a parameter of another node.

        Raises:
            NotReadyError: If the node is not there or does not answer in time.
            RefusedError: If it refuses the value.
        """
        request = SetParameters.Request()
        request.parameters = [Parameter(name, value=value).to_parameter_msg()]
        answer = self._call(SetParameters, f'{node}/set_parameters', request, timeout_s)
        for result in answer.results:
            if not result.successful:
                raise RefusedError(f'{node} refused {name} = {value!r}: {result.reason}')

    def change_state(self, node: str, transition: str, timeout_s: float = 10.0) -> None:
        """Drive a lifecycle node through a transition (see `TRANSITIONS`).

        Raises:
            NotReadyError: If the node is not there or does not answer in time.
            RefusedError: If it refuses or fails the transition.
        """
        if transition not in TRANSITIONS:
            raise ValueError(unknown(transition, 'transition', TRANSITIONS))
        request = ChangeState.Request()
        request.transition.id = TRANSITIONS[transition]
        answer = self._call(ChangeState, f'{node}/change_state', request, timeout_s)
        if not answer.success:
            raise RefusedError(f'{node} refused to {transition}: see its log')

    def lifecycle_state(self, node: str, timeout_s: float = 10.0) -> str:
        """State of a lifecycle node: unconfigured, inactive, active or finalized.

        Raises:
            NotReadyError: If the node is not there or does not answer in time.
        """
        answer = self._call(GetState, f'{node}/get_state', GetState.Request(), timeout_s)
        return str(answer.current_state.label)

    def check(self, what: str = 'the end') -> None:
        """Raise NotReadyError if the script has been asked to stop."""
        if self._stop.is_set():
            raise NotReadyError(f'interrupted while waiting for {what}')

    def resume(self) -> None:
        """Let the calls that clean up after an interruption go through."""
        self._stop.clear()

    def wait_until(self, holds: Callable[[], bool], what: str, timeout_s: float) -> None:
        """Wait until something holds.

        Raises:
            NotReadyError: If it does not in time; the message names `what`.
        """
        deadline = time.monotonic() + timeout_s
        while not holds():
            self.check(what)
            if time.monotonic() > deadline:
                raise NotReadyError(f'{what}: not within {timeout_s:g} s')
            time.sleep(POLL_S)

    def wait_for_topic(self, topic: str, timeout_s: float = 10.0) -> None:
        """Wait until somebody publishes a topic.

        Raises:
            NotReadyError: If nobody does in time.
        """
        self.wait_until(
            lambda: self.node.count_publishers(topic) > 0, f'a publisher of {topic}', timeout_s
        )

    def wait_for_reader(self, topic: str, timeout_s: float = 10.0) -> None:
        """Wait until somebody subscribes to a topic.

        Raises:
            NotReadyError: If nobody does in time.
        """
        self.wait_until(
            lambda: self.node.count_subscribers(topic) > 0, f'a subscriber of {topic}', timeout_s
        )

    def _client(self, kind: Any, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self.node.create_client(kind, service)
        return self._clients[service]

    def _meet(self, service: str, deadline: float) -> None:
        """Wait until the node behind a service has found our client of it.

        That the service is there says only that we have found it: a request that comes before
        it has found us is dropped without a word. Nodes find our clients in the order we made
        them, so an answer to a client made just now proves that the one before it is known.
        """

        def left() -> float:
            return max(0.1, deadline - time.monotonic())

        self.wait_until(lambda: self._host(service) != '', f'the node of {service}', left())
        # Every node has this service, and reading no parameter may be asked for twice.
        ping = self.node.create_client(GetParameters, f'{self._host(service)}/get_parameters')
        self._pings.append(ping)
        self.wait_until(ping.service_is_ready, f'parameters of the node of {service}', left())
        while True:
            future = ping.call_async(GetParameters.Request())
            try:
                self.wait_until(future.done, f'a sign of the node of {service}', PING_S)
                break
            except NotReadyError:
                ping.remove_pending_request(future)
                if time.monotonic() > deadline or self._stop.is_set():
                    raise
        self._met.add(service)

    def _host(self, service: str) -> str:
        """Full name of the node that offers a service, or ''."""
        for name, namespace in self.node.get_node_names_and_namespaces():
            try:
                found = self.node.get_service_names_and_types_by_node(name, namespace)
            except NodeNameNonExistentError:
                continue
            if any(offered == service for offered, _ in found):
                return f'{namespace.rstrip("/")}/{name}'
        return ''

    def _call(self, kind: Any, service: str, request: Any, timeout_s: float) -> Any:
        client = self._client(kind, service)
        deadline = time.monotonic() + timeout_s
        self.wait_until(client.service_is_ready, f'service {service}', timeout_s)
        if service not in self._met:
            self._meet(service, deadline)
        future = client.call_async(request)
        try:
            self.wait_until(
                future.done, f'answer of {service}', max(0.1, deadline - time.monotonic())
            )
        except NotReadyError:
            client.remove_pending_request(future)
            raise
        return future.result()


def run_script(
    name: str, script: Callable[[Node, Clients], int], args: Sequence[str] | None = None
) -> int:
    """Run a script-like node: callbacks in their thread, `script` in this one.

    Args:
        name: Name of the node.
        script: Does the work; returns the exit code. A signal or the parent's end ends
            its waits.
        args: Command line; `sys.argv` if None.

    Returns:
        Exit code of the script; 1 if it raised an ImitationError, which is printed.
    """
    stop = ending()
    context = Context()
    rclpy.init(
        args=list(sys.argv if args is None else args),
        context=context,
        signal_handler_options=SignalHandlerOptions.NO,
    )
    node = Node(name, context=context)
    log_domain(node)
    clients = Clients(node, stop)
    try:
        return script(node, clients)
    except ImitationError as error:
        print(f'error: {name}: {error}', file=sys.stderr, flush=True)
        return 1
    finally:
        clients.close()
        node.destroy_node()
        rclpy.try_shutdown(context=context)
