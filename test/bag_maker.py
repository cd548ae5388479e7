# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bags made message by message, with the writer and the CDR serializer real bags go through."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from imitation_ros.bags.layout import qos_profile
from imitation_ros.bags.topics import recorded
from imitation_ros.bags.writer import BagWriter
from imitation_ros.contract import Contract, loads
from imitation_ros.data.episode import EpisodeMeta
from imitation_ros.messages.definitions import typestore

NS = 1_000_000_000
T0 = 1_700_000_000 * NS


class Messages:
    """Serialized messages of a small robot, by stamp."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self._types = typestore().types

    def _make(self, kind: str, **values: Any) -> Any:
        return self._types[kind](**values)

    def header(self, ns: int, frame: str = '') -> Any:
        stamp = self._make('builtin_interfaces/msg/Time', sec=ns // NS, nanosec=ns % NS)
        return self._make('std_msgs/msg/Header', stamp=stamp, frame_id=frame)

    def serialize(self, message: Any, kind: str) -> bytes:
        return bytes(typestore().serialize_cdr(message, kind))

    def joint_state(self, ns: int, q: np.ndarray, names: tuple[str, ...] | None = None) -> bytes:
        kind = 'sensor_msgs/msg/JointState'
        message = self._make(
            kind,
            header=self.header(ns),
            name=list(names or self.contract.joints),
            position=np.asarray(q, np.float64),
            velocity=np.zeros(len(q)),
            effort=np.zeros(0),
        )
        return self.serialize(message, kind)

    def compressed(self, ns: int, pixels: np.ndarray) -> bytes:
        kind = 'sensor_msgs/msg/CompressedImage'
        data = cv2.imencode('.png', pixels[:, :, ::-1])[1].reshape(-1)
        message = self._make(kind, header=self.header(ns), format='png', data=data)
        return self.serialize(message, kind)

    def image(self, ns: int, pixels: np.ndarray) -> bytes:
        kind = 'sensor_msgs/msg/Image'
        height, width = pixels.shape[:2]
        message = self._make(
            kind,
            header=self.header(ns),
            height=height,
            width=width,
            encoding='rgb8',
            is_bigendian=0,
            step=width * 3,
            data=pixels.reshape(-1),
        )
        return self.serialize(message, kind)

    def pose(self, ns: int, position: np.ndarray) -> bytes:
        kind = 'geometry_msgs/msg/PoseStamped'
        point = self._make('geometry_msgs/msg/Point', **dict(zip('xyz', position, strict=True)))
        turn = self._make('geometry_msgs/msg/Quaternion', x=0.0, y=0.0, z=0.0, w=1.0)
        pose = self._make('geometry_msgs/msg/Pose', position=point, orientation=turn)
        return self.serialize(self._make(kind, header=self.header(ns), pose=pose), kind)

    def driver(self, ns: int, name: str) -> bytes:
        return self.serialize(self.header(ns, name), 'std_msgs/msg/Header')

    def clock(self, ns: int) -> bytes:
        kind = 'rosgraph_msgs/msg/Clock'
        stamp = self._make('builtin_interfaces/msg/Time', sec=ns // NS, nanosec=ns % NS)
        return self.serialize(self._make(kind, clock=stamp), kind)


def small_robot(contract: Contract) -> Contract:
    """Our humanoid with one compressed camera and one raw one, so that bags stay small."""
    text = contract.text
    start, end = text.index('cameras:'), text.index('poses:')
    cameras = (
        'cameras:\n'
        '  - {name: head_camera, topic: /head_camera/image_raw/compressed, '
        'type: sensor_msgs/msg/CompressedImage, width: 16, height: 12, rate_hz: 30.0}\n'
        '  - {name: left_wrist_camera, topic: /left_wrist_camera/image_raw, '
        'type: sensor_msgs/msg/Image, width: 16, height: 12, rate_hz: 30.0}\n\n'
    )
    return loads(
        text[:start] + cameras + text[end:], Path('small.yaml'), urdf_text=contract.urdf_text
    )


Entry = tuple[int, str, bytes]
"""Receive time [ns], topic, message."""


def script(robot: Contract, messages: Messages, seconds: float, seed: int = 0) -> list[Entry]:
    """What a healthy robot publishes: everything at its rate, everything moving."""
    rng = np.random.default_rng(seed)
    entries: list[Entry] = []

    def q(t: float) -> np.ndarray:
        return robot.home + 0.1 * np.sin(2.0 * t + np.arange(robot.n))

    def every(hz: float, phase: float, latency: float, make: Callable[[int, float], Any]) -> None:
        for k in range(int(seconds * hz)):
            t = k / hz + phase
            stamp = T0 + round(t * NS)
            late = round((latency + 0.001 * rng.random()) * NS)
            topic, data = make(stamp, t)
            entries.append((stamp + late, topic, data))

    def picture(k: int) -> np.ndarray:
        return np.random.default_rng(k).integers(0, 255, (12, 16, 3), dtype=np.uint8)

    every(200, 0.0, 0.0005, lambda ns, t: ('/joint_states', messages.joint_state(ns, q(t))))
    every(100, 0.002, 0.0005, lambda ns, t: ('/safety/command', messages.joint_state(ns, q(t))))
    every(50, 0.004, 0.001, lambda ns, t: ('/object_pose', messages.pose(ns, np.array([t, 0, 0]))))
    head, wrist = (camera.topic for camera in robot.cameras)
    every(30, 0.01, 0.02, lambda ns, t: (head, messages.compressed(ns, picture(round(t * 30)))))
    every(30, 0.02, 0.015, lambda ns, t: (wrist, messages.image(ns, picture(round(t * 30 + 999)))))
    return sorted(entries, key=lambda entry: entry[0])


class BagMaker:
    """Writes scripts as bags."""

    def __init__(self, robot: Contract, messages: Messages) -> None:
        self.robot = robot
        self.messages = messages

    def script(self, seconds: float = 2.0, seed: int = 0) -> list[Entry]:
        return script(self.robot, self.messages, seconds, seed)

    def open(self, path: Path, meta: EpisodeMeta | None = None) -> BagWriter:
        channels = [
            (topic.name, topic.type, (qos_profile(True, topic.latched),))
            for topic in recorded(self.robot)
        ]
        meta = meta or EpisodeMeta(
            episode=path.name,
            task='pick',
            outcome='success',
            robot=self.robot.name,
            contract_hash=self.robot.hash,
        )
        return BagWriter(path, channels, meta, self.robot, T0)

    def write(self, writer: BagWriter, entries: list[Entry]) -> None:
        index = {topic.name: i for i, topic in enumerate(recorded(self.robot))}
        for log_ns, topic, data in entries:
            number = sum(writer.counts) + 1
            writer.write(index[topic], log_ns, log_ns - 200_000, data, number)

    def __call__(
        self, path: Path, entries: list[Entry] | None = None, meta: EpisodeMeta | None = None
    ) -> Path:
        writer = self.open(path, meta)
        self.write(writer, self.script() if entries is None else entries)
        return writer.close(
            meta
            or EpisodeMeta(
                episode=path.name,
                task='pick',
                outcome='success',
                robot=self.robot.name,
                contract_hash=self.robot.hash,
            )
        )
