# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Start our nodes as child processes, wait until they are ready, and stop them cleanly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import os
from pathlib import Path
import re
import signal
import subprocess
import sys
import time
from typing import IO

from .. import domain, lifetime
from ..errors import ImitationError, NotReadyError, unknown

NODES = {
    **{n: f'imitation_ros.nodes.{n}' for n in ('sim', 'safety', 'teleop', 'recorder', 'policy')},
    **{name: f'imitation_ros.nodes.scripts.{name}' for name in ('operator', 'trials')},
}
"""Module that runs each of our nodes."""
READY = re.compile(r'\]: ready\s*$', re.MULTILINE)
PLAIN = re.compile(r'[A-Za-z/][\w/.-]*')
FLAGS = ('true', 'false', 'yes', 'no', 'on', 'off', 'y', 'n', 'null')
SHM = Path('/dev/shm')


class NodeFailedError(ImitationError, RuntimeError):
    """A node ended when it should have been running."""


def ros_environment(private: bool = False) -> dict[str, str]:
    """Environment of our nodes: the user's ROS graph, or a private one (see `domain`).

    A `ROS_DOMAIN_ID` or a discovery range that the user has set is kept.

    Raises:
        DomainError: If the user has set one that does not exist.
    """
    environment = {**os.environ, **domain.choose(os.environ, private)}
    for library in ('OMP', 'OPENBLAS', 'MKL'):
        environment.setdefault(f'{library}_NUM_THREADS', '1')
    environment['PYTHONUNBUFFERED'] = '1'
    return environment


def ros_available() -> bool:
    """Whether rclpy can be imported here."""
    from importlib.util import find_spec

    return find_spec('rclpy') is not None


def command(node: str, parameters: Mapping[str, object]) -> list[str]:
    """Command line that runs one of our nodes with parameters."""
    if node not in NODES:
        raise NodeFailedError(unknown(node, 'node', NODES))
    line = [sys.executable, '-m', NODES[node], '--ros-args']
    for key, value in parameters.items():
        text = str(value).lower() if isinstance(value, bool) else str(value)
        # ROS reads a value as YAML: `007` would be a number, `off` a flag, `a: b` a mapping.
        if isinstance(value, str) and (not PLAIN.fullmatch(text) or text.lower() in FLAGS):
            text = "'" + text.replace("'", "''") + "'"
        line += ['-p', f'{key}:={text}']
    return line


@dataclass
class _Child:
    name: str
    process: 'subprocess.Popen[bytes]'
    log: Path
    file: IO[bytes]


def spawn(
    line: Sequence[str],
    environment: Mapping[str, str],
    output: IO[bytes] | None = None,
    start_new_session: bool = True,
) -> 'subprocess.Popen[bytes]':
    """Start a process that ends when this one is gone, however that comes (see `lifetime`).

    Args:
        line: Command line.
        environment: Its environment.
        output: Where its output goes, without input then; the terminal if None.
        start_new_session: Leave Ctrl-C to this process, which then ends its children in order.
    """
    tied, descriptor = lifetime.tie(environment)
    return subprocess.Popen(
        line,
        stdin=None if output is None else subprocess.DEVNULL,
        stdout=output,
        stderr=None if output is None else subprocess.STDOUT,
        env=tied,
        pass_fds=(descriptor,),
        start_new_session=start_new_session,
    )


