# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Small datasets for the tests of learning: a right arm that goes where an object is.

Not the humanoid's physics: a first-order arm whose four moving joints follow their command, and
an expert that goes to a linear function of the object's place. So what a policy should learn is
known, and a rollout costs nothing.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imitation_ros.contract import Contract
from imitation_ros.data.episode import Episode, EpisodeMeta
from imitation_ros.data.store import Dataset, DatasetWriter

MOVING = (
    'right_shoulder_pitch_joint',
    'right_shoulder_roll_joint',
    'right_shoulder_yaw_joint',
    'right_elbow_joint',
)
GAIN = np.array([[0.9, -0.6], [-0.5, -0.4], [0.3, 0.8], [-0.6, 0.5]])
"""Joint offset [rad] per metre (times ten) of the object in x and y."""

LAG = 0.6
"""Share of the way to its command that a joint goes in one step."""

HEIGHT, WIDTH = 24, 32
Array = NDArray[np.float64]


def goal(contract: Contract, place: Array) -> Array:
    """Joint positions [rad] that belong to an object at x y, each in [-0.1, 0.1] m."""
    q = np.array(contract.home)
    q[[contract.index(joint) for joint in MOVING]] += 5.0 * GAIN @ place
    return q


def picture(place: Array) -> NDArray[np.uint8]:
    """Image of a bright square at x y."""
    image = np.full((HEIGHT, WIDTH, 3), 40, dtype=np.uint8)
    row = round(HEIGHT / 2 + place[0] * 80)
    column = round(WIDTH / 2 + place[1] * 110)
    image[max(row - 2, 0) : row + 3, max(column - 2, 0) : column + 3] = (230, 60, 60)
    return image


def act(contract: Contract, q: Array, place: Array) -> Array:
    """The expert's command: a quarter of the way to the goal, at most 0.08 rad."""
    return q + np.clip(0.4 * (goal(contract, place) - q), -0.08, 0.08)


def follow(q: Array, command: Array) -> Array:
    """The arm, one step later."""
    return q + LAG * (command - q)


def demonstrate(
    contract: Contract,
    name: str,
    seed: int,
    frames: int = 40,
    camera: bool = False,
    outcome: str = 'success',
    change: Callable[[dict[str, Array]], None] | None = None,
) -> Episode:
    """One episode of the expert."""
    rng = np.random.default_rng(seed)
    place = rng.uniform(-0.1, 0.1, 2)
    q = np.array(contract.home)
    q[[contract.index(joint) for joint in MOVING]] += rng.uniform(-0.2, 0.2, len(MOVING))
    arrays: dict[str, list[Array]] = {'q': [], 'v': [], 'action': []}
    before = q
    for _ in range(frames):
        command = act(contract, q, place)
        arrays['q'].append(q)
        arrays['v'].append((q - before) * 25.0)
        arrays['action'].append(command)
        before, q = q, follow(q, command)
    whole = {key: np.array(value) for key, value in arrays.items()}
    if change is not None:
        change(whole)
    pose = np.tile([0.4 + place[0], place[1], 0.1, 0.0, 0.0, 0.0, 1.0], (frames, 1))
    return Episode(
        meta=EpisodeMeta(name, 'reach', 'test', outcome, contract.name, contract.hash),  # type: ignore[arg-type]
        tick_ns=np.arange(frames, dtype=np.int64) * 40_000_000,
        **whole,
        images={'head_camera': np.tile(picture(place), (frames, 1, 1, 1))} if camera else {},
        poses={'object': pose},
    )


def write(root: Path, contract: Contract, episodes: list[Episode]) -> Dataset:
    """Write episodes through the real writer, and open the dataset."""
    writer = DatasetWriter(
        root, contract.text, contract.hash, contract.urdf_text, contract.joints, 25.0
    )
    for episode in episodes:
        writer.append(episode)
    writer.close()
    return Dataset(root)


def dataset(
    root: Path, contract: Contract, count: int, frames: int = 40, camera: bool = False
) -> Dataset:
    """Dataset of `count` demonstrations."""
    episodes = [demonstrate(contract, f'reach_{i:04d}', i, frames, camera) for i in range(count)]
    return write(root, contract, episodes)
