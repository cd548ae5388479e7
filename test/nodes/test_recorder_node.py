# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The recorder over DDS: in this process with a robot beside it, and as a process to be killed."""

from collections.abc import Iterator
import fcntl
import json
import os
from pathlib import Path
import pty
import re
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
from typing import Any

import numpy as np
import pytest
from rosbags.rosbag2 import Reader as Rosbag2Reader

pytest.importorskip('rclpy', reason='rclpy is not installed')

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
import rclpy
from rclpy.context import Context
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image, JointState, Joy
from std_msgs.msg import String
from std_srvs.srv import Trigger

from imitation_ros import __version__
from imitation_ros.bags.edit.repair import repair
from imitation_ros.bags.reader import Bag
from imitation_ros.contract import Contract, load
from imitation_ros.nodes.ros.messages import to_image, to_joint_state, to_pose
from imitation_ros.nodes.ros.qos import LATCHED
from imitation_ros.nodes.ros.spin import make_executor, spin

pytestmark = pytest.mark.ros
CAMERA = '/left_wrist_camera/image_raw'
WAIT_S = 20.0


@pytest.fixture(scope='module')
def robot_file(contract: Contract, tmp_path_factory: Any) -> Path:
    """Our humanoid with one small raw camera."""
    text = contract.text
    start, end = text.index('cameras:'), text.index('poses:')
    camera = (
        'cameras:\n  - {name: left_wrist_camera, topic: /left_wrist_camera/image_raw, '
        'type: sensor_msgs/msg/Image, width: 16, height: 12, rate_hz: 30.0}\n\n'
    )
    path = tmp_path_factory.mktemp('robot') / 'small.yaml'
    path.write_text(text[:start] + camera + text[end:])
    return path


class Robot:
    """Publishes what a robot publishes, from a thread; each part can be broken."""

    def __init__(self, context: Context, contract: Contract) -> None:
        self.contract = contract
        self.node = Node('robot', context=context)
        make = self.node.create_publisher
        self.states = make(JointState, '/joint_states', 100)
        self.commands = make(JointState, '/safety/command', 100)
        self.poses = make(PoseStamped, '/object_pose', 10)
        self.images = make(Image, CAMERA, qos_profile_sensor_data)
        self.mode = make(String, '/safety/state', LATCHED)
        self.mode.publish(String(data='ACTIVE'))
        self.camera = 'on'
        self.nan = False
        self.sent = {'/joint_states': 0, '/safety/command': 0}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        rng = np.random.default_rng(0)
        pixels = rng.integers(0, 255, (12, 16, 3), dtype=np.uint8)
        begin = time.monotonic()
        for k in range(10**9):
            if self._stop.is_set():
                return
            now = time.time_ns()
            q = self.contract.home + 0.1 * np.sin(k / 50 + np.arange(self.contract.n))
            if self.nan:
                q[3], self.nan = np.nan, False
            self.states.publish(to_joint_state(now, self.contract.joints, q, 0 * q))
            self.sent['/joint_states'] += 1
            if k % 2 == 0:
                self.commands.publish(to_joint_state(now, self.contract.joints, q))
                self.sent['/safety/command'] += 1
            if k % 4 == 0:
                self.poses.publish(to_pose(now, 'base', np.array([0, 0, 0, 0, 0, 0, 1.0])))
            if k % 7 == 0 and self.camera != 'off':
                if self.camera == 'on':
                    pixels = rng.integers(0, 255, (12, 16, 3), dtype=np.uint8)
                self.images.publish(to_image(now, 'camera', pixels))
            # At its rate whatever the work takes; after a hold-up it goes on, without a burst.
            ahead = begin + 0.005 * (k + 1) - time.monotonic()
            time.sleep(max(ahead, 0.0))
            begin -= min(ahead, 0.0)

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self.node.destroy_node()


