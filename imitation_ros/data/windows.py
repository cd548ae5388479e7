# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
r"""Windows: the (observation history, action chunk) pairs of a dataset, cut on demand.

Timing of the window at tick `t`, with history To = 3 and chunk Ta = 4. `action[t]` of an
episode is the command in force one step after tick t, so the chunk begins with it:

    tick            t-2   t-1    t    t+1   t+2   t+3   t+4
    observation      o     o     o
    chunk                             a0    a1    a2    a3      a_i = action[t + i]
                                      |<- execute ->|           then the next inference
    at the start     o(0)  o(0)  o(0)                           t = 0: the first frame repeated
    at the end                   o    a     a     .     .       last action repeated, mask False

Every frame of every episode begins one window, or only those at which an operator corrected a
policy: then the chunk is masked from where the policy drove again, and what the policy did before
is seen as history but never imitated (HG-DAgger; Kelly et al. 2019). Nothing crosses from one
episode to another. States and actions (a few hundred bytes a frame) are held in memory; images
stay memory-mapped and only those of a batch are read.
"""

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, unknown
from .episode import Episode
from .frame import Image
from .images import resize
from .mirror import Mirror
from .observation import CameraInput, ObservationSpec
from .store import Dataset

Indices = NDArray[np.intp]
Floats = NDArray[np.float32]

SHRUNK_BYTES = 512 * 1024 * 1024
"""Images of another size than the dataset's are shrunk once and kept, up to this much."""


@dataclass(frozen=True)
class WindowBatch:
    """Some windows, in raw units.

    Attributes:
        state: State vectors, float32, shape (B, To, D); `ObservationSpec.layout`.
        images: Images of each camera, uint8, shape (B, To, height, width, 3).
        action: Commands [rad], float32, shape (B, Ta, k).
        mask: Whether the action is real, not repeated beyond the end (nor, where corrections are
            learnt from, the policy's own), shape (B, Ta).
    """

    state: Floats
    images: Mapping[str, NDArray[np.uint8]]
    action: Floats
    mask: NDArray[np.bool_]

    def __len__(self) -> int:
        """Count the windows."""
        return len(self.state)


