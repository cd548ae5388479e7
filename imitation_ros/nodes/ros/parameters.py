# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Node parameters from a frozen dataclass: declared once, typed, and typos refused.

rclpy silently ignores a misspelt parameter; a robot should not start with one.
"""

from dataclasses import Field, fields, is_dataclass, MISSING
from typing import Any, get_type_hints, TypeVar

from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node
from rclpy.parameter import Parameter

from ...errors import ImitationError, unknown

P = TypeVar('P')
BUILT_IN = ('use_sim_time', 'start_type_description_service')


class ParameterError(ImitationError, ValueError):
    """A node parameter is unknown, missing or of the wrong type."""


def declare(node: Node, kind: type[P]) -> P:
    """Declare every field of a dataclass as a parameter and return the values given.

    Fields are of the types bool, int, float, str, or lists of them.

    Raises:
        ParameterError: If a given parameter is unknown, a mandatory one is missing, or a value
            has the wrong type or is refused by the dataclass.
    """
    if not is_dataclass(kind):
        raise TypeError(f'{kind} is not a dataclass')
    # A private attribute of rclpy: without it, typos go unnoticed, but nothing else breaks.
    overrides: dict[str, Any] = getattr(node, '_parameter_overrides', {})
    names = [field.name for field in fields(kind)]
    for given in overrides:
        if given not in names and given not in BUILT_IN and not given.startswith('qos_overrides'):
            raise ParameterError(unknown(given, f'parameter of {node.get_name()}', names))
    hints = get_type_hints(kind)
    values: dict[str, Any] = {}
    for field in fields(kind):
        name, default = field.name, _default(field)
        given_value = overrides.get(name)
        if hints[name] is float and given_value is not None:
            # `rate:=30` is an integer to ROS; a number is a number to an operator.
            if given_value.type_ == Parameter.Type.INTEGER:
                given_value = Parameter(name, value=float(given_value.value))
                overrides[name] = given_value
        if default is MISSING:
            if given_value is None:
                raise ParameterError(
                    f'{node.get_name()} needs the parameter "{name}": --ros-args -p {name}:=...'
                )
            if isinstance(hints[name], type) and type(given_value.value) is not hints[name]:
                raise ParameterError(
                    f'{node.get_name()}: {name} is a {hints[name].__name__}, '
                    f'not {given_value.value!r}'
                )
            default = given_value.value
        try:
            values[name] = node.declare_parameter(name, default).value
        except (InvalidParameterTypeException, InvalidParameterValueException) as error:
            raise ParameterError(f'{node.get_name()}: {error}') from error
    try:
        return kind(**values)
    except (ValueError, TypeError) as error:
        raise ParameterError(f'{node.get_name()}: {error}') from error


def _default(field: Field[Any]) -> Any:
    """Default of a field, or MISSING."""
    if field.default_factory is not MISSING:
        return field.default_factory()
    return field.default