class Rig:
    """A context, an executor thread, and calls of the recorder's services."""

    def __init__(self) -> None:
        self.context = Context()
        rclpy.init(context=self.context, signal_handler_options=SignalHandlerOptions.NO)
        self.node = Node('operator', context=self.context)
        self.executor = make_executor(self.context)
        self.executor.add_node(self.node)
        self.state = ''
        self.diagnostics: dict[str, Any] = {}
        self.node.create_subscription(String, '/recorder/state', self._on_state, LATCHED)
        self.node.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, 10)
        self.clients = {
            verb: self.node.create_client(Trigger, f'/recorder/{verb}')
            for verb in ('start', 'stop', 'discard', 'success', 'failure')
        }
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=spin, args=(self.executor, self._stop, self.context), daemon=True
        )
        self._thread.start()

    def _on_state(self, message: String) -> None:
        self.state = message.data

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for entry in message.status:
            values = {value.key: value.value for value in entry.values}
            self.diagnostics[entry.name] = (entry.level[0], entry.message, values)

    def hz(self, topic: str) -> float:
        known = self.diagnostics.get(f'recorder: {topic}')
        return 0.0 if known is None else float(known[2]['Hz'])

    def wait(self, holds: Any) -> None:
        deadline = time.monotonic() + WAIT_S
        while not holds():
            assert time.monotonic() < deadline, f'state {self.state!r}: not within {WAIT_S} s'
            time.sleep(0.01)

    def call(self, verb: str) -> tuple[bool, dict[str, Any]]:
        client = self.clients[verb]
        self.wait(client.service_is_ready)
        future = client.call_async(Trigger.Request())
        self.wait(future.done)
        return future.result().success, json.loads(future.result().message)

    def start(self) -> dict[str, Any]:
        """Start as soon as every topic is there."""
        answer: dict[str, Any] = {}

        def started() -> bool:
            ok, message = self.call('start')
            answer.update(message)
            return ok

        self.wait(started)
        return answer

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self.executor.shutdown(timeout_sec=1.0)
        self.node.destroy_node()
        rclpy.try_shutdown(context=self.context)


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig()
    yield made
    made.close()


@pytest.fixture
def robot(rig: Rig, robot_file: Path) -> Iterator[Robot]:
    made = Robot(rig.context, load(robot_file))
    yield made
    made.close()


class Process:
    """A recorder process on a pseudo-terminal; its screen too, if it is to have one."""

    def __init__(self, robot_file: Path, output: Path, screen: bool = False, **more: str) -> None:
        self.terminal, child = pty.openpty()
        size = struct.pack('HHHH', 40, 130, 0, 0)
        fcntl.ioctl(child, termios.TIOCSWINSZ, size)
        command = [sys.executable, '-m', 'imitation_ros.nodes.recorder', '--ros-args']
        parameters = {'contract': robot_file, 'output': output, 'task': 'pick', **more}
        for key, value in parameters.items():
            command += ['-p', f'{key}:={value}']
        self.log = open(output.parent / f'{output.name}.log', 'w+')
        environment = {k: v for k, v in os.environ.items() if k not in ('COLUMNS', 'NO_COLOR')}
        self.process = subprocess.Popen(
            command,
            stdin=child,
            stdout=child if screen else self.log,
            stderr=child if screen else subprocess.STDOUT,
            env=environment | {'TERM': 'xterm-256color'},
        )
        os.close(child)
        self.screen = b''
        if screen:
            threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        while True:
            try:
                self.screen += os.read(self.terminal, 65536)
            except OSError:
                return

    def page(self) -> str:
        """What is on the screen: the last whole drawing, without colours."""
        text = re.sub(rb'\x1b\[[0-9;?]*[mlhGK]', b'', self.screen[-30000:]).decode(
            errors='replace'
        )
        return text.split('\x1b[H')[-2] if text.count('\x1b[H') > 1 else text

    def press(self, key: str) -> None:
        os.write(self.terminal, key.encode())

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        return self.process.wait(WAIT_S)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.terminal)
        self.log.close()


@pytest.fixture
def recorder(robot_file: Path, tmp_path: Path) -> Iterator[Process]:
    made = Process(robot_file, tmp_path / 'session')
    yield made
    made.close()


