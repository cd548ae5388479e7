# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Outcomes: which episodes become training data, and what is said of the others.

The one rule, of `convert`, `train`, `collect --onto`, `export-lerobot` and `evaluate --data`: an
episode is taken if its outcome was asked for, or if it came without one. Asked for by default is
never `unknown`: that is a take of our recorder that nobody marked, or that Ctrl-C or a crash cut
off. An episode without an outcome (`UNSTATED`) was recorded elsewhere, where nobody could mark it.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Final, Literal

from ..errors import counted
from .episode import EpisodeMeta, Outcome, UNSTATED
from .store import Dataset

IMITATED: tuple[Outcome, ...] = ('success',)
"""Outcomes that are imitated by default."""
KEPT: tuple[Outcome, ...] = ('success', 'failure', 'play')
"""Outcomes of a dataset that is passed on whole: all that somebody has stated."""
UNKNOWN: Final = 'unknown'
NEVER_MARKED = 'never marked as success or failure'
WITH_UNKNOWN = '--with-unknown'

_MEANINGS: dict[Outcome | Literal[''], str] = {
    'success': 'marked as a success',
    'failure': 'marked as a failure',
    'play': 'marked as play',
    'unknown': NEVER_MARKED,
    UNSTATED: 'without an outcome (recorded elsewhere, where nobody could mark one)',
}
_OPTIONS: dict[Outcome | Literal[''], str] = {
    'failure': '--with-failures',
    'unknown': WITH_UNKNOWN,
}


def _them(count: int) -> str:
    return 'it' if count == 1 else 'them'


def is_wanted(meta: EpisodeMeta, outcomes: Collection[str]) -> bool:
    """Whether an episode is taken where these outcomes were asked for."""
    return meta.outcome == UNSTATED or meta.outcome in outcomes


def include_unknown(outcomes: Collection[Outcome]) -> tuple[Outcome, ...]:
    """Outcomes that are asked for once `--with-unknown` was given."""
    return tuple(dict.fromkeys((*outcomes, UNKNOWN)))


def unmarked(metas: Iterable[EpisodeMeta]) -> int:
    """Count the episodes that could have been marked and never were."""
    return sum(meta.outcome == UNKNOWN for meta in metas)


def said(outcome: str) -> str:
    """What the recorder says of a take that is over."""
    return f'{outcome}: not marked; convert leaves it out' if outcome == UNKNOWN else outcome


def unmarked_takes(outcomes: Iterable[str]) -> str:
    """Say how many takes were never marked, and what to do; '' if all of them were."""
    count = Counter(outcomes)[UNKNOWN]
    if not count:
        return ''
    return (
        f'{counted(count, "episode")} {NEVER_MARKED}: convert leaves {_them(count)} out; '
        f'"imitation_ros relabel" marks {_them(count)}, {WITH_UNKNOWN} takes {_them(count)}'
    )


def stated(dataset: Dataset, with_unknown: bool) -> list[int]:
    """Indices of the episodes that a dataset passes on to another one: whole, failures included.

    Args:
        dataset: The dataset.
        with_unknown: Whether those that were never marked go along.
    """
    outcomes = include_unknown(KEPT) if with_unknown else KEPT
    metas = dataset.manifest.episodes
    return [index for index, meta in enumerate(metas) if is_wanted(meta, outcomes)]


def left_out_unmarked(count: int) -> str:
    """Say that unmarked episodes were left out, and how to take them; '' if there are none."""
    if not count:
        return ''
    return (
        f'left out: {counted(count, "episode")} {NEVER_MARKED} '
        f'({WITH_UNKNOWN} keeps {_them(count)})'
    )


def summary(kept: Iterable[str], left: Iterable[str]) -> str:
    """What became of the episodes of each outcome, in one line.

    Args:
        kept: Outcomes of the episodes that are in the dataset.
        left: Outcomes of those that were left out because of it.
    """
    inside, outside = Counter(kept), Counter(left)
    parts = []
    if inside:
        texts = [
            f'{inside[outcome]} {meaning}{_afterwards(outcome)}'
            for outcome, meaning in _MEANINGS.items()
            if inside[outcome]
        ]
        parts.append(f'kept: {", ".join(texts)}')
    texts = []
    for outcome, meaning in _MEANINGS.items():
        if count := outside[outcome]:
            noun = '' if texts else f' episode{"s" * (count != 1)}'
            option = _OPTIONS[outcome]
            texts.append(f'{count}{noun} {meaning} ({option} keeps {_them(count)})')
    if texts:
        parts.append(f'left out: {", ".join(texts)}')
    return '; '.join(parts)


def _afterwards(outcome: str) -> str:
    """What training makes of an outcome that is in a dataset, where that is no imitation."""
    if outcome == UNKNOWN:
        return f' (train imitates them only {WITH_UNKNOWN})'
    if outcome in ('failure', 'play'):
        return ' (train does not imitate them, unless "outcomes" of its configuration says so)'
    return ''
