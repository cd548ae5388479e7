# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Statistics of states and actions, and the normalisation made of them.

Scaling every entry to zero mean and unit spread is the part of Behavioural Cloning that matters
most and is forgotten most often. The floor of the standard deviation keeps an entry that hardly
moves (a locked joint, a resting object) from being blown up to pure noise.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .observation import ObservationSpec
from .windows import Windows

Array = NDArray[np.float64]

JOINT_FLOOR = 0.02
"""Least standard deviation of a joint position [rad or m]."""

OTHER_FLOOR = 1e-2
"""Least standard deviation of anything else."""

BARE_FLOOR = 1e-3
"""The same for data without a robot, whose units nobody told."""

CHANGE_FLOOR = 0.05
"""The same for the change between two frames, as a share of it."""

BARE_STILL = 1e-6
"""Without a robot, an entry whose range is no larger than this, or than this share of its mean
(what float32 resolves), never changed."""

UNSEEN = 1e9
"""Scale of such an entry: the policy sees zero, whatever it becomes. Divided by the floor, the
least change of it would be an input of many deviations, on weights nothing was learned for."""

CONSTANT = 1e-4
"""A channel whose range is no larger than this holds no information."""

NAMED = 6
"""Channels that a warning names; more are counted."""

BLOCK = 4096


@dataclass(frozen=True)
class Stats:
    """Statistics of an array over its samples; all four have the same shape.

    Attributes:
        count: Number of samples.
        mean: Mean.
        std: Standard deviation, without any floor.
        min: Smallest value.
        max: Largest value.
    """

    count: int
    mean: Array
    std: Array
    min: Array
    max: Array

    def __post_init__(self) -> None:
        """Check the shapes and that all is finite; make the arrays read-only."""
        for array in (self.mean, self.std, self.min, self.max):
            if array.shape != self.mean.shape:
                raise DataError(f'statistics of shapes {self.mean.shape} and {array.shape}')
            if not np.isfinite(array).all():
                raise DataError('statistics hold NaN or infinity')
            array.setflags(write=False)

    def constant(self, names: Sequence[str]) -> tuple[str, ...]:
        """Names of the channels (last axis) that never change."""
        span = (self.max - self.min).reshape(-1, len(names))
        return tuple(name for i, name in enumerate(names) if (span[:, i] <= CONSTANT).all())

    def normalizer(self, floor: float | Array) -> 'Normalizer':
        """Build the normaliser, with a floor under the standard deviation."""
        return Normalizer(self.mean, np.maximum(self.std, floor))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        arrays = {name: getattr(self, name).tolist() for name in ('mean', 'std', 'min', 'max')}
        return {'count': self.count, **arrays}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> 'Stats':
        """Read `to_dict` back."""
        arrays = {
            name: np.array(values[name], dtype=np.float64)
            for name in ('mean', 'std', 'min', 'max')
        }
        return cls(count=int(values['count']), **arrays)


