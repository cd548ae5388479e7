# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Start, spin and stop a node, the same way for every node.

Two facts shape this file. `EventsExecutor.spin()` hangs in the pip wheels of rclpy, while a
bounded wait works. And a terminal plus a launch file send two interrupts, the second of which
would cut the clean-up short if rclpy handled signals itself.
"""

from collections.abc import Callable, Sequence
import gc
import os
import sys
import threading
from typing import Any

import rclpy
from rclpy.context import Context
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from ... import domain, lifetime
from ...errors import ImitationError

PERIOD_S = 0.1


def make_executor(context: Context) -> Any:
    """EventsExecutor where rclpy has one (Jazzy and later), else the single-threaded one."""
    try:
        from rclpy.experimental.events_executor import EventsExecutor
    except ImportError:
        from rclpy.executors import SingleThreadedExecutor

        return SingleThreadedExecutor(context=context)
    return EventsExecutor(context=context)


def spin(executor: Any, stop: threading.Event, context: Context) -> None:
    """Run callbacks until `stop` is set."""
    never = rclpy.task.Future()
    while not stop.is_set() and context.ok():
        executor.spin_until_future_complete(never, PERIOD_S)


def ending() -> threading.Event:
    """Event that is set when this process is to end: at a signal, or with who started it."""
    stop = threading.Event()
    lifetime.on_ending(lambda *_: stop.set())
    lifetime.follow_parent(stop.set)
    return stop


def log_domain(node: Node) -> None:
    """Log which ROS graph a node is in: who would arm or stop it must be in the same."""
    node.get_logger().info(domain.line(os.environ, node.context.get_domain_id()))


def run(make: Callable[[Context], Node], args: Sequence[str] | None = None) -> int:
    """Run one node until a signal or its parent's end stops it, then close it.

    Args:
        make: Makes the node on a context; may raise ImitationError to refuse to start.
        args: Command line; `sys.argv` if None.

    Returns:
        Exit code: 0 after a clean stop, 1 if the node refused to start or failed.
    """
    stop = ending()
    context = Context()
    rclpy.init(
        args=list(sys.argv if args is None else args),
        context=context,
        signal_handler_options=SignalHandlerOptions.NO,
    )
    node: Node | None = None
    executor = None
    try:
        node = make(context)
        executor = make_executor(context)
        executor.add_node(node)
        log_domain(node)
        gc.collect()
        gc.freeze()
        node.get_logger().info('ready')
        spin(executor, stop, context)
        return 0
    except ImitationError as error:
        print(f'error: {error}', file=sys.stderr, flush=True)
        return 1
    finally:
        close = getattr(node, 'close', None)
        if close is not None:
            close()
        if executor is not None:
            executor.shutdown(timeout_sec=1.0)
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown(context=context)
