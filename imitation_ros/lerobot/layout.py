# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Names and paths of a LeRobot dataset: one place for what the format calls things.

meta/info.json                              rate, counts, features; written last
meta/tasks.parquet                          task -> task_index
meta/episodes/chunk-000/file-000.parquet    where each episode lies, and its statistics
meta/stats.json                             statistics over all episodes
meta/imitation_ros.json                     contract, URDF, metas; LeRobot does not look at it
data/chunk-000/file-000.parquet             one row a frame
videos/<camera key>/chunk-000/file-000.mp4  the images, several episodes in one file
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
import re
from string import Formatter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.episode import Episode
from ..errors import DataError
from ..names import path_inside, plain_name

VERSION = 'v3.0'
CHUNK_FILES = 1000
"""Files in one chunk folder."""
DATA_MB, VIDEO_MB = 100, 200
"""A file that has grown this large takes no further episode [MB]."""

INFO = 'meta/info.json'
STATS = 'meta/stats.json'
TASKS = 'meta/tasks.parquet'
OURS = 'meta/imitation_ros.json'
EPISODES = 'meta/episodes/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet'
DATA = 'data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet'
VIDEO = 'videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4'

STATE, VELOCITY, ACTION = 'observation.state', 'observation.velocity', 'action'
POSES = 'observation.environment_state'
"""LeRobot's name for what is known of the world besides joints and images."""
IMAGES = 'observation.images.'
AGE = 'age.'
"""Not below `observation.`: LeRobot hands everything there to a policy."""

POSE_ENTRIES = ('x', 'y', 'z', 'qx', 'qy', 'qz', 'qw')
INDICES = ('frame_index', 'episode_index', 'index', 'task_index')


_FORM = re.compile(r'(0?\d{1,2})?d?')
"""How a number in a template may be written."""


@dataclass(frozen=True)
class Place:
    """Number of a file, as the format counts them.

    Attributes:
        chunk: Folder.
        file: File within it.
    """

    chunk: int = 0
    file: int = 0

    def following(self) -> 'Place':
        """Place of the next file."""
        last = self.file + 1 == CHUNK_FILES
        return Place(self.chunk + 1, 0) if last else Place(self.chunk, self.file + 1)


def inside(root: Path, path: Path, what: str) -> Path:
    """Check that a path of a dataset stays in its folder, or in the cache of the Hugging Face hub.

    The hub's cache keeps files in `blobs`, and datasets below `snapshots` as links to them.
    """
    home = root.resolve()
    blobs = (home.parent.parent / 'blobs',) if home.parent.name == 'snapshots' else ()
    return path_inside(root, path.relative_to(root).as_posix(), what, root / INFO, blobs)


def locate(root: Path, info: Mapping[str, Any], key: str, **values: int | str) -> Path:
    """Path of a file by the dataset's own template.

    Args:
        root: Folder of the dataset.
        info: Its info.json.
        key: Which template: `data_path` or `video_path`.
        values: What its fields stand for.

    Raises:
        DataError: If there is no template, it asks for something else, or leads out of the folder.
    """
    template = info.get(key)
    if not isinstance(template, str) or len(template) > 1000:
        raise DataError(f'{root / INFO}: "{key}" is no template of a path')
    try:
        for _, name, form, conversion in Formatter().parse(template):
            if name is None:
                continue
            if name not in values or conversion or not _FORM.fullmatch(form or ''):
                raise ValueError(f'it asks for {ascii(name)[:40]} as {ascii(form)[:40]}')
        path = template.format(**values)
    except (ValueError, LookupError) as error:
        raise DataError(f'{root / INFO}: "{key}" is no template of a path: {error}') from error
    # An absolute path, or one that climbs, has an empty or a wrong component.
    for part in path.split('/'):
        plain_name(part, key, root / INFO)
    return inside(root, root / path, key)


def vector(dtype: str, names: Sequence[str] | None, size: int = 1) -> dict[str, Any]:
    """Feature of a vector, or of a number if there are no names."""
    length = size if names is None else len(names)
    return {'dtype': dtype, 'shape': [length], 'names': None if names is None else list(names)}


def features(
    episode: Episode,
    joints: Sequence[str],
    actions: Sequence[str],
    dtype: str,
    info: Mapping[str, Any],
) -> dict[str, dict[str, Any]]:
    """Features of a dataset whose episodes are like this one.

    Args:
        episode: Any of its episodes.
        joints: Names of the columns of q and v.
        actions: Names of the columns of action.
        dtype: `video`, or `image` for pictures in the table itself.
        info: What LeRobot is told of the videos.
    """
    found = {name: vector('float32', joints) for name in (STATE, VELOCITY)}
    found[ACTION] = vector('float32', actions)
    if episode.poses:
        entries = [f'{pose}.{entry}' for pose in episode.poses for entry in POSE_ENTRIES]
        found[POSES] = vector('float32', entries)
    for name, images in episode.images.items():
        shape = [int(length) for length in images.shape[1:]]
        if images.dtype != np.uint8:
            found[IMAGES + name] = _depth(shape)
            continue
        found[IMAGES + name] = {
            'dtype': dtype,
            'shape': shape,
            'names': ['height', 'width', 'channels'],
        }
        if dtype == 'video':
            found[IMAGES + name]['info'] = {
                'video.height': shape[0],
                'video.width': shape[1],
                'video.channels': shape[2],
                'is_depth_map': False,
                'has_audio': False,
                **info,
            }
    # Seconds in float64: a nanosecond survives the way there and back.
    found |= {AGE + name: vector('float64', None) for name in episode.age_ns}
    found['timestamp'] = vector('float32', None)
    return found | {name: vector('int64', None) for name in INDICES}


def _depth(shape: list[int]) -> dict[str, Any]:
    """Feature of depth images, which stay in the table whatever the codec: no video is exact."""
    return {
        'dtype': 'image',
        'shape': shape,
        'names': ['height', 'width', 'channels'],
        'info': {'is_depth_map': True, 'depth_unit': 'mm'},
    }


def columns(episode: Episode) -> dict[str, NDArray[Any]]:
    """Numbers of an episode under LeRobot's names, but for its indices and images."""
    found: dict[str, NDArray[Any]] = {
        STATE: np.asarray(episode.q, np.float32),
        VELOCITY: np.asarray(episode.v, np.float32),
        ACTION: np.asarray(episode.action, np.float32),
    }
    if episode.poses:
        found[POSES] = np.concatenate(list(episode.poses.values()), axis=1, dtype=np.float32)
    return found | {AGE + name: np.asarray(age) / 1e9 for name, age in episode.age_ns.items()}
