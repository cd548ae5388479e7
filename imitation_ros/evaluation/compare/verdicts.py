# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Claims about imitation learning, judged by the scores; each can be confirmed and refuted.

A difference is confirmed if its interval lies on the claimed side of zero, refuted if it lies on
the other, and else not confirmed. A claim about a method that was not run is unknown. From too few
seeds or trials nothing is confirmed and nothing refuted: a bootstrap of one seed, or of trials
that all went alike, has no width.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ...errors import counted
from .plan import BC
from .scores import ENOUGH, Score, Scores

Verdict = Literal['confirmed', 'not confirmed', 'refuted', 'unknown']

COSTLY = 2.0
"""A method is costly if it takes this many times the CPU time of another."""

FEW = 10
"""What counts as few demonstrations."""

ENOUGH_SEEDS = 2
"""Seeds below which nothing is judged: a bootstrap of one of them has no width."""

ENOUGH_TRIALS = 10
"""Trials, of all seeds, below which nothing is judged; for recovery: those knocked out."""

ROBUST = 0.9
"""Share of its undisturbed successes that a method keeps if it is said to recover."""


@dataclass(frozen=True)
class Judgement:
    """A claim and what the figures say of it."""

    claim: str
    verdict: Verdict
    why: str


class UnknownError(Exception):
    """A claim speaks of a method that was not run, or of a score that could not be told."""


def judge(scores: Scores) -> tuple[Judgement, ...]:
    """Judge every claim."""
    claims: tuple[tuple[str, Callable[[Scores], tuple[Verdict, str]]], ...] = (
        ('Behavioural Cloning is easy and cheap.', _bc_is_cheap),
        ('Behavioural Cloning drifts and does not recover from mistakes.', _bc_does_not_recover),
        ('Inverse RL is hard and costly.', _irl_is_costly),
        ('Inverse RL is robust and recovers.', _irl_recovers),
        ('Start with Behavioural Cloning, then Inverse RL makes it better.', _irl_after_bc),
        ('Few demonstrations are enough.', _few_are_enough),
        ('Diffusion policies are better.', _diffusion_is_better),
    )
    short = too_few(scores)
    found = []
    for claim, rule in claims:
        try:
            verdict, why = rule(scores)
        except UnknownError as reason:
            verdict, why = 'unknown', str(reason)
        if short and verdict in ('confirmed', 'refuted'):
            verdict, why = 'not confirmed', f'{short}; {why}'
        found.append(Judgement(claim, verdict, why))
    return tuple(found)


def too_few(scores: Scores) -> str:
    """Why nothing can be judged; '' if there are seeds and trials enough."""
    seeds, trials = scores.plan.seeds, scores.plan.trials
    if seeds >= ENOUGH_SEEDS and seeds * trials >= ENOUGH_TRIALS:
        return ''
    return (
        f'too few to judge by: {counted(seeds, "seed")} of {counted(trials, "trial")}; at least '
        f'{ENOUGH_SEEDS} seeds, and {ENOUGH_TRIALS} trials together'
    )


def sign(score: Score) -> Verdict:
    """Verdict on a claim that a difference is above zero."""
    if np.isnan(score.value) or np.isnan(score.low):
        raise UnknownError('there is nothing to measure it by')
    if score.low > 0:
        return 'confirmed'
    return 'refuted' if score.high < 0 else 'not confirmed'


def _need(scores: Scores, *names: str) -> None:
    gone = [name for name in names if name not in scores.methods]
    if gone:
        raise UnknownError(f'not run: {", ".join(gone)}')


def _irl(scores: Scores) -> str:
    """Best of the methods that learn a reward."""
    found = [name for name in scores.methods if 'irl' in name]
    if not found:
        raise UnknownError('no method with "irl" in its name was run')
    return max(found, key=lambda name: scores.methods[name].overall.value)


def _points(score: Score) -> str:
    if np.isnan(score.value):
        return 'not told'
    return f'{100 * score.value:+.0f} points [{100 * score.low:+.0f}, {100 * score.high:+.0f}]'


def _share(score: Score) -> str:
    return f'{100 * score.value:.0f} % [{100 * score.low:.0f}, {100 * score.high:.0f}]'


