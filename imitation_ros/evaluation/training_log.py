# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How a training went, read from its metrics.jsonl."""

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
        updates: Number of updates.
        seconds: How long it took [s].
        held_out_error: Mean absolute error of the best checkpoint on held-out episodes [rad].
        hold_error: The same for a policy that holds the measured position [rad].
        data_ms: Mean time to draw a batch [ms].
        step_ms: Mean time of an update [ms].
        curves: Its curves.
        unit: Unit of the errors, with a space before it; nothing where nobody told it.
    """

    updates: int
    seconds: float | None
    held_out_error: float | None
    hold_error: float | None
    data_ms: float | None
    step_ms: float | None
    curves: tuple[Curve, ...]
    unit: str = ' rad'


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
        measured = [row for row in rows if row.get('held_out_loss') is not None]
        best = min(measured, key=lambda row: float(row['held_out_loss'])) if measured else None
        return Training(
            updates=int(last['update']),
            seconds=float(last['seconds']) if last.get('seconds') is not None else None,
            held_out_error=None if best is None else float(best['held_out_mae']),
            hold_error=None if best is None else float(best['hold_mae']),
            data_ms=_mean(rows, 'data_ms'),
            step_ms=_mean(rows, 'step_ms'),
            curves=_curves(rows, updates, measured, unit),
            unit=unit,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f'{path}: a row is not what the trainer writes: {error!r}') from error


def _mean(rows: Sequence[Mapping[str, Any]], key: str) -> float | None:
    values = [float(row[key]) for row in rows if row.get(key) is not None]
    return sum(values) / len(values) if values else None


def _curves(
    rows: Sequence[Mapping[str, Any]],
    updates: tuple[float, ...],
    measured: Sequence[Mapping[str, Any]],
    unit: str,
) -> tuple[Curve, ...]:
    """Loss, and error against holding still."""

    def line(of: Sequence[Mapping[str, Any]], key: str) -> Line:
        return tuple(float(r['update']) for r in of), tuple(float(r[key]) for r in of)

    axis = ('update', (0.0, *updates))
    losses = {'training': line(rows, 'loss')}
    if not measured:
        return (Curve('Loss', axis, losses, 'loss'),)
    losses['held-out episodes'] = line(measured, 'held_out_loss')
    errors = {'policy': line(measured, 'held_out_mae')}
    hold = ('holding still', float(measured[-1]['hold_mae']))
    label = 'mean absolute error' + (f' [{unit.strip()}]' if unit else '')
    return (
        Curve('Loss', axis, losses, 'loss'),
        Curve('Error on held-out episodes', axis, errors, label, hold),
    )
