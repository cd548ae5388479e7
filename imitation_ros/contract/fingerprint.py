# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the hash of a contract is over: all values but those that came later and are not used."""

from collections.abc import Mapping
import hashlib
import json
from typing import Any

from pydantic import BaseModel

LATER = 'hashed only where it differs from its default'
"""Marks a key that came after contracts were hashed: `key: Annotated[T, LATER] = default`."""


def fingerprint(file: BaseModel, urdf_text: str = '') -> str:
    """SHA-256 over the values of a contract and the text of its URDF.

    A key marked LATER counts only where it differs from its default. So a package that learns
    something new, which a contract does not use, still knows models and bags made before. So does
    one that forgot a key: its class names it, with its default, in `gone`.
    """
    values = file.model_dump(mode='json')
    _forget(file, values)
    canonical = json.dumps(values, sort_keys=True)
    return hashlib.sha256((canonical + urdf_text).encode()).hexdigest()


def _forget(value: object, dumped: Any) -> None:
    """Take the unused late keys out of what was dumped."""
    if isinstance(value, BaseModel):
        dumped |= getattr(type(value), 'gone', {})
        for name, field in type(value).model_fields.items():
            own = getattr(value, name)
            if LATER in field.metadata and own == field.get_default(call_default_factory=True):
                del dumped[name]
            else:
                _forget(own, dumped[name])
    elif isinstance(value, Mapping):
        for key, item in value.items():
            _forget(item, dumped[key])
    elif isinstance(value, tuple):
        for item, dump in zip(value, dumped, strict=True):
            _forget(item, dump)
