# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the recorder's benchmarks start: the publisher of the load, and the recorders.

Every message carries its number, so that a loss anywhere between `publish` and the bag is counted.
"""

import array
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import count
import json
import os
from pathlib import Path
import select
import signal
import subprocess
import sys
import time
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
os.environ.setdefault('ROS_DOMAIN_ID', str(1 + os.getpid() % 101))
os.environ.setdefault('FASTDDS_DEFAULT_PROFILES_FILE', str(ROOT / 'config' / 'fastdds_shm.xml'))

CAMERAS, JOINT_TOPICS, JOINTS = 3, 2, 29
WIDTH, HEIGHT = 640, 480
CAMERA_HZ, JOINT_HZ = 30, 500
RIVALS = {
    'deserializing': 'default executor, messages deserialized and serialized again',
    'single': "rclpy's default executor (SingleThreadedExecutor), serialized",
    'multi': 'MultiThreadedExecutor, serialized',
}
"""Recorders as one would write them first; all write with our writer, in the callback."""


@dataclass(frozen=True)
class Load:
    """What is published.

    Attributes:
        seconds: How long it counts [s].
        rate: Multiple of the rates, 30 Hz of the cameras and 500 Hz of the joints.
        jpeg: Whether cameras send JPEG (CompressedImage) in place of raw images.
        warm_up: Time before it counts [s].
    """

    seconds: float
    rate: int = 1
    jpeg: bool = False
    warm_up: float = 2.0

    @property
    def messages_per_s(self) -> int:
        """Messages that are asked for per second."""
        return self.rate * (CAMERAS * CAMERA_HZ + JOINT_TOPICS * JOINT_HZ)

    @property
    def camera_type(self) -> str:
        """Message type of the cameras."""
        return f'sensor_msgs/msg/{"CompressedImage" if self.jpeg else "Image"}'


def contract_text(load: Load) -> str:
    """Contract of a made-up robot with the topics of the load."""
    joints = ', '.join(f'joint_{i}' for i in range(JOINTS))
    cameras = '\n'.join(
        f'  - {{name: camera{i}, topic: /camera{i}/image_raw, type: {load.camera_type}, '
        f'width: {WIDTH}, height: {HEIGHT}, rate_hz: {load.rate * CAMERA_HZ}}}'
        for i in range(CAMERAS)
    )
    hz = load.rate * JOINT_HZ
    return (
        f'name: load\nurdf: load.urdf\nrates: {{policy_hz: 25.0, command_hz: {hz}}}\n'
        f'joint_states: {{topic: /joints0, rate_hz: {hz}, qos: {{depth: 100}}}}\n'
        'topics: {command: /joints1}\n'
        f'groups:\n  - {{name: all, joints: [{joints}], output: {{topic: /all/commands}}}}\n'
        f'cameras:\n{cameras}\n'
    )


def urdf_text() -> str:
    """A chain of joints."""
    links = ''.join(f'<link name="l{i}"/>' for i in range(JOINTS + 1))
    joints = ''.join(
        f'<joint name="joint_{i}" type="revolute"><parent link="l{i}"/><child link="l{i + 1}"/>'
        '<axis xyz="0 0 1"/><limit lower="-3" upper="3" velocity="10" effort="10"/></joint>'
        for i in range(JOINTS)
    )
    return f'<robot name="load">{links}{joints}</robot>'


def _picture(rng: Any, jpeg: bool) -> bytes:
    """Noise as raw pixels, or a JPEG of a soft picture with a little noise."""
    import numpy as np

    if not jpeg:
        return bytes(rng.integers(0, 255, WIDTH * HEIGHT * 3, np.uint8).tobytes())
    import cv2

    soft = cv2.resize(rng.integers(0, 255, (30, 40, 3), np.uint8), (WIDTH, HEIGHT))
    noisy = soft.astype(np.int16) + rng.integers(-4, 5, soft.shape)
    _, data = cv2.imencode('.jpg', noisy.clip(0, 255).astype(np.uint8), [1, 90])
    return bytes(data)


def publish(load: Load) -> None:
    """Publish the load from this process, once told to (a line on standard input)."""
    import numpy as np
    import rclpy
    from rclpy.qos import QoSProfile
    from sensor_msgs.msg import CompressedImage, Image, JointState

    rclpy.init()
    node = rclpy.create_node('load')
    state_qos, image_qos = QoSProfile(depth=100), QoSProfile(depth=10)
    states = [
        node.create_publisher(JointState, f'/joints{i}', state_qos) for i in range(JOINT_TOPICS)
    ]
    rng = np.random.default_rng(0)
    pixels = [array.array('B', _picture(rng, load.jpeg)) for _ in range(4)]
    if load.jpeg:
        image = CompressedImage(format='rgb8; jpeg compressed bgr8')
    else:
        image = Image(height=HEIGHT, width=WIDTH, encoding='rgb8', step=WIDTH * 3)
    images = [
        node.create_publisher(type(image), f'/camera{i}/image_raw', image_qos)
        for i in range(CAMERAS)
    ]
    state = JointState(name=[f'joint_{i}' for i in range(JOINTS)])
    state.velocity = state.effort = [0.0] * JOINTS
    limit = time.monotonic() + 20
    while any(p.get_subscription_count() < 1 for p in (*states, *images)):
        if time.monotonic() > limit:
            raise SystemExit('nobody subscribed within 20 s')
        time.sleep(0.05)
    sent = {p.topic_name: 0 for p in (*states, *images)}
    print(json.dumps({'ready': True}), flush=True)
    # Warm-up messages have negative numbers and do not count; they go on until the take began.
    joint_hz, camera_hz, pictures = load.rate * JOINT_HZ, load.rate * CAMERA_HZ, 0
    for phase, length in (('warm-up', load.warm_up), ('load', load.seconds)):
        if phase == 'load':
            sys.stdin.readline()
        begin = start = time.monotonic()
        for k in count():
            told = phase == 'load' or select.select([sys.stdin], [], [], 0)[0]
            if k >= int(length * joint_hz) and told:
                break
            delay = start + k / joint_hz - time.monotonic()
            if delay > 0:
                time.sleep(delay)
            elif delay < -0.02:
                # A driver that was held up goes on at its rate; it sends no burst.
                start -= delay
            due = [(p, state) for p in states]
            if k * camera_hz // joint_hz != (k - 1) * camera_hz // joint_hz:
                due += [(p, image) for p in images]
                pictures += 1
                image.data = pixels[pictures % 4]
            now = time.time_ns()
            for publisher, message in due:
                message.header.stamp.sec = now // 10**9
                message.header.stamp.nanosec = now % 10**9
                number = sent[publisher.topic_name] if phase == 'load' else -1
                message.header.frame_id = f'{number:09d}'
                if message is state:
                    state.position = [0.1 * (k % 100)] * JOINTS
                publisher.publish(message)
                if phase == 'load':
                    sent[publisher.topic_name] += 1
    print(json.dumps({'sent': sent, 'seconds': time.monotonic() - begin}), flush=True)
    sys.stdin.readline()
    node.destroy_node()
    rclpy.try_shutdown()


def rival(kind: str, folder: Path) -> None:
    """A recorder as one would write it first (see RIVALS); stops at SIGINT."""
    import rclpy
    from rclpy.context import Context
    from rclpy.executors import MultiThreadedExecutor, SingleThreadedExecutor
    from rclpy.node import Node
    from rclpy.qos import QoSProfile
    from rclpy.serialization import serialize_message
    from rclpy.signals import SignalHandlerOptions

    from imitation_ros.bags.topics import recorded
    from imitation_ros.bags.writer import BagWriter
    from imitation_ros.contract import load
    from imitation_ros.data.episode import EpisodeMeta
    from imitation_ros.nodes.recorder.subscriptions import IMAGES, message_class

    contract = load(folder / 'load.yaml')
    context = Context()
    rclpy.init(context=context, signal_handler_options=SignalHandlerOptions.NO)
    node = Node('rival', context=context)
    topics = [topic for topic in recorded(contract) if topic.required]
    meta = EpisodeMeta('rival')
    writer = BagWriter(
        folder / 'rival', [(t.name, t.type, ()) for t in topics], meta, contract, time.time_ns()
    )

    raw = kind != 'deserializing'

    def listen(index: int) -> Callable[[Any], None]:
        def callback(message: Any) -> None:
            now = time.time_ns()
            writer.write(index, now, now, message if raw else serialize_message(message))
            writer.tick(time.monotonic_ns())

        return callback

    for index, topic in enumerate(topics):
        depth = 10 if topic.type in IMAGES else 100
        node.create_subscription(
            message_class(topic.type),
            topic.name,
            listen(index),
            QoSProfile(depth=depth),
            raw=raw,
        )
    stop: list[int] = []
    signal.signal(signal.SIGINT, lambda *_: stop.append(1))
    make = MultiThreadedExecutor if kind == 'multi' else SingleThreadedExecutor
    executor = make(context=context)
    executor.add_node(node)
    print('ready', flush=True)
    while not stop:
        executor.spin_once(timeout_sec=0.1)
    writer.close(meta)
    executor.shutdown()
    node.destroy_node()
    rclpy.try_shutdown(context=context)


def cpu_seconds(pid: int) -> float:
    """CPU time a process has used, all threads [s]."""
    fields = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def memory_mb(pid: int) -> float:
    """Largest resident memory of a process [MB]."""
    for line in Path(f'/proc/{pid}/status').read_text().splitlines():
        if line.startswith('VmHWM'):
            return int(line.split()[1]) / 1024
    return 0.0


class Operator:
    """Calls the recorder's services."""

    def __init__(self) -> None:
        """Make a node of our own."""
        import rclpy
        from rclpy.context import Context
        from rclpy.node import Node

        self._rclpy = rclpy
        self._context = Context()
        rclpy.init(context=self._context)
        self._node = Node('operator', context=self._context)

    def call(self, verb: str, timeout_s: float) -> tuple[bool, dict[str, Any]]:
        """Call one service; returns success and message."""
        from rclpy.executors import SingleThreadedExecutor
        from std_srvs.srv import Trigger

        client = self._node.create_client(Trigger, f'/recorder/{verb}')
        if not client.wait_for_service(timeout_s):
            raise SystemExit(f'/recorder/{verb} is not there')
        future = client.call_async(Trigger.Request())
        executor = SingleThreadedExecutor(context=self._context)
        executor.add_node(self._node)
        executor.spin_until_future_complete(future, timeout_s)
        executor.shutdown()
        if not future.done():
            raise SystemExit(f'/recorder/{verb} did not answer')
        return bool(future.result().success), json.loads(future.result().message)

    def close(self) -> None:
        """Shut down."""
        self._node.destroy_node()
        self._rclpy.try_shutdown(context=self._context)


