# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Small LeRobot datasets as other tools write them, number by number."""

from fractions import Fraction
import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from imitation_ros.lerobot import layout
from imitation_ros.lerobot.tables import write_tasks

STATE, ACTION = layout.STATE, layout.ACTION
CAMERA = 'observation.images.cam'
FPS = 30
HEIGHT, WIDTH = 32, 48


def vector(size: int, names: Any = None) -> dict[str, Any]:
    return {'dtype': 'float32', 'shape': [size], 'names': names}


def walk(count: int = 3, frames: int = 20, size: int = 3) -> list[dict[str, np.ndarray]]:
    """Episodes of random walks, each action the next state."""
    rng = np.random.default_rng(0)
    states = [np.cumsum(rng.normal(size=(frames, size)) * 0.02, 0) for _ in range(count)]
    return [{STATE: s.astype('f4'), ACTION: np.roll(s, -1, 0).astype('f4')} for s in states]


def write(
    root: Path,
    episodes: list[dict[str, Any]],
    features: dict[str, Any],
    tasks: tuple[str, ...] = ('do it',),
    rows: dict[str, Any] | None = None,
    spans: list[tuple[int, int]] | None = None,
) -> Path:
    """Write a dataset.

    Args:
        root: New folder.
        episodes: Columns by feature.
        features: As in info.json, but for the indices.
        tasks: Their texts.
        rows: Columns that replace the indices: name -> values of an episode.
        spans: First frame of each episode in its video, and the one after its last.
    """
    tables, told, total = [], [], 0
    for number, episode in enumerate(episodes):
        frames = len(next(iter(episode.values())))
        columns = {
            'timestamp': np.arange(frames, dtype='f4') / FPS,
            'frame_index': np.arange(frames),
            'task_index': np.zeros(frames, int),
            **(rows or {}),
            'episode_index': np.full(frames, number),
        }
        cells = {name: pa.array(np.asarray(v).tolist()) for name, v in (episode | columns).items()}
        tables.append(pa.table({name: cell[:frames] for name, cell in cells.items()}))
        entry = {
            'episode_index': number,
            'tasks': list(tasks),
            'length': frames,
            'data/chunk_index': 0,
            'data/file_index': 0,
        }
        if spans is not None:
            begin, end = spans[number]
            at = f'videos/{CAMERA}/'
            entry |= {at + 'chunk_index': 0, at + 'file_index': 0}
            entry |= {at + 'from_timestamp': begin / FPS, at + 'to_timestamp': end / FPS}
        told.append(entry)
        total += frames
    place = {'chunk_index': 0, 'file_index': 0}
    for path, table in (
        (layout.DATA.format(**place), pa.concat_tables(tables)),
        (layout.EPISODES.format(**place), pa.Table.from_pylist(told)),
    ):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, root / path)
    write_tasks(root / layout.TASKS, tasks)
    indices = {name: vector(1) for name in ('timestamp', 'frame_index', 'task_index')}
    info = {
        'codebase_version': 'v3.0',
        'fps': FPS,
        'data_path': layout.DATA,
        'video_path': layout.VIDEO,
        'features': features | indices,
    }
    (root / layout.INFO).write_text(json.dumps(info))
    return root


def film(root: Path, greys: list[int]) -> None:
    """Write the one video, one grey a frame."""
    path = root / layout.VIDEO.format(video_key=CAMERA, chunk_index=0, file_index=0)
    path.parent.mkdir(parents=True)
    with av.open(str(path), 'w') as file:
        stream = file.add_stream('libx264', rate=FPS, options={'g': '2', 'crf': '5'})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, 'yuv420p'
        stream.time_base = Fraction(1, FPS)
        for number, grey in enumerate(greys):
            pixels = np.full((HEIGHT, WIDTH, 3), grey, np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, format='rgb24')
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
