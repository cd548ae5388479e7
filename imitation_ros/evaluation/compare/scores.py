# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Scores of a comparison: the six rows of the table, each a number with a bootstrap interval.

Seeds are drawn with replacement, and within each its trials (a two-stage bootstrap; Davison and
Hinkley 1997, sec. 3.8). All methods share the draws, so that a hard seed or start cancels in a
difference.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...data.intervals import wilson
from ...errors import DataError
from .plan import Cell, KNOCK, NOMINAL, Plan

Array = NDArray[np.float64]

RESAMPLES = 1000
CONFIDENCE = 0.95
ENOUGH = 0.9
"""Share of the expert's success that counts as learned."""

HALF = 0.5
"""Share of the expert's success below which a seed has failed."""

SIMULATOR = 'irl'
"""Part of the name of methods that learn in the simulator as well."""


@dataclass(frozen=True)
class Score:
    """A number and its interval; NaN where it cannot be told, infinite where it was never met."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, value: float, draws: Array) -> 'Score':
        """Percentile interval of resampled values; those that cannot be told are left out."""
        known = draws[~np.isnan(draws)]
        if not len(known):
            return cls(value, float('nan'), float('nan'))
        ends = [0.5 - CONFIDENCE / 2, 0.5 + CONFIDENCE / 2]
        # Between an infinite value and a finite one there is nothing to interpolate.
        low, high = np.quantile(known, ends, method='nearest')
        return cls(value, float(low), float(high))

    def to_dict(self) -> dict[str, float | str | None]:
        """Plain values for JSON, which knows neither NaN nor infinity."""
        return {key: _plain(value) for key, value in asdict(self).items()}


def _alike(value: float, trials: int) -> Score:
    """Score of trials that all failed, or all succeeded."""
    interval = wilson(round(value * trials), trials)
    return Score(value, interval.low, interval.high)


def _plain(value: float) -> float | str | None:
    if np.isnan(value):
        return None
    return 'never' if np.isinf(value) else value


@dataclass(frozen=True)
class MethodScores:
    """The rows of one method.

    Attributes:
        method: Its name.
        inputs: What it learns from.
        failed_seeds: Share of the seeds below half of the expert, with the most demonstrations.
        n90: Demonstrations to nine tenths of the expert; infinite if never.
        curve: Success by demonstrations, nominal starts.
        curve_start: The same from starts that were not demonstrated.
        success: Success by condition, with the most demonstrations.
        robustness: Success under harm, as a share of that without, mean over what was done.
        worst: The condition with the least success.
        recovery: Success of the trials that were knocked out of the demonstrations' tube, of those
            that succeed when nothing happens.
        knocked_out: How many such trials there were.
        back_s: Median time until they are back inside [s]; NaN if none came back.
        cpu_s: CPU time of a training, with the most demonstrations [s].
        sim_steps: Steps in the simulator while training.
        p50_ms: Median inference [ms].
        peak_mb: Peak memory of training, export and trials [MB].
        overall: Success, mean over all conditions.
        best: How often it was the best overall, of all resamples.
    """

    method: str
    inputs: str
    failed_seeds: Score
    n90: Score
    curve: Mapping[int, Score]
    curve_start: Mapping[int, Score]
    success: Mapping[str, Score]
    robustness: Score
    worst: str
    recovery: Score
    knocked_out: int
    back_s: float
    cpu_s: Score
    sim_steps: float
    p50_ms: Score
    peak_mb: float
    overall: Score
    best: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        values: dict[str, Any] = {}
        for key, value in vars(self).items():
            if isinstance(value, Score):
                values[key] = value.to_dict()
            elif isinstance(value, Mapping):
                values[key] = {str(k): v.to_dict() for k, v in value.items()}
            else:
                values[key] = _plain(value) if isinstance(value, float) else value
        return values


class Scores:
    """All cells of a plan as arrays, and statistics over shared resamples.

    Attributes:
        plan: The plan.
        expert: Success of the expert while demonstrating.
        methods: Scores of every method.
    """

    def __init__(self, plan: Plan, cells: Mapping[Cell, Mapping[str, Any]]) -> None:
        """Compute every score.

        Raises:
            DataError: If a cell is missing.
        """
        missing = [cell.name for cell in plan.cells() if cell not in cells]
        if missing:
            raise DataError(f'{len(missing)} cells are not done yet: {", ".join(missing[:5])}')
        self.plan, self._cells = plan, cells
        rng = np.random.default_rng(0)
        shape = (RESAMPLES, plan.seeds)
        self._seeds = rng.integers(plan.seeds, size=shape)
        self._trials = rng.integers(plan.trials, size=(*shape, plan.trials))
        self.expert = float(np.mean([values['expert'] for values in cells.values()]))
        self._most = plan.demos[-1]
        self._tops = {m: self._overall(m) for m in plan.known}
        ranks = np.stack([draws for _, draws in self._tops.values()])
        top = ranks.max(axis=0)
        share = (ranks == top) / (ranks == top).sum(axis=0)
        best = dict(zip(plan.known, share.mean(axis=1), strict=True))
        self.methods = {m: self._method(m, float(best[m])) for m in plan.known}

    def difference(self, one: str, other: str, what: str = 'overall') -> Score:
        """Success of one method less that of another, over the same draws.

        Args:
            one: A method.
            other: Another.
            what: `overall`, `recovery`, or a condition.
        """
        values = []
        for method in (one, other):
            if what == 'overall':
                values.append(self._tops[method])
            elif what == 'recovery':
                values.append(self._recovery(method)[:2])
            else:
                values.append(self._mean(self._success(method, self._most, what)))
        (a, draws_a), (b, draws_b) = values
        return Score.of(a - b, draws_a - draws_b)

    def _cell(self, method: str, demos: int, seed: int) -> Mapping[str, Any]:
        return self._cells[Cell(method, demos, seed)]

    def _success(self, method: str, demos: int, condition: str) -> Array:
        """Success of each trial, shape (seeds, trials)."""
        return np.array(
            [
                [t['success'] for t in self._cell(method, demos, seed)['conditions'][condition]]
                for seed in range(self.plan.seeds)
            ],
            dtype=np.float64,
        )

    def _draw(self, values: Array) -> Array:
        """Resampled values, shape (resamples, seeds, trials)."""
        result: Array = values[self._seeds[:, :, None], self._trials]
        return result

    def _mean(self, values: Array) -> tuple[float, Array]:
        return float(values.mean()), self._draw(values).mean(axis=(1, 2))

    def _score(self, values: Array) -> Score:
        """Score of trials; where all went alike no resample differs: Wilson tells."""
        if values.min() == values.max():
            return _alike(float(values.flat[0]), values.size)
        return Score.of(*self._mean(values))

    def _over_seeds(self, get: Callable[[Mapping[str, Any]], float], method: str) -> Score:
        """Score of something that each training has one of."""
        seeds = range(self.plan.seeds)
        each = np.array([get(self._cell(method, self._most, seed)) for seed in seeds])
        return Score.of(float(each.mean()), each[self._seeds].mean(axis=1))

    def _overall(self, method: str) -> tuple[float, Array]:
        parts = [
            self._mean(self._success(method, self._most, condition))
            for condition in self.plan.conditions
        ]
        return float(np.mean([p[0] for p in parts])), np.mean([p[1] for p in parts], axis=0)

    def _robustness(self, method: str) -> Score:
        nominal, draws = self._mean(self._success(method, self._most, NOMINAL))
        ratios, ratio_draws = [], []
        for condition in self.plan.conditions:
            if condition == NOMINAL:
                continue
            value, drawn = self._mean(self._success(method, self._most, condition))
            ratios.append(value / nominal if nominal else float('nan'))
            with np.errstate(divide='ignore', invalid='ignore'):
                ratio_draws.append(np.where(draws > 0, drawn / draws, np.nan))
        if not ratios:
            return Score(float('nan'), float('nan'), float('nan'))
        return Score.of(float(np.mean(ratios)), np.mean(ratio_draws, axis=0))

    def _recovery(self, method: str) -> tuple[float, Array, int, float]:
        """Recovery, its draws, the trials it is of, and the median time back [s]."""
        nothing = float('nan'), np.full(RESAMPLES, np.nan), 0, float('nan')
        if KNOCK not in self.plan.conditions:
            return nothing
        success = self._success(method, self._most, KNOCK)
        twin = self._success(method, self._most, NOMINAL)
        cells = [self._cell(method, self._most, s)['recovery'] for s in range(self.plan.seeds)]
        keys = [str(seed) for seed in self.plan.trial_seeds()]
        left = np.array([[cell['left'][key] for key in keys] for cell in cells], dtype=np.float64)
        counts = left * twin
        if not counts.sum():
            return nothing
        came = [b for cell in cells for b in cell['back_s'].values() if b is not None]
        with np.errstate(divide='ignore', invalid='ignore'):
            drawn = self._draw(success * counts).sum(axis=(1, 2))
            draws = drawn / self._draw(counts).sum(axis=(1, 2))
        value = float((success * counts).sum() / counts.sum())
        return value, draws, int(counts.sum()), float(np.median(came)) if came else float('nan')

    def _n90(self, method: str) -> Score:
        means, draws = [], []
        for demos in self.plan.demos:
            value, drawn = self._mean(self._success(method, demos, NOMINAL))
            means.append(value)
            draws.append(drawn)
        goal = ENOUGH * self.expert
        curves = np.stack(draws, axis=1)
        reached = [crossing(self.plan.demos, curve, goal) for curve in curves]
        return Score.of(crossing(self.plan.demos, np.array(means), goal), np.array(reached))

    def _method(self, method: str, best: float) -> MethodScores:
        plan = self.plan
        success = {c: self._score(self._success(method, self._most, c)) for c in plan.conditions}
        recovery, draws, count, back = self._recovery(method)
        start = next((c for c in plan.conditions if c.startswith('start')), None)
        failed = (
            self._success(method, self._most, NOMINAL).mean(axis=1) < HALF * self.expert
        ).astype(np.float64)
        return MethodScores(
            method=method,
            inputs='bags and a simulator' if SIMULATOR in method else 'bags',
            failed_seeds=Score.of(float(failed.mean()), failed[self._seeds].mean(axis=1)),
            n90=self._n90(method),
            curve={d: self._score(self._success(method, d, NOMINAL)) for d in plan.demos},
            curve_start={}
            if start is None
            else {d: self._score(self._success(method, d, start)) for d in plan.demos},
            success=success,
            robustness=self._robustness(method),
            worst=min(success, key=lambda c: success[c].value),
            recovery=_alike(recovery, count)
            if count and recovery in (0.0, 1.0)
            else Score.of(recovery, draws),
            knocked_out=count,
            back_s=back,
            cpu_s=self._over_seeds(lambda cell: float(cell['cpu_s']), method),
            sim_steps=self._over_seeds(lambda cell: float(cell['sim_steps']), method).value,
            p50_ms=self._over_seeds(lambda cell: float(cell['p50_ms']), method),
            peak_mb=self._over_seeds(lambda cell: float(cell['peak_mb']), method).value,
            overall=Score.of(*self._tops[method]),
            best=best,
        )


def crossing(demos: tuple[int, ...], success: Array, goal: float) -> float:
    """Demonstrations at which success first reaches a goal, by interpolation in their logarithm.

    Infinite if it never does; the least number if it already does there.
    """
    if success[0] >= goal:
        return float(demos[0])
    logs = np.log2(demos)
    for i in range(1, len(demos)):
        if success[i] >= goal:
            share = (goal - success[i - 1]) / (success[i] - success[i - 1])
            return float(2 ** (logs[i - 1] + share * (logs[i] - logs[i - 1])))
    return float('inf')
