# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A LeRobot dataset to ours.

One that we exported comes back as it was. Of any other, the vectors must name the joints of the
contract that is given; without one it becomes data without a robot, to train and evaluate on.
What LeRobot does not record (speeds, ages) is derived or left out, and noted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
import json
from pathlib import Path
import re
import tempfile
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
import yaml

from ..contract import Contract, loads
from ..data.episode import Episode, EpisodeMeta, Outcome, UNSTATED
from ..data.frame import Image
from ..data.outcomes import UNKNOWN
from ..data.provenance import Imported, provenance
from ..data.store import DatasetWriter, Manifest
from ..errors import DataError, unknown
from ..names import plain_name
from . import layout, tables, video
from .exporter import Progress


@dataclass(frozen=True)
class Options:
    """How a dataset that is not ours is understood.

    Attributes:
        contract: The robot it was recorded with; that inside it if None, or else no robot.
        rename: Its names of joints and cameras -> the contract's.
        degrees: Whether its joint positions are in degrees.
    """

    contract: Contract | None = None
    rename: Mapping[str, str] = field(default_factory=dict)
    degrees: bool = False


@dataclass(frozen=True)
class Source:
    """What a LeRobot folder says of itself.

    Attributes:
        root: The folder.
        info: Its info.json.
        tasks: Tasks by index.
        episodes: Where each episode lies.
        ours: What the exporter added; empty if it was not ours.
    """

    root: Path
    info: dict[str, Any]
    tasks: dict[int, str]
    episodes: list[dict[str, Any]]
    ours: dict[str, Any]

    @property
    def fps(self) -> float:
        """Rate of the frames [Hz]."""
        return float(self.info['fps'])

    def feature(self, name: str) -> dict[str, Any]:
        """Feature by name; raises DataError, listing the features, if there is none."""
        if name not in self.info['features']:
            raise DataError(
                f'{self.root}: {unknown(name, "feature of the dataset", self.info["features"])}'
            )
        found: dict[str, Any] = self.info['features'][name]
        return found


def open_source(root: Path) -> Source:
    """Read a folder's metadata.

    Raises:
        DataError: If it is no LeRobot dataset, or one of another version.
    """
    info = _json(root / layout.INFO, f'{root} is not a LeRobot dataset (no {layout.INFO})')
    version = str(info.get('codebase_version'))
    if version != layout.VERSION:
        raise DataError(
            f'{root}: LeRobot format {version}, not {layout.VERSION}; LeRobot itself brings older '
            'datasets up to date (lerobot/scripts/convert_dataset_v21_to_v30.py)'
        )
    columns: list[dict[str, Any]] = []
    for path in sorted((root / 'meta/episodes').glob('*/*.parquet')):
        layout.inside(root, path, 'table')
        table = tables.read(path)
        kept = [name for name in table.column_names if not name.startswith('stats/')]
        columns += table.select(kept).to_pylist()
    columns.sort(key=lambda row: int(row['episode_index']))
    if not columns:
        raise DataError(f'{root}: no episodes')
    ours = root / layout.OURS
    return Source(
        root=root,
        info=info,
        tasks=tables.read_tasks(layout.inside(root, root / layout.TASKS, 'table')),
        episodes=columns,
        ours=_json(ours, '') if ours.exists() else {},
    )


def _json(path: Path, missing: str) -> dict[str, Any]:
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding='utf-8'))
    except OSError as error:
        raise DataError(missing or f'{path}: cannot be read') from error
    except json.JSONDecodeError as error:
        raise DataError(f'{path}: damaged: {error}') from error
    return values


