# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
from pathlib import Path
from typing import Any

import pytest
import yaml

from imitation_ros.errors import TrainingError
from imitation_ros.training.config import available, load, METHODS, parse, TrainConfig


@pytest.mark.parametrize('method', METHODS)
def test_the_file_and_the_model_have_the_same_defaults(method: str) -> None:
    assert load(method) == METHODS[method].config()


@pytest.mark.parametrize('method', METHODS)
def test_the_file_explains_every_key(method: str) -> None:
    given = yaml.safe_load(available()[method].read_text(encoding='utf-8'))
    assert set(given) == set(METHODS[method].config.model_fields)
    assert set(given['network']) == set(METHODS[method].config().to_dict()['network'])


def test_every_method_has_a_file_and_a_configuration() -> None:
    assert set(METHODS) <= set(available())


@pytest.mark.parametrize(
    ('method', 'key'), [('bc', 'kl'), ('act', 'steps'), ('flow', 'levels'), ('diffusion', 'heads')]
)
def test_a_key_of_another_method_is_refused(method: str, key: str) -> None:
    with pytest.raises(TrainingError, match=f'network.{key}: "{key}" is not a key'):
        load(method, {'network': {key: 3}})


def test_a_configuration_is_of_its_own_method() -> None:
    with pytest.raises(ValueError, match='method act is not configured by TrainConfig'):
        TrainConfig(method='act')


def test_values_survive_the_way_through_a_file(tmp_path: Path) -> None:
    config = load('bc', {'updates': 300, 'cameras': [{'name': 'c', 'height': 48, 'width': 64}]})
    (tmp_path / 'again.yaml').write_text(yaml.safe_dump(config.to_dict()), encoding='utf-8')
    assert load(tmp_path / 'again.yaml') == config


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        ({'upates': 5}, 'upates: "upates" is not a key; did you mean "updates"'),
        (
            {'network': {'widht': 5}},
            'network.widht: "widht" is not a key; did you mean "width"?; '
            'choices: width, depth, image_features',
        ),
        (
            {'cameras': [{'name': 'c', 'heigth': 48, 'height': 48, 'width': 48}]},
            'did you mean "height"',
        ),
        ({'method': 'bcc'}, '"bcc" is not a method; did you mean "bc"'),
        ({'updates': 0}, 'updates: Input should be greater than or equal to 1, not 0'),
        ({'lr': float('nan')}, 'lr: '),
        ({'action': 'relative'}, "action: Input should be 'absolute' or 'residual'"),
        ({'execute': 13, 'chunk': 12}, 'execute 13 is more than the chunk of 12'),
        ({'warmup': 50, 'updates': 50}, 'warmup 50 is not less than updates 50'),
        (
            {'method': 'act', 'network': {'heads': 5}},
            'heads 5 do not divide the width 64',
        ),
        (
            {'method': 'diffusion', 'network': {'stepz': 5}},
            'network.stepz: "stepz" is not a key; did you mean "steps"',
        ),
        ({'poses': ['object', 'object']}, 'poses: a name stands twice'),
        ({'outcomes': ['good']}, 'outcomes.0: '),
    ],
)
def test_a_wrong_value_is_explained(values: dict[str, Any], message: str) -> None:
    with pytest.raises(TrainingError) as raised:
        parse(values, 'my.yaml')
    assert message.replace('?;', '?') in str(raised.value).replace('?;', '?')
    assert str(raised.value).startswith('my.yaml: ')


def test_an_unknown_file_lists_the_known_ones() -> None:
    with pytest.raises(TrainingError, match=r'choices: act, .*bc\+irl, .*bc, diffusion, flow'):
        load('bd')


@pytest.mark.parametrize(('text', 'message'), [('- 1', 'mapping'), ('{', 'not YAML')])
def test_a_file_that_is_no_mapping(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / 'x.yaml'
    path.write_text(text, encoding='utf-8')
    with pytest.raises(TrainingError, match=message):
        load(path)


def test_a_short_training_warms_up_within_itself() -> None:
    assert load('bc', {'updates': 100}).warmup == 20
    assert load('bc', {'updates': 1000}).warmup == load('bc').warmup
