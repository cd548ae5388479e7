# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Every number of a contract has bounds with a unit; what is outside is said in one sentence."""

from collections.abc import Iterator
from pathlib import Path
import re
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
import pytest

from imitation_ros import resources
from imitation_ros.contract import load
from imitation_ros.contract.schema import ContractFile
from imitation_ros.errors import ContractError

TEXT = resources.path('config/robots/imi_humanoid.yaml').read_text()
OF_ANY_UNIT = ('limits',)
"""Limits of bare data are in whatever unit the data are; their order is checked elsewhere."""


def _models(root: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield root
    for field in root.model_fields.values():
        for part in _parts(field.annotation):
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield from _models(part)


def _parts(annotation: Any) -> Iterator[Any]:
    yield annotation
    for part in get_args(annotation):
        yield from _parts(part)


def _around(annotation: Any, value: float) -> Any:
    """A value of an annotation's shape that holds this number; None if it holds none."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if annotation in (float, int):
        return value
    if origin is tuple:
        inner = _around(parts[0], value)
        return None if inner is None else [inner] * (1 if Ellipsis in parts else len(parts))
    if origin is dict:
        inner = _around(parts[1], value)
        return None if inner is None else {'a': inner}
    for part in parts:
        if (found := _around(part, value)) is not None:
            return found
    return None


NUMBERS = {
    f'{model.__name__}.{name}': field
    for model in _models(ContractFile)
    for name, field in model.model_fields.items()
    if name not in OF_ANY_UNIT and _around(field.annotation, 1.0) is not None
}


def test_the_numbers_are_found() -> None:
    assert {'Rates.command_hz', 'Qos.depth', 'Obstacle.size', 'Support.polygon'} <= set(NUMBERS)
    assert len(NUMBERS) > 45


@pytest.mark.parametrize('name', NUMBERS)
@pytest.mark.parametrize('value', [float('nan'), float('inf'), -float('inf'), 1e9, -1e9, 1e300])
def test_a_number_without_sense_is_refused_wherever_it_stands(name: str, value: float) -> None:
    field = NUMBERS[name]
    adapter = TypeAdapter(
        Annotated.__class_getitem__((field.annotation, *(field.metadata or [None])))
    )
    with pytest.raises(ValidationError):
        adapter.validate_python(_around(field.annotation, value))


SENTENCES = {
    'command_hz: 1.0e+9': 'rates.command_hz: must be above 0 up to 10000 Hz, not 1000000000.0',
    'command_hz: 0': 'rates.command_hz: must be above 0 up to 10000 Hz, not 0',
    'command_hz: -.inf': 'rates.command_hz: must be above 0 up to 10000 Hz, not -inf',
    'self_collision_distance: 1.0e-300': (
        'safety.self_collision_distance: must be from 0.0001 up to 1 m, not 1e-300'
    ),
    'velocity: .nan': 'safety.velocity: must be above 0 up to 1000 rad/s or m/s, not nan',
    'max_age_s: 1.0e+9': 'joint_states.max_age_s: must be above 0 up to 60 s, not 1000000000.0',
    'depth: 1000000000': 'joint_states.qos.depth: must be from 1 up to 100000 messages',
    'width: 1000000': 'cameras.0.width: must be from 1 up to 16384 pixels, not 1000000',
}


@pytest.mark.parametrize('text', SENTENCES)
def test_the_sentence_names_key_bounds_and_unit(text: str, tmp_path: Path) -> None:
    key = text.split(':')[0]
    changed = re.sub(rf'\b{key}: [^,}}\s]+', text, TEXT, count=1)
    assert changed != TEXT
    path = tmp_path / 'x.yaml'
    path.write_text(changed)
    with pytest.raises(ContractError) as caught:
        load(path)
    told = str(caught.value)
    assert told.startswith(f'{path}: {SENTENCES[text]}') and '\n' not in told


def test_a_thousand_wrong_keys_are_told_in_twenty_lines(tmp_path: Path) -> None:
    path = tmp_path / 'x.yaml'
    path.write_text(TEXT + ''.join(f'wrong_{i}: {"x" * 1000}\n' for i in range(1000)))
    with pytest.raises(ContractError) as caught:
        load(path)
    lines = str(caught.value).splitlines()
    assert len(lines) == 21 and lines[-1].strip() == 'and 980 more'
    assert max(map(len, lines)) < 500


def test_many_names_of_bare_data_are_compared_at_once(tmp_path: Path) -> None:
    names = ', '.join(f'n{i}' for i in range(60_000))
    path = tmp_path / 'x.yaml'
    path.write_text(
        'name: x\nobservation: {type: std_msgs/msg/Float64MultiArray, stamps: log, topic: /o, '
        f'position: [{names}, n0]}}\naction: {{type: std_msgs/msg/Float64MultiArray, topic: /a, '
        'stamps: log, names: [a]}\n'
    )
    with pytest.raises(ContractError, match='stands twice: n0'):
        load(path)
