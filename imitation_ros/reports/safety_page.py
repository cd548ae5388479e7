# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The safety report: what a reviewer asks for, on one HTML page that needs no other file."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from ..evaluation.safety import streams as safety_streams
from ..evaluation.safety.comparison import Comparison, METHODS, OURS, Score, UNCERTIFIED
from . import pages, plots

MOST_POINTS = 300
"""Points of a plotted line; each stands for the least distance of its block."""

KINDS = ('position', 'velocity', 'acceleration', 'distance', 'non_finite')


def write_safety_report(comparison: Comparison, path: Path) -> Path:
    """Write the report as HTML and its figures as JSON beside it.

    Args:
        comparison: What was run.
        path: The HTML file; the JSON has the same name with `.json`.

    Returns:
        Path of the JSON.
    """
    beside = path.with_suffix('.json')
    texts = {
        path: render(comparison, beside.name),
        beside: json.dumps(comparison.to_dict(), indent=1),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    pages.write(texts)
    return beside


def render(comparison: Comparison, json_name: str = 'safety.json') -> str:
    """HTML of the report, styles and plots inside."""
    return pages.render('safety.html.j2', _page(comparison, json_name), 'report.css')


def headline(comparison: Comparison) -> str:
    """The result in one sentence."""
    broken, steps = comparison.total(OURS).total, comparison.steps(OURS)
    return f'{broken or "No"} violation{"s" * (broken != 1)} in {steps:,} set-points'


def _page(comparison: Comparison, json_name: str) -> dict[str, Any]:
    """Everything the template shows, already in words."""
    contract = comparison.contract
    return {
        'title': f'{headline(comparison)} · {contract.name} · imitation_ros',
        'headline': headline(comparison),
        'robot': contract.name,
        'json_name': json_name,
        'tiles': _tiles(comparison),
        'kinds': [kind.replace('_', '-') for kind in KINDS],
        'totals': [_total(comparison, name) for name in comparison.methods],
        'streams': [_stream(comparison, name) for name in comparison.scores],
        'methods': _methods(comparison),
        'missing': comparison.missing,
        'promises': _promises(comparison),
    }


def _tiles(comparison: Comparison) -> list[dict[str, str]]:
    rows = [scores[OURS] for scores in comparison.scores.values()]
    total = comparison.total(OURS)
    needed = 1e3 * comparison.contract.safety.self_collision_distance
    kept = {name: comparison.speed_kept(name) for name in comparison.scores}
    shown = {name: share for name, share in kept.items() if share is not None}
    least = min(shown, key=lambda name: shown[name])
    slowest = max(rows, key=lambda score: score.p99_us)
    return [
        {
            'name': 'Closest two links came',
            'value': f'{total.closest_mm:.1f}',
            'unit': 'mm',
            'note': f'{needed:g} mm are promised',
        },
        {
            'name': 'Largest acceleration',
            'value': f'{total.hardest:.2f}',
            'unit': 'of the limit',
            'note': f'{total.non_finite} commands held NaN or infinity',
        },
        {
            'name': 'Cost of a step',
            'value': f'{slowest.p50_us / 1e3:.2f}',
            'unit': 'ms',
            'note': f'median of the dearest stream; p99 {slowest.p99_us / 1e3:.2f} ms',
        },
        {
            'name': 'Speed kept',
            'value': f'{shown[least]:.2f}',
            'unit': '',
            'note': f'with the certificate over without it, on the worst stream ({least})',
        },
    ]


def _total(comparison: Comparison, name: str) -> dict[str, Any]:
    violations = comparison.total(name)
    return {
        'name': name,
        'good': violations.total == 0,
        'counts': [f'{getattr(violations, kind):,}' for kind in KINDS],
        'closest': f'{violations.closest_mm:.1f}',
        'hardest': f'{violations.hardest:.1f}',
        'failures': sum(scores[name].failures for scores in comparison.scores.values()),
    }


def _stream(comparison: Comparison, name: str) -> dict[str, Any]:
    scores = comparison.scores[name]
    what = (getattr(safety_streams, name).__doc__ or '').splitlines()[0]
    return {
        'name': name,
        'what': what,
        'rows': [_row(method, score) for method, score in scores.items()],
        'plot': _plot(comparison, name),
    }


def _row(name: str, score: Score) -> dict[str, Any]:
    violations = score.violations
    return {
        'name': name,
        'good': violations.total == 0,
        'counts': [f'{getattr(violations, kind):,}' for kind in KINDS],
        'closest': f'{violations.closest_mm:.1f}',
        'hardest': f'{violations.hardest:.1f}',
        'speed': f'{score.speed:.3f}',
        'deviation': f'{score.deviation:.4f}',
        'cost': f'{score.p50_us:.0f} / {score.p99_us:.0f}',
    }


def _plot(comparison: Comparison, stream: str) -> str:
    """Least distance over time of the first run of every method but the uncertified one."""
    contract = comparison.contract
    dt = 1.0 / contract.rates.command_hz
    lines, end = {}, dt
    for name, score in comparison.scores[stream].items():
        if name == UNCERTIFIED:
            continue
        count = len(score.distances)
        block = -(-count // MOST_POINTS)
        starts = np.arange(0, count, block)
        least = 1e3 * np.minimum.reduceat(score.distances, starts)
        lines[name] = ((starts * dt).tolist(), least.tolist())
        end = max(end, (count - 1) * dt)
    needed = 1e3 * contract.safety.self_collision_distance
    return plots.curves(
        f'distance_{stream}',
        f'{stream}: least distance of two links',
        ('time [s]', (0.0, end)),
        lines,
        'distance [mm]',
        reference=(f'promised: {needed:g} mm', needed),
        log=False,
        outside=True,
    )


def _methods(comparison: Comparison) -> list[tuple[str, str]]:
    """What every method is, in its own words."""
    return [
        (name, ' '.join((METHODS[name].__doc__ or '').replace('`', '').split()))
        for name in comparison.methods
    ]


def _promises(comparison: Comparison) -> list[tuple[str, str]]:
    contract = comparison.contract
    limits, safety = contract.limits, contract.safety

    def span(values: Any, unit: str) -> str:
        low, high = float(np.min(values)), float(np.max(values))
        return f'{low:g} {unit}' if low == high else f'{low:g} to {high:g} {unit}'

    return [
        ('robot', f'{contract.name}, {contract.n} joints, contract {contract.hash[:12]}'),
        ('set-points', f'{contract.rates.command_hz:g} a second'),
        ('highest speed', span(limits.velocity, 'rad/s')),
        ('highest acceleration', span(limits.acceleration, 'rad/s²')),
        ('least distance', f'{1e3 * safety.self_collision_distance:g} mm'),
        ('pairs of links watched', str(comparison.pairs)),
        ('mode', getattr(safety, 'mode', 'project')),
    ]
