# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The reward report: what it says of rewards that know success, do not, or cannot be judged."""

import json
from pathlib import Path

import numpy as np
import pytest

from imitation_ros.evaluation.reward_report import headline, write_reward_report
from imitation_ros.evaluation.reward_study import RewardStudy, Told


def _study(good: float, bad: float, failures: int = 4, preference: bool = False) -> RewardStudy:
    rng = np.random.default_rng(0)
    told = [
        Told(f'demo_{i}', 'recorded', True, good + 0.1 * rng.standard_normal(20)) for i in range(4)
    ]
    told += [
        Told(f'seed {i}', 'recorded', False, bad + 0.1 * rng.standard_normal(30))
        for i in range(failures)
    ]
    told.append(Told('play', 'recorded', None, rng.standard_normal(5)))
    rows = (
        {
            'name': 'effort',
            'unit': 'rad',
            'weight': -1.0,
            'error': 0.2,
            'sentence': 'Avoids <it>.',
        },
    )
    return RewardStudy('irl-x', 0.16, tuple(told), rows if preference else (), ('A note.',))


@pytest.mark.parametrize(
    ('good', 'bad', 'says'),
    [
        (1.0, 0.0, 'The reward knows success: rank correlation +'),
        (0.0, 1.0, 'The reward prefers failure: rank correlation -'),
    ],
)
def test_the_headline_is_the_verdict(good: float, bad: float, says: str) -> None:
    study = _study(good, bad)
    assert headline(study).startswith(says)
    agreement = study.agreement('recorded')
    assert (agreement.episodes, agreement.successes) == (8, 4)
    assert agreement.chance == (1.0 if good > bad else 0.0)


def test_what_cannot_be_judged_is_not_judged() -> None:
    study = _study(1.0, 0.0, failures=0)
    assert 'was not measured: all episodes ended alike' in headline(study)
    assert study.agreement('recorded').correlation is None
    assert study.agreement('simulated').episodes == 0


def test_page_figures_and_picture_are_written(tmp_path: Path) -> None:
    written = write_reward_report(_study(1.0, 0.0, preference=True), tmp_path / 'out', 'my run')
    page = written['html'].read_text(encoding='utf-8')
    assert 'my run' in page and 'Avoids &lt;it&gt;.' in page and 'A note.' in page
    assert 'data:image/png;base64,' in page
    assert written['png'].read_bytes().startswith(b'\x89PNG')
    figures = json.loads(written['json'].read_text(encoding='utf-8'))
    assert figures['recorded']['chance_success_has_more'] == 1.0
    assert len(figures['episodes']) == 9 and len(figures['episodes'][0]['rewards']) == 20
