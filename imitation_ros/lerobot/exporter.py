# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A dataset to LeRobot's format, episode by episode."""

from collections.abc import Callable, Mapping
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
import pyarrow as pa
import pyarrow.parquet as pq

from ..data.episode import Episode
from ..data.outcomes import left_out_unmarked, stated, unmarked
from ..data.store import Dataset, Manifest
from ..errors import DataError, unknown
from ..files import replace_text
from . import layout, tables
from .instructions import instructions_from
from .layout import Place
from .statistics import Statistics, Table
from .video import CODECS, VideoWriter

Progress = Callable[[int, int], None]
"""Called after every episode with the episodes done and all of them."""


def export(
    dataset: Dataset,
    out: Path,
    codec: str = 'av1',
    progress: Progress | None = None,
    with_unknown: bool = False,
) -> dict[str, Any]:
    """Write a dataset in LeRobot's format.

    Args:
        dataset: What to write.
        out: New or empty folder.
        codec: One of `video.CODECS`, or `png`: lossless images in the tables.
        progress: Called after every episode.
        with_unknown: Whether episodes that were never marked go along; LeRobot trains on all that
            there are.

    Returns:
        The content of info.json, which is written last: without it the folder is no dataset.

    Raises:
        DataError: If the folder is in use, a codec is not known, the rate is no whole number, the
            ticks are not uniform, or no episode was ever marked.
    """
    if codec != 'png' and codec not in CODECS:
        raise DataError(unknown(codec, 'codec', [*CODECS, 'png']))
    if out.exists() and any(out.iterdir()):
        raise DataError(f'{out} is not empty; choose a new folder for the export')
    chosen = stated(dataset, with_unknown)
    if not chosen:
        raise DataError(
            f'{dataset.root}: nothing to export; '
            f'{left_out_unmarked(unmarked(dataset.manifest.episodes))}'
        )
    fps = whole_rate(dataset.manifest.policy_hz)
    writer = _Writer(out, dataset, fps, codec)
    try:
        for done, index in enumerate(chosen, start=1):
            writer.append(dataset.episode(index))
            if progress is not None:
                progress(done, len(chosen))
    finally:
        writer.close_files()
    return writer.close()


def whole_rate(policy_hz: float) -> int:
    """Rate as LeRobot writes it [Hz].

    Raises:
        DataError: If it is no whole number.
    """
    if policy_hz != round(policy_hz):
        raise DataError(
            f'LeRobot counts frames at a whole rate, and the dataset has {policy_hz:g} Hz; '
            'convert the bags with a contract whose rates.policy_hz is a whole number'
        )
    return round(policy_hz)


class _Files:
    """The file that takes the next episode: another one once this has grown large."""

    def __init__(self) -> None:
        self.place = Place()

    def roll(self, megabytes: float, most: float) -> bool:
        """Go on to the next file if this one is full; says whether it did."""
        if megabytes < most:
            return False
        self.place = self.place.following()
        return True


class _Videos(_Files):
    """Videos of one camera."""

    def __init__(self, root: Path, key: str, codec: str, fps: int) -> None:
        super().__init__()
        self._root, self._key, self._codec, self._fps = root, key, CODECS[codec], fps
        self._writer: VideoWriter | None = None

    def append(self, images: NDArray[np.uint8]) -> dict[str, Any]:
        """Add an episode; says where it lies."""
        if self._writer is not None and self.roll(self._writer.megabytes, layout.VIDEO_MB):
            self.close()
        if self._writer is None:
            path = layout.VIDEO.format(
                video_key=self._key, chunk_index=self.place.chunk, file_index=self.place.file
            )
            height, width = images.shape[1:3]
            self._writer = VideoWriter(self._root / path, self._codec, height, width, self._fps)
        begin = self._writer.seconds
        self._writer.append(images)
        return {
            f'videos/{self._key}/chunk_index': self.place.chunk,
            f'videos/{self._key}/file_index': self.place.file,
            f'videos/{self._key}/from_timestamp': begin,
            f'videos/{self._key}/to_timestamp': self._writer.seconds,
        }

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


