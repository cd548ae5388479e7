# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Recorder under load: messages lost, and share of a core, beside an ordinary rclpy recorder.

A publisher process sends three cameras (640x480 rgb8, 30 Hz) and two JointState topics (29
joints, 500 Hz): 1,090 messages and 84 MB a second. Each message carries its number, so that a loss
anywhere between `publish` and the bag is counted. The same load then goes to a recorder as one
would write it first: SingleThreadedExecutor, messages deserialized and serialized again.

    python benchmarks/recorder.py [--smoke] [--json FILE] [--seconds 60]
"""

import argparse
import array
from collections.abc import Callable
import json
import os
from pathlib import Path
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any

from gates import conclude, gate

ROOT = Path(__file__).resolve().parent.parent
os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
os.environ.setdefault('ROS_DOMAIN_ID', str(1 + os.getpid() % 101))
os.environ.setdefault('FASTDDS_DEFAULT_PROFILES_FILE', str(ROOT / 'config' / 'fastdds_shm.xml'))

CAMERAS, JOINT_TOPICS, JOINTS = 3, 2, 29
WIDTH, HEIGHT = 640, 480
CAMERA_HZ, JOINT_HZ = 30, 500
CORE_SHARE = 1 / 3


def contract_text() -> str:
    """Contract of a made-up robot with the topics of the load."""
    joints = ', '.join(f'joint_{i}' for i in range(JOINTS))
    cameras = '\n'.join(
        f'  - {{name: camera{i}, topic: /camera{i}/image_raw, type: sensor_msgs/msg/Image, '
        f'width: {WIDTH}, height: {HEIGHT}, rate_hz: {CAMERA_HZ}}}'
        for i in range(CAMERAS)
    )
    return (
        f'name: load\nurdf: load.urdf\nrates: {{policy_hz: 25.0, command_hz: {JOINT_HZ}}}\n'
        f'joint_states: {{topic: /joints0, rate_hz: {JOINT_HZ}, qos: {{depth: 100}}}}\n'
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


def publish(seconds: float, warm_up: float) -> None:
    """Publish the load from this process, once told to (a line on standard input)."""
    import numpy as np
    import rclpy
    from rclpy.qos import QoSProfile
    from sensor_msgs.msg import Image, JointState

    rclpy.init()
    node = rclpy.create_node('load')
    state_qos, image_qos = QoSProfile(depth=100), QoSProfile(depth=10)
    states = [
        node.create_publisher(JointState, f'/joints{i}', state_qos) for i in range(JOINT_TOPICS)
    ]
    images = [
        node.create_publisher(Image, f'/camera{i}/image_raw', image_qos) for i in range(CAMERAS)
    ]
    rng = np.random.default_rng(0)
    size = WIDTH * HEIGHT * 3
    pixels = [array.array('B', rng.integers(0, 255, size, np.uint8).tobytes()) for _ in range(4)]
    image = Image(height=HEIGHT, width=WIDTH, encoding='rgb8', step=WIDTH * 3)
    state = JointState(name=[f'joint_{i}' for i in range(JOINTS)])
    state.velocity = state.effort = [0.0] * JOINTS
    limit = time.monotonic() + 20
    while any(p.get_subscription_count() < 1 for p in (*states, *images)):
        if time.monotonic() > limit:
            raise SystemExit('nobody subscribed within 20 s')
        time.sleep(0.05)
    sent = {p.topic_name: 0 for p in (*states, *images)}
    print(json.dumps({'ready': True}), flush=True)
    # Warm-up messages have negative numbers and do not count.
    for phase, length in (('warm-up', warm_up), ('load', seconds)):
        if phase == 'load':
            sys.stdin.readline()
        begin = start = time.monotonic()
        for k in range(int(length * JOINT_HZ)):
            delay = start + k / JOINT_HZ - time.monotonic()
            if delay > 0:
                time.sleep(delay)
            elif delay < -0.02:
                # A driver that was held up goes on at its rate; it sends no burst.
                start -= delay
            due = [(p, state) for p in states]
            if k * CAMERA_HZ // JOINT_HZ != (k - 1) * CAMERA_HZ // JOINT_HZ:
                due += [(p, image) for p in images]
                image.data = pixels[k % 4]
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


def naive(folder: Path) -> None:
    """A recorder as one would write it first; stops at SIGINT."""
    import rclpy
    from rclpy.context import Context
    from rclpy.executors import SingleThreadedExecutor
    from rclpy.node import Node
    from rclpy.qos import QoSProfile
    from rclpy.serialization import serialize_message
    from rclpy.signals import SignalHandlerOptions

    from imitation_ros.bags.topics import recorded
    from imitation_ros.bags.writer import BagWriter
    from imitation_ros.contract import load
    from imitation_ros.data.episode import EpisodeMeta
    from imitation_ros.nodes._subscriptions import message_class

    contract = load(folder / 'load.yaml')
    context = Context()
    rclpy.init(context=context, signal_handler_options=SignalHandlerOptions.NO)
    node = Node('naive', context=context)
    topics = [topic for topic in recorded(contract) if topic.required]
    meta = EpisodeMeta('naive')
    writer = BagWriter(
        folder / 'naive', [(t.name, t.type, ()) for t in topics], meta, contract, time.time_ns()
    )

    def listen(index: int) -> Callable[[Any], None]:
        def callback(message: Any) -> None:
            now = time.time_ns()
            writer.write(index, now, now, serialize_message(message))
            writer.tick(time.monotonic_ns())

        return callback

    for index, topic in enumerate(topics):
        depth = 10 if topic.type.endswith('Image') else 100
        node.create_subscription(
            message_class(topic.type), topic.name, listen(index), QoSProfile(depth=depth)
        )
    stop: list[int] = []
    signal.signal(signal.SIGINT, lambda *_: stop.append(1))
    executor = SingleThreadedExecutor(context=context)
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


def lost(bag_path: Path, sent: dict[str, int]) -> tuple[dict[str, int], int, float]:
    """Messages missing per topic, by the numbers inside them; a bag's size and length [s]."""
    from imitation_ros.bags.reader import Bag

    found: dict[str, set[int]] = {topic: set() for topic in sent}
    with Bag(bag_path) as bag:
        for message in bag.messages(list(sent)):
            # Header: stamp [8 bytes], length of frame_id [4], frame_id [9 digits].
            number = int(bytes(message.data[16:25]))
            if number >= 0:
                found[message.topic].add(number)
        size, span = bag.bytes, (bag.end_ns - bag.start_ns) / 1e9
    return {topic: count - len(found[topic]) for topic, count in sent.items()}, size, span


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


