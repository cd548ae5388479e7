# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Plots as inline SVG that follow the page: its font, its width, its light or dark colours."""

from collections.abc import Mapping, Sequence
import io
import re
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator
import numpy as np
from numpy.typing import NDArray

from ..errors import DataError

# Okabe and Ito's palette: told apart by colour-blind readers too. Each is the fallback of a
# CSS variable of the same name, which the page sets per theme.
COLOURS = {
    'ink': '#24292f',
    'muted': '#6e7781',
    'line': '#d0d7de',
    'blue': '#0072b2',
    'orange': '#d55e00',
    'green': '#009e73',
    'grey': '#8c959f',
}

STYLE = {
    'font.size': 8,
    'axes.titlesize': 9,
    'axes.titleweight': 'bold',
    'axes.titlelocation': 'left',
    'axes.titlecolor': COLOURS['ink'],
    'axes.labelcolor': COLOURS['muted'],
    'axes.edgecolor': COLOURS['line'],
    'axes.spines.top': False,
    'axes.spines.right': False,
    'axes.grid': True,
    'axes.grid.axis': 'y',
    'axes.axisbelow': True,
    'grid.color': COLOURS['line'],
    'grid.linewidth': 0.6,
    'xtick.color': COLOURS['muted'],
    'ytick.color': COLOURS['muted'],
    'text.color': COLOURS['ink'],
    'lines.linewidth': 1.4,
    'legend.frameon': False,
    'legend.labelcolor': COLOURS['ink'],
    'svg.fonttype': 'none',
}

MOST_JOINTS = 4


def _figure(columns: int = 1, rows: int = 1, share_x: bool = False) -> tuple[Figure, Any]:
    figure = Figure(figsize=(5.2 * columns, 2.5 * rows), layout='constrained')
    return figure, figure.subplots(rows, columns, squeeze=False, sharex=share_x)


def _svg(figure: Figure, name: str, label: str) -> str:
    """SVG element of a figure: ids of its own, theme colours, no declaration or metadata."""
    buffer = io.StringIO()
    # Inline SVGs of one page share their ids: the salt keeps one's clip paths off another's.
    with matplotlib.rc_context({'svg.hashsalt': name}):
        figure.savefig(buffer, format='svg', transparent=True, metadata={'Date': None})
    svg = re.sub(r'<metadata>.*?</metadata>', '', buffer.getvalue(), flags=re.DOTALL)
    svg = re.sub(r'<style.*?</style>', '', svg[svg.index('<svg') :], flags=re.DOTALL)
    svg = re.sub(r'\s(?:xmlns(?::xlink)?|version)="[^"]*"', '', svg)
    svg = re.sub(r' id="(?!\w{11}")[^"]*"', '', svg)
    svg = re.sub(r'<svg ([^>]*?)(?:width|height)="[^"]*pt"', r'<svg \1', svg, count=1)
    svg = re.sub(r'(<svg [^>]*?)(?:width|height)="[^"]*pt"', r'\1', svg, count=1)
    svg = re.sub(r'font: ([^;]*?px) [^;\"]*', r'font: \1 var(--font, sans-serif)', svg)
    for colour, value in COLOURS.items():
        svg = svg.replace(value, f'var(--{colour}, {value})')
    return svg.replace('<svg ', f'<svg role="img" aria-label="{label}" class="plot" ', 1).strip()