class Processes:
    """Child nodes of one run; leaving the `with` block stops them all, last first."""

    def __init__(self, logs: Path) -> None:
        """Write each node's output into `logs`; the graph is private to this process."""
        self._logs = logs
        self._children: list[_Child] = []
        self.environment = ros_environment(private=True)

    def __enter__(self) -> 'Processes':
        """Make the folder of the logs, and remove what a killed run left."""
        self._logs.mkdir(parents=True, exist_ok=True)
        remove_stale_segments()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop everything; a second signal does not cut that short."""
        with lifetime.undisturbed():
            self.stop()

    def start(self, node: str, ready_s: float = 120.0, **parameters: object) -> None:
        """Start a node and wait until it says that it is ready.

        The first start of the safety node on a machine compiles it, for a minute on a busy one.

        Raises:
            NodeFailedError: If it ends instead; the message holds the end of its log.
            NotReadyError: If it is not ready in time.
        """
        log = self._logs / f'{node}.log'
        file = log.open('wb')
        process = spawn(command(node, parameters), self.environment, file)
        child = _Child(node, process, log, file)
        self._children.append(child)
        deadline = time.monotonic() + ready_s
        while not READY.search(log.read_text(encoding='utf-8', errors='replace')):
            self.check(child)
            if time.monotonic() > deadline:
                raise NotReadyError(f'{node} was not ready after {ready_s:.0f} s; see {log}')
            time.sleep(0.05)

    def check(self, child: _Child | None = None) -> None:
        """Raise NodeFailedError if a node (or any of them) has ended."""
        for one in [child] if child else self._children:
            code = one.process.poll()
            if code is not None:
                raise NodeFailedError(
                    f'{one.name} ended with code {code}; see {one.log}:\n{_tail(one.log)}'
                )

    def run(self, node: str, timeout_s: float, **parameters: object) -> None:
        """Run a node in the foreground, its output on the terminal, until it ends by itself.

        Raises:
            NodeFailedError: If it fails, if another node ends meanwhile, or if it takes too long.
        """
        process = spawn(command(node, parameters), self.environment)
        deadline = time.monotonic() + timeout_s
        try:
            while process.poll() is None:
                self.check()
                if time.monotonic() > deadline:
                    raise NodeFailedError(f'{node} did not finish within {timeout_s:.0f} s')
                time.sleep(0.1)
        finally:
            with lifetime.undisturbed():
                end(process)
        if process.returncode:
            raise NodeFailedError(f'{node} failed with code {process.returncode}')

    def stop(self, node: str | None = None) -> None:
        """Stop one node, or all of them, last first."""
        for child in reversed([c for c in self._children if node in (None, c.name)]):
            end(child.process)
            child.file.close()
            self._children.remove(child)
        if not self._children:
            remove_stale_segments()


def end(process: 'subprocess.Popen[bytes]', patience_s: float = 8.0) -> None:
    """Ask a process to stop (SIGINT), then insist (SIGTERM, SIGKILL)."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        process.send_signal(number)
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            continue


def foreground(children: Sequence[tuple[str, Mapping[str, object]]]) -> int:
    """Run nodes with their output on the terminal until a signal or until one of them ends."""
    stop = False

    def on_signal(*_: object) -> None:
        nonlocal stop
        stop = True

    lifetime.on_ending(on_signal)
    remove_stale_segments()
    several = len(children) > 1
    environment = ros_environment()
    print(f'{domain.line(environment)} ({domain.DOMAIN}, {domain.RANGE})', flush=True)
    started: list[tuple[str, subprocess.Popen[bytes]]] = []
    code = 0
    try:
        for name, parameters in children:
            # A single node has the keys of the terminal, and so stays in its session.
            line = command(name, parameters)
            started.append((name, spawn(line, environment, start_new_session=several)))
        while not stop:
            ended = [(name, p.returncode) for name, p in started if p.poll() is not None]
            if ended:
                name, code = ended[0]
                if code:
                    print(f'error: {name} ended with code {code}', file=sys.stderr)
                break
            time.sleep(0.1)
    finally:
        for _, process in reversed(started):
            end(process)
        remove_stale_segments()
    return code


def run_verb(words: Sequence[str]) -> int:
    """Run one of our own verbs, as the user would; return its exit code."""
    process = spawn([sys.executable, '-m', 'imitation_ros', *words], ros_environment())
    try:
        return process.wait()
    finally:
        with lifetime.undisturbed():
            end(process)


def _tail(log: Path, lines: int = 15) -> str:
    text = log.read_text(encoding='utf-8', errors='replace').splitlines()
    return '\n'.join(f'  | {line}' for line in text[-lines:])


def remove_stale_segments() -> int:
    """Remove Fast DDS shared-memory files that no process maps (killed nodes leave them).

    Returns:
        Number of files removed.
    """
    files = [path for pattern in ('fastdds_*', 'fastrtps_*') for path in SHM.glob(pattern)]
    if not files:
        return 0
    mapped = ''
    for maps in Path('/proc').glob('[0-9]*/maps'):
        try:
            mapped += '\n'.join(
                line for line in maps.read_text().splitlines() if '/dev/shm' in line
            )
        except OSError:
            continue
    removed = 0
    for path in files:
        # A lock file `<segment>_el` is never mapped itself; it lives as long as its segment.
        segment = str(path).removesuffix('_el')
        try:
            if segment not in mapped and path.stat().st_mtime < time.time() - 5.0:
                path.unlink()
                removed += 1
        except OSError:
            continue
    return removed
