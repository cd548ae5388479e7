# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The recorder's screen in a terminal: over SSH, without a display, redrawn in place.

`render` turns what is known into tables; `Screen` puts them on the terminal's other page and
keeps what is logged meanwhile, to show it below and to give it back at the end.
"""

from collections.abc import Sequence
from contextlib import suppress
import os
import re
import sys
import tempfile

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ...errors import NotReadyError
from ...recording.preflight import ERROR, OK, Row, WARN
from ...recording.take import Counts
from .view import DISK_MINUTES, missing_text, View

COLOURS = {OK: 'green', WARN: 'yellow', ERROR: 'red'}
VERDICTS = {'ok': 'green', 'warn': 'yellow', 'reject': 'red'}
WIDE = 112
"""Columns of a terminal that shows every column of the tables."""
LOG_LINES = 4


def render(view: View, width: int) -> RenderableType:
    """Everything there is to see, for a terminal of this width."""
    parts = [_head(view)]
    parts.append(_during(view, width) if view.take is not None else _before(view, width))
    problems = _problems(view)
    if problems is not None:
        parts.append(problems)
    return Group(*parts)


def _head(view: View) -> RenderableType:
    """State, task and time, readable from across the room."""
    take, refusals = view.take, view.refusals
    if take is not None:
        minutes, seconds = divmod(int(take.seconds), 60)
        mark = {'success': '✓ success', 'failure': '✗ failure'}.get(take.outcome, 'not marked')
        title = Text.assemble(
            ('● REC  ', 'bold red'),
            (take.episode, 'bold'),
            (f'   {minutes:02d}:{seconds:02d}   ', 'bold'),
            mark,
        )
        style = 'red'
    elif view.error:
        title, style = Text.assemble(('ERROR  ', 'bold red'), view.error), 'red'
    elif refusals:
        what = 'a topic is' if len(refusals) == 1 else f'{len(refusals)} topics are'
        title = Text.assemble(('NOT READY  ', 'bold red'), f'{what} not fit to record')
        style = 'red'
    else:
        title = Text.assemble(('READY  ', 'bold green'), 'space starts a take')
        style = 'green'
    about = f'{view.robot} · task {view.task}'
    about += f' · operator {view.operator}' if view.operator else ''
    lines: list[RenderableType] = [
        title,
        Text(f'{about} · {view.session}', style='dim', overflow='ellipsis'),
    ]
    lines.append(_store(view))
    if view.missing:
        text = f'{missing_text(view.missing)}: was a folder moved away?'
        lines.append(Text(text, style='bold red'))
    last = _last(view)
    if last is not None:
        lines.append(last)
    # The keys are up here: a small terminal cuts off what is at the bottom.
    lines.append(_keys(view))
    return Panel(Group(*lines), border_style=style, padding=(0, 1))


def _store(view: View) -> Text:
    """Disk, queue and takes so far."""
    text = Text(no_wrap=True, overflow='ellipsis')
    minutes = view.minutes
    room = f'disk {view.free_bytes / 1e9:.0f} GB'
    if minutes is not None:
        room += f', {minutes:.0f} min'
    text.append(room, 'bold red' if minutes is not None and minutes < DISK_MINUTES else '')
    if view.take is not None:
        text.append(f' · {view.take.written_bytes / 1e6:.0f} MB, {view.rate_bytes / 1e6:.1f} MB/s')
        share = view.take.queue_share
        text.append(f' · queue {100 * share:.0f} %', 'bold red' if share > 0.5 else '')
    text.append(f' · {view.on_disk} episode{"s" * (view.on_disk != 1)}')
    if view.tally:
        text.append(' (')
        for k, (verdict, count) in enumerate(view.tally.items()):
            text.append(', ' * (k > 0) + f'{count} {verdict}', VERDICTS.get(verdict, ''))
        text.append(')')
    return text


def _shown(rows: Sequence[Row]) -> list[Row]:
    """Rows worth a line: what is needed, and what is there."""
    return [row for row in rows if row.topic.required or row.flow.count or row.level]


def _table(wide: bool, columns: Sequence[tuple[str, bool]]) -> Table:
    table = Table(expand=True, box=None, padding=(0, 1, 0, 0), header_style='dim')
    table.add_column('', width=1)
    table.add_column('topic', ratio=1, no_wrap=True, overflow='ellipsis')
    for name, only_wide in columns:
        if wide or not only_wide:
            words = name in ('type', 'QoS', 'content')
            table.add_column(
                name, justify='left' if words else 'right', no_wrap=True, overflow='ellipsis'
            )
    return table


def _add(table: Table, wide: bool, row: Row, cells: Sequence[tuple[str, bool]]) -> None:
    mark = {OK: '✓', WARN: '!', ERROR: '✗'}[row.level]
    colour = COLOURS[row.level] if row.topic.required or row.level else 'dim'
    texts = [escape(text) for text, only_wide in cells if wide or not only_wide]
    style = {WARN: 'yellow', ERROR: 'red'}.get(row.level, '' if row.topic.required else 'dim')
    table.add_row(f'[{colour}]{mark}[/]', escape(row.topic.name), *texts, style=style)


def _hz(row: Row) -> str:
    expected = f' /{row.topic.rate_hz:g}' if row.topic.rate_hz else ''
    return f'{row.flow.hz:.0f}{expected}' if row.flow.count else f'–{expected}'


def _ms(seconds: float | None) -> str:
    return '–' if seconds is None else f'{seconds * 1e3:.0f}'


def _before(view: View, width: int) -> RenderableType:
    """Pre-flight: is everything there, of the right kind, at the right rate?"""
    wide = width >= WIDE
    columns = (
        ('type', True),
        ('QoS', False),
        ('Hz', False),
        ('age ms', False),
        ('clock ms', True),
        ('content', False),
    )
    table = _table(wide, columns)
    for row in _shown(view.rows):
        stamped = row.topic.stamped and row.topic.rate_hz is not None
        cells = (
            (row.topic.type.split('/')[-1], True),
            (row.qos, False),
            (_hz(row), False),
            (_ms(row.flow.age_s) if stamped else '', False),
            (_ms(row.flow.offset_s) if stamped else '', True),
            (row.content, False),
        )
        _add(table, wide, row, cells)
    absent = [row.topic.name for row in view.rows if row not in _shown(view.rows)]
    if not absent:
        return table
    text = Text(f'not there, not needed: {", ".join(absent)}', style='dim')
    return Group(table, text)


def _during(view: View, width: int) -> RenderableType:
    """The take: what is coming in, and what was lost."""
    wide = width >= WIDE
    columns = (
        ('Hz', False),
        ('written', False),
        ('gaps', False),
        ('longest ms', False),
        ('lost', False),
        ('jitter ms', False),
        ('age ms', True),
        ('frozen', True),
    )
    table = _table(wide, columns)
    counts = view.take.counts if view.take is not None else {}
    for row in _shown(view.rows):
        count = counts.get(row.topic.name, Counts(0, 0, 0))
        lost = count.lost + count.dropped
        rated = row.topic.rate_hz is not None
        cells = (
            (_hz(row), False),
            (str(count.written), False),
            (str(row.flow.gaps) if rated else '', False),
            (_ms(row.flow.longest_gap_s) if rated else '', False),
            (str(lost), False),
            (f'{row.flow.jitter_s * 1e3:.1f}' if rated else '', False),
            (_ms(row.flow.age_s) if rated else '', True),
            (f'{row.frozen_s:.1f} s' if row.frozen_s else '', True),
        )
        _add(table, wide, row, cells)
    return table


def _problems(view: View) -> RenderableType | None:
    """What is wrong, and what to do about it."""
    found = [row for row in view.rows if row.problem]
    if not found:
        return None
    table = Table(box=None, show_header=False, padding=(0, 1, 0, 0), expand=True)
    table.add_column(ratio=1)
    for row in sorted(found, key=lambda row: (not row.refuses, -row.level)):
        text = Text.assemble((f'{row.topic.name} ', 'bold'), row.problem, style=COLOURS[row.level])
        if row.remedy:
            text.append(f'\n   → {row.remedy}', style='default')
        table.add_row(text)
    return table


def _last(view: View) -> Text | None:
    """Verdict on the last take."""
    if view.last is None:
        return None
    name, seconds, verdict, reasons = view.last
    text = Text.assemble(
        ('last: ', 'dim'),
        (name, 'bold'),
        f' {seconds:.1f} s ',
        (verdict.upper(), f'bold {VERDICTS.get(verdict, "")}'),
        no_wrap=True,
        overflow='ellipsis',
    )
    if reasons:
        more = f' (and {len(reasons) - 1} more)' if len(reasons) > 1 else ''
        text.append(f'{more} {reasons[0]}')
    return text


def _keys(view: View) -> Text:
    keys = Text()
    for key, meaning in view.keys.items():
        keys.append(f' {key} ', 'reverse')
        keys.append(f' {meaning}  ')
    return keys


_STAMP = re.compile(r'^\[(\w+)\] \[[\d.]+\] \[[^\]]*\]', re.MULTILINE)
"""What rclpy puts before every message; the colon behind it stays."""


class Screen:
    """The terminal's other page; what the process logs meanwhile is kept."""

    def __init__(self) -> None:
        """Take over the terminal.

        Raises:
            NotReadyError: If standard output is no terminal, or one that cannot be redrawn.
        """
        self._console = Console(file=sys.stdout)
        if not self._console.is_terminal or self._console.is_dumb_terminal:
            raise NotReadyError('a screen needs a terminal, and standard output is none')
        # rclpy logs from C++, straight to file descriptor 2, where it would scribble on us.
        self._log = tempfile.TemporaryFile('w+b')
        sys.stderr.flush()
        self._stderr = os.dup(2)
        os.dup2(self._log.fileno(), 2)
        self._live = Live(
            console=self._console,
            screen=True,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    def show(self, view: View) -> None:
        """Redraw."""
        lines = [line for line in self.logged()[-LOG_LINES:] if line]
        log = Text('\n'.join(lines), style='dim', overflow='ellipsis', no_wrap=True)
        self._live.update(Group(render(view, self._console.width), log), refresh=True)

    def logged(self, most_bytes: int = 4096) -> list[str]:
        """Last lines that were logged since the screen was taken over."""
        sys.stderr.flush()
        size = os.fstat(self._log.fileno()).st_size
        data = os.pread(self._log.fileno(), most_bytes, max(size - most_bytes, 0))
        text = _STAMP.sub(r'\1', data.decode(errors='replace'))
        return [line for line in text.splitlines() if line.strip()]

    def close(self) -> None:
        """Give the terminal back, if it is still there, and let it see what was logged."""
        with suppress(OSError):
            self._live.stop()
        sys.stderr.flush()
        os.dup2(self._stderr, 2)
        os.close(self._stderr)
        size = os.fstat(self._log.fileno()).st_size
        with suppress(OSError):
            os.write(2, os.pread(self._log.fileno(), size, 0))
        self._log.close()
