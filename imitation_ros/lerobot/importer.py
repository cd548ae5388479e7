# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A LeRobot dataset to ours.

One that we exported comes back as it was. Of any other, the vectors must name the joints of the
contract that is given; without one it becomes data without a robot, to train and evaluate on.
What LeRobot does not record (speeds, ages) is derived or left out, and noted. An episode whose
parts disagree is left out with the reason.
"""

from collections.abc import Mapping
import json
from pathlib import Path
import tempfile
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import yaml

from ..contract import Contract, loads
from ..data.doubts import Doubts
from ..data.episode import Episode, EpisodeMeta, Outcome, UNSTATED
from ..data.outcomes import UNKNOWN
from ..data.provenance import Imported, provenance
from ..data.store import DatasetWriter, Manifest
from ..errors import DataError, unknown
from ..files import new_folder
from ..names import plain_name
from . import layout, tables
from .cameras import (
    camera_features,
    camera_name,
    find_cameras,
    image_shape,
    is_depth,
    read_images,
    stray_pictures,
)
from .exporter import Progress
from .instructions import instructions_of
from .names import names_of, plain, plain_joint
from .options import Options
from .source import open_source, Source
from .times import check_rows
from .units import hints
from .vectors import urdf_joints, Vector, Vectors

__all__ = ['Options', 'Source', 'import_', 'open_source']

REASONS = 5
"""Reasons that are listed where no episode is fit."""


def import_(
    root: Path, out: Path, options: Options | None = None, progress: Progress | None = None
) -> Manifest:
    """Make a dataset of a LeRobot dataset.

    Args:
        root: Folder of the LeRobot dataset.
        out: New or empty folder; if nothing comes of it, it is left as it was.
        options: How one that is not ours is understood.
        progress: Called after every episode.

    Returns:
        The manifest; its provenance lists under `notes` what was derived or left out, and under
        `left_out` the episodes that are not fit, with the reason.

    Raises:
        DataError: If it cannot be read, no contract is known, names do not fit it, or no episode
            is fit.
    """
    options = options or Options()
    source = open_source(root)
    reader = _Reader(source, options)
    left_out: list[dict[str, Any]] = []
    with new_folder(out):
        writer = DatasetWriter(
            out,
            reader.contract.text,
            reader.contract.hash,
            reader.contract.urdf_text,
            reader.contract.joints,
            reader.fps,
            reader.contract.actions,
        )
        for done, row in enumerate(source.episodes, start=1):
            try:
                with tempfile.TemporaryDirectory(dir=out, prefix='.frames_') as scratch:
                    writer.append(reader.episode(row, Path(scratch)))
            except DataError as error:
                left_out.append({'episode': int(row['episode_index']), 'reason': str(error)})
            if progress is not None:
                progress(done, len(source.episodes))
        if len(left_out) == len(source.episodes):
            reasons = [f'episode {entry["episode"]}: {entry["reason"]}' for entry in left_out]
            more = len(reasons) - REASONS
            listed = '\n  '.join([*reasons[:REASONS], *([f'and {more} more'] if more > 0 else [])])
            raise DataError(f'{root}: no episode is fit:\n  {listed}')
        reader.finish()
        before = source.ours.get('provenance', source.ours.get('report')) if reader.metas else None
        origin = provenance(before) if before else None
        notes = [
            *reader.notes,
            *(f'episode {entry["episode"]} left out: {entry["reason"]}' for entry in left_out),
        ]
        return writer.close(
            Imported(str(root), origin, notes=tuple(notes), left_out=tuple(left_out))
        )


class _Reader:
    """Reads episodes of one source."""

    def __init__(self, source: Source, options: Options) -> None:
        self._source, self._options = source, options
        self.notes: list[str] = []
        self.fps = options.fps or source.fps
        self._lost: Outcome | Literal[''] = UNSTATED
        self._vectors = Vectors(source, options, self._note)
        self._check_renames()
        self.contract = options.contract or self._own_contract()
        self.metas = self._own_metas()
        joints, lenient = urdf_joints(self.contract), self.contract.data_only
        for name in options.units:
            if name not in self.contract.actions:
                known = self.contract.actions
                raise DataError(f'{source.root}: {unknown(name, "joint with a unit", known)}')

        def choose(features: tuple[str, ...], wanted: tuple[str, ...]) -> Vector:
            return self._vectors.choose(features, wanted, self.contract, joints, lenient)

        self._state = choose(self._vectors.state, self.contract.joints)
        self._action = choose(self._vectors.action, self.contract.actions)
        self._cameras = find_cameras(source, options, self.contract, self._note)
        features = source.info['features']
        self._velocity = (
            choose((layout.VELOCITY,), self.contract.joints)
            if layout.VELOCITY in features
            else None
        )
        self._poses: dict[str, list[int]] = {}
        if layout.POSES in features:
            known_poses = [pose.name for pose in self.contract.poses]
            found = _find_poses(features[layout.POSES]) if known_poses else {}
            self._poses = {name: places for name, places in found.items() if name in known_poses}
        self._ages = [name for name in features if name.startswith(layout.AGE)]
        stored = [*self._state.features, *self._action.features, *self._cameras.values()]
        stored += [layout.VELOCITY, layout.POSES, *layout.INDICES, 'timestamp', *self._ages]
        self._columns = [
            name
            for name in dict.fromkeys(stored)
            if name in features and features[name]['dtype'] != 'video'
        ]
        self._doubts = Doubts(self.contract)
        self._raw: list[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]] = []
        if self._velocity is None:
            self._note('velocities were not recorded; they are differences of positions')
        if not self._ages:
            self._note('the age of what stands at a tick is not known')
        if options.degrees:
            self._note('positions were in degrees')
        if self.fps != source.fps:
            self._note(f'{self.fps:g} Hz as asked for, info.json says {source.fps:g}')
        for key in self._cameras.values():
            self.notes += stray_pictures(source, key)

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def finish(self) -> None:
        """Note what the values of all episodes tell."""
        if self._options.degrees and self._raw:
            low = np.min([one for one, _ in self._raw], axis=0)
            high = np.max([one for _, one in self._raw], axis=0)
            self.notes += hints(self.contract.joints, low, high, self._options.units)
        self.notes += self._doubts.found()

    def _check_renames(self) -> None:
        """Refuse to rename what is not there: it would be left out under its old name."""
        known: dict[str, None] = {}  # a set that keeps the order
        rename = self._options.rename
        for name in (*self._vectors.state, *self._vectors.action) if rename else ():
            for theirs in self._vectors.theirs(name, lenient=True):
                known |= {theirs: None, plain_joint(theirs): None}
        for key in camera_features(self._source):
            known[key.removeprefix(layout.IMAGES)] = None
        for theirs in rename:
            if theirs not in known:
                raise DataError(
                    f'{self._source.root}: {unknown(theirs, "joint or camera to rename", known)}'
                )

    def _own_contract(self) -> Contract:
        ours = self._source.ours
        place = self._source.root / 'contract.yaml'
        if ours:
            return loads(ours['contract_text'], place, ours['urdf_text'])
        self._note('no robot is described (--robot): its numbers are taken as they are')
        return loads(self._describe(), place)

    def _describe(self) -> str:
        """Contract of data without a robot, under the dataset's own names."""
        cameras = []
        for key, feature in camera_features(self._source).items():
            name, (height, width, _) = camera_name(key, self._options), image_shape(feature)
            cameras.append(
                {
                    'name': name,
                    'topic': f'/{name}/image',
                    'type': 'sensor_msgs/msg/Image',
                    'height': height,
                    'width': width,
                    'depth': is_depth(feature),
                }
            )
        bare = {'type': 'std_msgs/msg/Float64MultiArray', 'stamps': 'log'}
        state = self._vectors.ours(self._vectors.state, lenient=True)
        action = self._vectors.ours(self._vectors.action, lenient=True)
        values = {
            'name': plain(self._source.root.resolve().name),
            'rates': {'policy_hz': self.fps},
            'observation': {'topic': '/observation', 'position': list(state), **bare},
            'action': {'topic': '/action', 'names': list(action), **bare},
            'cameras': cameras,
        }
        return yaml.safe_dump(values, sort_keys=False)

    def _own_metas(self) -> list[dict[str, Any]]:
        """What we said of the episodes, if they are still the same ones."""
        told = list(self._source.ours.get('episodes', []))
        for entry in told:
            # A name that leads elsewhere is no slip: nothing of such a dataset is taken.
            plain_name(entry['meta']['episode'], 'episode', self._source.root / layout.OURS)
        lengths = [int(row['length']) for row in self._source.episodes]
        if [int(entry['length']) for entry in told] == lengths:
            return told
        if told:
            self._note('its episodes were edited since: their metas and ticks are lost')
            # Which of them is which cannot be told: only what all were is still true.
            outcomes = {entry['meta']['outcome'] for entry in told}
            self._lost = outcomes.pop() if len(outcomes) == 1 else UNKNOWN
        return []

    def episode(self, row: Mapping[str, Any], scratch: Path) -> Episode:
        """Read one episode; its images go into files, so that they need not fit in memory."""
        number, steps = int(row['episode_index']), int(row['length'])
        place = {f'{key}_index': int(row[f'data/{key}_index']) for key in ('chunk', 'file')}
        path = layout.locate(self._source.root, self._source.info, 'data_path', **place)
        table = tables.read(path, self._columns, number)
        if 'frame_index' in table.column_names:
            table = table.sort_by('frame_index')
        check_rows(table, steps, self.fps, bool(self._options.fps))
        q = self._state.read(table)
        if self._velocity is None:
            v = np.diff(q, axis=0, prepend=q[:1]) * self.fps
        else:
            v = self._velocity.speeds(table)
        poses = {}
        if self._poses:
            values = tables.vectors(table, layout.POSES)
            poses = {name: values[:, entries] for name, entries in self._poses.items()}
        meta, first = self._meta(row, table)
        step_ns = round(1e9 / self.fps)
        episode = Episode(
            meta=meta,
            tick_ns=first + step_ns * np.arange(steps, dtype=np.int64),
            q=q,
            v=v,
            action=self._action.read(table),
            images={
                name: read_images(self._source, self._options, key, row, table, scratch / name)
                for name, key in self._cameras.items()
            },
            poses=poses,
            age_ns={
                name.removeprefix(layout.AGE): np.round(
                    tables.numbers(table, name).reshape(-1) * 1e9
                ).astype(np.int64)
                for name in self._ages
            },
        )
        self._doubts.add(episode)
        raw = self._state.raw(table)
        self._raw.append((raw.min(axis=0), raw.max(axis=0)))
        return episode

    def _meta(self, row: Mapping[str, Any], table: pa.Table) -> tuple[EpisodeMeta, int]:
        """Meta and first tick [ns] of an episode."""
        number = int(row['episode_index'])
        if self.metas:
            told = self.metas[number]
            meta = EpisodeMeta.from_dict(told['meta'])
            return meta, int(told['tick_ns'])
        task, changes = instructions_of(row, table, self._source.tasks)
        if changes:
            self._note(
                f'several instructions within an episode, such as "{task}": which row has which '
                'stands in its meta under instructions'
            )
        meta = EpisodeMeta(
            episode=f'episode_{number:06d}',
            task=task,
            robot=self.contract.name,
            contract_hash=self.contract.hash,
            outcome=self._lost,
            extra={'instructions': json.dumps(changes)} if changes else {},
        )
        return meta, 0


def _find_poses(feature: Mapping[str, Any]) -> dict[str, list[int]]:
    """Entries of each pose; what is no whole pose is left out."""
    names = names_of(feature)
    bases = dict.fromkeys(name.rpartition('.')[0] for name in names)
    found = {}
    for base in bases:
        wanted = [f'{base}.{entry}' for entry in layout.POSE_ENTRIES]
        if base and all(name in names for name in wanted):
            found[base] = [names.index(name) for name in wanted]
    return found
