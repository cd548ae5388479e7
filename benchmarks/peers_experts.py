# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Demonstrations of other people's experts as bags, for benchmarks/peers.py --experts.

A folder holds one file `<environment>.npz` per set, such as `Hopper-v4.npz`:

    observation_0, observation_1, ...   one episode each, shape (T, D)
    action_0, action_1, ...             what the expert did on each, shape (T, k)
    returns                             return of each episode, shape (episodes,)
    expert                              mean return of the expert from the starts that are tried,
                                        optional: where returns differ much from start to start
    dt                                  time between two steps [s], optional

Actions are kept as they are, also where they lie beyond what the environment takes. Every episode
becomes one rosbag2 MCAP bag, written by rosbags and not by us: two JointState of one stamp per
step, with names that say nothing.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import get_typestore, Stores

STORE = get_typestore(Stores.LATEST)
KIND = 'sensor_msgs/msg/JointState'
NS = 1_000_000_000
START_NS = 1_700_000_000 * NS
NOTHING = np.array([], dtype=np.float64)


@dataclass(frozen=True)
class ExpertSet:
    """Demonstrations of one environment as bags.

    Attributes:
        environment: Its name in gymnasium.
        bags: Folder of the bags.
        expert: Mean return of the expert, if it was tried, else of the demonstrations; None if
            nobody told.
    """

    environment: str
    bags: Path
    expert: float | None


def expert_sets(folder: Path, out: Path, demonstrations: int) -> list[ExpertSet]:
    """Write the first demonstrations of every file of a folder as bags.

    Args:
        folder: The folder of .npz files.
        out: Where the bags go, a folder for each environment.
        demonstrations: How many of each file.
    """
    files = sorted(folder.glob('*.npz'))
    if not files:
        raise SystemExit(f'{folder}: no <environment>.npz in it; see benchmarks/peers_experts.py')
    found = []
    for file in files:
        with np.load(file) as arrays:
            dt = float(arrays['dt']) if 'dt' in arrays else 0.02
            for i in range(demonstrations):
                episode = arrays[f'observation_{i}'], arrays[f'action_{i}']
                write_bag(out / file.stem / f'demonstration_{i}', *episode, dt)
            tried = arrays['expert'] if 'expert' in arrays else arrays['returns'][:demonstrations]
            expert = float(np.mean(tried))
        found.append(ExpertSet(file.stem, out / file.stem, expert))
    return found


def write_bag(
    folder: Path, seen: NDArray[np.floating[Any]], done: NDArray[np.floating[Any]], dt: float
) -> None:
    """One episode as a bag."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        streams = [
            (writer.add_connection(topic, KIND, typestore=STORE), f'{name}_', values)
            for topic, name, values in (('/joint_states', 's', seen), ('/action', 'a', done))
        ]
        for step in range(len(seen)):
            ns = START_NS + round(step * dt * NS)
            for connection, stem, values in streams:
                message = _state(ns, stem, values[step])
                writer.write(connection, ns, STORE.serialize_cdr(message, KIND))


def _state(ns: int, stem: str, values: NDArray[np.floating[Any]]) -> Any:
    types = STORE.types
    stamp = types['builtin_interfaces/msg/Time'](sec=ns // NS, nanosec=ns % NS)
    header = types['std_msgs/msg/Header'](stamp=stamp, frame_id='')
    names = [f'{stem}{i}' for i in range(len(values))]
    return types[KIND](header, names, np.asarray(values, np.float64), NOTHING, NOTHING)
