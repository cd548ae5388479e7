# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Whatever ends a verb ends its nodes: no process, no command and no shared memory stays."""

from collections.abc import Iterator
import os
from pathlib import Path
import pty
import signal
import subprocess
import sys
import time
from typing import Any

from onnx_models import write_hold
import pytest
from verb_processes import arm, children, END_S, mapped, parent, running, START_S, verb
from waiting import until

from imitation_ros import lifetime
from imitation_ros.bags.reader import Bag
from imitation_ros.cli.processes import remove_stale_segments
from imitation_ros.contract import Contract

SIGNALS = [signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGKILL]
names = pytest.mark.parametrize('number', SIGNALS, ids=lambda number: number.name)
TIED = """
import signal, sys, time
from imitation_ros import lifetime
ended = []
lifetime.on_ending(lambda *_: ended.append(1))
lifetime.follow_parent(lambda: ended.append(2), patience_s=float(sys.argv[1]))
print('ready', flush=True)
while not ended or len(sys.argv) > 2:
    time.sleep(0.01)
print('ended', flush=True)
"""
PARENT = """
import os, sys, threading, time
from imitation_ros.cli.processes import spawn
def start():
    print(spawn(sys.argv[1:], dict(os.environ)).pid, flush=True)
thread = threading.Thread(target=start)
thread.start()
thread.join()
time.sleep(600)
"""


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """Children hear every signal, even if the tests were started with `nohup` or `&`."""
    former = {number: signal.getsignal(number) for number in lifetime.ENDING}
    for number, handler in former.items():
        if handler == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    yield
    for number, handler in former.items():
        signal.signal(number, handler)


def left(paths: set[Path]) -> set[Path]:
    return {path for path in paths if path.exists()}


@pytest.mark.ros
@pytest.mark.slow
@pytest.mark.sim
@names
def test_deploy_ends_with_all_its_nodes(
    number: signal.Signals, tmp_path: Path, contract: Contract
) -> None:
    pytest.importorskip('rclpy', reason='rclpy is not installed')
    policy = write_hold(tmp_path / 'policy.onnx', contract)
    with verb(tmp_path / 'log', 'deploy', policy, '--sim', '--task', 'reach') as deploy:
        deploy.said(']: ready', 3)
        assert len(deploy.children) == 3
        segments = set().union(*map(mapped, deploy.children))
        assert segments, 'the nodes use no shared memory'
        deploy.end(number)
        assert 'Traceback' not in deploy.text()
        own = {path for path in segments if '_port' not in path.name}
        if number == signal.SIGKILL:
            # Fast DDS may leave a segment when peers leave at once: the next verb removes it.
            until(lambda: remove_stale_segments() >= 0 and not left(own), f'end of {own}')
        assert not left(own)
        if number != signal.SIGKILL:
            assert deploy.process.returncode == 0


@pytest.mark.ros
@pytest.mark.slow
@pytest.mark.parametrize('number', [signal.SIGHUP, signal.SIGKILL], ids=lambda n: n.name)
@pytest.mark.parametrize(
    'words',
    [('safety',), ('sim', '--task', 'reach'), ('teleop',), ('record', '--task', 'reach')],
    ids=lambda words: words[0],
)
def test_verbs_end_with_their_node(
    words: tuple[str, ...], number: signal.Signals, tmp_path: Path
) -> None:
    pytest.importorskip('rclpy', reason='rclpy is not installed')
    more = ('--out', tmp_path / 'bags') if words[0] == 'record' else ()
    with verb(tmp_path / 'log', *words, *more) as made:
        made.said(']: ready')
        assert len(made.children) == 1
        made.end(number)
        assert 'Traceback' not in made.text()


@pytest.mark.ros
@pytest.mark.slow
@pytest.mark.sim
@pytest.mark.parametrize(
    'number', [signal.SIGHUP, signal.SIGTERM, signal.SIGKILL], ids=lambda n: n.name
)
def test_demo_ends_with_all_its_nodes(number: signal.Signals, tmp_path: Path) -> None:
    pytest.importorskip('rclpy', reason='rclpy is not installed')
    words = ('demo', '--task', 'reach', '--episodes', 2, '--out', tmp_path / 'demo')
    with verb(tmp_path / 'log', *words) as demo:
        log = tmp_path / 'demo' / 'logs' / 'teleop.log'
        until(lambda: log.exists() and ']: ready' in log.read_text(), 'teleop', START_S)
        demo.children = children(demo.process.pid)
        assert len(demo.children) >= 3
        demo.end(number)
        assert 'Traceback' not in demo.text()


