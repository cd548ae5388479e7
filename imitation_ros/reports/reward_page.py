# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The reward report: what the operator wants, as inverse RL believes; one page, JSON and PNG."""

import base64
import io
import json
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
import numpy as np

from ..errors import counted
from ..evaluation.reward_study import Agreement, ENOUGH, RewardStudy
from . import pages

PAGE, FIGURES, PICTURE = 'reward.html', 'reward.json', 'reward.png'
COLOURS = {'succeeded': '#1b7f5c', 'failed': '#c2452d', 'unknown': '#777777'}
SOURCES = {'recorded': 'recorded', 'simulated': 'new attempts in simulation'}


def write_reward_report(study: RewardStudy, folder: Path, title: str) -> dict[str, Path]:
    """Write page, figures and picture into a folder.

    Args:
        study: What was found.
        folder: The folder.
        title: Name of the run.

    Returns:
        Paths of `html`, `json` and `png`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    picture = draw(study)
    (folder / PICTURE).write_bytes(picture)
    page = {
        'title': f'What the operator wants · {title} · imitation_ros',
        'headline': headline(study),
        'run': title,
        'method': study.method,
        'json_name': FIGURES,
        'picture': 'data:image/png;base64,' + base64.b64encode(picture).decode(),
        'agreements': [_row(SOURCES[name], study.agreement(name)) for name in SOURCES],
        'preference': study.preference,
        'notes': study.notes,
    }
    pages.write(
        {
            folder / PAGE: pages.render('reward.html.j2', page, 'report.css'),
            folder / FIGURES: json.dumps(study.to_dict(), indent=1),
        }
    )
    return {'html': folder / PAGE, 'json': folder / FIGURES, 'png': folder / PICTURE}


def headline(study: RewardStudy) -> str:
    """The result in one sentence."""
    told = {source: study.agreement(source) for source in ('simulated', 'recorded')}
    for found in told.values():
        if found.correlation is None or not found.enough:
            continue
        if found.correlation > 0.3:
            verdict = 'The reward knows success'
        elif found.correlation < -0.3:
            verdict = 'The reward prefers failure'
        else:
            verdict = 'The reward hardly knows success'
        return (
            f'{verdict}: rank correlation {found.correlation:+.2f} over {found.episodes} episodes'
        )
    for found in told.values():
        if found.correlation is not None:
            failures = counted(found.episodes - found.successes, 'failure')
            return (
                'Whether the reward knows success cannot be told from '
                f'{found.successes} success{"es" * (found.successes != 1)} and {failures}: at '
                f'least {ENOUGH} of each'
            )
    return 'Whether the reward knows success was not measured: all episodes ended alike'


def _row(name: str, found: Agreement) -> dict[str, Any]:
    none = 'not measured: all ended alike' if found.episodes else 'not measured'
    return {
        'name': name,
        'episodes': found.episodes,
        'successes': found.successes,
        'correlation': none if found.correlation is None else f'{found.correlation:+.2f}',
        'chance': '' if found.chance is None else f'{100 * found.chance:.0f} %',
    }


def draw(study: RewardStudy) -> bytes:
    """Reward along episodes, reward against outcome, and the weights if there are some: a PNG."""
    columns = 3 if study.preference else 2
    figure = Figure(figsize=(4.6 * columns, 3.8), layout='constrained')
    axes = figure.subplots(1, columns)
    _along(axes[0], study)
    _outcomes(axes[1], study)
    if study.preference:
        _weights(axes[2], study)
    out = io.BytesIO()
    figure.savefig(out, format='png', dpi=120)
    return out.getvalue()


def _along(axes: Axes, study: RewardStudy) -> None:
    for kind, examples in study.examples().items():
        for number, one in enumerate(examples):
            time = np.arange(len(one.rewards)) * study.period_s
            axes.plot(
                time,
                one.rewards,
                color=COLOURS[kind],
                linestyle='-' if number == 0 else ':',
                label=f'{one.name}, {one.source}: {kind}',
            )
    axes.axhline(0.0, color='#bbbbbb', linewidth=0.8, zorder=0)
    axes.set(xlabel='time [s]', ylabel='reward of a decision', title='along an episode')
    if axes.lines:
        axes.legend(frameon=False, fontsize=7)


def _outcomes(axes: Axes, study: RewardStudy) -> None:
    rng = np.random.default_rng(0)
    places: list[int] = []
    labels: list[str] = []
    for source in SOURCES:
        for kind, outcome in (('succeeded', True), ('failed', False), ('unknown', None)):
            means = [
                one.mean for one in study.told if one.source == source and one.success is outcome
            ]
            if not means:
                continue
            place = len(places)
            places.append(place)
            labels.append(f'{source}\n{kind} ({len(means)})')
            across = place + rng.uniform(-0.15, 0.15, len(means))
            axes.plot(across, means, 'o', color=COLOURS[kind], markersize=4, alpha=0.6)
            axes.plot([place - 0.3, place + 0.3], [np.median(means)] * 2, color='k', linewidth=1.5)
    axes.set_xticks(places, labels, fontsize=8)
    axes.set(ylabel='mean reward of an episode', title='and success')


def _weights(axes: Axes, study: RewardStudy) -> None:
    rows = list(reversed(study.preference))
    weights = [row['weight'] for row in rows]
    colours = [COLOURS['succeeded' if weight > 0 else 'failed'] for weight in weights]
    axes.barh(
        [row['name'] for row in rows], weights, xerr=[row['error'] for row in rows], color=colours
    )
    axes.axvline(0.0, color='k', linewidth=0.8)
    axes.set(xlabel='weight of one standard deviation [nat]', title='what is wanted')