class Windows:
    """All windows of some episodes of a dataset.

    Attributes:
        spec: What is observed, and how long history and chunk are.
        names: Names of the episodes.
        episode: Which of them each frame belongs to, shape (N,).
        state: State vector of every frame, shape (N, D).
        action: Command after every frame [rad], shape (N, k).
        corrections: Frames of corrections that begin windows, by episode.
    """

    def __init__(
        self,
        dataset: Dataset,
        episodes: Sequence[int],
        spec: ObservationSpec,
        corrections: int = 0,
        mirror: Mirror | None = None,
    ) -> None:
        """Index the windows.

        Args:
            dataset: The dataset.
            episodes: Which of its episodes.
            spec: What is observed.
            corrections: How many times each window of a correction stands among the windows; none
                of the policy's own frames then begins one. 0: every frame begins one, whoever
                drove.
            mirror: Lets every episode stand there a second time with left and right exchanged.

        Raises:
            DataError: If there is no episode, no frame begins a window, an episode is shorter
                than the chunk, or a joint, camera or pose is not in the data.
        """
        if not episodes:
            raise DataError(f'{dataset.root}: no episodes to cut windows from')
        known, commanded = dataset.manifest.joints, dataset.manifest.actions
        for joint in spec.joints:
            if joint not in known:
                raise DataError(unknown(joint, 'joint of the data', known))
        for name in spec.actions:
            if name not in commanded:
                raise DataError(unknown(name, 'action of the data', commanded))
        columns = np.array([known.index(joint) for joint in spec.joints], dtype=np.intp)
        moved = np.array([commanded.index(name) for name in spec.actions], dtype=np.intp)
        opened = [dataset.episode(index) for index in episodes]
        if mirror is not None:
            opened += [mirror.episode(episode) for episode in opened]
        self.spec = spec
        self.names = tuple(episode.meta.episode for episode in opened)
        for episode in opened:
            _check(episode, spec)
        self._lay(
            [
                (
                    spec.states(e.q[:, columns], e.v[:, columns], dict(e.poses)),
                    np.asarray(e.action[:, moved], dtype=np.float32),
                )
                for e in opened
            ]
        )
        if corrections:
            self._correct(opened, corrections)
        self._images = {
            camera.name: _Images([_colours(e, camera.name) for e in opened], camera)
            for camera in spec.cameras
        }

    def _lay(self, episodes: Sequence[tuple[Floats, Floats]]) -> None:
        """Lay states and actions of the episodes one behind the other."""
        lengths = np.array([len(state) for state, _ in episodes], dtype=np.intp)
        ends = np.cumsum(lengths)
        self.episode: Indices = np.repeat(np.arange(len(episodes), dtype=np.intp), lengths)
        self._first: Indices = np.repeat(ends - lengths, lengths)
        self._last: Indices = np.repeat(ends - 1, lengths)
        self.state: Floats = np.concatenate([state for state, _ in episodes])
        self.action: Floats = np.concatenate([action for _, action in episodes])
        self.corrections: dict[str, int] = {}
        self._labelled: NDArray[np.bool_] = np.ones(len(self.state), dtype=bool)
        self._starts: Indices = np.arange(len(self.state))

    def extended(self, episodes: Sequence[tuple[Floats, Floats]]) -> 'Windows':
        """The same and, behind them, episodes that no dataset holds.

        Args:
            episodes: States, shape (T, D), and commands, shape (T, k), of each.

        Raises:
            DataError: If the policy sees images, corrections are told apart, or an episode is
                shorter than the chunk.
        """
        if self._images or self.corrections:
            raise DataError('only windows without images and corrections can be extended')
        short = [len(state) for state, _ in episodes if len(state) < self.spec.chunk]
        if short:
            raise DataError(
                f'an episode has {short[0]} frames, fewer than the chunk of {self.spec.chunk}'
            )
        both = copy(self)
        cuts = np.flatnonzero(np.diff(self.episode)) + 1
        mine = zip(np.split(self.state, cuts), np.split(self.action, cuts), strict=True)
        both._lay([*mine, *episodes])
        both.names = (*self.names, *(f'own_{i}' for i in range(len(episodes))))
        return both

    def _correct(self, episodes: Sequence[Episode], times: int) -> None:
        """Let windows begin where an operator drove, those of corrections several times."""
        marks = [
            np.ones(len(e), dtype=bool) if e.by_operator is None else np.asarray(e.by_operator)
            for e in episodes
        ]
        self._labelled = np.concatenate(marks)
        corrected = np.concatenate([np.full(len(e), e.by_operator is not None) for e in episodes])
        self._starts = np.repeat(
            np.arange(len(self.state)), np.where(corrected, times, 1) * self._labelled
        )
        if not len(self._starts):
            raise DataError('a policy drove at every frame: there is nothing to imitate')
        self.corrections = {
            e.meta.episode: int(e.by_operator.sum()) for e in episodes if e.by_operator is not None
        }

    def __len__(self) -> int:
        """Count the windows; there is one for every frame, if corrections are not told apart."""
        return len(self._starts)

    def batch(self, indices: Indices, images: bool = True) -> WindowBatch:
        """Cut windows.

        Args:
            indices: Which windows, shape (B,).
            images: Whether to read their images.
        """
        indices = self._starts[indices]
        history = np.arange(1 - self.spec.history, 1)
        seen = np.maximum(indices[:, None] + history, self._first[indices, None])
        future = indices[:, None] + np.arange(self.spec.chunk)
        last = self._last[indices, None]
        pictures = {}
        if images:
            begins = self._first[seen]
            which = self.episode[seen]
            pictures = {
                name: store.take(which, seen - begins) for name, store in self._images.items()
            }
        return WindowBatch(
            state=self.state[seen],
            images=pictures,
            action=self.action[np.minimum(future, last)],
            mask=(future <= last)
            & np.logical_and.accumulate(self._labelled[np.minimum(future, last)], axis=1),
        )

    def blocks(self, size: int, images: bool = True) -> Iterator[WindowBatch]:
        """Cut all windows in order, at most `size` at a time."""
        for begin in range(0, len(self), size):
            yield self.batch(np.arange(begin, min(begin + size, len(self))), images)


