# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Configurations of IRL: the YAML says what the model says, and what is wrong is refused."""

from typing import Any

import pytest
import yaml

from imitation_ros.errors import TrainingError
from imitation_ros.irl.config import AdversarialConfig, AirlConfig
from imitation_ros.irl.methods import load, METHODS, parse
from imitation_ros.training.config import available

ADVERSARIAL = [name for name, row in METHODS.items() if issubclass(row.config, AdversarialConfig)]


@pytest.mark.parametrize('method', ADVERSARIAL)
def test_the_yaml_says_every_default(method: str) -> None:
    given = yaml.safe_load(available()[method].read_text(encoding='utf-8'))
    defaults = METHODS[method].config(method=method).to_dict()
    assert given.pop('bc') == {}
    defaults.pop('bc')
    given['outcomes'] = list(given['outcomes'])
    assert given == defaults
    assert load(method).method == method


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'stds': 1}, 'stds'),
        ({'ppo': {'stdd': 1}}, 'stdd'),
        ({'task': 'juggle'}, '"juggle" is not a task'),
        ({'perturb': ['push']}, 'is not a perturbation with its level'),
        ({'perturb': ['wind:1']}, '"wind" is not a perturbation'),
        ({'spread': 0.5}, 'spread'),
        ({'timestep_s': 0.1}, 'timestep_s'),
        ({'method': 'irl-nothing'}, '"irl-nothing" is not a'),
        ({'method': 'irl-gail', 'policy_term': 0.5}, 'policy_term'),
        ({'bc': {'cameras': [{'name': 'c', 'height': 24, 'width': 32}]}}, 'renders no images'),
    ],
)
def test_what_is_wrong_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        parse({'method': 'irl-airl', **changes}, 'test')


def test_the_gentle_practice_is_bc_irl() -> None:
    config = load('bc+irl-balance')
    assert isinstance(config, AirlConfig)
    assert (config.method, config.view, config.bc.history) == ('bc+irl', 'observation', 2)
    usual = load('bc+irl')
    assert isinstance(usual, AirlConfig)
    assert config.ppo.std < usual.ppo.std
    assert config.discriminator == usual.discriminator
