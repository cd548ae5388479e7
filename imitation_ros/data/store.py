# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A dataset on disk: one folder per episode, arrays as .npy, a manifest on top.

A dataset is derived from bags and can be thrown away. Arrays are opened memory-mapped, so a
dataset may be larger than memory. Layout:

    dataset/manifest.json            contract, rate, cameras, episodes with their meta
    dataset/<episode>/q.npy ...      q v action tick_ns pose.<name> image.<name> age.<name>
                                     by_operator, where a policy drove as well
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
import json
from pathlib import Path
import shutil
from tokenize import TokenError
from typing import Any, TypeVar

import numpy as np

from ..documents import parse_json, read_text, reading
from ..errors import DataError
from ..files import replace_text
from ..names import file_inside, plain_name
from .episode import Episode, EpisodeMeta
from .provenance import Provenance, provenance

P = TypeVar('P', bound=Provenance)

VERSION = 1
MANIFEST = 'manifest.json'
_UNREADABLE = (
    OSError,
    ValueError,
    TypeError,
    ArithmeticError,
    SyntaxError,
    EOFError,
    RecursionError,
    MemoryError,
    TokenError,
)
"""What numpy raises on the head of a file that is no array."""
MAX_HZ = 10_000.0
"""Highest rate of frames [Hz]."""


@dataclass(frozen=True)
class Manifest:
    """What a dataset says of itself.

    Attributes:
        contract_text: The contract's YAML.
        contract_hash: Its hash.
        urdf_text: The URDF.
        joints: Joint names, the columns of q and v.
        actions: Names of the columns of action; those of a robot are its joints.
        policy_hz: Rate of the frames [Hz].
        episodes: Meta of every episode, in order.
        provenance: Where they come from.
    """

    contract_text: str
    contract_hash: str
    urdf_text: str
    joints: tuple[str, ...]
    actions: tuple[str, ...]
    policy_hz: float
    episodes: tuple[EpisodeMeta, ...]
    provenance: Provenance

    def provenance_as(self, kind: type[P]) -> P:
        """The provenance of a dataset that was made in a certain way.

        Raises:
            DataError: If it was made in another one.
        """
        if not isinstance(self.provenance, kind):
            raise DataError(f'the dataset is of {self.provenance.kind}, not of {kind.kind}')
        return self.provenance