def test_take_by_take(rig: Rig, robot: Robot, recorder: Process, tmp_path: Path) -> None:
    """Refused, recorded, discarded, frozen, NaN, keys, SIGTERM: one recorder, one session."""
    robot.camera = 'off'
    rig.wait(lambda: rig.state == 'IDLE')
    rig.wait(lambda: rig.hz('/joint_states') > 50)
    ok, answer = rig.call('start')
    assert not ok
    assert f'{CAMERA} (sensor_msgs/msg/Image) has a publisher (robot)' in answer['error']
    assert '/joint_states' not in answer['error']
    assert not rig.call('stop')[0]
    assert rig.diagnostics[f'recorder: {CAMERA}'][1] == 'silent'

    robot.camera = 'on'
    answer = rig.start()
    assert answer['episode'] == 'pick_0001'
    rig.wait(lambda: rig.state == 'RECORDING pick_0001')
    assert not rig.call('start')[0]
    before = dict(robot.sent)
    time.sleep(2.0)
    sent = {topic: count - before[topic] for topic, count in robot.sent.items()}
    assert rig.call('success')[0]
    ok, answer = rig.call('stop')
    assert ok and answer['outcome'] == 'success' and answer['lost'] == 0
    assert answer['verdict'] in ('ok', 'warn'), answer
    rig.wait(lambda: rig.state == 'IDLE')
    with Bag(Path(answer['path'])) as bag:
        assert bag.counts == {**dict.fromkeys(bag.types, 0), **answer['counts']}
        assert bag.meta.outcome == 'success' and bag.meta.verdict == answer['verdict']
        assert bag.contract.hash == bag.meta.contract_hash == robot.contract.hash
        assert (bag.meta.robot, bag.meta.task) == (robot.contract.name, 'pick')
        extra = bag.meta.extra
        assert extra['host'] == socket.gethostname() and extra['imitation_ros'] == __version__
        assert 'mcap' in json.loads(extra['versions'])
        offsets = json.loads(extra['clock_offsets_ms'])
        assert 0 < offsets['/joint_states'] < 500 and CAMERA in offsets
        command = ['git', '-C', str(Path(__file__).parent), 'rev-parse', 'HEAD']
        commit = subprocess.run(command, check=False, capture_output=True, text=True).stdout
        assert extra['git_commit'].removesuffix('-dirty') == commit.strip()
        # The latched state was said long before the take, and is in it all the same.
        (state,) = bag.messages(['/safety/state'])
        assert bag.decode(state).data == 'ACTIVE'
        for topic, count in sent.items():
            assert bag.counts[topic] >= count, 'a reliable publisher lost messages'
            sequences = [m.sequence for m in bag.messages([topic])]
            assert np.diff(sequences).tolist() == [1] * (len(sequences) - 1)
        for message in bag.messages([CAMERA]):
            assert message.publish_ns <= message.log_ns
            assert len(bag.decode(message).data) == 12 * 16 * 3
    with Rosbag2Reader(Path(answer['path'])) as independent:
        assert independent.message_count == sum(answer['counts'].values())
        (camera,) = (c for c in independent.connections if c.topic == CAMERA)
        (offered,) = camera.ext.offered_qos_profiles
        assert offered.reliability.name == 'BEST_EFFORT'
    assert rig.call('failure')[1]['episode'] == 'pick_0001'
    with Bag(Path(answer['path'])) as bag:
        assert bag.meta.outcome == 'failure'

    rig.start()
    ok, answer = rig.call('discard')
    assert ok and answer['episode'] == 'pick_0002'
    assert [p.name for p in (tmp_path / 'session').iterdir()] == ['pick_0001']
    ok, answer = rig.call('success')
    assert not ok and 'pick_0002 was discarded' in answer['error']
    assert 'pick_0001 stays failure' in answer['error']

    rig.start()
    time.sleep(0.5)
    robot.camera = 'frozen'
    time.sleep(1.2)
    robot.nan = True
    time.sleep(0.3)
    ok, answer = rig.call('stop')
    assert ok and answer['verdict'] == 'reject'
    reasons = ' '.join(answer['reasons'])
    assert 'the same picture for' in reasons
    assert f'NaN or infinity in {robot.contract.joints[3]}' in reasons

    robot.camera = 'on'
    time.sleep(0.1)
    recorder.press(' ')
    rig.wait(lambda: rig.state.startswith('RECORDING'))
    recorder.press('s')
    time.sleep(0.5)
    recorder.press(' ')
    rig.wait(lambda: rig.state == 'IDLE')
    with Bag(tmp_path / 'session' / 'pick_0003') as bag:
        assert bag.meta.outcome == 'success'

    rig.start()
    time.sleep(1.0)
    recorder.process.send_signal(signal.SIGTERM)
    assert recorder.end(signal.SIGINT) == 0
    with Bag(tmp_path / 'session' / 'pick_0004') as bag:
        assert bag.meta.outcome == 'unknown' and bag.meta.verdict
        assert not bag.meta.recovered
        assert bag.counts['/joint_states'] > 100


