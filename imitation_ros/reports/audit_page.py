# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The audit of many bags as one HTML file that needs no other: the worst episodes first."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..bags.audit.audit import SHAPING
from ..bags.audit.bag import Audit, Bounds, TopicAudit
from ..errors import DataError
from . import pages
from .audit_plots import skew_histogram, timeline
from .audit_survey import Survey

ORDER = {'reject': 0, 'warn': 1, 'ok': 2}
OPEN = 3
"""Episodes whose details are open at first."""
HEADINGS = ('messages', 'Hz', 'expected', 'gaps', 'longest [ms]', 'jitter [ms]', 'lost')


def write_audit_page(surveys: Sequence[Survey], path: Path, where: str) -> None:
    """Write the page.

    Args:
        surveys: One per bag.
        path: The HTML file.
        where: What was audited, for the title.

    Raises:
        DataError: If there is no bag, or the file cannot be written.
    """
    text = render(surveys, where)
    try:
        pages.write({path: text})
    except OSError as error:
        raise DataError(f'cannot write {path}: {error.strerror}') from error


def render(surveys: Sequence[Survey], where: str) -> str:
    """HTML of the page; styles, pictures and plots are inside, so it can be mailed."""
    if not surveys:
        raise DataError('no bag to show')
    return pages.render('audit.html.j2', _page(surveys, where), 'report.css', 'audit.css')


def severity(audit: Audit) -> tuple[int, bool, int, float]:
    """Key that sorts the worst first: verdict, unreadable, number of reasons, longest gap."""
    longest = max((topic.longest_gap_s for topic in _periodic(audit)), default=0.0)
    return ORDER[audit.verdict], bool(audit.topics), -len(audit.reasons), -longest


def _periodic(audit: Audit) -> list[TopicAudit]:
    return [t for t in audit.topics if t.expected_hz is not None or t.gaps]


def _page(surveys: Sequence[Survey], where: str) -> dict[str, Any]:
    """Everything the template shows, already in words."""
    ordered = sorted(surveys, key=lambda survey: severity(survey.audit))
    counts = {
        verdict: sum(survey.audit.verdict == verdict for survey in surveys)
        for verdict in ('ok', 'warn', 'reject')
    }
    total = len(surveys)
    fit = counts['ok'] + counts['warn']
    skew = np.concatenate([survey.skew_ms for survey in surveys])
    outliers = _outliers(surveys)
    return {
        'title': f'Audit of {where} · imitation_ros',
        'headline': f'{fit} of {total} episode{"s" * (total != 1)} fit for training',
        'where': where,
        'share': [
            {'verdict': verdict, 'percent': round(100 * count / total, 2)}
            for verdict, count in counts.items()
            if count
        ],
        'share_text': f'{counts["ok"]} ok, {counts["warn"]} with warnings, '
        f'{counts["reject"]} rejected.',
        'tiles': _tiles(surveys, skew),
        'rows': [_row(survey, k, outliers) for k, survey in enumerate(ordered)],
        'skew_plot': skew_histogram(skew, 40) if len(skew) else '',
        'skew_text': _skew_text(ordered, skew),
        'headings': HEADINGS,
        'episodes': [_episode(survey, k) for k, survey in enumerate(ordered)],
    }


def _skew_text(surveys: Sequence[Survey], skew: 'np.ndarray[Any, Any]') -> str:
    if not len(skew):
        return ''
    worst = max(surveys, key=lambda survey: survey.audit.skew_ms.get('p99', 0.0))
    return (
        'At each tick of the policy: how much older the oldest of the newest samples of all '
        f'sensors is than the youngest. {len(skew)} ticks; the median is '
        f'{np.percentile(skew, 50):.0f} ms, one in a hundred is above '
        f'{np.percentile(skew, 99):.0f} ms. A camera at 30 Hz alone makes up to 33 ms. '
        f'The widest is {worst.audit.episode}.'
    )


def _tiles(surveys: Sequence[Survey], skew: 'np.ndarray[Any, Any]') -> list[dict[str, Any]]:
    audits = [survey.audit for survey in surveys]
    topics = [(a, t) for a in audits for t in _periodic(a)]
    gaps = sum(topic.gaps for _, topic in topics)
    lost = sum(topic.lost for audit in audits for topic in audit.topics)
    seconds = sum(audit.seconds for audit in audits)
    idle = sum(a.idle_head_s + a.idle_tail_s for a in audits)
    moved = any(audit.moved for audit in audits)
    grave = sum(_grave(audit) for audit in audits)
    worst = max(topics, key=lambda pair: pair[1].longest_gap_s) if topics else None

    def tile(name: str, value: str | None, unit: str = '', note: str = '') -> dict[str, Any]:
        return {'name': name, 'value': value, 'unit': unit, 'note': note}

    return [
        tile('Recorded', f'{seconds:.0f}', 's', f'in {len(surveys)} episodes'),
        tile('Messages lost', str(lost), '', 'on the way to the bag'),
        tile(
            'Gaps',
            str(gaps),
            '',
            f'the longest {worst[1].longest_gap_s * 1e3:.0f} ms, {worst[1].name} in '
            f'{worst[0].episode}'
            if worst and gaps
            else 'no topic was silent',
        ),
        tile(
            'Skew between sensors',
            f'{np.percentile(skew, 50):.0f}' if len(skew) else None,
            'ms',
            f'median; p99 {np.percentile(skew, 99):.0f} ms' if len(skew) else '',
        ),
        tile(
            'Idle head and tail',
            f'{idle:.1f}' if moved else None,
            's',
            f'{100 * idle / max(seconds, 1e-9):.0f} % of the time; "imitation_ros trim" cuts it'
            if moved
            else 'no joints are known',
        ),
        tile(
            'Safety interventions',
            str(grave) if any(survey.contract for survey in surveys) else None,
            '',
            'beyond slowing a command down',
        ),
    ]


