# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The reward report: what it says of rewards that know success, do not, or cannot be judged."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import demonstrations
import numpy as np
from onnx_models import make_spec
import pytest

from imitation_ros.contract import Contract
from imitation_ros.evaluation.reward_study import RewardStudy, study, Told
from imitation_ros.reports.reward_page import headline, write_reward_report


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
    found = _study(good, bad)
    assert headline(found).startswith(says)
    agreement = found.agreement('recorded')
    assert (agreement.episodes, agreement.successes) == (8, 4)
    assert agreement.chance == (1.0 if good > bad else 0.0)


def test_what_cannot_be_judged_is_not_judged() -> None:
    found = _study(1.0, 0.0, failures=0)
    assert 'was not measured: all episodes ended alike' in headline(found)
    assert found.agreement('recorded').correlation is None
    assert found.agreement('simulated').episodes == 0


@pytest.mark.parametrize('good', [1.0, 0.0])
def test_three_failures_are_too_few_to_judge_a_reward_by(good: float) -> None:
    found = _study(good, 1.0 - good, failures=3)
    assert headline(found) == (
        'Whether the reward knows success cannot be told from 4 successes and 3 failures: '
        'at least 4 of each'
    )
    assert not found.to_dict()['recorded']['enough']
    assert _study(good, 1.0 - good).to_dict()['recorded']['enough']


def test_episodes_too_short_to_be_judged_are_named(contract: Contract, tmp_path: Path) -> None:
    dataset = demonstrations.dataset(tmp_path / 'data', contract, 2, 20)
    cut = dataset.manifest.episodes[1].episode
    for path in (dataset.root / cut).glob('*.npy'):
        np.save(path, np.load(path)[:4])
    spec = make_spec(joints=contract.joints)
    believed: Any = SimpleNamespace(
        method='irl-x',
        trained=SimpleNamespace(spec=spec),
        reward=SimpleNamespace(reward=lambda states, _: np.zeros(len(states))),
        preference=(),
        notes=('A note.',),
    )
    found = study(believed, dataset, contract)
    assert len(found.told) == 1
    assert found.notes == ('A note.', f'1 recorded episode too short to be judged: {cut}')


def test_page_figures_and_picture_are_written(tmp_path: Path) -> None:
    written = write_reward_report(_study(1.0, 0.0, preference=True), tmp_path / 'out', 'my run')
    page = written['html'].read_text(encoding='utf-8')
    assert 'my run' in page and 'Avoids &lt;it&gt;.' in page and 'A note.' in page
    assert 'data:image/png;base64,' in page
    assert written['png'].read_bytes().startswith(b'\x89PNG')
    figures = json.loads(written['json'].read_text(encoding='utf-8'))
    assert figures['recorded']['chance_success_has_more'] == 1.0
    assert len(figures['episodes']) == 9 and len(figures['episodes'][0]['rewards']) == 20