def _bc_is_cheap(scores: Scores) -> tuple[Verdict, str]:
    _need(scores, BC)
    bc = scores.methods[BC]
    others = [m for name, m in scores.methods.items() if name != BC]
    if not others:
        raise UnknownError('no other method was run')
    cheapest = min(others, key=lambda m: m.cpu_s.value)
    why = (
        f'{bc.cpu_s.value:.0f} CPU-s [{bc.cpu_s.low:.0f}, {bc.cpu_s.high:.0f}] of training, '
        f'{cheapest.method} {cheapest.cpu_s.value:.0f} [{cheapest.cpu_s.low:.0f}, '
        f'{cheapest.cpu_s.high:.0f}]; seeds that failed: {_share(bc.failed_seeds)}'
    )
    if bc.cpu_s.high < cheapest.cpu_s.low and bc.failed_seeds.value == 0:
        return 'confirmed', why
    refuted = bc.cpu_s.low > COSTLY * cheapest.cpu_s.high or bc.failed_seeds.low > 0
    return ('refuted' if refuted else 'not confirmed'), why


def _bc_does_not_recover(scores: Scores) -> tuple[Verdict, str]:
    _need(scores, BC)
    bc = scores.methods[BC]
    if np.isnan(bc.recovery.value) or bc.knocked_out < ENOUGH_TRIALS:
        raise UnknownError(
            f'{bc.knocked_out} trials of bc were knocked out of the demonstrations, '
            f'fewer than {ENOUGH_TRIALS}'
        )
    why = f'{_share(bc.recovery)} of {bc.knocked_out} trials knocked out of the tube succeed'
    if bc.recovery.low >= ROBUST:
        return 'refuted', why
    return ('confirmed' if bc.recovery.high < ROBUST else 'not confirmed'), why


def _irl_is_costly(scores: Scores) -> tuple[Verdict, str]:
    irl = scores.methods[_irl(scores)]
    _need(scores, BC)
    bc = scores.methods[BC]
    why = (
        f'{irl.method}: {irl.cpu_s.value:.0f} CPU-s and {irl.sim_steps:.0f} simulated steps, bc '
        f'{bc.cpu_s.value:.0f}; seeds that failed {_share(irl.failed_seeds)}; '
        f'it needs {irl.inputs}'
    )
    if irl.cpu_s.low > COSTLY * bc.cpu_s.high:
        return 'confirmed', why
    return ('refuted' if irl.cpu_s.high < bc.cpu_s.low else 'not confirmed'), why


def _irl_recovers(scores: Scores) -> tuple[Verdict, str]:
    name = _irl(scores)
    _need(scores, BC)
    gain = scores.difference(name, BC, 'recovery')
    mean = scores.difference(name, BC)
    why = f'{name} less bc: recovery {_points(gain)}, all conditions {_points(mean)}'
    known = min(scores.methods[method].knocked_out for method in (name, BC)) >= ENOUGH_TRIALS
    return sign(gain if known and not np.isnan(gain.value) else mean), why


def _irl_after_bc(scores: Scores) -> tuple[Verdict, str]:
    _need(scores, BC, 'bc+irl')
    gain = scores.difference('bc+irl', BC)
    return sign(gain), f'bc+irl less bc, all conditions: {_points(gain)}'


def _few_are_enough(scores: Scores) -> tuple[Verdict, str]:
    best = min(scores.methods.values(), key=lambda m: m.n90.value)
    n90 = best.n90
    reached = 'never' if np.isinf(n90.value) else f'with {n90.value:.1f} demonstrations'
    low, high = (f'{v:.1f}' if np.isfinite(v) else 'never' for v in (n90.low, n90.high))
    goal = f'{100 * ENOUGH:.0f} % of the expert'
    why = f'{goal}: {best.method} {reached} [{low}, {high}]'
    # Trials that all succeed have no spread to resample: their own interval must reach the goal.
    # And what is only interpolated was not tried.
    level = ENOUGH * scores.expert
    tried = max((demos for demos in scores.plan.demos if demos <= FEW), default=None)
    sure = 0.0 if tried is None else best.curve[tried].low
    if n90.high <= FEW:
        if sure >= level:
            return 'confirmed', why
        seen = 'nothing' if tried is None else f'{tried} gave {_share(best.curve[tried])}'
        return 'not confirmed', f'{why}; of at most {FEW}, {seen}'
    failed = all(
        any(demos >= FEW and score.high < level for demos, score in method.curve.items())
        for method in scores.methods.values()
    )
    return ('refuted' if n90.low > FEW and failed else 'not confirmed'), why


def _diffusion_is_better(scores: Scores) -> tuple[Verdict, str]:
    _need(scores, 'diffusion')
    others = [name for name in scores.methods if name != 'diffusion']
    if not others:
        raise UnknownError('no other method was run')
    parts = {name: scores.difference('diffusion', name) for name in others}
    verdicts = {name: sign(gain) for name, gain in parts.items()}
    why = '; '.join(f'less {name}: {_points(gain)}' for name, gain in parts.items())
    if all(verdict == 'confirmed' for verdict in verdicts.values()):
        return 'confirmed', why
    return ('refuted' if 'refuted' in verdicts.values() else 'not confirmed'), why
