# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Plots of an audit as inline SVG: small enough for hundreds on one page, in its colours."""

from collections.abc import Callable, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .audit_survey import Lane, Survey

WIDTH = 900
LEFT, RIGHT, LANE, AXIS = 262, 64, 30, 26
LEVEL = 0.72
"""Height of the expected rate in its lane."""
MOST_LANES = 16

Scale = Callable[[float], float]
"""Seconds to a place in the picture."""


def timeline(survey: Survey) -> str:
    """Rate of every topic over the episode, its gaps, and when nothing moved.

    Each lane is filled up to the rate; the dashed line is the rate that was expected. A band
    across all lanes is the time before the first and after the last motion.
    """
    lanes = sorted(survey.lanes, key=lambda lane: -len(lane.gaps_s))[:MOST_LANES]
    lanes = [lane for lane in survey.lanes if lane in lanes]
    if not lanes or survey.seconds <= 0.0:
        raise DataError(f'{survey.bag}: no topic has a rate to draw')
    rows = len(lanes) + bool(survey.verdicts_s)
    height = rows * LANE + AXIS + 4
    inner = WIDTH - LEFT - RIGHT

    def x(seconds: float) -> float:
        return LEFT + inner * min(max(seconds / survey.seconds, 0.0), 1.0)

    parts = [
        f'<svg viewBox="0 0 {WIDTH} {height}" class="timeline" role="img" '
        f'aria-label="rates and gaps of {escape(survey.audit.episode)} over time">'
    ]
    parts += _axis(survey.seconds, x, rows * LANE, height)
    for k, lane in enumerate(lanes):
        parts += _lane(lane, k * LANE, x, survey.seconds)
    if survey.verdicts_s:
        parts += _ticks('safety interventions', survey.verdicts_s, len(lanes) * LANE, x)
    audit = survey.audit
    if audit.moved:
        for begin, end in (
            (0.0, audit.idle_head_s),
            (survey.seconds - audit.idle_tail_s, survey.seconds),
        ):
            if end - begin > 0.02 * survey.seconds:
                parts.append(
                    f'<rect class="idle" x="{x(begin):.1f}" y="0" '
                    f'width="{x(end) - x(begin):.1f}" height="{rows * LANE}">'
                    f'<title>nothing moves from {begin:.2f} s to {end:.2f} s</title></rect>'
                )
    return ''.join([*parts, '</svg>'])


def _axis(seconds: float, x: Scale, bottom: int, height: int) -> list[str]:
    """Time axis with round steps, at most eight of them."""
    parts = []
    step = next_step(seconds / 8.0)
    for k in range(int(seconds / step + 1e-9) + 1):
        at = x(k * step)
        parts.append(f'<path class="grid" d="M{at:.1f} 0V{bottom}"/>')
        parts.append(
            f'<text class="axis" x="{at:.1f}" y="{height - 8}" text-anchor="middle">'
            f'{k * step:g}{" s" if k == 0 else ""}</text>'
        )
    return parts


def next_step(least: float) -> float:
    """Smallest of 1, 2, 5 times a power of ten that is not below `least`."""
    power = 10.0 ** np.floor(np.log10(max(least, 1e-6)))
    return float(next(power * f for f in (1, 2, 5, 10) if power * f >= least * (1 - 1e-9)))


