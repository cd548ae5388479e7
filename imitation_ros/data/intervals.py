# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Confidence intervals of what was measured on a few trials."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError


@dataclass(frozen=True)
class Interval:
    """An estimate and the range that covers the true value.

    Attributes:
        estimate: What was measured.
        low: Lower end of the range.
        high: Upper end of the range.
        confidence: How often such a range covers the true value, in (0, 1).
    """

    estimate: float
    low: float
    high: float
    confidence: float = 0.95

    def __post_init__(self) -> None:
        """Check the order of the ends and the confidence."""
        if not self.low <= self.high:
            raise DataError(f'an interval ends before it starts: {self.low} > {self.high}')
        _check_confidence(self.confidence)

    def excludes(self, value: float) -> bool:
        """Whether a value lies outside the range, as 0 does for a clear difference."""
        return not self.low <= value <= self.high


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise DataError(f'confidence is {confidence}, not between 0 and 1')


def wilson(successes: int, trials: int, confidence: float = 0.95) -> Interval:
    """Score interval of a success rate; honest for few trials and for 0 or all successes.

    Wilson 1927, "Probable inference, the law of succession, and statistical inference";
    without continuity correction (Newcombe 1998, method 3).

    Args:
        successes: Trials that succeeded, k.
        trials: All trials, n.
        confidence: Two-sided confidence.

    Raises:
        DataError: If there was no trial, or more successes than trials.
    """
    _check_confidence(confidence)
    if trials < 1 or not 0 <= successes <= trials:
        raise DataError(f'{successes} successes in {trials} trials have no success rate')
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    rate = successes / trials
    scale = 1 + z * z / trials
    centre = (rate + z * z / (2 * trials)) / scale
    half = z / scale * sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials))
    # The ends are exactly 0 and 1 there; rounding must not leave -1e-17.
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == trials else centre + half
    return Interval(rate, low, high, confidence)


def paired_bootstrap(
    first: Sequence[float] | NDArray[np.floating[Any]],
    second: Sequence[float] | NDArray[np.floating[Any]],
    rng: np.random.Generator,
    confidence: float = 0.95,
    resamples: int = 10_000,
) -> Interval:
    """Percentile interval of the mean difference `first - second` over the same seeds.

    Pairs are drawn with replacement, so what both share (an easy seed) cancels: Efron and
    Tibshirani 1993, "An Introduction to the Bootstrap", section 13.3.

    Args:
        first: Score of one policy per seed, shape (n,).
        second: Score of the other on the same seeds, shape (n,).
        rng: Draws the pairs.
        confidence: Two-sided confidence.
        resamples: How often n pairs are drawn.

    Raises:
        DataError: If the two differ in shape, hold fewer than two values, or are not finite.
    """
    _check_confidence(confidence)
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.ndim != 1 or a.shape != b.shape or len(a) < 2:
        raise DataError(f'paired scores need one shape (n >= 2,), not {a.shape} and {b.shape}')
    difference = a - b
    if not np.isfinite(difference).all():
        raise DataError('a score is NaN or infinite')
    draws = rng.integers(len(difference), size=(resamples, len(difference)))
    means = difference[draws].mean(axis=1)
    low, high = np.quantile(means, [0.5 - confidence / 2, 0.5 + confidence / 2])
    return Interval(float(difference.mean()), float(low), float(high), confidence)