def _grave(audit: Audit) -> int:
    """Interventions that say something against a demonstration."""
    return sum(n for rule, n in audit.interventions.items() if rule not in SHAPING)


def _outliers(surveys: Sequence[Survey]) -> dict[str, float]:
    """Value above which an episode stands out: median and five times the median deviation."""
    limits = {}
    for name, values in (
        ('jerk', [s.audit.jerk for s in surveys if s.audit.moved]),
        ('skew', [s.audit.skew_ms['p99'] for s in surveys if s.audit.skew_ms]),
    ):
        if len(values) < 4:
            limits[name] = float('inf')
            continue
        median = float(np.median(values))
        deviation = float(np.median(np.abs(np.array(values) - median)))
        limits[name] = median + max(5.0 * deviation, 0.5 * median)
    return limits


def _row(survey: Survey, number: int, outliers: Mapping[str, float]) -> dict[str, Any]:
    audit, bounds = survey.audit, Bounds()
    longest = max((t.longest_gap_s for t in _periodic(audit)), default=0.0)
    lost = sum(topic.lost for topic in audit.topics)
    skew = audit.skew_ms.get('p99')
    gaps = any(topic.gaps for topic in audit.topics)
    grave = _grave(audit)
    long_idle = max(audit.idle_head_s, audit.idle_tail_s) > bounds.idle_s
    cells = [
        (f'{audit.seconds:.1f}', False),
        (f'{longest * 1e3:.0f}', gaps),
        (str(lost), lost > 0),
        ('–' if skew is None else f'{skew:.0f}', skew is not None and skew > outliers['skew']),
        (
            f'{audit.idle_head_s:.1f} + {audit.idle_tail_s:.1f}' if audit.moved else '–',
            long_idle,
        ),
        (f'{audit.jerk:.0f}' if audit.moved else '–', audit.jerk > outliers['jerk']),
        (str(grave) if survey.contract else '–', grave > 0),
    ]
    reasons = audit.reasons
    more = f' (and {len(reasons) - 1} more)' if len(reasons) > 1 else ''
    return {
        'id': f'e{number}',
        'episode': audit.episode,
        'verdict': audit.verdict,
        'outcome': survey.outcome,
        'cells': [{'text': text, 'high': high} for text, high in cells],
        'why': reasons[0] + more if reasons else '',
    }


def _episode(survey: Survey, number: int) -> dict[str, Any]:
    audit = survey.audit
    about = [f'{audit.seconds:.1f} s']
    about += [text for text in (survey.task, survey.outcome, survey.operator) if text]
    if audit.operator_share is not None:
        about.append(
            f'{audit.takeovers} takeovers, operator {100 * audit.operator_share:.0f} % of the time'
        )
    return {
        'id': f'e{number}',
        'episode': audit.episode,
        'verdict': audit.verdict,
        'open': number < OPEN,
        'note': ' · '.join(about),
        'reasons': audit.reasons,
        'timeline': timeline(survey) if survey.lanes and survey.seconds > 0 else '',
        'topics': [_topic(topic) for topic in audit.topics if topic.count or topic.required],
        'facts': _facts(survey),
        'skew_plot': skew_histogram(survey.skew_ms) if len(survey.skew_ms) else '',
        'thumbnails': list(survey.thumbnails.items()),
    }


def _topic(topic: TopicAudit) -> dict[str, Any]:
    low = topic.expected_hz is not None and topic.rate_hz < 0.8 * topic.expected_hz
    rated = topic.expected_hz is not None or topic.gaps
    cells = [
        (str(topic.count), topic.required and not topic.count),
        (f'{topic.rate_hz:.1f}' if topic.count > 1 else '–', low),
        ('' if topic.expected_hz is None else f'{topic.expected_hz:g}', False),
        (str(topic.gaps) if rated else '', topic.gaps > 0),
        (f'{topic.longest_gap_s * 1e3:.0f}' if rated else '', topic.gaps > 0),
        (f'{topic.jitter_s * 1e3:.1f}' if rated else '', False),
        (str(topic.lost), topic.lost > 0),
    ]
    return {
        'name': topic.name,
        'cells': [{'text': text, 'high': high} for text, high in cells],
    }


def _facts(survey: Survey) -> list[tuple[str, str]]:
    audit = survey.audit
    facts = [
        ('bag', str(survey.bag)),
        ('contract', survey.contract or 'none: rates and gaps only'),
    ]
    if audit.moved:
        facts += [
            ('idle', f'{audit.idle_head_s:.2f} s before, {audit.idle_tail_s:.2f} s after'),
            ('jerk', f'{audit.jerk:.0f} rad/s³, {audit.jerk_joint}'),
        ]
    elif survey.contract:
        facts.append(('motion', 'none'))
    if survey.contract:
        stops = sorted(audit.at_stop.items(), key=lambda item: -item[1])
        listed = ', '.join(f'{joint} {seconds:.1f} s' for joint, seconds in stops[:6])
        facts.append(('at a stop', listed or 'no joint'))
        rules = sorted(audit.interventions.items(), key=lambda item: -item[1])
        counted = ', '.join(f'{rule} {n}' for rule, n in rules)
        facts.append(('safety interventions', counted or 'none'))
    delays = [topic for topic in audit.topics if topic.delay_s > 0]
    if delays:
        worst = max(delays, key=lambda topic: topic.delay_s)
        facts.append(('longest delay', f'{worst.delay_s * 1e3:.0f} ms, {worst.name}'))
    return facts