def test_screen_and_buttons(
    rig: Rig, robot: Robot, robot_file: Path, tmp_path: Path, request: Any
) -> None:
    """What an operator at a terminal sees, from a missing camera to the verdict, by pedal."""
    made = Process(
        robot_file,
        tmp_path / 'session',
        screen=True,
        tasks="'pick, place'",
        buttons="'start=7, stop=7, success=0'",
    )
    request.addfinalizer(made.close)
    joy = rig.node.create_publisher(Joy, '/joy', 10)

    def press(button: int) -> None:
        rig.wait(lambda: joy.get_subscription_count() >= 2)
        for down in (0, 1, 0):
            joy.publish(Joy(buttons=[int(down and i == button) for i in range(8)]))

    def shows(*texts: str) -> None:
        rig.wait(lambda: all(text in made.page() for text in texts))

    robot.camera = 'off'
    shows('NOT READY  a topic is not fit to record', '✓ /joint_states', f'✗ {CAMERA}')
    shows('JointState ', ' reliable', '33 joints', 'nothing arrived yet', '→ look at its driver')
    made.press(' ')
    shows('not started:')
    assert rig.state == 'IDLE'

    robot.camera = 'on'
    shows('READY  space starts a take', f'✓ {CAMERA}', '16x12 rgb8', 'best effort')
    rig.wait(lambda: rig.diagnostics[f'recorder: {CAMERA}'][2]['content'] == '16x12 rgb8')
    made.press('n')
    shows('task place')
    press(7)
    rig.wait(lambda: rig.state == 'RECORDING place_0001')
    shows('● REC  place_0001', 'not marked', 'written', 'jitter ms', 'queue 0 %', 'episodes')
    press(0)
    shows('✓ success')
    robot.camera = 'frozen'
    shows('the same picture for', 'while the robot moved')
    rig.wait(lambda: float(rig.diagnostics[f'recorder: {CAMERA}'][2]['frozen_s']) > 0.5)
    values = rig.diagnostics['recorder: /joint_states'][2]
    assert float(values['clock_offset_ms']) < 500 and values['qos'] == 'reliable'
    press(7)
    rig.wait(lambda: rig.state == 'IDLE')
    shows('last: place_0001', 'REJECT', '1 episode (1 reject)')
    with Bag(tmp_path / 'session' / 'place_0001') as bag:
        assert bag.meta.outcome == 'success' and bag.meta.task == 'place'

    (tmp_path / 'session' / 'place_0001').rename(tmp_path / 'elsewhere')
    shows('1 kept episode is missing on the disk')
    rig.wait(lambda: rig.diagnostics['recorder'][0] == 2)
    made.press('q')
    assert made.process.wait(WAIT_S) == 0
    rig.wait(lambda: b'of this run: 1 reject' in made.screen)
    after = made.screen.split(b'\x1b[?1049l')[-1].decode()
    assert 'not started:' in after and 'place_0001: success' in after, 'the log is given back'