@pytest.mark.ros
@pytest.mark.slow
@pytest.mark.sim
@pytest.mark.parametrize('how', ['verb killed', 'terminal closed'])
def test_a_take_is_kept(how: str, tmp_path: Path, ros: Any) -> None:
    """The recorder closes its bag when its parent is killed, and when its terminal is gone."""
    pytest.importorskip('rclpy', reason='rclpy is not installed')
    ours, terminal = pty.openpty()
    words = ('record', '--task', 'reach', '--out', tmp_path / 'bags')
    with (
        verb(tmp_path / 'sim.log', 'sim', '--task', 'reach', '--renderer', 'ray') as sim,
        verb(tmp_path / 'safety.log', 'safety') as safety,
        verb(tmp_path / 'log', *words, '--minimum-rate', 0.01, stdin=terminal) as record,
    ):
        os.close(terminal)
        for made in (sim, safety, record):
            made.said(']: ready')
        arm(ros)
        deadline = time.monotonic() + START_S
        while 'recording reach_0001' not in record.text():
            assert time.monotonic() < deadline, record.text()
            os.write(ours, b' ')
            time.sleep(1.0)
        time.sleep(1.0)
        if how == 'terminal closed':
            os.close(ours)
        record.end(signal.SIGKILL if how == 'verb killed' else signal.SIGHUP)
        assert 'Traceback' not in record.text()
    if how == 'verb killed':
        os.close(ours)
    with Bag(tmp_path / 'bags' / 'reach_0001') as bag:
        assert sum(bag.counts.values()) > 0 and bag.meta.task == 'reach'
    assert not list((tmp_path / 'bags').glob('*.recording*'))


def test_a_grandchild_behind_a_shell_ends_too(tmp_path: Path) -> None:
    """The shell between them knows nothing of the tie and waits; the pipe reaches through."""
    line = (sys.executable, '-c', PARENT, '/bin/sh', '-c', '"$@"; exit 0', 'sh')
    with parent(tmp_path / 'log', *line, sys.executable, '-c', TIED, 60) as made:
        made.said('ready')
        (shell,) = made.children
        made.children += children(shell)
        assert len(made.children) == 2
        made.end(signal.SIGKILL)
        assert made.text().count('ended') == 1


def test_a_child_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    """PR_SET_PDEATHSIG also fires at the end of a thread; the parent is still there then."""
    line = (sys.executable, '-c', PARENT, sys.executable, '-c', TIED, 60)
    with parent(tmp_path / 'log', *line) as made:
        made.said('ready')
        (child,) = made.children
        os.kill(child, signal.SIGUSR2)  # what the kernel sends
        time.sleep(0.5)
        assert running(child) and 'ended' not in made.text()
        made.end(signal.SIGKILL)
        assert 'ended' in made.text()


def test_an_orphan_that_hangs_is_killed(tmp_path: Path) -> None:
    line = (sys.executable, '-c', PARENT, sys.executable, '-c', TIED, 0.3, 'hang')
    with parent(tmp_path / 'log', *line) as made:
        made.said('ready')
        made.end(signal.SIGKILL)
        assert 'ended' not in made.text()


def test_a_process_whose_parent_died_first_ends_at_once(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(writing)
    tied = f'1:{reading}:{os.fstat(reading).st_ino}'
    done = subprocess.run(
        [sys.executable, '-c', TIED, '60'],
        env=os.environ | {lifetime.VARIABLE: tied},
        pass_fds=(reading,),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    os.close(reading)
    assert done.stdout.split() == ['ready', 'ended']


@pytest.mark.parametrize('text', ['', 'x', '1:2', '1:999:5', '1:0:1'])
def test_without_the_pipe_itself_a_process_is_its_own(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An inherited variable whose descriptor is closed, or another file by now, ties nothing."""
    monkeypatch.setenv(lifetime.VARIABLE, text)
    assert not lifetime.follow_parent(lambda: pytest.fail('ended'))
    assert lifetime.VARIABLE not in os.environ


@pytest.mark.parametrize('number', SIGNALS[:-1], ids=lambda number: number.name)
@pytest.mark.parametrize('nohup', [False, True], ids=['plain', 'nohup'])
def test_alone_signals_end_it_and_nohup_is_respected(
    number: signal.Signals, nohup: bool, tmp_path: Path
) -> None:
    front = ('nohup',) if nohup else ()
    with parent(tmp_path / 'log', *front, sys.executable, '-c', TIED, 60) as made:
        made.said('ready')
        made.process.send_signal(number)
        if nohup and number == signal.SIGHUP:
            time.sleep(0.5)
            assert made.process.poll() is None
            made.process.send_signal(signal.SIGTERM)
        assert made.process.wait(END_S) == 0


@pytest.mark.ros
@pytest.mark.slow
@pytest.mark.parametrize('nohup', [False, True], ids=['plain', 'nohup'])
def test_a_node_of_its_own_ends_in_order_at_a_hangup(nohup: bool, tmp_path: Path) -> None:
    pytest.importorskip('rclpy', reason='rclpy is not installed')
    front = ('nohup',) if nohup else ()
    line = (*front, sys.executable, '-m', 'imitation_ros.nodes.teleop')
    with parent(tmp_path / 'log', *line) as node:
        node.said(']: ready')
        node.process.send_signal(signal.SIGHUP)
        if nohup:
            time.sleep(1.0)
            assert node.process.poll() is None
            node.process.send_signal(signal.SIGQUIT)
        assert node.process.wait(END_S) == 0, node.text()
