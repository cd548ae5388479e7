# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The report of a run: one HTML file that needs no other, its figures as JSON, and a table.

What was not measured says so; no figure is filled in.
"""

from collections.abc import Mapping, Sequence
import json
from pathlib import Path
from typing import Any

from ..errors import counted
from . import pages, plots
from .run_folder import ReportData
from .summary import duration, episodes, headline, percent, summary, summary_table
from .training_log import Training

__all__ = ['render', 'summary_table', 'write_report']

MOST_STRIPS = 4
WORST_FIRST = ('reject', 'warn')


def write_report(data: ReportData, path: Path) -> Path:
    """Write the report as HTML and its figures as JSON beside it.

    Args:
        data: What the run holds.
        path: The HTML file; the JSON has the same name with `.json`.

    Returns:
        Path of the JSON.
    """
    beside = path.with_suffix('.json')
    texts = {path: render(data, beside.name), beside: json.dumps(data.to_dict(), indent=1)}
    pages.write(texts)
    return beside


def render(data: ReportData, json_name: str = 'report.json') -> str:
    """HTML of the report: styles, pictures and plots are inside, so it can be mailed."""
    return pages.render('report.html.j2', _page(data, json_name), 'report.css')


def _page(data: ReportData, json_name: str) -> dict[str, Any]:
    """Everything the template shows, already in words."""
    sections = summary(data)
    strips = sorted(data.strips, key=lambda strip: not strip.failed)[:MOST_STRIPS]
    late = data.trials.latency if data.trials else None
    return {
        'title': f'{headline(data)} · imitation_ros',
        'headline': headline(data),
        'run': data.run,
        'task': data.task,
        'json_name': json_name,
        'interval': _interval(data),
        'training_alone': data.trained is not None,
        'tiles': [
            tile for tile in _tiles(data) if data.trained is None or tile['value'] is not None
        ],
        'strips': [
            {'title': s.title, 'camera': s.camera, 'failed': s.failed, 'cells': s.cells()}
            for s in strips
        ],
        'trials': _trial_rows(data),
        'verdicts': _verdicts(data),
        'latency': late
        and [
            ('p50', f'{late.p50_ms:.1f} ms'),
            ('p99', f'{late.p99_ms:.1f} ms'),
            ('max', f'{late.max_ms:.1f} ms'),
            ('commands', str(late.count)),
        ],
        'latency_plot': late
        and late.samples_ms
        and plots.latency_histogram('latency', '', late.samples_ms, late.p50_ms, late.p99_ms),
        'trace_plots': [
            {
                'title': trace.title,
                'svg': plots.command_trace(
                    f'trace{i}',
                    '',
                    trace.joints,
                    trace.times_s,
                    trace.asked,
                    trace.sent,
                    trace.measured,
                ),
            }
            for i, trace in enumerate(data.traces)
        ],
        'training': (data.training or data.trained) and list(sections['training'].items()),
        'training_plots': _training_plots(data.training),
        'episodes': episodes(data)
        if data.trained is None
        else list(sections.get('data', {}).items()),
        'reasons': _reasons(data),
        'skew': data.ages,
        'model': _model_rows(data.model or data.trained),
        'stages': _stage_rows(data),
        'machine': list(data.machine.items()),
        'problems': data.problems,
    }


def _interval(data: ReportData) -> dict[str, Any] | None:
    if data.trials is None or not len(data.trials):
        return None
    rate = data.trials.rate
    return {
        'estimate': round(100 * rate.estimate, 2),
        'low': round(100 * rate.low, 2),
        'width': round(100 * (rate.high - rate.low), 2),
        'text': f'Success {percent(rate.estimate)}; the 95 % interval (Wilson) is '
        f'{percent(rate.low)} to {percent(rate.high)}.',
    }


def _tiles(data: ReportData) -> list[dict[str, Any]]:
    """The figures a reader looks for first: value, unit, and what it rests on."""
    trials, training = data.trials, data.training
    late = trials.latency if trials else None
    seconds = trials.median_seconds if trials else None
    count = sum(trials.interventions.values()) if trials else None
    error, hold = (training.held_out_error, training.hold_error) if training else (None, None)
    usable = sum(row.verdict != 'reject' for row in data.episodes or ())

    def tile(name: str, value: str | None, unit: str = '', note: str = '') -> dict[str, Any]:
        return {'name': name, 'value': value, 'unit': unit, 'note': note if value else ''}

    return [
        tile(
            'Time to success',
            None if seconds is None else f'{seconds:.1f}',
            's',
            'median of the trials that succeeded',
        ),
        tile(
            'Observation to command',
            f'{late.p50_ms:.1f}' if late else None,
            'ms',
            f'p99 {late.p99_ms:.1f} ms, max {late.max_ms:.1f} ms' if late else '',
        ),
        tile(
            'Safety interventions',
            None if count is None else str(count),
            '',
            f'in {len(trials) if trials else 0} trials',
        ),
        tile(
            'Demonstrations',
            None if data.episodes is None else str(len(data.episodes)),
            '',
            f'{usable} fit for training',
        ),
        tile(
            'Held-out error',
            None if error is None else f'{error:.4f}',
            training.unit.strip() if training else '',
            '' if hold is None else f'holding still: {hold:.4f}',
        ),
        tile('Whole run', duration(data.total_s), '', 'first recording to last trial'),
    ]


def _trial_rows(data: ReportData) -> dict[str, Any] | None:
    trials = data.trials
    if trials is None or not len(trials):
        return None
    longest = max(trials.horizon_s or 0.0, *(t.duration_s for t in trials.trials), 1e-9)
    rows = []
    for trial in sorted(trials.trials, key=lambda t: (t.success, t.seed)):
        spent = trial.duration_s if trial.seconds is None else trial.seconds
        rows.append(
            {
                'seed': trial.seed,
                'success': trial.success,
                'share': round(100 * min(1.0, spent / longest), 1),
                'seconds': f'{spent:.1f} s' if trial.success else f'none in {spent:.1f} s',
                'interventions': ', '.join(f'{r} {n}' for r, n in trial.interventions.items()),
                'state': trial.state,
                'note': trial.note,
            }
        )
    how = {
        'nodes': 'The policy node proposed and the safety node decided, in the operator’s place.',
        'rollout': 'The same model and safety filter in simulated time, without ROS.',
    }
    return {
        'rows': rows,
        'summary': how.get(trials.runner, trials.runner) + _conditions(trials.conditions),
        'warnings': trials.warnings,
    }


def _conditions(conditions: Mapping[str, Any]) -> str:
    """What was not as demonstrated, as a sentence; '' if nothing was, or nobody wrote it down."""
    wrong = list(conditions.get('perturb', ()))
    if conditions.get('spread', 1.0) != 1.0:
        wrong.append(f'starts spread by {conditions["spread"]:g}')
    if not conditions.get('filter', True):
        wrong.append('without the safety filter')
    return f' Tried under: {", ".join(wrong)}.' if wrong else ''


def _verdicts(data: ReportData) -> list[dict[str, Any]] | None:
    trials = data.trials
    if trials is None or not len(trials):
        return None
    return [
        {
            'rule': rule,
            'count': count,
            'trials': sum(bool(trial.interventions.get(rule)) for trial in trials.trials),
        }
        for rule, count in trials.interventions.items()
    ]


def _training_plots(training: Training | None) -> list[str]:
    if training is None:
        return []
    return [
        plots.curves(
            f'curve{i}', curve.title, curve.x, curve.lines, curve.unit, curve.reference, curve.log
        )
        for i, curve in enumerate(training.curves)
    ]


def _reasons(data: ReportData) -> list[dict[str, str]]:
    """Episodes the audit did not pass without a word, worst first."""
    found = [row for row in data.episodes or () if row.verdict in WORST_FIRST]
    found.sort(key=lambda row: (WORST_FIRST.index(row.verdict), row.episode))
    return [
        {'verdict': row.verdict, 'episode': row.episode, 'reasons': '; '.join(row.reasons)}
        for row in found
    ]


def _model_rows(model: Mapping[str, Any] | None) -> list[tuple[str, str | None]]:
    if model is None:
        return []
    spec = model.get('observation') or {}
    seen = [f'{len(spec.get("joints", ()))} joints', *spec.get('poses', ())]
    seen += [f'{c["name"]} {c["width"]}x{c["height"]}' for c in spec.get('cameras', ())]
    bags = model.get('bags')
    return [
        ('method', model.get('method')),
        *((('robot', model['contract_name']),) if 'contract_name' in model else ()),
        ('contract', str(model['contract_hash'])[:16] if 'contract_hash' in model else None),
        ('sees', ', '.join(seen) if spec else None),
        (
            'frames in, actions out',
            f'{spec["history"]} in, {spec["chunk"]} out of which {spec["execute"]} are used, '
            f'at {spec["policy_hz"]:g} Hz'
            if spec
            else None,
        ),
        ('trained on', None if bags is None else _bags(bags, model.get('tasks', ()))),
        *((('made', model['created']),) if 'created' in model else ()),
        *((f'{name} (training)', str(v)) for name, v in (model.get('versions') or {}).items()),
    ]


def _bags(bags: Sequence[str], tasks: Sequence[str]) -> str:
    shown = f' of {", ".join(tasks)}' if tasks else ''
    return f'{counted(len(bags), "bag")}{shown}'


def _stage_rows(data: ReportData) -> list[dict[str, Any]]:
    stages = data.stages or {}
    longest = max([*stages.values(), 1e-9])
    return [
        {'name': name, 'share': round(100 * s / longest, 1), 'text': duration(s)}
        for name, s in stages.items()
    ]
