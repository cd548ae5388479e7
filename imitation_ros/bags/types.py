# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Message types of a bag: those of its ROS distribution, and those that it defines itself."""

from collections.abc import Mapping
import re
from typing import Any

from rosbags.typesys import get_types_from_idl, get_types_from_msg, get_typestore, Stores
from rosbags.typesys.base import TypesysError

from .bounds import check_definition

FAILURES = (
    TypesysError,
    SyntaxError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    RecursionError,
)
"""What the parsers raise on definitions that are anybody's."""

_PART = re.compile(r'^=+\nIDL: \S+\n', re.MULTILINE)
"""How the parts of a definition by IDL begin."""


def typestore(
    definitions: Mapping[str, tuple[str, str]], distro: str
) -> tuple[Any, dict[str, str]]:
    """Types of a bag, and why those that cannot be understood cannot.

    A topic of which nobody needs anything must not keep its bag from being read.

    Args:
        definitions: Type -> encoding (`ros2msg` or `ros2idl`) and text.
        distro: The bag's ROS distribution; '' if it does not tell.
    """
    known = {store.value: store for store in Stores}
    store = get_typestore(known.get(f'ros2_{distro}', Stores.LATEST))
    failed: dict[str, str] = {}
    for name, (encoding, text) in definitions.items():
        if name in store.fielddefs or not text:
            continue
        try:
            check_definition(name, text)
            types = _parse(name, encoding, text)
            store.register({k: v for k, v in types.items() if k not in store.fielddefs})
        except FAILURES as error:
            failed[name] = f'its definition ({encoding}) is not understood: {error}'
    return store, failed


def _parse(name: str, encoding: str, text: str) -> dict[str, Any]:
    if encoding == 'ros2msg':
        return dict(get_types_from_msg(text, name))
    if encoding != 'ros2idl':
        raise ValueError(f'"{encoding}" is neither ros2msg nor ros2idl')
    found: dict[str, Any] = {}
    for part in _PART.split(text):
        if part.strip():
            found |= get_types_from_idl(part)
    return found