class Bench:
    """A recorder process and the publisher of a load, in a folder."""

    def __init__(self, kind: str, folder: Path, load: Load) -> None:
        """Start both; `imitation_ros` is our recorder, else one of RIVALS."""
        self.kind, self.folder, self.load = kind, folder, load
        (folder / 'load.yaml').write_text(contract_text(load))
        (folder / 'load.urdf').write_text(urdf_text())
        if kind == 'imitation_ros':
            command = [sys.executable, '-m', 'imitation_ros.nodes.recorder', '--ros-args']
            command += ['-p', f'contract:={folder / "load.yaml"}', '-p', f'output:={folder}/ours']
            command += ['-p', 'keys:=false', '-p', 'task:=load', '-p', 'minimum_rate:=0.0']
        else:
            command = [sys.executable, __file__, kind, str(folder)]
        self.recorder = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | {'PYTHONPATH': str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.publisher = subprocess.Popen(
            [sys.executable, __file__, 'publish', json.dumps(asdict(load))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=os.environ | {'PYTHONPATH': str(ROOT)},
        )
        self.operator = Operator() if kind == 'imitation_ros' else None

    def __enter__(self) -> 'Bench':
        """Wait until the publisher is heard, and start a take."""
        try:
            if not self._answer().get('ready'):
                raise SystemExit('the publisher did not start')
            if self.operator is None:
                time.sleep(3.0)
                return self
            deadline = time.monotonic() + 20
            while not (answer := self.operator.call('start', 10))[0]:
                if 'a take is running' in answer[1]['error']:
                    break  # the answer to an earlier call came too late
                if time.monotonic() > deadline:
                    raise SystemExit(answer[1]['error'])
                time.sleep(0.2)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End what still runs."""
        if self.operator is not None:
            self.operator.close()
        for process in (self.recorder, self.publisher):
            if process.poll() is None:
                process.kill()
                process.wait()

    def _answer(self) -> dict[str, Any]:
        if self.publisher.stdout is None:
            raise SystemExit('no pipes')
        return dict(json.loads(self.publisher.stdout.readline() or '{}'))

    def tell(self, line: str) -> None:
        """Tell the publisher to go on."""
        if self.publisher.stdin is None:
            raise SystemExit('no pipes')
        self.publisher.stdin.write(f'{line}\n')
        self.publisher.stdin.flush()

    def publish(self) -> tuple[dict[str, Any], float]:
        """Publish the load; what was sent, and the recorder's share of a core meanwhile."""
        before, clock = cpu_seconds(self.recorder.pid), time.monotonic()
        self.tell('go')
        report = self._answer()
        return report, (cpu_seconds(self.recorder.pid) - before) / (time.monotonic() - clock)

    def stop(self) -> tuple[Path, dict[str, Any]]:
        """End the take and both processes; where the bag is, and what the recorder told."""
        told: dict[str, Any] = {}
        path = self.folder / 'rival'
        if self.operator is not None:
            ok, told = self.operator.call('stop', 120)
            if not ok:
                raise SystemExit(told['error'])
            path = Path(told['path'])
        self.recorder.send_signal(signal.SIGINT)
        self.recorder.wait(60)
        self.tell('end')
        self.publisher.wait(20)
        return path, told


if __name__ == '__main__':
    if sys.argv[1] == 'publish':
        publish(Load(**json.loads(sys.argv[2])))
    else:
        rival(sys.argv[1], Path(sys.argv[2]))
