# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Trials: files that come back, and results that cannot contradict themselves."""

import json
from pathlib import Path

import pytest

from imitation_ros.errors import DataError
from imitation_ros.rollout.trials import Latency, Trial, Trials


def make() -> Trials:
    return Trials(
        'lift',
        'rollout',
        (
            Trial(7, True, 3.0, 3.0, {'velocity': 2}, 'ACTIVE'),
            Trial(8, False, 7.0, None, {'velocity': 1, 'collision': 4}, 'HOLD', 'time over'),
            Trial(9, True, 5.0, 5.0),
        ),
        7.0,
        Latency.of([1.0, 2.0, 3.0]),
    )


def test_trials_add_up() -> None:
    trials = make()
    assert (trials.successes, len(trials), trials.median_seconds) == (2, 3, 4.0)
    assert trials.interventions == {'collision': 4, 'velocity': 3}
    assert list(trials.interventions) == ['collision', 'velocity']
    assert trials.rate.estimate == pytest.approx(2 / 3)


def test_trials_come_back_from_their_file(tmp_path: Path) -> None:
    trials = make()
    trials.write(tmp_path / 'trials.json')
    assert Trials.read(tmp_path / 'trials.json') == trials
    values = json.loads((tmp_path / 'trials.json').read_text())
    assert values['successes'] == 2
    assert values['rate']['low'] < 2 / 3 < values['rate']['high']


def test_contradictions_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match='success is True but seconds is None'):
        Trial(1, True, 2.0)
    with pytest.raises(DataError, match='seeds tried twice: 4'):
        Trials('lift', 'rollout', (Trial(4, False, 1.0), Trial(4, False, 1.0)))
    path = tmp_path / 'trials.json'
    for text, problem in (
        ('{', 'trials.json'),
        ('{"task": "lift"}', 'these are no trials'),
        ('{"version": 99, "trials": []}', 'version 99'),
    ):
        path.write_text(text)
        with pytest.raises(DataError, match=problem):
            Trials.read(path)
    with pytest.raises(DataError, match='no times'):
        Latency.of([])