def test_kill_9_and_the_next_recorder(
    rig: Rig, robot: Robot, recorder: Process, robot_file: Path, tmp_path: Path
) -> None:
    rig.start()
    time.sleep(2.0)
    recorder.process.kill()
    killed_ns = time.time_ns()
    recorder.process.wait()
    left = tmp_path / 'session' / 'pick_0001.recording'
    assert left.is_dir()
    again = Process(robot_file, tmp_path / 'session', compress='png', discard_rejected='true')
    # Whoever knew the killed recorder may wait for its answer; a new operator does not know it.
    operator = Rig()
    try:
        rig.wait((tmp_path / 'session' / 'pick_0001').is_dir)
        with Bag(tmp_path / 'session' / 'pick_0001') as bag:
            assert bag.meta.recovered
            assert killed_ns - bag.end_ns < 10**9
            assert bag.counts['/joint_states'] > 100
        assert not repair(tmp_path / 'session' / 'pick_0001').changed
        # Images are compressed on the way, and a rejected take is put aside.
        assert operator.start()['episode'] == 'pick_0002'
        time.sleep(0.5)
        robot.nan = True
        time.sleep(0.5)
        ok, answer = operator.call('stop')
        assert ok and answer['verdict'] == 'reject' and answer['discarded']
        aside = tmp_path / 'session' / '.dropped' / 'pick_0002'
        assert Path(answer['path']) == aside
        assert operator.call('failure')[0]
        with Bag(aside) as bag:
            assert bag.meta.outcome == 'failure' and bag.meta.extra['compress'] == 'png'
            (camera,) = bag.contract.cameras
            assert camera.topic == f'{CAMERA}/compressed' and CAMERA not in bag.types
            pictures = [bag.decode(message) for message in bag.messages([camera.topic])]
            assert len(pictures) > 10
            stamps = [p.header.stamp.sec * 10**9 + p.header.stamp.nanosec for p in pictures]
            assert np.diff(stamps).min() > 0 and killed_ns < stamps[0]
            assert {p.format for p in pictures} == {'rgb8; png compressed bgr8'}
        assert operator.start()['episode'] == 'pick_0003'
        assert operator.call('discard')[0]
    finally:
        operator.close()
        assert again.end(signal.SIGINT) == 0
        again.close()


def test_write_error_ends_the_take_but_not_the_node(
    rig: Rig, robot: Robot, robot_file: Path, tmp_path: Path, request: Any
) -> None:
    """A disk of 8 MB fills up while a take runs."""
    disk = tmp_path / 'disk'
    disk.mkdir()
    mount = ['mount', '-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', str(disk)]
    done = subprocess.run(mount, check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f'cannot mount a tmpfs here: {done.stderr.strip()}')
    request.addfinalizer(lambda: subprocess.run(['umount', '-l', str(disk)], check=True))
    (disk / 'ballast').write_bytes(bytes(5 * 2**20))
    made = Process(robot_file, disk / 'session')
    try:
        rig.start()
        rig.wait(lambda: rig.state.startswith('ERROR'))
        assert 'No space left on device' in rig.state
        rig.wait(lambda: rig.diagnostics.get('recorder', (0,))[0] == 2)
        ok, answer = rig.call('stop')
        assert not ok and 'No space left on device' in answer['error']
        (disk / 'ballast').unlink()
        # The next start finds room, brings the cut take back, and records.
        answer = rig.start()
        assert answer['episode'] == 'pick_0002'
        rig.wait((disk / 'session' / 'pick_0001').is_dir)
        assert rig.call('discard')[0]
        with Bag(disk / 'session' / 'pick_0001') as bag:
            assert bag.meta.recovered and bag.counts['/joint_states'] > 100
        assert made.end(signal.SIGINT) == 0
    finally:
        made.close()


def test_a_wrong_parameter_refuses_to_start(robot_file: Path, tmp_path: Path) -> None:
    command = [sys.executable, '-m', 'imitation_ros.nodes.recorder', '--ros-args']
    command += ['-p', f'contract:={robot_file}', '-p', 'ouput:=x']
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=WAIT_S)
    assert done.returncode == 1
    assert 'did you mean "output"' in done.stderr


def test_an_empty_output_is_one_sentence(robot_file: Path) -> None:
    command = [sys.executable, '-m', 'imitation_ros.nodes.recorder', '--ros-args']
    command += ['-p', f'contract:={robot_file}', '-p', 'output:=""']
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=WAIT_S)
    assert done.returncode == 1
    assert 'the parameter "output" is empty; name the folder of the session' in done.stderr
    assert 'Traceback' not in done.stderr
