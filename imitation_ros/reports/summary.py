# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The figures of a run in words, for the terminal and for the page; None is not measured."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from rich.table import Table

from ..errors import counted
from .run_folder import ReportData
from .training_log import Training

NOT_MEASURED = 'not measured'


def summary_table(data: ReportData) -> Table:
    """Table of every figure for the terminal."""
    table = Table(
        title=headline(data), title_justify='left', title_style='bold', show_header=False
    )
    table.add_column('what', style='dim', no_wrap=True)
    table.add_column('value', overflow='fold')
    for section in summary(data).values():
        for name, text in section.items():
            table.add_row(name, f'[dim italic]{NOT_MEASURED}[/]' if text is None else text)
        table.add_section()
    return table


def summary(data: ReportData) -> dict[str, dict[str, str | None]]:
    """Every figure of the run as text, by section; None where it was not measured.

    Of a training's own folder only what there is: most of a run has no place there.
    """
    training = dict.fromkeys(('training', 'time of an update', 'held-out error'))
    if data.trained is not None:
        whole = {
            'data': {'task': data.task, **_learnt(data.trained)},
            'training': {
                'method': data.trained.get('method'),
                **_training(data.training),
                'parity with torch': _parity(data),
            },
            'deployment': _deployment(data),
        }
        there = {
            name: {key: text for key, text in section.items() if text is not None}
            for name, section in whole.items()
        }
        return {name: section for name, section in there.items() if section}
    return {
        'data': {'task': data.task, **dict(episodes(data)), 'age at the tick': _skew(data)},
        'training': {**training, **_training(data.training), 'parity with torch': _parity(data)},
        'deployment': _deployment(data),
        'time': {'whole run': duration(data.total_s)},
    }


def headline(data: ReportData) -> str:
    """The outcome of the run in one line."""
    task = data.task or 'run'
    if data.trials is None or not len(data.trials):
        if data.trained is not None:
            return f'{task}: a training of {data.trained.get("method", "nothing yet")}'
        return f'{task}: not deployed yet'
    return f'{task}: {data.trials.successes} of {len(data.trials)} trials succeeded'


def _learnt(trained: Mapping[str, Any]) -> dict[str, str | None]:
    """What a training learns from."""
    if not trained:
        return {}
    held, extra = trained['held_out_bags'], trained['extra_bags']
    return {
        'trained on': f'{counted(len(trained["bags"]), "episode")}, {trained["frames"]} frames',
        'held out': counted(len(held), 'episode')
        if held
        else 'none: the held-out error is not known',
        'beside them': counted(len(extra), 'other episode') if extra else None,
    }


def duration(seconds: float | None) -> str | None:
    """A time [s] as people say it."""
    if seconds is None:
        return None
    if seconds < 120:
        return f'{seconds:.1f} s'
    return f'{int(seconds // 60)} min {int(seconds % 60)} s'


def percent(share: float) -> str:
    """A share as a whole percentage."""
    return f'{100 * share:.0f}\N{NO-BREAK SPACE}%'


def episodes(data: ReportData) -> list[tuple[str, str | None]]:
    """What was recorded, and what became a dataset."""
    recorded, frames = None, None
    if data.episodes is not None:
        verdicts = Counter(row.verdict or 'not audited' for row in data.episodes)
        counts = ', '.join(f'{n} {verdict}' for verdict, n in sorted(verdicts.items()))
        outcomes = Counter(row.outcome or 'without outcome' for row in data.episodes)
        ended = ', '.join(f'{n} {outcome}' for outcome, n in sorted(outcomes.items()))
        recorded = f'{len(data.episodes)} ({counts}; {ended})'
    if data.frames is not None:
        frames = f'{data.frames} in {data.dataset_episodes} episodes at {data.policy_hz:g} Hz'
    return [('episodes recorded', recorded), ('dataset frames', frames)]


def _skew(data: ReportData) -> str | None:
    if not data.ages:
        return None
    return ', '.join(f'{age.modality} {age.p99_ms:.0f} ms' for age in data.ages) + ' (p99)'


def _training(training: Training | None) -> dict[str, str | None]:
    if training is None:
        return {}
    took = duration(training.seconds)
    error, hold = training.held_out_error, training.hold_error
    against = ''
    if error is not None and hold is not None and hold > 0:
        against = f'; holding still {hold:.4f}, {hold / max(error, 1e-12):.1f} times as much'
    times, cost, judged = None, None, None
    if training.steps is not None and training.cpu_s is not None:
        cost = f'{training.cpu_s:.0f} CPU-s, {training.steps} simulated steps'
    if training.began is not None and training.success is not None:
        judged = (
            f'{percent(training.began)} at the beginning, at most {percent(training.success)}, '
            'from the starts it is judged by'
        )
    if training.data_ms is not None and training.step_ms is not None:
        times = f'data {training.data_ms:.1f} ms, step {training.step_ms:.1f} ms'
    unit = 'updates' if training.steps is None else 'iterations of practice'
    return {
        'training': f'{training.updates} {unit}' + (f' in {took}' if took else ''),
        **({} if judged is None else {'success while training': judged}),
        **({} if cost is None else {'cost': cost}),
        'time of an update': times,
        'held-out error': None if error is None else f'{error:.4f}{training.unit}{against}',
    }


def _parity(data: ReportData) -> str | None:
    model = data.model or {}
    parity = model.get('parity')
    if not isinstance(parity, Mapping) or 'max_abs_difference' not in parity:
        return None
    unit = '' if (model.get('observation') or {}).get('bare') else ' rad'
    text = f'at most {float(parity["max_abs_difference"]):.1e}{unit} apart'
    kinds = [
        f'{parity[kind]} {kind}' for kind in ('recorded', 'random', 'extreme') if kind in parity
    ]
    return f'{text} on {", ".join(kinds)} frames' if kinds else text


def _deployment(data: ReportData) -> dict[str, str | None]:
    names = ('success', 'time to success', 'safety interventions', 'observation to command')
    result: dict[str, str | None] = dict.fromkeys(names)
    trials = data.trials
    if trials is None or not len(trials):
        return result
    if trials.warnings:
        result = {'warning': '; '.join(trials.warnings), **result}
    rate = trials.rate
    result['success'] = (
        f'{trials.successes}/{len(trials)} = {percent(rate.estimate)} '
        f'(95 % interval {percent(rate.low)} to {percent(rate.high)})'
    )
    if trials.median_seconds is not None:
        result['time to success'] = f'{trials.median_seconds:.1f} s (median)'
    total = sum(trials.interventions.values())
    rules = ', '.join(f'{rule} {count}' for rule, count in trials.interventions.items())
    result['safety interventions'] = f'{total}' + (f' ({rules})' if rules else '')
    if trials.latency is not None:
        late = trials.latency
        result['observation to command'] = (
            f'p50 {late.p50_ms:.1f} ms, p99 {late.p99_ms:.1f} ms, max {late.max_ms:.1f} ms '
            f'({late.count} commands)'
        )
    return result
