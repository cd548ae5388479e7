# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Converter: minutes per gigabyte of bags, and frames per second, with two anchors.

The bags are made here with the writer the recorder uses: raw 640x480 images, or JPEG of pictures
with shapes in them, with joint states and commands. The anchors, on the same bags in the same run:
reading every message (the disk and the MCAP library), and decoding every image, needed or not.
All is processor time, which other programs disturb least; the conversion's wall time is beside.

    python benchmarks/convert.py [--smoke] [--json FILE]
"""

import argparse
from collections.abc import Callable
from pathlib import Path
import tempfile
import time
from typing import Any

import cv2
from gates import conclude, gate
import numpy as np

from imitation_ros.bags.audit.bag import audit
from imitation_ros.bags.reader import Bag
from imitation_ros.bags.topics import recorded
from imitation_ros.bags.writer import BagWriter
from imitation_ros.contract import Contract, load, loads
from imitation_ros.conversion.convert import convert, Options
from imitation_ros.data.episode import EpisodeMeta
from imitation_ros.messages import codec
from imitation_ros.messages.definitions import typestore

NS = 1_000_000_000
MINUTES_PER_GB = 1.0
WIDTH, HEIGHT = 640, 480


def contract(kind: str) -> Contract:
    """Our humanoid with three 640x480 cameras."""
    base = load('imi_humanoid')
    start, end = base.text.index('cameras:'), base.text.index('poses:')
    suffix = '' if kind == 'Image' else '/compressed'
    cameras = ''.join(
        f'  - {{name: {name}, topic: /{name}/image_raw{suffix}, type: sensor_msgs/msg/{kind}, '
        f'width: {WIDTH}, height: {HEIGHT}}}\n'
        for name in ('head_camera', 'left_wrist_camera', 'right_wrist_camera')
    )
    text = f'{base.text[:start]}cameras:\n{cameras}\n{base.text[end:]}'
    return loads(text, Path('benchmark.yaml'), base.urdf_text)


def picture(k: int) -> np.ndarray[Any, Any]:
    """A picture with edges, gradients and a little noise, as a camera would give."""
    rng = np.random.default_rng(k)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    base = np.stack([x * 255 // WIDTH, y * 255 // HEIGHT, (x + y) % 256], axis=2).astype(np.uint8)
    for _ in range(12):
        centre = tuple(int(v) for v in rng.integers(0, 480, 2))
        colour = tuple(int(v) for v in rng.integers(0, 255, 3))
        cv2.circle(base, centre, int(rng.integers(10, 90)), colour, -1)
    return (base + rng.integers(0, 8, base.shape, dtype=np.uint8)).clip(0, 255).astype(np.uint8)


def make(path: Path, robot: Contract, seconds: float) -> Path:
    """Write one bag as the recorder would."""
    types = typestore().types
    store = typestore()

    def header(ns: int) -> Any:
        stamp = types['builtin_interfaces/msg/Time'](sec=ns // NS, nanosec=ns % NS)
        return types['std_msgs/msg/Header'](stamp=stamp, frame_id='')

    pictures = [picture(k) for k in range(8)]
    jpegs = [np.frombuffer(codec.encode_jpeg(p), np.uint8) for p in pictures]
    topics = recorded(robot)
    events: list[tuple[int, int]] = []
    for index, topic in enumerate(topics):
        if topic.rate_hz is not None:
            count = int(seconds * topic.rate_hz)
            events += [(round(k * NS / topic.rate_hz), index) for k in range(count)]
    meta = EpisodeMeta(
        path.name, 'load', outcome='success', robot=robot.name, contract_hash=robot.hash
    )
    writer = BagWriter(path, [(t.name, t.type, ()) for t in topics], meta, robot, NS)
    for ns, index in sorted(events):
        topic, stamp = topics[index], NS + ns
        k = ns * 30 // NS
        if topic.type.endswith('JointState'):
            q = robot.home + 0.1 * np.sin(ns / NS + np.arange(robot.n))
            values = {'name': list(robot.joints), 'position': q, 'velocity': q, 'effort': q}
        elif topic.type.endswith('PoseStamped'):
            p = types['geometry_msgs/msg/Point'](x=0.0, y=0.0, z=0.0)
            o = types['geometry_msgs/msg/Quaternion'](x=0.0, y=0.0, z=0.0, w=1.0)
            values = {'pose': types['geometry_msgs/msg/Pose'](position=p, orientation=o)}
        elif topic.type.endswith('CompressedImage'):
            values = {'format': 'jpeg', 'data': jpegs[k % 8]}
        else:
            values = {
                'height': HEIGHT,
                'width': WIDTH,
                'encoding': 'rgb8',
                'is_bigendian': 0,
                'step': WIDTH * 3,
                'data': pictures[k % 8].reshape(-1),
            }
        data = store.serialize_cdr(types[topic.type](header=header(stamp), **values), topic.type)
        writer.write(index, stamp + 1_000_000, stamp, bytes(data))
    return writer.close(meta)


def clock(work: Callable[[], Any]) -> tuple[float, Any]:
    """Processor time of one run [s], and its result: others may use this machine as well."""
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def read_all(path: Path) -> int:
    """Read every message; returns how many."""
    with Bag(path) as bag:
        return sum(1 for _ in bag.messages())


def decode_all(path: Path, robot: Contract) -> int:
    """Decode every image; returns how many."""
    types = {camera.topic: camera.type for camera in robot.cameras}
    count = 0
    with Bag(path) as bag:
        for message in bag.messages(list(types)):
            codec.IMAGE_DECODERS[types[message.topic]](bag.decode(message))
            count += 1
    return count


def main() -> int:
    """Run, print and judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--smoke', action='store_true', help='small bags, no timing is judged')
    parser.add_argument('--json', type=Path, help='write the results to this file')
    arguments = parser.parse_args()
    lengths = {'Image': 12.0, 'CompressedImage': 60.0}
    if arguments.smoke:
        lengths = {'Image': 1.0, 'CompressedImage': 1.0}
    rows: dict[str, dict[str, float]] = {}
    for kind, seconds in lengths.items():
        robot = contract(kind)
        with tempfile.TemporaryDirectory(prefix='convert_') as name:
            folder = Path(name)
            bag = make(folder / 'load_0001', robot, seconds)
            with Bag(bag) as opened:
                size = opened.bytes / 1e9
            reading, _ = clock(lambda bag=bag: read_all(bag))
            decoding, images = clock(lambda bag=bag, robot=robot: decode_all(bag, robot))

            def judge(bag: Path = bag) -> Any:
                with Bag(bag) as opened:
                    return audit(opened)

            auditing, verdict = clock(judge)
            small = {camera.name: (HEIGHT // 4, WIDTH // 4) for camera in robot.cameras}
            options = Options(cameras=small, rejected=True)
            start = time.perf_counter()
            converting, manifest = clock(
                lambda bag=bag, folder=folder, options=options: convert(
                    [bag], folder / 'set', options
                )
            )
            waiting = time.perf_counter() - start
            frames = manifest.provenance.episodes[0]['steps']
            rows[kind] = {
                'GB': size,
                'seconds': seconds,
                'read_min_per_GB': reading / 60 / size,
                'audit_min_per_GB': auditing / 60 / size,
                'decode_all_min_per_GB': decoding / 60 / size,
                'convert_min_per_GB': converting / 60 / size,
                'wall_min_per_GB': waiting / 60 / size,
                'frames_per_s': frames / converting,
                'times_real_time': seconds / converting,
                'images_in_bag': images,
                'verdict_ok': verdict.verdict != 'reject',
            }
    keys = ('read', 'audit', 'decode_all', 'convert', 'wall')
    print(
        f'{"min/GB of processor, of wall":30}'
        + ''.join(f'{key:>12}' for key in keys)
        + '    frames/s  x real'
    )
    for kind, row in rows.items():
        values = ''.join(f'{row[f"{key}_min_per_GB"]:12.3f}' for key in keys)
        label = f'{kind} {row["seconds"]:.0f} s {row["GB"]:.2f} GB'
        print(f'{label:30}{values}{row["frames_per_s"]:12.0f}{row["times_real_time"]:8.1f}')
    worst = max(row['convert_min_per_GB'] for row in rows.values())
    gates = {}
    if not arguments.smoke:
        gates['convert'] = gate(worst, MINUTES_PER_GB, 'min/GB') | {
            'holds': worst < MINUTES_PER_GB
        }
    return conclude(gates, arguments.json, results=rows)


if __name__ == '__main__':
    raise SystemExit(main())
