# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Parameters from a dataclass: types, defaults, typos, and what the dataclass refuses."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed')

from rclpy.node import Node
from rclpy.parameter import Parameter

from imitation_ros.errors import ImitationError
from imitation_ros.nodes.ros.parameters import declare, ParameterError

pytestmark = pytest.mark.ros


@dataclass(frozen=True)
class Settings:
    model: str
    gain: float
    rate_hz: float = 25.0
    threads: int = 1
    autostart: bool = False
    note: str = ''
    weights: list[float] = field(default_factory=lambda: [1.0, 2.0])

    def __post_init__(self) -> None:
        if self.rate_hz <= 0:
            raise ValueError(f'rate_hz must be positive, not {self.rate_hz}')


@pytest.fixture
def settings(ros: Any) -> Iterator[Callable[..., Settings]]:
    nodes: list[Node] = []

    def make(**given: Any) -> Settings:
        overrides = [Parameter(name, value=value) for name, value in given.items()]
        nodes.append(Node('settings', context=ros, parameter_overrides=overrides))
        return declare(nodes[-1], Settings)

    yield make
    for node in nodes:
        node.destroy_node()


def test_defaults_and_what_was_given(settings: Callable[..., Settings]) -> None:
    assert settings(model='a', gain=0.5) == Settings('a', 0.5)
    given = settings(model='b', gain=1.5, rate_hz=50.0, threads=2, autostart=True, weights=[3.0])
    assert given == Settings('b', 1.5, 50.0, 2, True, '', [3.0])


def test_an_integer_is_a_number(settings: Callable[..., Settings]) -> None:
    given = settings(model='a', gain=2, rate_hz=30)
    assert given.rate_hz == 30.0
    assert isinstance(given.rate_hz, float)
    assert isinstance(given.gain, float)


def test_the_built_in_parameters_are_known(settings: Callable[..., Settings]) -> None:
    assert settings(model='a', gain=1.0, use_sim_time=True).model == 'a'


@pytest.mark.parametrize(
    ('given', 'message'),
    [
        ({'model': 'a', 'gain': 1.0, 'rate': 30.0}, r'"rate" is not a parameter of settings; did'),
        ({'model': 'a', 'gain': 1.0, 'rate_Hz': 3.0}, r'did you mean "rate_hz"'),
        ({'gain': 1.0}, r'settings needs the parameter "model": --ros-args -p model:='),
        ({'model': 5, 'gain': 1.0}, r'model is a str, not 5'),
        ({'model': 'a', 'gain': 'much'}, r"gain is a float, not 'much'"),
        ({'model': 'a', 'gain': 1.0, 'threads': 'two'}, r'threads'),
        ({'model': 'a', 'gain': 1.0, 'threads': 1.5}, r'threads'),
        ({'model': 'a', 'gain': 1.0, 'autostart': 'yes'}, r'autostart'),
        ({'model': 'a', 'gain': 1.0, 'rate_hz': -1.0}, r'rate_hz must be positive, not -1.0'),
    ],
)
def test_what_is_refused(
    settings: Callable[..., Settings], given: dict[str, Any], message: str
) -> None:
    with pytest.raises(ParameterError, match=message) as caught:
        settings(**given)
    assert isinstance(caught.value, ImitationError)


def test_only_dataclasses_are_declared(ros: Any) -> None:
    node = Node('plain', context=ros)
    with pytest.raises(TypeError, match='not a dataclass'):
        declare(node, dict)
    node.destroy_node()