class DatasetWriter:
    """Writes a dataset episode by episode; it exists once `close` or `keep` was called."""

    def __init__(
        self,
        root: Path,
        contract_text: str,
        contract_hash: str,
        urdf_text: str,
        joints: Sequence[str],
        policy_hz: float,
        actions: Sequence[str] | None = None,
    ) -> None:
        """Start a dataset in a new or empty folder; actions are the joints if None."""
        if root.exists() and any(root.iterdir()):
            raise DataError(f'{root} is not empty; choose a new folder for the dataset')
        root.mkdir(parents=True, exist_ok=True)
        self._root = root
        self._head = (contract_text, contract_hash, urdf_text, tuple(joints), policy_hz)
        self._actions = tuple(joints if actions is None else actions)
        self._metas: list[EpisodeMeta] = []
        self._resumed = False

    @classmethod
    def resume(cls, dataset: 'Dataset') -> 'DatasetWriter':
        """Go on with a dataset: what is appended comes after its episodes."""
        manifest = dataset.manifest
        writer = cls.__new__(cls)
        writer._root = dataset.root
        writer._head = (
            manifest.contract_text,
            manifest.contract_hash,
            manifest.urdf_text,
            manifest.joints,
            manifest.policy_hz,
        )
        writer._actions = manifest.actions
        writer._metas = list(manifest.episodes)
        writer._resumed = True
        return writer

    def append(self, episode: Episode) -> None:
        """Write one episode."""
        if episode.q.shape[1] != len(self._head[3]):
            raise DataError(
                f'episode "{episode.meta.episode}" has {episode.q.shape[1]} joints, '
                f'the dataset {len(self._head[3])}'
            )
        if episode.action.shape[1] != len(self._actions):
            raise DataError(
                f'episode "{episode.meta.episode}" has {episode.action.shape[1]} actions, '
                f'the dataset {len(self._actions)}'
            )
        if any(meta.episode == episode.meta.episode for meta in self._metas):
            raise DataError(f'episode "{episode.meta.episode}" stands twice')
        name = plain_name(episode.meta.episode, 'episode', self._root)
        if name.startswith(('.', MANIFEST)):
            raise DataError(f'{self._root}: an episode cannot be called "{name}"')
        folder = self._root / name
        if self._resumed and folder.is_dir():
            # Half an episode that a kill left; the manifest knows none of it.
            shutil.rmtree(folder)
        arrays: dict[str, Any] = {'tick_ns': episode.tick_ns}
        arrays |= {
            name: np.asarray(getattr(episode, name), dtype=np.float32)
            for name in ('q', 'v', 'action')
        }
        arrays |= {f'pose.{k}': np.asarray(v, np.float32) for k, v in episode.poses.items()}
        arrays |= {f'image.{k}': v for k, v in episode.images.items()}
        arrays |= {f'age.{k}': v for k, v in episode.age_ns.items()}
        if episode.by_operator is not None:
            arrays['by_operator'] = np.asarray(episode.by_operator, dtype=bool)
        for name in arrays:
            plain_name(name, 'array', folder)
        folder.mkdir()
        for name, array in arrays.items():
            np.save(folder / f'{name}.npy', array)
        self._metas.append(episode.meta)

    def close(self, origin: Provenance | None = None) -> Manifest:
        """Write the manifest; only now is the folder a dataset."""
        if not self._metas:
            raise DataError(f'{self._root}: no episode was fit for the dataset')
        return self.keep(origin)

    def keep(self, origin: Provenance | None = None) -> Manifest:
        """Write the manifest of what there is so far: from now on a kill loses none of it."""
        text, digest, urdf, joints, rate = self._head
        metas = tuple(self._metas)
        origin = origin or Provenance()
        manifest = Manifest(text, digest, urdf, joints, self._actions, rate, metas, origin)
        values = {
            'version': VERSION,
            'contract_text': text,
            'contract_hash': digest,
            'urdf_text': urdf,
            'joints': list(joints),
            'actions': list(self._actions),
            'policy_hz': rate,
            'episodes': [meta.to_dict() for meta in self._metas],
            'provenance': origin.to_dict(),
        }
        replace_text(self._root / MANIFEST, json.dumps(values, indent=1))
        return manifest


def _manifest(values: dict[str, Any]) -> Manifest:
    """Read back what a manifest.json says.

    Raises:
        ValueError: If a value is not what it should be; also KeyError, TypeError and DataError.
    """
    names = {key: values.get(key, values['joints']) for key in ('joints', 'actions')}
    for key, listed in names.items():
        if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
            raise ValueError(f'"{key}" is no list of names')
        if not listed or len(set(listed)) != len(listed):
            raise ValueError(f'"{key}" is empty, or names one twice')
    told = {key: values[key] for key in ('contract_text', 'contract_hash', 'urdf_text')}
    if not all(isinstance(text, str) for text in told.values()):
        raise ValueError('the contract, its hash and the URDF are text')
    rate = float(values['policy_hz'])
    if not 0.0 < rate <= MAX_HZ:
        raise ValueError(f'policy_hz is {rate:g} Hz, not above 0 Hz and up to {MAX_HZ:g} Hz')
    origin = values['provenance'] if 'provenance' in values else values['report']
    if not isinstance(values['episodes'], list) or not isinstance(origin, dict):
        raise ValueError('"episodes" is a list and "provenance" a mapping')
    return Manifest(
        **told,
        joints=tuple(names['joints']),
        actions=tuple(names['actions']),
        policy_hz=rate,
        episodes=tuple(EpisodeMeta.from_dict(meta) for meta in values['episodes']),
        provenance=_provenance(origin),
    )


def _provenance(values: dict[str, Any]) -> Provenance:
    """Where the episodes of a manifest come from, of one made before this was typed too."""
    try:
        return provenance(values)
    except DataError as error:
        raise ValueError(str(error)) from error