class RunningStats:
    """Statistics gathered block by block, so that the data need not fit into memory.

    Means and squared deviations of blocks are merged as in Chan, Golub and LeVeque (1983),
    eq. 1.5, which loses no digits where a sum of squares would.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        """Start with no samples of arrays of a shape."""
        self._count = np.zeros(shape)
        self._mean = np.zeros(shape)
        self._m2 = np.zeros(shape)
        self._min = np.full(shape, np.inf)
        self._max = np.full(shape, -np.inf)

    def update(
        self, values: NDArray[np.floating[Any]], valid: NDArray[np.bool_] | None = None
    ) -> None:
        """Add samples.

        Args:
            values: Shape (N, *shape).
            valid: Which of them count, shape (N, *shape) or one that broadcasts to it.
        """
        x = np.asarray(values, dtype=np.float64)
        keep = np.broadcast_to(True if valid is None else valid, x.shape)
        count = keep.sum(axis=0)
        some = np.maximum(count, 1)
        mean = np.where(keep, x, 0.0).sum(axis=0) / some
        m2 = np.where(keep, (x - mean) ** 2, 0.0).sum(axis=0)
        total = np.maximum(self._count + count, 1)
        delta = mean - self._mean
        self._m2 += m2 + delta**2 * self._count * count / total
        self._mean += delta * count / total
        self._min = np.minimum(self._min, np.where(keep, x, np.inf).min(axis=0))
        self._max = np.maximum(self._max, np.where(keep, x, -np.inf).max(axis=0))
        self._count += count

    def stats(self) -> Stats:
        """Freeze what was gathered.

        Raises:
            DataError: If an entry has no sample at all.
        """
        if not (self._count > 0).all():
            raise DataError('statistics of no samples')
        return Stats(
            count=int(self._count.max()),
            mean=self._mean.copy(),
            std=np.sqrt(self._m2 / self._count),
            min=self._min.copy(),
            max=self._max.copy(),
        )


@dataclass(frozen=True)
class Normalizer:
    """(x - mean) / std and back.

    Attributes:
        mean: Offset.
        std: Scale, above zero.
    """

    mean: Array
    std: Array

    def __post_init__(self) -> None:
        """Refuse a scale that cannot be divided by."""
        if self.mean.shape != self.std.shape:
            raise DataError(f'mean {self.mean.shape} and std {self.std.shape} differ in shape')
        if not (self.std > 0).all():
            raise DataError('a standard deviation is not above zero; give it a floor')

    def apply(self, values: NDArray[np.floating[Any]]) -> Array:
        """Normalise values whose last axes have the shape of `mean`."""
        result: Array = (values - self.mean) / self.std
        return result

    def invert(self, values: NDArray[np.floating[Any]]) -> Array:
        """Undo `apply`."""
        result: Array = values * self.std + self.mean
        return result


@dataclass(frozen=True)
class DataStats:
    """Statistics of what a policy sees and does.

    Attributes:
        state: Of the state vector, shape (D,).
        action: Of the chunk's targets [rad], shape (Ta, k): per step, since the later steps of a
            residual chunk are the larger ones. Residual or absolute, as `residual` says.
        residual: Whether targets are relative to the newest measured position.
        change: Of the newest state less each earlier one of a history, shape (To - 1, D); None
            if one frame is seen.
    """

    state: Stats
    action: Stats
    residual: bool
    change: Stats | None = None

    def state_normalizer(self, spec: ObservationSpec) -> Normalizer:
        """Build the normaliser of the state vector."""
        return self.state.normalizer(_floor(spec, self.state))

    def change_normalizer(self, spec: ObservationSpec) -> Normalizer | None:
        """Build the normaliser of the change since each earlier frame; None if there is none."""
        if self.change is None:
            return None
        return self.change.normalizer(CHANGE_FLOOR * _floor(spec, self.state))

    def action_normalizer(self, spec: ObservationSpec) -> Normalizer:
        """Build the normaliser of the chunk."""
        return self.action.normalizer(BARE_FLOOR if spec.bare else JOINT_FLOOR)

    def warnings(self, spec: ObservationSpec) -> tuple[str, ...]:
        """Say which channels of the data never change."""
        found = []
        for what, still in (
            ('observation', self.state.constant(spec.layout)),
            ('action', self.action.constant(spec.actions)),
        ):
            if still:
                more = f' and {len(still) - NAMED} more' if len(still) > NAMED else ''
                found.append(
                    f'{len(still)} {what} channels never change: {", ".join(still[:NAMED])}{more}'
                )
        return tuple(found)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            'state': self.state.to_dict(),
            'action': self.action.to_dict(),
            'residual': self.residual,
            'change': None if self.change is None else self.change.to_dict(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> 'DataStats':
        """Read `to_dict` back."""
        change = values.get('change')
        return cls(
            state=Stats.from_dict(values['state']),
            action=Stats.from_dict(values['action']),
            residual=bool(values['residual']),
            change=None if change is None else Stats.from_dict(change),
        )


def _floor(spec: ObservationSpec, state: Stats) -> Array:
    """Least standard deviation of each entry of the state vector, shape (D,)."""
    if spec.bare:
        still = state.max - state.min <= BARE_STILL * np.maximum(np.abs(state.mean), 1.0)
        return np.where(still, UNSEEN, BARE_FLOOR)
    joint = np.array([name.endswith('.position') for name in spec.layout])
    return np.where(joint, JOINT_FLOOR, OTHER_FLOOR)


def measure(windows: Windows, residual: bool) -> DataStats:
    """Gather the statistics of all windows.

    Args:
        windows: Windows of the training episodes (never of the held-out ones).
        residual: Whether targets are relative to the newest measured position.
    """
    spec = windows.spec
    k = len(spec.actions)
    if residual and spec.measured is None:
        raise DataError('residual actions need the measured position of every action')
    state, action = RunningStats((spec.size,)), RunningStats((spec.chunk, k))
    change = RunningStats((spec.history - 1, spec.size))
    for begin in range(0, len(windows.state), BLOCK):
        state.update(windows.state[begin : begin + BLOCK])
    for batch in windows.blocks(BLOCK, images=False):
        target = batch.action - spec.rest(batch.state[:, -1:]) if residual else batch.action
        action.update(target, batch.mask[:, :, None])
        if spec.history > 1:
            change.update(batch.state[:, -1:] - batch.state[:, :-1])
    moved = change.stats() if spec.history > 1 else None
    return DataStats(state.stats(), action.stats(), residual, moved)
