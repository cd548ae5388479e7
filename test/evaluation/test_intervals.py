# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Intervals against published values and against what they promise: coverage."""

import numpy as np
import pytest

from imitation_ros.data.intervals import Interval, paired_bootstrap, wilson
from imitation_ros.errors import DataError


# Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3.
@pytest.mark.parametrize(
    ('successes', 'trials', 'low', 'high'),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_matches_published_values(
    successes: int, trials: int, low: float, high: float
) -> None:
    interval = wilson(successes, trials)
    assert interval.estimate == successes / trials
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=5e-5)


def test_wilson_is_symmetric_and_stays_in_0_1() -> None:
    for successes in range(21):
        interval, mirrored = wilson(successes, 20), wilson(20 - successes, 20)
        assert 0 <= interval.low <= interval.estimate <= interval.high <= 1
        assert interval.low == pytest.approx(1 - mirrored.high)
    assert wilson(0, 20).low == 0.0
    assert wilson(20, 20).high == 1.0


def test_wilson_solves_its_own_equation() -> None:
    """Each end is a rate p whose score |k/n - p| / sqrt(p (1 - p) / n) is z (Wilson's eq.)."""
    interval = wilson(16, 20, confidence=0.9)
    for end in (interval.low, interval.high):
        assert abs(0.8 - end) / np.sqrt(end * (1 - end) / 20) == pytest.approx(1.6448536)


@pytest.mark.parametrize(('successes', 'trials'), [(0, 0), (3, 2), (-1, 4)])
def test_wilson_refuses_what_has_no_rate(successes: int, trials: int) -> None:
    with pytest.raises(DataError, match='successes in'):
        wilson(successes, trials)


def test_a_bad_confidence_is_refused() -> None:
    with pytest.raises(DataError, match='confidence is 95'):
        wilson(1, 2, confidence=95)
    with pytest.raises(DataError, match='ends before it starts'):
        Interval(0.5, 0.6, 0.4)


def test_bootstrap_of_a_constant_difference_has_no_width(rng: np.random.Generator) -> None:
    scores = rng.normal(size=12)
    interval = paired_bootstrap(scores + 0.25, scores, rng)
    assert (interval.low, interval.estimate, interval.high) == pytest.approx((0.25,) * 3)
    assert interval.excludes(0.0)


def test_bootstrap_agrees_with_the_normal_interval_of_many_pairs(
    rng: np.random.Generator,
) -> None:
    shared = rng.normal(scale=10, size=400)
    first, second = shared + rng.normal(0.5, 1, 400), shared
    difference = first - second
    error = difference.std() / np.sqrt(400)
    interval = paired_bootstrap(first, second, rng)
    assert interval.estimate == pytest.approx(difference.mean())
    assert interval.low == pytest.approx(difference.mean() - 1.96 * error, abs=0.15 * error)
    assert interval.high == pytest.approx(difference.mean() + 1.96 * error, abs=0.15 * error)
    # Unpaired, the spread of the seeds (10) would hide the difference (0.5).
    assert interval.excludes(0.0)


def test_bootstrap_covers_about_as_often_as_it_says(rng: np.random.Generator) -> None:
    covered = 0
    for _ in range(200):
        first = rng.normal(0.3, 1, 40)
        covered += not paired_bootstrap(first, np.zeros(40), rng, 0.9, 500).excludes(0.3)
    assert 0.82 <= covered / 200 <= 0.96


def test_bootstrap_refuses_unpaired_and_broken_scores(rng: np.random.Generator) -> None:
    with pytest.raises(DataError, match='one shape'):
        paired_bootstrap([1.0, 0.0], [1.0], rng)
    with pytest.raises(DataError, match='NaN'):
        paired_bootstrap([1.0, np.nan], [1.0, 1.0], rng)