def run(kind: str, folder: Path, seconds: float) -> dict[str, Any]:
    """Record the load once; returns what was lost and what it cost."""
    if kind == 'imitation_ros':
        command = [sys.executable, '-m', 'imitation_ros.nodes.recorder', '--ros-args']
        command += ['-p', f'contract:={folder / "load.yaml"}', '-p', f'output:={folder / "ours"}']
        command += ['-p', 'keys:=false', '-p', 'task:=load']
    else:
        command = [sys.executable, __file__, '--naive', str(folder)]
    recorder = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    load_command = [sys.executable, __file__, '--publish', str(seconds)]
    load = subprocess.Popen(
        load_command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    operator = Operator() if kind == 'imitation_ros' else None
    try:
        if load.stdin is None or load.stdout is None:
            raise SystemExit('no pipes')
        if not json.loads(load.stdout.readline() or '{}').get('ready'):
            raise SystemExit('the publisher did not start')
        if operator is not None:
            deadline = time.monotonic() + 15
            while True:
                ok, answer = operator.call('start', 10)
                if ok:
                    break
                if time.monotonic() > deadline:
                    raise SystemExit(answer['error'])
                time.sleep(0.2)
        else:
            time.sleep(3.0)
        before, clock = cpu_seconds(recorder.pid), time.monotonic()
        load.stdin.write('go\n')
        load.stdin.flush()
        report = json.loads(load.stdout.readline())
        cpu = (cpu_seconds(recorder.pid) - before) / (time.monotonic() - clock)
        time.sleep(1.0)
        memory = memory_mb(recorder.pid)
        stop_clock = time.monotonic()
        if operator is not None:
            ok, answer = operator.call('stop', 120)
            if not ok:
                raise SystemExit(answer['error'])
            path = Path(answer['path'])
        else:
            path = folder / 'naive'
        stop_s = time.monotonic() - stop_clock
        recorder.send_signal(signal.SIGINT)
        recorder.wait(60)
        load.stdin.write('end\n')
        load.stdin.flush()
        load.wait(20)
    finally:
        if operator is not None:
            operator.close()
        for process in (recorder, load):
            if process.poll() is None:
                process.kill()
                process.wait()
    told = {} if operator is None else answer
    missing, size, span = lost(path, report['sent'])
    shutil.rmtree(path)
    total = sum(report['sent'].values())
    return {
        'sent': total,
        'lost': sum(missing.values()),
        'lost_per_topic': missing,
        'core_share': cpu,
        'MB_per_s': size / 1e6 / span,
        'memory_MB': memory,
        'seconds': report['seconds'],
        'stop_s': stop_s,
        'told_lost': told.get('lost', 0),
        'told_dropped': told.get('dropped', 0),
        'queue_max_MB': told.get('queue_max_bytes', 0) / 1e6,
    }


def main() -> int:
    """Run, print and judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--smoke', action='store_true', help='3 s, no timing is judged')
    parser.add_argument('--json', type=Path, help='write the results to this file')
    parser.add_argument('--seconds', type=float, help='length of the load [s]')
    parser.add_argument('--dir', type=Path, help='where to record (removed afterwards)')
    parser.add_argument('--publish', type=float, help=argparse.SUPPRESS)
    parser.add_argument('--naive', type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.publish:
        publish(arguments.publish, warm_up=2.0)
        return 0
    if arguments.naive:
        naive(arguments.naive)
        return 0
    seconds = arguments.seconds or (3.0 if arguments.smoke else 60.0)
    kinds = ['imitation_ros'] if arguments.smoke else ['imitation_ros', 'deserializing']
    results = {}
    for kind in kinds:
        with tempfile.TemporaryDirectory(dir=arguments.dir, prefix='recorder_') as name:
            folder = Path(name)
            (folder / 'load.yaml').write_text(contract_text())
            (folder / 'load.urdf').write_text(urdf_text())
            results[kind] = run(kind, folder, seconds)
    ours = results['imitation_ros']
    print(f'{"recorder":16}{"sent":>8}{"lost":>7}{"core":>7}{"ratio":>7}{"MB/s":>7}{"memory":>9}')
    for kind, result in results.items():
        print(
            f'{kind:16}{result["sent"]:8}{result["lost"]:7}{result["core_share"]:7.2f}'
            f'{result["core_share"] / ours["core_share"]:7.2f}{result["MB_per_s"]:7.1f}'
            f'{result["memory_MB"]:6.0f} MB'
        )
    print(
        f'load {ours["seconds"]:.1f} s at {ours["sent"] / ours["seconds"]:.0f} messages/s; '
        f'stop with audit {ours["stop_s"]:.1f} s'
    )
    print(
        f'the recorder itself counted {ours["told_lost"]} lost before it and '
        f'{ours["told_dropped"]} dropped by it; queue at most {ours["queue_max_MB"]:.0f} MB'
    )
    gates = {'lost': gate(ours['lost'], 0, 'messages')}
    if not arguments.smoke:
        gates['core_share'] = gate(ours['core_share'], CORE_SHARE, 'core')
    return conclude(gates, arguments.json, results=results)


if __name__ == '__main__':
    raise SystemExit(main())
