# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Episode: frames, actions and where they came from."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from ..documents import shown
from ..errors import DataError
from .frame import Image

Outcome = Literal['success', 'failure', 'play', 'unknown']
OUTCOMES: tuple[Outcome, ...] = ('success', 'failure', 'play', 'unknown')
UNSTATED: Final = ''
"""Outcome of an episode that came without one: recorded elsewhere, where nobody could mark it."""


@dataclass(frozen=True)
class EpisodeMeta:
    """Where an episode came from and how it went; stored in the bag and in the dataset.

    Attributes:
        episode: Name of the episode, equal to its bag's folder.
        task: What the operator meant to do.
        operator: Who did it.
        outcome: How it went; `unknown` if nobody marked it, '' if nobody could (`UNSTATED`).
        robot: Name of the contract.
        contract_hash: Hash of the contract it was recorded with.
        verdict: Verdict of the audit: ok, warn, reject, or '' before it.
        reasons: Why, one sentence each.
        recovered: Whether the bag was repaired after a crash.
        extra: Anything else (versions, host, seed).
    """

    episode: str
    task: str = ''
    operator: str = ''
    outcome: Outcome | Literal[''] = 'unknown'
    robot: str = ''
    contract_hash: str = ''
    verdict: Literal['', 'ok', 'warn', 'reject'] = ''
    reasons: tuple[str, ...] = ()
    recovered: bool = False
    extra: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse an outcome or a verdict that is none."""
        if self.verdict not in ('', 'ok', 'warn', 'reject'):
            raise DataError(f'verdict "{str(self.verdict)[:80]}" is none of ok, warn, reject')
        if self.outcome not in (*OUTCOMES, UNSTATED):
            raise DataError(f'outcome "{str(self.outcome)[:80]}" is none of {OUTCOMES}')

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON and YAML."""
        values = asdict(self)
        values['reasons'] = list(self.reasons)
        values['extra'] = dict(self.extra)
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> 'EpisodeMeta':
        """Read `to_dict` back.

        Raises:
            DataError: If a value is not of its kind, or a key unknown.
        """
        known = dict(values)
        _check_meta(known)
        reasons = known.get('reasons', ())
        known['reasons'] = tuple(reasons)
        return cls(**known)


def _check_meta(values: Mapping[str, Any]) -> None:
    """Check the kinds of what a file says of an episode.

    Raises:
        DataError: Names the first value that is of another.
    """
    extra, reasons = values.get('extra', {}), values.get('reasons', ())
    if not isinstance(extra, Mapping) or not isinstance(reasons, list | tuple):
        raise DataError('extra is no mapping, or reasons are no list')
    # The name is looked at where it becomes a path.
    others = ('episode', 'extra', 'reasons', 'recovered')
    texts = {name: text for name, text in values.items() if name not in others}
    texts |= {f'extra.{name}': text for name, text in extra.items()}
    texts |= {f'reasons.{number}': text for number, text in enumerate(reasons)}
    for name, text in texts.items():
        if not isinstance(text, str):
            raise DataError(f'{name} is {shown(text)}, no text')
    strange = sorted(set(values) - set(EpisodeMeta.__dataclass_fields__))
    if strange:
        raise DataError(f'{shown(strange)} are no keys of an episode')
    if 'episode' not in values:
        raise DataError('"episode" is missing')
    if not isinstance(values.get('recovered', False), bool):
        raise DataError(f'recovered is {shown(values["recovered"])}, neither true nor false')


@dataclass(frozen=True)
class Episode:
    """Frames on a regular grid and the action that followed each.

    Attributes:
        meta: Where it came from.
        tick_ns: Ticks [ns], shape (T,).
        q: Joint positions [rad], shape (T, n).
        v: Joint velocities [rad/s], shape (T, n).
        action: Command that was in force one step after each tick [rad], shape (T, n); without a
            robot what was done at each tick, shape (T, m).
        images: Images of each camera: RGB, uint8, shape (T, height, width, 3), or depth [mm],
            uint16, shape (T, height, width, 1).
        poses: Poses of each object, shape (T, 7).
        age_ns: Age of each modality at each tick [ns], shape (T,).
        by_operator: Whether an operator who took over from a policy drove from each tick to its
            action, shape (T,); the policy's own frames are no demonstration. None: no policy
            drove, all of it is one.
    """

    meta: EpisodeMeta
    tick_ns: NDArray[np.int64]
    q: NDArray[np.floating[Any]]
    v: NDArray[np.floating[Any]]
    action: NDArray[np.floating[Any]]
    images: Mapping[str, Image] = field(default_factory=dict)
    poses: Mapping[str, NDArray[np.floating[Any]]] = field(default_factory=dict)
    age_ns: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    by_operator: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        """Check that everything is as long as the ticks, finite, and never from the future."""
        steps = len(self.tick_ns)
        if steps < 2:
            raise DataError(f'episode "{self.meta.episode}" has {steps} steps, fewer than 2')
        if self.q.shape != self.v.shape or self.action.ndim != 2:
            raise DataError(
                f'q {self.q.shape}, v {self.v.shape} and action {self.action.shape} differ'
            )
        arrays: dict[str, NDArray[Any]] = {'q': self.q, 'v': self.v, 'action': self.action}
        arrays |= {f'pose {name}': array for name, array in self.poses.items()}
        for name, array in arrays.items():
            if not np.isfinite(array).all():
                raise DataError(f'episode "{self.meta.episode}": {name} holds NaN or infinity')
        arrays |= {f'images {name}': array for name, array in self.images.items()}
        arrays |= {f'age {name}': array for name, array in self.age_ns.items()}
        if self.by_operator is not None:
            arrays['by_operator'] = self.by_operator
        for name, array in arrays.items():
            if len(array) != steps:
                raise DataError(f'{name} has {len(array)} steps, the episode {steps}')
        for name, age in self.age_ns.items():
            if (age < 0).any():
                raise DataError(f'"{name}" holds a sample from the future')

    def __len__(self) -> int:
        """Count the steps."""
        return len(self.tick_ns)
