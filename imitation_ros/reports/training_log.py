# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How a training went, read from its metrics.jsonl: by examples, or by practice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import DataError
from ..training.journal import read_metrics

Line = tuple[tuple[float, ...], tuple[float, ...]]


@dataclass(frozen=True)
class Curve:
    """Lines over the updates of a training.

    Attributes:
        title: Title.
        x: Label of the axis and its values.
        lines: x and y of every line by its label.
        unit: Label of the y axis.
        reference: Label and height of a line to compare with.
        log: Whether y is logarithmic.
    """

    title: str
    x: tuple[str, tuple[float, ...]]
    lines: Mapping[str, Line]
    unit: str
    reference: tuple[str, float] | None = None
    log: bool = True


@dataclass(frozen=True)
class Training:
    """How a training went.

    Attributes:
        updates: Number of updates; of a practice, of its iterations.
        seconds: How long it took [s].
        held_out_error: Mean absolute error of the best checkpoint on held-out episodes [rad].
        hold_error: The same for a policy that holds the measured position [rad].
        data_ms: Mean time to draw a batch [ms].
        step_ms: Mean time of an update [ms].
        curves: Its curves.
        unit: Unit of the errors, with a space before it; nothing where nobody told it.
        began: Of a practice, success of the policy it began with, from the starts it is judged by.
        success: The highest success from those starts.
        steps: Policy steps simulated for practice.
        cpu_s: Processor time of the practice [s].
    """

    updates: int
    seconds: float | None
    held_out_error: float | None
    hold_error: float | None
    data_ms: float | None
    step_ms: float | None
    curves: tuple[Curve, ...]
    unit: str = ' rad'
    began: float | None = None
    success: float | None = None
    steps: int | None = None
    cpu_s: float | None = None


def read_training(path: Path, unit: str = ' rad') -> Training | None:
    """Read the metrics.jsonl of a training; None if it holds no update yet.

    Args:
        path: The file.
        unit: Unit of its errors, with a space before it.

    Raises:
        DataError: If a row lacks what every row has.
    """
    rows = read_metrics(path.parent)
    if not rows:
        return None
    try:
        updates = tuple(float(row['update']) for row in rows)
        last = rows[-1]
        if not all('loss' in row or 'held_out_success' in row for row in rows):
            raise KeyError('loss')
        measured = _having(rows, 'held_out_loss')
        best = min(measured, key=lambda row: float(row['held_out_loss'])) if measured else {}
        judged = [float(row['held_out_success']) for row in _having(rows, 'held_out_success')]
        return Training(
            updates=int(last['update']),
            seconds=_number(last, 'seconds'),
            held_out_error=_number(best, 'held_out_mae'),
            hold_error=_number(best, 'hold_mae'),
            data_ms=_mean(rows, 'data_ms'),
            step_ms=_mean(rows, 'step_ms'),
            curves=_curves(rows, updates, unit),
            unit=unit,
            began=judged[0] if judged else None,
            success=max(judged, default=None),
            steps=None if last.get('steps') is None else int(last['steps']),
            cpu_s=_number(last, 'cpu_seconds'),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f'{path}: a row is not what the trainer writes: {error!r}') from error


def _having(rows: Sequence[Mapping[str, Any]], key: str) -> list[Mapping[str, Any]]:
    return [row for row in rows if row.get(key) is not None]


def _number(row: Mapping[str, Any], key: str) -> float | None:
    return None if row.get(key) is None else float(row[key])


def _mean(rows: Sequence[Mapping[str, Any]], key: str) -> float | None:
    values = [float(row[key]) for row in rows if row.get(key) is not None]
    return sum(values) / len(values) if values else None


def _lines(rows: Sequence[Mapping[str, Any]], keys: Mapping[str, str]) -> dict[str, Line]:
    """Lines by their label; a key that no row has gives none."""
    found = {label: (key, _having(rows, key)) for label, key in keys.items()}
    return {
        label: (tuple(float(r['update']) for r in of), tuple(float(r[key]) for r in of))
        for label, (key, of) in found.items()
        if of
    }


def _curves(
    rows: Sequence[Mapping[str, Any]], updates: tuple[float, ...], unit: str
) -> tuple[Curve, ...]:
    """Loss, and error against holding still; of a practice success and reward."""
    axis, practice = ('update', (0.0, *updates)), ('iteration', (0.0, *updates))
    label = 'mean absolute error' + (f' [{unit.strip()}]' if unit else '')
    hold = _mean(_having(rows, 'hold_mae')[-1:], 'hold_mae')
    losses = _lines(rows, {'training': 'loss', 'held-out episodes': 'held_out_loss'})
    errors = _lines(rows, {'policy': 'held_out_mae'})
    judged = _having(rows, 'held_out_success')
    names = {'practice': 'success', 'starts it is judged by': 'held_out_success'}
    success = _lines(rows, names) if judged else {}
    rewards = _lines(rows, {'practice': 'reward'}) if judged else {}
    curves = (
        Curve('Loss', axis, losses, 'loss'),
        Curve(
            'Error on held-out episodes',
            axis,
            errors,
            label,
            None if hold is None else ('holding still', hold),
        ),
        Curve('Success', practice, success, 'success', log=False),
        Curve('Reward of a decision', practice, rewards, 'reward', log=False),
    )
    return tuple(curve for curve in curves if curve.lines)
