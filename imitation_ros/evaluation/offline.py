# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Open-loop error: what a policy would have done on recorded frames, against what was done.

A low error is necessary, not sufficient: it says nothing of how errors add up in closed loop.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.outcomes import (
    IMITATED,
    include_unknown,
    is_wanted,
    NEVER_MARKED,
    unmarked,
    WITH_UNKNOWN,
)
from ..data.store import Dataset
from ..data.windows import Windows
from ..errors import DataError, unknown
from ..runtime import bundle
from ..runtime.graph import open_model

Predict = Callable[
    [NDArray[np.float32], Mapping[str, NDArray[np.uint8]]], NDArray[np.floating[Any]]
]
"""Raw states (B, To, D) and images to joint positions [rad], shape (B, Ta, k)."""


@dataclass(frozen=True)
class OfflineError:
    """Open-loop error of a policy.

    Attributes:
        episodes: Episodes it was measured on.
        windows: Number of chunks compared.
        joints: Joints, in the order of the next two.
        mse: Mean squared error of each joint [rad^2].
        mae: Mean absolute error of each joint [rad].
        step_mae: Mean absolute error of each step of the chunk [rad].
        hold_mae: Mean absolute error of holding the measured position [rad].
    """

    episodes: tuple[str, ...]
    windows: int
    joints: tuple[str, ...]
    mse: tuple[float, ...]
    mae: tuple[float, ...]
    step_mae: tuple[float, ...]
    hold_mae: float

    @property
    def mean_mae(self) -> float:
        """Mean absolute error over all joints [rad]."""
        return float(np.mean(self.mae))

    @property
    def hold_ratio(self) -> float:
        """Error as a share of that of holding still; 1 has learned nothing."""
        return self.mean_mae / self.hold_mae if self.hold_mae > 0 else float('inf')

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            'episodes': list(self.episodes),
            'windows': self.windows,
            'mean_mae': self.mean_mae,
            'hold_mae': self.hold_mae,
            'hold_ratio': self.hold_ratio if np.isfinite(self.hold_ratio) else None,
            'step_mae': list(self.step_mae),
            'joints': {
                joint: {'mse': mse, 'mae': mae}
                for joint, mse, mae in zip(self.joints, self.mse, self.mae, strict=True)
            },
        }


def measure(predict: Predict, windows: Windows, batch: int = 256) -> OfflineError:
    """Measure the open-loop error over all windows; padded steps count for nothing.

    Args:
        predict: The policy, in physical units.
        windows: What was recorded.
        batch: Windows given to `predict` at once.

    Raises:
        DataError: If the policy gives NaN or infinity.
    """
    k, chunk = len(windows.spec.actions), windows.spec.chunk
    square, absolute, hold = (np.zeros((chunk, k)) for _ in range(3))
    count = np.zeros((chunk, 1))
    for block in windows.blocks(batch):
        actions = np.asarray(predict(block.state, block.images), dtype=np.float64)
        if actions.shape != block.action.shape or not np.isfinite(actions).all():
            raise DataError(
                f'the policy gave actions of shape {actions.shape}, or not finite; '
                f'expected {block.action.shape}'
            )
        real = block.mask[:, :, None]
        error = (actions - block.action) * real
        square += (error**2).sum(axis=0)
        absolute += np.abs(error).sum(axis=0)
        hold += (np.abs(windows.spec.rest(block.state[:, -1:]) - block.action) * real).sum(axis=0)
        count += real.sum(axis=0)
    total = float(count.sum())
    return OfflineError(
        episodes=windows.names,
        windows=len(windows),
        joints=windows.spec.actions,
        mse=tuple(float(x) for x in square.sum(axis=0) / total),
        mae=tuple(float(x) for x in absolute.sum(axis=0) / total),
        step_mae=tuple(float(x) for x in (absolute / count).mean(axis=1)),
        hold_mae=float(hold.sum() / (total * k)),
    )


def imitable_episodes(dataset: Dataset, with_unknown: bool = False) -> tuple[str, ...]:
    """Names of the episodes that a policy is to imitate: what nobody should says nothing of it.

    Raises:
        DataError: If there is none; says what was left out.
    """
    metas = dataset.manifest.episodes
    outcomes = include_unknown(IMITATED) if with_unknown else IMITATED
    names = tuple(m.episode for m in metas if is_wanted(m, outcomes) and m.verdict != 'reject')
    if not names:
        hint = never_marked(dataset, with_unknown)
        raise DataError(
            f'{dataset.root}: all {len(metas)} episodes are failures, play or rejected{hint}'
        )
    return names


def never_marked(dataset: Dataset, with_unknown: bool = False) -> str:
    """How many episodes were left out because nobody marked them; '' if none was."""
    never = 0 if with_unknown else unmarked(dataset.manifest.episodes)
    return f', {never} {NEVER_MARKED}: {WITH_UNKNOWN}' if never else ''


def measured_episodes(
    model: Path, dataset: Dataset, with_unknown: bool = False
) -> tuple[str, ...]:
    """Names of the episodes to measure a policy on: those it has not seen, or all if it has.

    Raises:
        DataError: If none is to be imitated.
        ModelError: If the model cannot be read.
    """
    names = imitable_episodes(dataset, with_unknown)
    known = bundle.load(model).bags
    return tuple(name for name in names if name not in known) or names


def measure_model(
    model: Path, dataset: Dataset, episodes: Sequence[str] | None = None
) -> OfflineError:
    """Measure the open-loop error of a policy.onnx.

    Args:
        model: The policy.onnx.
        dataset: What was recorded.
        episodes: Names of the episodes; None takes those the policy was not trained on.

    Raises:
        DataError: If an episode is not there, or none is left.
        ModelError: If the model cannot be run.
    """
    loaded = bundle.load(model)
    names = [meta.episode for meta in dataset.manifest.episodes]
    wanted = [name for name in names if name not in loaded.bags] if episodes is None else episodes
    for name in wanted:
        if name not in names:
            raise DataError(unknown(name, 'episode of the data', names))
    if not wanted:
        raise DataError(f'{dataset.root}: {model} was trained on every episode; name some')
    windows = Windows(dataset, [names.index(name) for name in wanted], loaded.observation)
    session = open_model(model)
    # Zeros are the middle of what a generative policy would do.
    output = (1, loaded.observation.chunk, len(loaded.observation.actions))
    noise = {bundle.NOISE: np.zeros(output, dtype=np.float32)} if loaded.noise else {}

    def predict(
        state: NDArray[np.float32], images: Mapping[str, NDArray[np.uint8]]
    ) -> NDArray[np.floating[Any]]:
        feed: dict[str, NDArray[Any]] = {bundle.STATE: state, **images, **noise}
        return np.asarray(session.run([bundle.ACTIONS], feed)[0])

    return measure(predict, windows, batch=1)