def curves(
    name: str,
    title: str,
    x: tuple[str, Sequence[float]],
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    unit: str,
    reference: tuple[str, float] | None = None,
    log: bool = True,
    outside: bool = False,
) -> str:
    """Lines over a common axis, as training curves.

    Args:
        name: Short name, unique on the page.
        title: Title.
        x: Label of the axis, and the range it must show at least.
        lines: x and y of every line, by its label.
        unit: Label of the y axis.
        reference: Label and height of a line to compare with.
        log: Whether y is logarithmic.
        outside: Whether the legend stands below, for lines that leave it no room.
    """
    if not any(len(points[0]) for points in lines.values()):
        raise DataError(f'"{title}" has no points to draw')
    with matplotlib.rc_context(STYLE):
        figure, axes = _figure()
        axis = axes[0, 0]
        colours = ('blue', 'orange', 'green', 'grey')
        for (label, (xs, ys)), colour in zip(lines.items(), colours, strict=False):
            marker = 'o' if len(xs) <= 12 else None
            axis.plot(xs, ys, color=COLOURS[colour], label=label, marker=marker, markersize=3)
        if reference is not None:
            axis.axhline(reference[1], color=COLOURS['grey'], ls='--', lw=1, label=reference[0])
        if log and all((np.asarray(ys) > 0).all() for _, ys in lines.values()):
            axis.set_yscale('log')
            axis.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axis.yaxis.set_major_formatter(lambda value, _: f'{value:g}')
            axis.yaxis.set_minor_locator(NullLocator())
        axis.set(title=title, xlabel=x[0], ylabel=unit)
        axis.set_xlim(*_span(x[1]))
        if outside:
            figure.legend(loc='outside lower center', ncols=3, fontsize=8)
        else:
            axis.legend(loc='best', fontsize=8)
        return _svg(figure, name, title)