class _Rows(_Files):
    """Tables of the frames, one row group an episode."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        self._root = root
        self._writer: pq.ParquetWriter | None = None
        self._path = root

    def append(self, table: pa.Table) -> dict[str, int]:
        """Add an episode; says where it lies."""
        if self._writer is not None:
            self._writer.file_handle.flush()
            if self.roll(self._path.stat().st_size / 1e6, layout.DATA_MB):
                self.close()
        if self._writer is None:
            self._path = self._root / layout.DATA.format(
                chunk_index=self.place.chunk, file_index=self.place.file
            )
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = pq.ParquetWriter(self._path, table.schema, compression='snappy')
        self._writer.write_table(table, row_group_size=max(table.num_rows, 1))
        return {'data/chunk_index': self.place.chunk, 'data/file_index': self.place.file}

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


class _Writer:
    """Writes the folder; it is a dataset once `close` was called."""

    def __init__(self, out: Path, dataset: Dataset, fps: int, codec: str) -> None:
        self._out, self._manifest, self._fps, self._codec = out, dataset.manifest, fps, codec
        self._features: dict[str, dict[str, Any]] = {}
        self._rows = _Rows(out)
        self._videos: dict[str, _Videos] = {}
        self._statistics = Statistics()
        self._episodes: list[dict[str, Any]] = []
        self._ours: list[dict[str, Any]] = []
        self._tasks: list[str] = []
        self._frames = 0

    def append(self, episode: Episode) -> None:
        """Write one episode."""
        self._check_ticks(episode)
        self._check_features(episode)
        steps, number = len(episode), len(self._episodes)
        tasks, which = instructions_from(episode.meta, steps)
        self._tasks += [task for task in tasks if task not in self._tasks]
        numbers = layout.columns(episode)
        frame = np.arange(steps, dtype=np.int64)
        numbers['timestamp'] = (frame / self._fps).astype(np.float32)
        numbers['frame_index'] = frame
        numbers['episode_index'] = np.full(steps, number, np.int64)
        numbers['index'] = self._frames + frame
        numbers['task_index'] = np.array([self._tasks.index(t) for t in tasks])[which]
        images = {layout.IMAGES + name: values for name, values in episode.images.items()}
        cells = {name: tables.column(values) for name, values in numbers.items()}
        row: dict[str, Any] = {
            'episode_index': number,
            'tasks': tasks,
            'length': steps,
            'dataset_from_index': self._frames,
            'dataset_to_index': self._frames + steps,
            'meta/episodes/chunk_index': 0,
            'meta/episodes/file_index': 0,
        }
        for name, values in images.items():
            if self._features[name]['dtype'] == 'image':
                cells[name] = tables.pictures(values)
                continue
            if name not in self._videos:
                self._videos[name] = _Videos(self._out, name, self._codec, self._fps)
            row |= self._videos[name].append(values.astype(np.uint8, copy=False))
        row |= self._rows.append(pa.table(cells))
        row |= _flat(self._statistics.add(numbers, images))
        self._episodes.append(row)
        self._ours.append(
            {'meta': episode.meta.to_dict(), 'tick_ns': int(episode.tick_ns[0]), 'length': steps}
        )
        self._frames += steps

    def _check_ticks(self, episode: Episode) -> None:
        """LeRobot's timestamp is a count of frames: it would lie of any other ticks."""
        steps = np.diff(episode.tick_ns)
        wanted = round(1e9 / self._fps)
        if (steps != wanted).any():
            raise DataError(
                f'episode "{episode.meta.episode}": its ticks are {steps.min() / 1e6:g} to '
                f'{steps.max() / 1e6:g} ms apart, not {wanted / 1e6:g}'
            )

    def _check_features(self, episode: Episode) -> None:
        info: Mapping[str, Any] = {}
        if self._codec != 'png':
            info = {**CODECS[self._codec].info, 'video.fps': self._fps}
        dtype = 'image' if self._codec == 'png' else 'video'
        found = layout.features(
            episode, self._manifest.joints, self._manifest.actions, dtype, info
        )
        self._features = self._features or found
        if found != self._features:
            differ = [
                name
                for name in sorted({*found, *self._features})
                if found.get(name) != self._features.get(name)
            ]
            raise DataError(
                f'episode "{episode.meta.episode}" differs from those before it in: '
                f'{", ".join(differ)}; LeRobot wants the same in all'
            )

    def close_files(self) -> None:
        """Finish tables and videos."""
        self._rows.close()
        for videos in self._videos.values():
            videos.close()

    def close(self) -> dict[str, Any]:
        """Write what is known of all, and last that this is a dataset."""
        tables.write_tasks(self._out / layout.TASKS, self._tasks)
        place = self._out / layout.EPISODES.format(chunk_index=0, file_index=0)
        tables.write_episodes(place, self._episodes)
        total = _lists(self._statistics.total())
        (self._out / layout.STATS).write_text(json.dumps(total, indent=1), encoding='utf-8')
        ours = {'version': 1, **_head(self._manifest), 'episodes': self._ours}
        (self._out / layout.OURS).write_text(json.dumps(ours, indent=1), encoding='utf-8')
        robot = self._ours[0]['meta']['robot'] or None
        info = {
            'codebase_version': layout.VERSION,
            'robot_type': robot,
            'fps': self._fps,
            'total_episodes': len(self._episodes),
            'total_frames': self._frames,
            'total_tasks': len(self._tasks),
            'chunks_size': layout.CHUNK_FILES,
            'data_files_size_in_mb': layout.DATA_MB,
            'video_files_size_in_mb': layout.VIDEO_MB,
            'splits': {'train': f'0:{len(self._episodes)}'},
            'data_path': layout.DATA,
            'video_path': layout.VIDEO if self._videos else None,
            'features': self._features,
        }
        replace_text(self._out / layout.INFO, json.dumps(info, indent=1))
        return info


def _head(manifest: Manifest) -> dict[str, Any]:
    return {
        'contract_text': manifest.contract_text,
        'contract_hash': manifest.contract_hash,
        'urdf_text': manifest.urdf_text,
        'joints': list(manifest.joints),
        'policy_hz': manifest.policy_hz,
        'provenance': manifest.provenance.to_dict(),
    }


def _lists(table: Table) -> dict[str, dict[str, Any]]:
    return {name: {key: v.tolist() for key, v in row.items()} for name, row in table.items()}


def _flat(table: Table) -> dict[str, Any]:
    """Statistics as columns of the table of episodes."""
    return {
        f'stats/{name}/{key}': values
        for name, row in _lists(table).items()
        for key, values in row.items()
    }
