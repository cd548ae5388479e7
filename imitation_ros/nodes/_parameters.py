# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Node parameters from a frozen dataclass: declared once, typed, and typos refused.

rclpy silently ignores a misspelt parameter; a robot should not start with one.
"""

from dataclasses import fields, is_dataclass, MISSING
from typing import Any, TypeVar

from rclpy.exceptions import InvalidParameterTypeException
from rclpy.node import Node
from rclpy.parameter import Parameter

from ..errors import ImitationError, unknown

P = TypeVar('P')
BUILT_IN = ('use_sim_time', 'start_type_description_service')


class ParameterError(ImitationError, ValueError):
    """A node parameter is unknown, missing or of the wrong type."""


def declare(node: Node, kind: type[P]) -> P:
    """Declare every field of a dataclass as a parameter and return the values given.

    Raises:
        ParameterError: If a given parameter is unknown, a mandatory one is missing, or a value
            has the wrong type or is refused by the dataclass.
    """
    if not is_dataclass(kind):
        raise TypeError(f'{kind} is not a dataclass')
    names = [field.name for field in fields(kind)]
    for given in getattr(node, '_parameter_overrides', {}):
        if given not in names and given not in BUILT_IN and not given.startswith('qos_overrides'):
            raise ParameterError(unknown(given, f'parameter of {node.get_name()}', names))
    values: dict[str, Any] = {}
    for field in fields(kind):
        default = field.default
        if default is MISSING:
            overrides = getattr(node, '_parameter_overrides', {})
            if field.name not in overrides:
                raise ParameterError(
                    f'{node.get_name()} needs the parameter "{field.name}": '
                    f'--ros-args -p {field.name}:=...'
                )
            default = overrides[field.name].value
        given_value = getattr(node, '_parameter_overrides', {}).get(field.name)
        if isinstance(default, float) and given_value is not None:
            # `rate:=30` is an integer to ROS; a number is a number to an operator.
            if given_value.type_ == Parameter.Type.INTEGER:
                node._parameter_overrides[field.name] = Parameter(
                    field.name, value=float(given_value.value)
                )
        try:
            values[field.name] = node.declare_parameter(field.name, default).value
        except InvalidParameterTypeException as error:
            raise ParameterError(f'{node.get_name()}: {error}') from error
    try:
        return kind(**values)
    except (ValueError, TypeError) as error:
        raise ParameterError(f'{node.get_name()}: {error}') from error
