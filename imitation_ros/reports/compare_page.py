# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The page of a comparison: the table, the claims, and the plots; figures as JSON beside it."""

from collections.abc import Mapping
from dataclasses import asdict
import json
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import counted
from ..evaluation.compare.plan import NOMINAL, Plan
from ..evaluation.compare.scores import MethodScores, Score, Scores
from ..evaluation.compare.verdicts import judge, Judgement, too_few
from . import pages, plots

NOTHING = 'not told'
JSON_NAME = 'compare.json'
PAGE_NAME = 'compare.html'

ROWS = (
    ('how hard', 'seeds that failed (below half of the expert); what it learns from'),
    ('data efficiency', 'demonstrations to nine tenths of the expert'),
    ('how well it works', 'success: as demonstrated; from unseen starts; share kept under harm'),
    ('recovery from mistakes', 'success of trials knocked out of what was demonstrated'),
    ('cost', 'training; inference'),
    ('best for', 'success over all conditions; how often it was the best of all resamples'),
)
"""The six rows, and what each is measured by."""


def write(scores: Scores, out: Path) -> Path:
    """Write page and JSON into a folder; returns the page."""
    claims = judge(scores)
    page = out / PAGE_NAME
    pages.write(
        {
            page: render(scores, claims),
            out / JSON_NAME: json.dumps(to_dict(scores, claims), indent=1, allow_nan=False),
        }
    )
    return page


def to_dict(scores: Scores, claims: tuple[Judgement, ...]) -> dict[str, Any]:
    """Every figure as plain values."""
    return {
        'plan': scores.plan.to_dict(),
        'not_available': list(scores.plan.unknown),
        'expert': scores.expert,
        'too_few': too_few(scores),
        'methods': {name: found.to_dict() for name, found in scores.methods.items()},
        'claims': [asdict(claim) for claim in claims],
    }


def share(score: Score) -> str:
    """A share as a percentage with its interval."""
    if np.isnan(score.value):
        return NOTHING
    ends = '' if np.isnan(score.low) else f' [{100 * score.low:.0f}, {100 * score.high:.0f}]'
    return f'{100 * score.value:.0f} %{ends}'


def number(score: Score, unit: str = '', most: int | None = None) -> str:
    """A number with its interval; what was never reached is above the most."""

    def text(value: float) -> str:
        if np.isinf(value):
            return 'never' if most is None else f'> {most}'
        return f'{value:.3g}'

    if np.isnan(score.value):
        return NOTHING
    return f'{text(score.value)}{unit} [{text(score.low)}, {text(score.high)}]'


def cells(scores: Scores, method: MethodScores) -> tuple[str, ...]:
    """The six rows of one method, in words."""
    plan = scores.plan
    start = next((c for c in plan.conditions if c.startswith('start')), None)
    unseen = '' if start is None else f'; unseen {share(method.success[start])}'
    back = '' if np.isnan(method.back_s) else f'; back after {method.back_s:.1f} s'
    steps = f', {method.sim_steps:.0f} simulated steps' if method.sim_steps else ''
    return (
        f'{share(method.failed_seeds)}; {method.inputs}',
        number(method.n90, most=plan.demos[-1]),
        f'shown {share(method.success[NOMINAL])}{unseen}; kept {share(method.robustness)}',
        f'{share(method.recovery)} of {method.knocked_out}{back}',
        f'{number(method.cpu_s, " CPU-s")}{steps}; {method.p50_ms.value:.2f} ms',
        f'{share(method.overall)}; best {100 * method.best:.0f} %',
    )


def take(scores: Scores) -> str:
    """Which method to take for this task: the cheapest that nothing is clearly better than."""
    names = list(scores.methods)
    tied = [
        name
        for name in names
        if not any(scores.difference(o, name).low > 0 for o in names if o != name)
    ]
    return min(tied, key=lambda name: scores.methods[name].cpu_s.value)


def render(scores: Scores, claims: tuple[Judgement, ...]) -> str:
    """HTML of the page."""
    plan = scores.plan
    methods = list(scores.methods.values())
    short = too_few(scores)
    chosen = '' if short else take(scores)
    columns = [cells(scores, method) for method in methods]
    return pages.render(
        'compare.html.j2',
        {
            'title': f'{plan.task}: {counted(len(methods), "method")} compared · imitation_ros',
            'task': plan.task,
            'headline': f'{plan.task}: '
            + (f'take {chosen}' if chosen else 'too few trials to choose by'),
            'lead': (
                f'{counted(plan.seeds, "seed")}, {_demonstrations(plan)}, '
                f'{plan.trials} trials of each policy under each condition, from the same starts, '
                'through policy.onnx and the safety supervisor. The expert succeeded in '
                f'{100 * scores.expert:.0f} % of its demonstrations. Intervals: 95 %, bootstrap '
                'over seeds and trials (Wilson, where all trials went alike).'
            ),
            'methods': [method.method for method in methods],
            'chosen': chosen,
            'rows': [
                {'name': name, 'note': note, 'cells': [column[i] for column in columns]}
                for i, (name, note) in enumerate(ROWS)
            ],
            'claims': [asdict(claim) for claim in claims],
            'missing': list(plan.unknown),
            'conditions': [
                {'name': c, 'cells': [share(method.success[c]) for method in methods]}
                for c in plan.conditions
            ],
            'plots': _plots(plan, methods),
            'json_name': JSON_NAME,
        },
        'report.css',
        'compare.css',
    )


def _demonstrations(plan: Plan) -> str:
    """Numbers of demonstrations in words."""
    *fewer, most = plan.demos
    return ', '.join([*map(str, fewer), counted(most, 'demonstration')])


def _plots(plan: Plan, methods: list[MethodScores]) -> list[str]:
    """Success against demonstrations, under each condition, recovery and cost."""
    found = []
    for name, title, curves in (
        ('curve', 'Success, as demonstrated', {m.method: m.curve for m in methods}),
        ('start', 'Success from unseen starts', {m.method: m.curve_start for m in methods}),
    ):
        lines = {method: _line(curve) for method, curve in curves.items() if curve}
        if lines:
            found.append(plots.ranges(name, title, 'demonstrations', 'success', lines, log_x=True))
    found.append(
        plots.bars(
            'conditions',
            f'Success with {counted(plan.demos[-1], "demonstration")}',
            {m.method: {c: _triple(m.success[c]) for c in plan.conditions} for m in methods},
            'success',
        )
    )
    recovery = {m.method: {'recovery': _triple(m.recovery)} for m in methods if m.knocked_out}
    if recovery:
        found.append(plots.bars('recovery', 'Recovery after a knock', recovery, 'success'))
    found.append(
        plots.bars(
            'cost',
            'Cost of a training',
            {m.method: {'CPU time': _triple(m.cpu_s)} for m in methods},
            'CPU-s',
            share=False,
        )
    )
    return found


def _triple(score: Score) -> tuple[float, float, float]:
    low, high = (score.value if np.isnan(v) else v for v in (score.low, score.high))
    return score.value, low, high


def _line(curve: Mapping[int, Score]) -> dict[float, tuple[float, float, float]]:
    return {float(demos): _triple(score) for demos, score in curve.items()}
