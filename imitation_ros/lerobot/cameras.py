# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Cameras of a LeRobot dataset, and the images of an episode."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ..contract import Contract
from ..data.frame import Image
from ..errors import DataError
from . import layout, tables, video
from .names import plain
from .options import Options
from .source import Source
from .times import stray_frames, video_start


def camera_features(source: Source) -> dict[str, dict[str, Any]]:
    """Features that are images, by their keys."""
    features = source.info['features']
    return {key: f for key, f in features.items() if f['dtype'] in ('video', 'image')}


def camera_name(key: str, options: Options) -> str:
    """Name of a camera, as we call it."""
    theirs = key.removeprefix(layout.IMAGES)
    return options.rename.get(theirs, plain(theirs))


def find_cameras(
    source: Source, options: Options, contract: Contract, note: Callable[[str], None]
) -> dict[str, str]:
    """Feature of each camera of the contract that the dataset has; says which are left out."""
    known = {camera.name: camera.depth for camera in contract.cameras}
    found = {}
    for key, feature in camera_features(source).items():
        name, depth = camera_name(key, options), is_depth(feature)
        why = '' if name in known else 'not in the contract'
        if name in known and depth != known[name]:
            why = 'depth, in the contract it is colour' if depth else 'colour, not depth'
        elif depth and feature['dtype'] == 'video':
            why = 'depth as a video, which is not exact'
        if why:
            note(f'camera "{name}" left out: {why}')
        else:
            found[name] = key
    return found


def read_images(
    source: Source,
    options: Options,
    key: str,
    row: Mapping[str, Any],
    table: pa.Table,
    place: Path,
) -> Image:
    """Images of an episode, in a file, so that they need not fit in memory.

    Args:
        source: The dataset.
        options: How it is understood.
        key: The camera's feature.
        row: The episode's row of the table of episodes.
        table: Its own rows.
        place: The file that takes the pixels.

    Raises:
        DataError: If images are missing, damaged, of another size, or more than rows.
    """
    feature, steps = source.feature(key), int(row['length'])
    shape = image_shape(feature)
    kind = np.uint16 if is_depth(feature) else np.uint8
    result = np.memmap(place, dtype=kind, mode='w+', shape=(steps, *shape))
    if feature['dtype'] == 'image':
        frames = tables.images(table, key, is_depth(feature))
    else:
        path = _video(
            source,
            key,
            int(row[f'videos/{key}/chunk_index']),
            int(row[f'videos/{key}/file_index']),
        )
        begin = video_start(row, key, source.fps, options.longer_video)
        frames = video.read(path, begin, steps, source.fps)
    for at, image in enumerate(frames):
        if image.shape != shape or image.dtype != kind:
            raise DataError(
                f'"{key}" holds {image.dtype} images of {image.shape}, info.json says '
                f'{kind.__name__} of {shape}'
            )
        result[at] = image
    return result


def _video(source: Source, key: str, chunk: int, file: int) -> Path:
    return layout.locate(
        source.root,
        source.info,
        'video_path',
        video_key=key,
        chunk_index=chunk,
        file_index=file,
    )


def stray_pictures(source: Source, key: str) -> list[str]:
    """Say which pictures of a camera belong to two episodes, or to none."""
    if source.feature(key)['dtype'] != 'video':
        return []

    def length(chunk: int, file: int) -> int:
        return video.length(_video(source, key, chunk, file))

    return stray_frames(source.episodes, key, source.fps, length)


def image_shape(feature: Mapping[str, Any]) -> tuple[int, int, int]:
    """Height, width and channels, of whichever order they are in."""
    first, second, third = (int(length) for length in feature['shape'])
    if first in (1, 3) and third not in (1, 3):
        return second, third, first
    return first, second, third


def is_depth(feature: Mapping[str, Any]) -> bool:
    """Whether a camera's feature holds depth [mm]."""
    return bool((feature.get('info') or {}).get('is_depth_map', False))
