# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Journal of a training: metrics.jsonl, TensorBoard, a picture of the curves, and the bar."""

from collections.abc import Callable, Mapping, Sequence
import json
from pathlib import Path
from types import TracebackType
from typing import Any

from matplotlib.figure import Figure
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from ..documents import mapping, parse_json, read_text
from ..errors import DocumentError

METRICS = 'metrics.jsonl'
CURVES = 'curves.png'
TENSORBOARD = 'tensorboard'

TAGS = {
    'loss': 'loss/train',
    'held_out_loss': 'loss/held_out',
    'held_out_mae': 'error/held_out_mae',
    'lr': 'training/lr',
    'data_ms': 'time/data_ms',
    'step_ms': 'time/step_ms',
}
"""Metrics that TensorBoard shows, and under which name."""


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """Rows of a run's metrics.jsonl; a last line cut by a crash is left out."""
    rows = []
    path = folder / METRICS
    for line in read_text(path).splitlines() if path.exists() else []:
        try:
            rows.append(mapping(parse_json(line, path), path))
        except DocumentError:
            break
    return rows


class Journal:
    """Writes a run's metrics as they come."""

    def __init__(self, folder: Path, resume_at: int = 0, tags: Mapping[str, str] = TAGS) -> None:
        """Open the journal of a run.

        Args:
            folder: The run's folder.
            resume_at: Update at which the run goes on; later rows, made by a run that crashed
                after its last checkpoint, are dropped.
            tags: Metrics that TensorBoard shows, and under which name.
        """
        self._tags = tags
        # Takes a second to import, and is of no use to those who only load a checkpoint.
        from torch.utils.tensorboard import SummaryWriter

        rows = [row for row in read_metrics(folder) if row['update'] <= resume_at]
        self.rows: list[dict[str, Any]] = rows
        text = ''.join(json.dumps(row) + '\n' for row in rows)
        (folder / METRICS).write_text(text, encoding='utf-8')
        self._file = (folder / METRICS).open('a', encoding='utf-8')
        self._board: Any = SummaryWriter(str(folder / TENSORBOARD), purge_step=resume_at or None)

    def write(self, row: Mapping[str, Any]) -> None:
        """Add one row; it has an `update`, and numbers or None."""
        self.rows.append(dict(row))
        self._file.write(json.dumps(row) + '\n')
        self._file.flush()
        for name, tag in self._tags.items():
            if row.get(name) is not None:
                self._board.add_scalar(tag, row[name], row['update'])

    def close(self) -> None:
        """Close the files."""
        self._file.close()
        self._board.close()


def figures(row: Mapping[str, Any]) -> str:
    """Loss, held-out loss and times of a row, in one line."""
    parts = [f'loss {row["loss"]:.4f}']
    if row.get('held_out_loss') is not None:
        parts.append(f'held-out {row["held_out_loss"]:.4f}')
    parts.append(f'data {row["data_ms"]:.1f} ms step {row["step_ms"]:.1f} ms')
    return '  '.join(parts)


class Bar:
    """Progress bar on a terminal; elsewhere a line per evaluation; without console nothing."""

    def __init__(
        self,
        console: Console | None,
        done: int,
        total: int,
        say: Callable[[Mapping[str, Any]], str] = figures,
        unit: str = 'update',
    ) -> None:
        """Make a bar for `total` updates, `done` of them made; `say` puts a row into words."""
        self._console, self._say, self._unit = console, say, unit
        self._progress: Progress | None = None
        if console is not None and console.is_terminal:
            self._progress = Progress(
                TextColumn('[bold]training'),
                BarColumn(bar_width=24),
                MofNCompleteColumn(),
                TextColumn('{task.fields[figures]}'),
                TimeElapsedColumn(),
                TextColumn('ETA'),
                TimeRemainingColumn(),
                console=console,
            )
            self._task = self._progress.add_task('', total=total, completed=done, figures='')

    def __enter__(self) -> 'Bar':
        """Show the bar."""
        if self._progress is not None:
            self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the bar as it stands."""
        if self._progress is not None:
            self._progress.stop()

    def total(self, updates: int) -> None:
        """Change the planned length."""
        if self._progress is not None:
            self._progress.update(self._task, total=updates)

    def show(self, row: Mapping[str, Any]) -> None:
        """Show the newest figures."""
        if self._progress is not None:
            self._progress.update(self._task, completed=row['update'], figures=self._say(row))

    def line(self, row: Mapping[str, Any]) -> None:
        """Print an evaluation where there is no terminal for a bar."""
        if self._console is not None and self._progress is None:
            text = f'{self._unit} {row["update"]}  {self._say(row)}'
            self._console.print(text, highlight=False)


def draw_curves(rows: Sequence[Mapping[str, Any]], path: Path, bare: bool = False) -> None:
    """Draw loss and held-out error over the updates into a PNG; bare data has no unit."""
    figure = Figure(figsize=(9, 3.4), layout='constrained')
    left, right = figure.subplots(1, 2)
    left.plot([r['update'] for r in rows], [r['loss'] for r in rows], label='training')
    held = [row for row in rows if row.get('held_out_loss') is not None]
    if held:
        updates = [row['update'] for row in held]
        left.plot(updates, [row['held_out_loss'] for row in held], label='held out')
        best = min(held, key=lambda row: float(row['held_out_loss']))
        left.plot(best['update'], best['held_out_loss'], 'o', color='k', label='best')
        right.plot(updates, [row['held_out_mae'] for row in held], label='policy, held out')
        hold = held[-1]['hold_mae']
        right.axhline(hold, color='grey', linestyle='--', label='holding still')
        unit = '' if bare else ' [rad]'
        right.set(xlabel='update', ylabel=f'mean absolute error{unit}', yscale='log')
        right.legend(frameon=False)
    else:
        right.set_axis_off()
    left.set(xlabel='update', ylabel='loss', yscale='log')
    left.legend(frameon=False)
    figure.savefig(path, dpi=110)