def _lane(lane: Lane, top: int, x: Scale, seconds: float) -> list[str]:
    """One topic: filled up to its rate, gaps marked, name left, rate right."""
    base, expected = top + LANE - 3, LEVEL * (LANE - 6)
    bins = len(lane.rates_hz)
    heights = expected * np.minimum(lane.rates_hz / lane.expected_hz, 1.3)
    middles = [x(seconds * (k + 0.5) / bins) for k in range(bins)]
    points = [f'{at:.1f} {base - high:.1f}' for at, high in zip(middles, heights, strict=True)]
    end = x(seconds)
    area = (
        f'M{LEFT} {base}V{base - heights[0]:.1f}L{"L".join(points)}'
        f'L{end:.1f} {base - heights[-1]:.1f}V{base}Z'
    )
    name = lane.name if len(lane.name) <= 42 else '…' + lane.name[-41:]
    low = lane.mean_hz < 0.8 * lane.expected_hz
    parts = [
        f'<text class="name" x="{LEFT - 10}" y="{base - 5}" text-anchor="end">'
        f'{escape(name)}<title>{escape(lane.name)}</title></text>',
        f'<path class="rate{" low" * low}" d="{area}"/>',
        f'<path class="expected" d="M{LEFT} {base - expected:.1f}H{x(seconds):.1f}"/>',
    ]
    for begin, end in lane.gaps_s:
        width = max(x(end) - x(begin), 2.5)
        parts.append(
            f'<rect class="gap" x="{x(begin):.1f}" y="{top + 3}" width="{width:.1f}" '
            f'height="{LANE - 6}" rx="1"><title>{escape(lane.name)}: nothing for '
            f'{(end - begin) * 1e3:.0f} ms from {begin:.2f} s on</title></rect>'
        )
    parts.append(
        f'<text class="value{" low" * low}" x="{WIDTH - RIGHT + 8}" y="{base - 5}">'
        f'{lane.mean_hz:.0f} Hz</text>'
    )
    return parts


def _ticks(name: str, times_s: Sequence[float], top: int, x: Scale) -> list[str]:
    """A lane of events."""
    base = top + LANE - 3
    marks = ''.join(f'M{x(t):.1f} {top + 8}V{base}' for t in times_s)
    return [
        f'<text class="name" x="{LEFT - 10}" y="{base - 5}" text-anchor="end">{name}</text>',
        f'<path class="event" d="{marks}"/>',
        f'<text class="value" x="{WIDTH - RIGHT + 8}" y="{base - 5}">{len(times_s)} ×</text>',
    ]


def skew_histogram(skew_ms: NDArray[np.float64], bins: int = 30) -> str:
    """How far apart the sensors were at the ticks of the policy, median and 99th percentile.

    Args:
        skew_ms: Skew at each tick [ms], shape (T,).
        bins: Number of bars.
    """
    if not len(skew_ms):
        raise DataError('no skew to draw: it takes two sensors')
    median, high = (float(value) for value in np.percentile(skew_ms, (50, 99)))
    # A single late sample must not squeeze all others into one bar.
    edge = max(min(float(skew_ms.max()), 2.0 * high), 1.0)
    step = next_step(edge / 5.0)
    edge = step * np.ceil(edge / step)
    counts, _ = np.histogram(np.minimum(skew_ms, edge), bins=bins, range=(0.0, edge))
    width, height, left, bottom, top = 420, 180, 8, 152, 26
    inner = width - 2 * left
    bar = inner / bins
    parts = [
        f'<svg viewBox="0 0 {width} {height}" class="histogram" role="img" '
        f'aria-label="skew between sensors: median {median:.1f} ms">'
    ]
    for k in range(int(edge / step + 1e-9) + 1):
        at = left + inner * k * step / edge
        anchor = 'start' if k == 0 else 'end' if at > width - 24 else 'middle'
        parts.append(f'<path class="grid" d="M{at:.1f} {top}V{bottom}"/>')
        parts.append(
            f'<text class="axis" x="{at:.1f}" y="{height - 12}" text-anchor="{anchor}">'
            f'{k * step:g}{" ms" if k == 0 else ""}</text>'
        )
    for k, count in enumerate(counts):
        high_ = (bottom - top) * count / counts.max()
        if count:
            parts.append(
                f'<rect class="column" x="{left + k * bar + 0.75:.1f}" y="{bottom - high_:.1f}" '
                f'width="{bar - 1.5:.1f}" height="{high_:.1f}"><title>{count} ticks</title></rect>'
            )
    for value, label, dash in ((median, 'p50', ''), (high, 'p99', ' dashed')):
        at = left + inner * min(value / edge, 1.0)
        anchor, shift = ('end', -5) if at > 0.6 * width else ('start', 5)
        y = top - (6 if label == 'p50' else -8)
        parts.append(f'<path class="mark{dash}" d="M{at:.1f} {top - 16}V{bottom}"/>')
        parts.append(
            f'<text class="value" x="{at + shift:.1f}" y="{y}" text-anchor="{anchor}">'
            f'{label} {value:.0f} ms</text>'
        )
    return ''.join([*parts, '</svg>'])
