# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bags of others for the tests: any names, no robot, written by rosbags and not by us."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import get_typestore, Stores

Array = NDArray[np.float64]
STORE = get_typestore(Stores.LATEST)
NS = 1_000_000_000
EMPTY = np.array([], dtype=np.float64)
STATE = 'sensor_msgs/msg/JointState'
TRAJECTORY = 'trajectory_msgs/msg/JointTrajectory'
BARE = 'std_msgs/msg/Float64MultiArray'
SINGLE = 'std_msgs/msg/Float32MultiArray'


def stamp(kind: str, ns: int) -> Any:
    return STORE.types[kind](sec=ns // NS, nanosec=ns % NS)


def header(ns: int) -> Any:
    time = stamp('builtin_interfaces/msg/Time', ns)
    return STORE.types['std_msgs/msg/Header'](stamp=time, frame_id='')


def state(
    ns: int, names: list[str], position: Array, velocity: Array = EMPTY, effort: Array = EMPTY
) -> Any:
    return STORE.types[STATE](header(ns), names, position, velocity, effort)


def trajectory(ns: int, names: list[str], positions: Array) -> Any:
    duration = stamp('builtin_interfaces/msg/Duration', 0)
    point = STORE.types[f'{TRAJECTORY}Point'](positions, EMPTY, EMPTY, EMPTY, duration)
    return STORE.types[TRAJECTORY](header(ns), names, [point])


def bare(values: Array, kind: str = BARE) -> Any:
    layout = STORE.types['std_msgs/msg/MultiArrayLayout']([], 0)
    return STORE.types[kind](layout, values.astype(np.float32 if kind == SINGLE else np.float64))


def write(folder: Path, messages: list[tuple[str, str, int, Any]]) -> Path:
    """Write a bag of (topic, type, time received [ns], message)."""
    with Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        topics: dict[str, Any] = {}
        for topic, kind, ns, message in messages:
            if topic not in topics:
                topics[topic] = writer.add_connection(topic, kind, typestore=STORE)
            writer.write(topics[topic], ns, STORE.serialize_cdr(message, kind))
    return folder


def expert(observation: Array) -> Array:
    """Actions (3,) of an expert who sees eleven numbers."""
    return np.tanh(observation[:3] - 2.0 * observation[3:6] + 0.5 * observation[8:11] ** 2)


def demonstration(folder: Path, seed: int, steps: int = 120, hz: float = 50.0) -> Path:
    """Eleven observed numbers of odd names, three commanded ones of other names."""
    rng = np.random.default_rng(seed)
    names = [f'leg/{i}' for i in range(11)]
    motors = ['hip motor', 'knee motor', 'ankle motor']
    x = rng.standard_normal(11)
    messages: list[tuple[str, str, int, Any]] = []
    for i in range(steps):
        ns = 100 * NS + round(i * NS / hz)
        action = expert(x)
        messages.append(('/joint_states', STATE, ns, state(ns, names, x.copy())))
        messages.append(('/action', TRAJECTORY, ns, trajectory(ns, motors, action)))
        x = 0.9 * x + 0.3 * rng.standard_normal(11)
        x[:3] += 0.1 * action
    return write(folder, messages)
