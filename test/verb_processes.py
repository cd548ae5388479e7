# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Run a verb as a user does, and see what becomes of the processes that it starts."""

from collections.abc import Iterator
from contextlib import contextmanager
import os
from pathlib import Path
import signal
import subprocess
import sys
from typing import Any

from waiting import until

START_S, END_S = 200.0, 25.0


def status(pid: int) -> str:
    """State of a process (Z: ended, and nobody asked how), or '' if there is none."""
    try:
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0]
    except OSError:
        return ''


def running(pid: int) -> bool:
    return status(pid) not in ('', 'Z')


def children(pid: int) -> list[int]:
    return [int(p) for p in Path(f'/proc/{pid}/task/{pid}/children').read_text().split()]


def mapped(pid: int) -> set[Path]:
    """Shared memory of Fast DDS that a process maps."""
    lines = Path(f'/proc/{pid}/maps').read_text().splitlines()
    return {Path(line.split()[-1]) for line in lines if '/dev/shm/fastdds' in line}


class Parent:
    """A process, the children that it has started, and what it says."""

    def __init__(self, log: Path, *line: object, **options: Any) -> None:
        self.log = log
        with log.open('wb') as file:
            options = {'stdin': subprocess.DEVNULL, 'stdout': file, 'stderr': file} | options
            self.process = subprocess.Popen(
                [str(word) for word in line],
                env=os.environ | {'PYTHONUNBUFFERED': '1'},
                start_new_session=True,
                **options,
            )
        self.children: list[int] = []

    def text(self) -> str:
        return self.log.read_text(errors='replace')

    def said(self, text: str, count: int = 1, limit_s: float = START_S) -> None:
        """Wait until something was said so many times."""
        until(
            lambda: self.text().count(text) >= count or self.process.poll() is not None,
            f'"{text}"',
            limit_s,
        )
        assert self.text().count(text) >= count, self.text()
        if self.process.poll() is None:
            self.children = children(self.process.pid)

    def end(self, number: signal.Signals, limit_s: float = END_S) -> None:
        """Send the signal to this process alone; all of its children have to follow."""
        self.process.send_signal(number)
        self.process.wait(limit_s)
        until(lambda: not any(map(running, self.children)), f'end of {self.children}', limit_s)


@contextmanager
def parent(log: Path, *line: object, **options: Any) -> Iterator[Parent]:
    made = Parent(log, *line, **options)
    try:
        yield made
    finally:
        for pid in (made.process.pid, *made.children):
            if running(pid):
                os.kill(pid, signal.SIGKILL)
        made.process.wait()


@contextmanager
def verb(log: Path, *words: object, **options: Any) -> Iterator[Parent]:
    with parent(log, sys.executable, '-m', 'imitation_ros', *words, **options) as made:
        yield made


def arm(context: Any) -> None:
    """Arm the safety node, as `ros2 service call /safety/arm` in another terminal does."""
    from rclpy.executors import SingleThreadedExecutor
    from rclpy.node import Node
    from std_srvs.srv import Trigger

    node = Node('arms_the_robot', context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    client = node.create_client(Trigger, '/safety/arm')
    said: list[str] = []

    def armed() -> bool:
        future = client.call_async(Trigger.Request())
        executor.spin_until_future_complete(future, timeout_sec=5.0)
        if future.done():
            said.append(future.result().message)
        return bool(future.done() and future.result().success)

    try:
        until(client.service_is_ready, '/safety/arm', START_S)
        until(armed, f'arming (last answer: {said[-1:]})', START_S)
    finally:
        executor.shutdown(timeout_sec=1.0)
        node.destroy_node()