def _span(values: Sequence[float]) -> tuple[float, float]:
    low, high = float(min(values)), float(max(values))
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def command_trace(
    name: str,
    title: str,
    joints: Sequence[str],
    times_s: NDArray[np.floating[Any]],
    asked: NDArray[np.floating[Any]],
    sent: NDArray[np.floating[Any]],
    measured: NDArray[np.floating[Any]] | None = None,
    most: int = MOST_JOINTS,
) -> str:
    """What the policy asked for, what safety sent, and where the joints were.

    Only the joints that were altered or moved the most are drawn.

    Args:
        name: Short name, unique on the page.
        title: Title.
        joints: Names of the columns, shape (n,).
        times_s: Times [s], shape (T,).
        asked: Proposed positions [rad], shape (T, n); NaN where nothing was asked.
        sent: Commanded positions [rad], shape (T, n).
        measured: Measured positions [rad], shape (T, n).
        most: How many joints to draw.
    """
    if not sent.shape == asked.shape == (len(times_s), len(joints)) or not len(times_s):
        raise DataError(f'asked {asked.shape} and sent {sent.shape} do not fit the joints')
    chosen = _busiest(asked, sent, min(most, len(joints)))
    with matplotlib.rc_context(STYLE):
        columns = 2 if len(chosen) > 1 else 1
        figure = Figure(
            figsize=(9.0, 1.7 * -(-len(chosen) // columns) + 0.4), layout='constrained'
        )
        axes = figure.subplots(-(-len(chosen) // columns), columns, squeeze=False, sharex=True)
        for axis in axes.flat[len(chosen) :]:
            axis.set_visible(False)
        for axis, joint in zip(axes.flat, chosen, strict=False):
            if measured is not None:
                axis.plot(times_s, measured[:, joint], color=COLOURS['grey'], label='measured')
            axis.plot(times_s, asked[:, joint], color=COLOURS['orange'], label='asked')
            axis.plot(times_s, sent[:, joint], color=COLOURS['blue'], label='sent', ls='--')
            axis.set(title=joints[joint])
            axis.set_xlim(*_span(times_s.tolist()))
        for axis in axes[-1]:
            axis.set_xlabel('time [s]')
        for axis in axes[:, 0]:
            axis.set_ylabel('position [rad]')
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc='outside upper right', ncols=3, fontsize=8)
        return _svg(figure, name, title)


def _busiest(
    asked: NDArray[np.floating[Any]], sent: NDArray[np.floating[Any]], count: int
) -> list[int]:
    """Joints that safety altered the most, then those that moved the most."""
    altered = np.nan_to_num(np.abs(asked - sent)).max(axis=0)
    altered[altered < 1e-3] = 0.0
    order = np.lexsort((np.ptp(sent, axis=0), altered))[::-1]
    return [int(joint) for joint in order[:count]]


def latency_histogram(
    name: str, title: str, samples_ms: Sequence[float], p50_ms: float, p99_ms: float
) -> str:
    """Histogram of times from observation to command, with its median and 99th percentile.

    Args:
        name: Short name, unique on the page.
        title: Title.
        samples_ms: Measured times [ms].
        p50_ms: Median [ms].
        p99_ms: 99th percentile [ms].
    """
    values = np.asarray(samples_ms, dtype=np.float64)
    if not len(values):
        raise DataError(f'"{title}" has no samples to draw')
    with matplotlib.rc_context(STYLE):
        figure, axes = _figure()
        axis = axes[0, 0]
        # A single late sample must not squeeze all others into one bar.
        edge = max(min(float(values.max()), 2.5 * p99_ms), 1e-3)
        axis.hist(
            np.minimum(values, edge),
            bins=min(40, max(8, len(values) // 8)),
            range=(min(0.0, float(values.min())), edge),
            color=COLOURS['blue'],
        )
        for value, label, style in ((p50_ms, 'p50', '-'), (p99_ms, 'p99', '--')):
            axis.axvline(
                value, color=COLOURS['orange'], ls=style, lw=1.2, label=f'{label} {value:.1f} ms'
            )
        beyond = int((values > edge).sum())
        more = f' ({beyond} beyond, up to {values.max():.0f} ms, in the last bar)' * (beyond > 0)
        axis.set(title=title, xlabel=f'latency [ms]{more}', ylabel='commands')
        axis.legend(loc='best', fontsize=8)
        return _svg(figure, name, title)


CYCLE = ('blue', 'orange', 'green', 'grey', 'ink', 'muted')
Triple = tuple[float, float, float]
"""A value and the ends of its interval."""


def ranges(
    name: str,
    title: str,
    x: str,
    unit: str,
    lines: Mapping[str, Mapping[float, Triple]],
    log_x: bool = False,
) -> str:
    """Lines with an interval at every point, as shares from 0 to 1.

    Args:
        name: Short name, unique on the page.
        title: Title.
        x: Label of the x axis.
        unit: Label of the y axis.
        lines: For each label the values by their place on the x axis.
        log_x: Whether that axis is logarithmic.
    """
    with matplotlib.rc_context(STYLE):
        figure, axes = _figure()
        axis = axes[0, 0]
        for i, (label, points) in enumerate(lines.items()):
            # Side by side, or the intervals of methods that do alike would hide each other.
            shift = 1.0 + 0.03 * (i - (len(lines) - 1) / 2)
            places = [place * shift for place in points]
            values, low, high = np.array(list(points.values())).T
            colour = COLOURS[CYCLE[i % len(CYCLE)]]
            errors = np.clip([values - low, high - values], 0.0, None)
            axis.errorbar(places, values, errors, color=colour, label=label, marker='o', ms=3)
        if log_x:
            axis.set_xscale('log', base=2)
            ticks = sorted({place for points in lines.values() for place in points})
            axis.set_xticks(ticks, [f'{tick:g}' for tick in ticks])
            axis.xaxis.set_minor_locator(NullLocator())
        axis.set(title=title, xlabel=x, ylabel=unit, ylim=(-0.03, 1.03))
        figure.legend(loc='outside lower center', ncols=6, fontsize=8)
        return _svg(figure, name, title)


def bars(
    name: str,
    title: str,
    groups: Mapping[str, Mapping[str, Triple]],
    unit: str,
    share: bool = True,
) -> str:
    """Bars with intervals: for each label one colour, for each of its keys one place.

    Args:
        name: Short name, unique on the page.
        title: Title.
        groups: For each label its values by key; all have the same keys.
        unit: Label of the y axis.
        share: Whether values are shares from 0 to 1.
    """
    keys = list(next(iter(groups.values())))
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(5.2 if len(keys) < 3 else 9.0, 2.5), layout='constrained')
        axis = figure.subplots()
        width = 0.8 / len(groups)
        for i, (label, values) in enumerate(groups.items()):
            places = np.arange(len(keys)) + width * (i - (len(groups) - 1) / 2)
            value, low, high = np.array([values[key] for key in keys]).T
            errors = np.clip([value - low, high - value], 0.0, None)
            axis.bar(
                places,
                value,
                0.9 * width,
                yerr=errors,
                color=COLOURS[CYCLE[i % len(CYCLE)]],
                error_kw={'ecolor': COLOURS['muted'], 'elinewidth': 0.8},
                label=label,
            )
        axis.set_xticks(range(len(keys)), keys)
        axis.set(title=title, ylabel=unit)
        if share:
            axis.set_ylim(0.0, 1.03)
        figure.legend(loc='outside lower center', ncols=6, fontsize=8)
        return _svg(figure, name, title)