def import_(
    root: Path, out: Path, options: Options | None = None, progress: Progress | None = None
) -> Manifest:
    """Make a dataset of a LeRobot dataset.

    Args:
        root: Folder of the LeRobot dataset.
        out: New or empty folder.
        options: How one that is not ours is understood.
        progress: Called after every episode.

    Returns:
        The manifest; the notes of its provenance say what was derived or left out.

    Raises:
        DataError: If it cannot be read, no contract is known, or names do not fit it.
    """
    options = options or Options()
    source = open_source(root)
    reader = _Reader(source, options)
    writer = DatasetWriter(
        out,
        reader.contract.text,
        reader.contract.hash,
        reader.contract.urdf_text,
        reader.contract.joints,
        source.fps,
        reader.contract.actions,
    )
    for done, row in enumerate(source.episodes, start=1):
        with tempfile.TemporaryDirectory(dir=out, prefix='.frames_') as scratch:
            writer.append(reader.episode(row, Path(scratch)))
        if progress is not None:
            progress(done, len(source.episodes))
    before = source.ours.get('provenance', source.ours.get('report')) if reader.metas else None
    origin = provenance(before) if before else None
    return writer.close(Imported(str(root), origin, notes=tuple(reader.notes)))


class _Reader:
    """Reads episodes of one source."""

    def __init__(self, source: Source, options: Options) -> None:
        self._source, self._options = source, options
        self.notes: list[str] = []
        self._lost: Outcome | Literal[''] = UNSTATED
        self._check_renames()
        self.contract = options.contract or self._own_contract()
        self.metas = self._own_metas()
        self._state = self._order(layout.STATE, self.contract.joints)
        self._action = self._order(layout.ACTION, self.contract.actions)
        self._cameras = self._find_cameras()
        features = source.info['features']
        has_speed = layout.VELOCITY in features
        self._velocity = self._order(layout.VELOCITY, self.contract.joints) if has_speed else None
        self._poses: dict[str, list[int]] = {}
        if layout.POSES in features:
            known = [pose.name for pose in self.contract.poses]
            found = _find_poses(layout.names_of(features[layout.POSES]))
            self._poses = {name: places for name, places in found.items() if name in known}
        self._ages = [name for name in features if name.startswith(layout.AGE)]
        if not has_speed:
            self.notes.append('velocities were not recorded; they are differences of positions')
        if not self._ages:
            self.notes.append('the age of what stands at a tick is not known')
        if options.degrees:
            self.notes.append('positions were in degrees')

    def _check_renames(self) -> None:
        """Refuse to rename what is not there: it would be left out under its old name."""
        known: dict[str, None] = {}  # a set that keeps the order
        for name in (layout.STATE, layout.ACTION) if self._options.rename else ():
            for theirs in layout.names_of(self._source.feature(name)):
                known |= {theirs: None, _plain_joint(theirs): None}
        for key, feature in self._source.info['features'].items():
            if feature['dtype'] in ('video', 'image'):
                known[key.removeprefix(layout.IMAGES)] = None
        for theirs in self._options.rename:
            if theirs not in known:
                raise DataError(
                    f'{self._source.root}: {unknown(theirs, "joint or camera to rename", known)}'
                )

    def _own_contract(self) -> Contract:
        ours = self._source.ours
        place = self._source.root / 'contract.yaml'
        if ours:
            return loads(ours['contract_text'], place, ours['urdf_text'])
        self.notes.append('no robot is described (--robot): its numbers are taken as they are')
        return loads(self._describe(), place)

    def _describe(self) -> str:
        """Contract of data without a robot, under the dataset's own names."""
        cameras = []
        for key, feature in self._source.info['features'].items():
            if feature['dtype'] in ('video', 'image'):
                name, (height, width, _) = self._camera(key), _image_shape(feature)
                cameras.append(
                    {
                        'name': name,
                        'topic': f'/{name}/image',
                        'type': 'sensor_msgs/msg/Image',
                        'height': height,
                        'width': width,
                        'depth': _is_depth(feature),
                    }
                )
        bare = {'type': 'std_msgs/msg/Float64MultiArray', 'stamps': 'log'}
        values = {
            'name': _plain(self._source.root.resolve().name),
            'rates': {'policy_hz': self._source.fps},
            'observation': {
                'topic': '/observation',
                'position': list(self._names(layout.STATE)),
                **bare,
            },
            'action': {'topic': '/action', 'names': list(self._names(layout.ACTION)), **bare},
            'cameras': cameras,
        }
        return yaml.safe_dump(values, sort_keys=False)

    def _own_metas(self) -> list[dict[str, Any]]:
        """What we said of the episodes, if they are still the same ones."""
        told = list(self._source.ours.get('episodes', []))
        lengths = [int(row['length']) for row in self._source.episodes]
        if [int(entry['length']) for entry in told] == lengths:
            return told
        if told:
            self.notes.append('its episodes were edited since: their metas and ticks are lost')
            # Which of them is which cannot be told: only what all were is still true.
            outcomes = {entry['meta']['outcome'] for entry in told}
            self._lost = outcomes.pop() if len(outcomes) == 1 else UNKNOWN
        return []

    def _order(self, name: str, wanted: tuple[str, ...]) -> NDArray[np.intp]:
        """Where the contract's names stand in a vector."""
        names = self._names(name)
        missing = [entry for entry in wanted if entry not in names]
        if missing:
            raise DataError(
                f'{self._source.root}: "{name}" lacks joints of {self.contract.name}: '
                f'{", ".join(missing)}; it has: {", ".join(names)} (--rename theirs=ours)'
            )
        others = [entry for entry in names if entry not in wanted]
        if others:
            self.notes.append(f'{name}: left out, not in the contract: {", ".join(others)}')
        return np.array([names.index(entry) for entry in wanted], np.intp)

    def _names(self, name: str) -> tuple[str, ...]:
        """Names of a vector's entries, as we call them."""
        rename, found = self._options.rename, []
        for theirs in layout.names_of(self._source.feature(name)):
            plain = _plain_joint(theirs)
            found.append(rename.get(theirs, rename.get(plain, plain)))
        return tuple(found)

    def _camera(self, key: str) -> str:
        """Name of a camera, as we call it."""
        plain = key.removeprefix(layout.IMAGES)
        return self._options.rename.get(plain, _plain(plain))

    def _find_cameras(self) -> dict[str, str]:
        """Feature of each camera of the contract that it has."""
        known = {camera.name: camera.depth for camera in self.contract.cameras}
        found = {}
        for key, feature in self._source.info['features'].items():
            if feature['dtype'] not in ('video', 'image'):
                continue
            name = self._camera(key)
            depth = _is_depth(feature)
            why = '' if name in known else 'not in the contract'
            if name in known and depth != known[name]:
                why = 'depth, in the contract it is colour' if depth else 'colour, not depth'
            elif depth and feature['dtype'] == 'video':
                why = 'depth as a video, which is not exact'
            if why:
                self.notes.append(f'camera "{name}" left out: {why}')
            else:
                found[name] = key
        return found

    def episode(self, row: Mapping[str, Any], scratch: Path) -> Episode:
        """Read one episode; its images go into files, so that they need not fit in memory."""
        number, steps = int(row['episode_index']), int(row['length'])
        stored = [k for k, f in self._source.info['features'].items() if f['dtype'] != 'video']
        place = {f'{key}_index': int(row[f'data/{key}_index']) for key in ('chunk', 'file')}
        path = layout.locate(self._source.root, self._source.info, 'data_path', **place)
        table = tables.read(path, stored, number).sort_by('frame_index')
        if table.num_rows != steps:
            raise DataError(
                f'{self._source.root}: episode {number} has {table.num_rows} rows, not {steps}'
            )
        unit = np.pi / 180 if self._options.degrees else 1.0
        q = tables.numbers(table, layout.STATE)[:, self._state] * unit
        if self._velocity is None:
            v = np.diff(q, axis=0, prepend=q[:1]) * self._source.fps
        else:
            v = tables.numbers(table, layout.VELOCITY)[:, self._velocity] * unit
        poses = {}
        if self._poses:
            values = tables.numbers(table, layout.POSES)
            poses = {name: values[:, entries] for name, entries in self._poses.items()}
        meta, first = self._meta(row)
        step_ns = round(1e9 / self._source.fps)
        return Episode(
            meta=meta,
            tick_ns=first + step_ns * np.arange(steps, dtype=np.int64),
            q=q,
            v=v,
            action=tables.numbers(table, layout.ACTION)[:, self._action] * unit,
            images={
                name: self._images(key, row, table, scratch / name)
                for name, key in self._cameras.items()
            },
            poses=poses,
            age_ns={
                name.removeprefix(layout.AGE): np.round(tables.numbers(table, name) * 1e9).astype(
                    np.int64
                )
                for name in self._ages
            },
        )

    def _meta(self, row: Mapping[str, Any]) -> tuple[EpisodeMeta, int]:
        """Meta and first tick [ns] of an episode."""
        number = int(row['episode_index'])
        if self.metas:
            told = self.metas[number]
            meta = EpisodeMeta.from_dict(told['meta'])
            plain_name(meta.episode, 'episode', self._source.root / layout.OURS)
            return meta, int(told['tick_ns'])
        tasks = row.get('tasks') or ['']
        meta = EpisodeMeta(
            episode=f'episode_{number:06d}',
            task=str(tasks[0]),
            robot=self.contract.name,
            contract_hash=self.contract.hash,
            outcome=self._lost,
        )
        return meta, 0

    def _images(self, key: str, row: Mapping[str, Any], table: Any, place: Path) -> Image:
        feature, steps = self._source.feature(key), int(row['length'])
        shape = _image_shape(feature)
        kind = np.uint16 if _is_depth(feature) else np.uint8
        result = np.memmap(place, dtype=kind, mode='w+', shape=(steps, *shape))
        if feature['dtype'] == 'image':
            frames = tables.images(table, key, _is_depth(feature))
        else:
            index = {f'{k}_index': int(row[f'videos/{key}/{k}_index']) for k in ('chunk', 'file')}
            path = layout.locate(
                self._source.root, self._source.info, 'video_path', video_key=key, **index
            )
            begin = float(row[f'videos/{key}/from_timestamp'])
            frames = video.read(path, begin, steps, self._source.fps)
        for at, image in enumerate(frames):
            if image.shape != shape or image.dtype != kind:
                raise DataError(
                    f'"{key}" holds {image.dtype} images of {image.shape}, info.json says '
                    f'{kind.__name__} of {shape}'
                )
            result[at] = image
        return result


def _image_shape(feature: Mapping[str, Any]) -> tuple[int, int, int]:
    """Height, width and channels, of whichever order they are in."""
    first, second, third = (int(length) for length in feature['shape'])
    if first in (1, 3) and third not in (1, 3):
        return second, third, first
    return first, second, third


def _plain_joint(theirs: str) -> str:
    """Name of a joint without what LeRobot's robots put behind it."""
    return theirs.removesuffix('.pos').removesuffix('.position')


def _plain(name: str) -> str:
    """Name in the letters a contract allows."""
    plain = re.sub(r'[^a-z0-9_]', '_', name.lower())
    return plain if plain[:1].isalpha() else f'data_{plain}'


def _is_depth(feature: Mapping[str, Any]) -> bool:
    return bool((feature.get('info') or {}).get('is_depth_map', False))


def _find_poses(names: tuple[str, ...]) -> dict[str, list[int]]:
    """Entries of each pose; what is no whole pose is left out."""
    bases = dict.fromkeys(name.rpartition('.')[0] for name in names)
    found = {}
    for base in bases:
        wanted = [f'{base}.{entry}' for entry in layout.POSE_ENTRIES]
        if base and all(name in names for name in wanted):
            found[base] = [names.index(name) for name in wanted]
    return found