def _check(episode: Episode, spec: ObservationSpec) -> None:
    """Refuse an episode that holds no whole chunk, or lacks a camera or a pose."""
    name = episode.meta.episode
    if len(episode) < spec.chunk:
        raise DataError(
            f'episode "{name}" has {len(episode)} frames, fewer than the chunk of {spec.chunk}; '
            'leave it out or shorten the chunk'
        )
    for camera in spec.cameras:
        if camera.name not in episode.images:
            raise DataError(
                f'episode "{name}": {unknown(camera.name, "camera of the data", episode.images)}'
            )
        if episode.images[camera.name].dtype != np.uint8:
            raise DataError(f'camera "{camera.name}" gives depth; a policy sees colour only')
    for pose in spec.poses:
        if pose not in episode.poses:
            raise DataError(
                f'episode "{name}": {unknown(pose, "pose of the data", episode.poses)}'
            )


def _colours(episode: Episode, camera: str) -> NDArray[np.uint8]:
    """Images of a camera, which `_check` found to be 8 bits: no copy is made."""
    return episode.images[camera].astype(np.uint8, copy=False)


class _Images:
    """Images of one camera over all episodes, at the policy's size."""

    def __init__(self, episodes: list[NDArray[np.uint8]], camera: CameraInput) -> None:
        self._episodes = episodes
        self._shape = (camera.height, camera.width, 3)
        total = sum(len(images) for images in episodes) * int(np.prod(self._shape))
        self._keep = total <= SHRUNK_BYTES
        self._shrunk: dict[int, NDArray[np.uint8]] = {}

    def _shrink(self, image: Image) -> Image:
        return resize(image, self._shape[0], self._shape[1])

    def _at(self, episode: int, frame: int) -> Image:
        images = self._episodes[episode]
        if images.shape[1:] == self._shape:
            image: Image = images[frame]
            return image
        if not self._keep:
            return self._shrink(images[frame])
        if episode not in self._shrunk:
            self._shrunk[episode] = np.stack([self._shrink(image) for image in images])
        kept: Image = self._shrunk[episode][frame]
        return kept

    def take(self, episode: Indices, frame: Indices) -> NDArray[np.uint8]:
        """Images, shape (*episode.shape, height, width, 3)."""
        out = np.empty((*episode.shape, *self._shape), dtype=np.uint8)
        for place in np.ndindex(*episode.shape):
            out[place] = self._at(int(episode[place]), int(frame[place]))
        return out


@dataclass
class Sampler:
    """Endless batches of indices: every epoch a new permutation of all of them.

    The permutation follows from the seed and the epoch alone, so three integers are the whole
    state, and a resumed run draws exactly what an uninterrupted one would have drawn.

    Attributes:
        count: Number of windows.
        seed: Seed of the permutations.
        epoch: Epoch of the next index.
        cursor: Place of the next index in that epoch.
    """

    count: int
    seed: int
    epoch: int = 0
    cursor: int = 0
    _order: Indices | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse an empty set."""
        if self.count < 1:
            raise DataError('there is nothing to sample from')

    def draw(self, size: int) -> Indices:
        """Draw the next `size` indices."""
        parts = []
        while size > 0:
            if self._order is None:
                self._order = np.random.default_rng([self.seed, self.epoch]).permutation(
                    self.count
                )
            part = self._order[self.cursor : self.cursor + size]
            parts.append(part)
            size -= len(part)
            self.cursor += len(part)
            if self.cursor == self.count:
                self.epoch, self.cursor, self._order = self.epoch + 1, 0, None
        return np.concatenate(parts)

    def state_dict(self) -> dict[str, int]:
        """Plain values to resume from."""
        return {
            'count': self.count,
            'seed': self.seed,
            'epoch': self.epoch,
            'cursor': self.cursor,
        }

    @classmethod
    def from_state_dict(cls, values: Mapping[str, Any]) -> 'Sampler':
        """Read `state_dict` back."""
        return cls(**{key: int(values[key]) for key in ('count', 'seed', 'epoch', 'cursor')})