class Dataset:
    """A dataset opened for reading; arrays are memory-mapped.

        >>> dataset = imitation_ros.Dataset('data')
        >>> episode = dataset.episode(0)
        >>> episode.q.shape == (len(episode), len(dataset.manifest.joints))   # (T, n), rad or m
        True

    Attributes:
        root: Its folder.
        manifest: What it says of itself: joints, rate [Hz], episodes.
    """

    def __init__(self, root: str | Path) -> None:
        """Open a dataset.

        Args:
            root: Its folder.

        Raises:
            DataError: If the folder holds none, or one of another version.
        """
        self.root = root = Path(root)
        path = root / MANIFEST
        try:
            values = parse_json(read_text(path), path)
        except OSError as error:
            raise DataError(
                f'{root} is not a dataset (no {MANIFEST}); make one with "imitation_ros convert"'
            ) from error
        with reading(path):
            if values.get('version') != VERSION:
                raise DataError(f'{path}: version {values.get("version")}, not {VERSION}')
            self.manifest = _manifest(values)

    def __len__(self) -> int:
        """Count the episodes."""
        return len(self.manifest.episodes)

    def episode(self, index: int) -> Episode:
        """Open one episode by its place in the manifest."""
        meta = self.manifest.episodes[index]
        folder = file_inside(self.root, meta.episode, 'episode', self.root / MANIFEST)
        arrays: dict[str, Any] = {}
        for path in sorted(folder.glob('*.npy')):
            file_inside(folder, path.name, 'array', folder)
            try:
                array = np.load(path, mmap_mode='r')
            except _UNREADABLE as error:
                raise DataError(f'{path}: damaged: {error}') from error
            # The library takes a zip file of any name for an archive of arrays.
            if not isinstance(array, np.ndarray) or array.dtype.kind not in 'biuf':
                raise DataError(f'{path}: damaged: it is no array of numbers')
            arrays[path.stem] = array
        for name in ('tick_ns', 'q', 'v', 'action'):
            if name not in arrays:
                raise DataError(f'{folder}: {name}.npy is missing')

        joints, actions = len(self.manifest.joints), len(self.manifest.actions)
        for name, count in (('q', joints), ('v', joints), ('action', actions)):
            if arrays[name].shape[1:] != (count,):
                raise DataError(
                    f'{folder / name}.npy: has the shape {arrays[name].shape}; the manifest '
                    f'names {count} columns'
                )
        if arrays['tick_ns'].ndim != 1 or arrays['tick_ns'].dtype.kind not in 'iu':
            raise DataError(f'{folder}/tick_ns.npy: damaged: times are whole numbers in a row')

        def part(prefix: str) -> dict[str, Any]:
            return {
                name.removeprefix(prefix): array
                for name, array in arrays.items()
                if name.startswith(prefix)
            }

        with reading(folder):
            return Episode(
                meta=meta,
                tick_ns=arrays['tick_ns'],
                q=arrays['q'],
                v=arrays['v'],
                action=arrays['action'],
                images=part('image.'),
                poses=part('pose.'),
                age_ns=part('age.'),
                by_operator=arrays.get('by_operator'),
            )

    def episodes(self) -> Iterable[Episode]:
        """Open the episodes one after the other."""
        return (self.episode(index) for index in range(len(self)))


def split(count: int, held_out: float, seed: int) -> tuple[list[int], list[int]]:
    """Split episodes (never frames) into training and held-out ones.

    Args:
        count: Number of episodes.
        held_out: Share to hold out; at least one episode if there are two or more.
        seed: Seed of the shuffle.

    Returns:
        Indices for training and indices held out, each sorted.
    """
    if not 0 <= held_out < 1:
        raise DataError(f'held_out is {held_out}, not in [0, 1)')
    if count < 2 or held_out == 0:
        return list(range(count)), []
    order = np.random.default_rng(seed).permutation(count)
    out = min(count - 1, max(1, round(count * held_out)))
    return sorted(int(i) for i in order[out:]), sorted(int(i) for i in order[:out])
