# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Names of a vector's entries, in the forms in which LeRobot's tools write them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
import re
from typing import Any

import numpy as np

from ..errors import DataError

OPTION = '--names a,b,c'


def size_of(feature: Mapping[str, Any]) -> int:
    """How many numbers a vector has."""
    return int(np.prod([int(length) for length in feature.get('shape') or (0,)]))


def names_of(feature: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of a vector's entries: a list, one within another or under words, or an index map.

    Raises:
        DataError: If there is not one for every entry, or one stands twice.
    """
    size, told = size_of(feature), feature.get('names')
    names = _listed(told)
    if len(names) != size:
        raise DataError(
            f'a vector of {size} entries has the names {str(told)[:200]}; one each is needed '
            f'({OPTION})'
        )
    double = sorted({name for name in names if names.count(name) > 1})
    if double:
        raise DataError(
            f'a vector of {size} entries has several of the name {", ".join(double)} ({OPTION})'
        )
    return names


def numbered(feature: Mapping[str, Any], stem: str) -> tuple[str, ...]:
    """Names for a vector that has none of its own, or equal ones: numbered."""
    size, names = size_of(feature), _listed(feature.get('names'))
    if len(names) != size:
        return tuple(f'{stem}_{i}' for i in range(size))
    found: list[str] = []
    for place, name in enumerate(names):
        entry = name if names.count(name) == 1 else f'{name}_{names[:place].count(name)}'
        while entry in found or (entry != name and entry in names):
            entry += '_'
        found.append(entry)
    return tuple(found)


def _listed(told: Any) -> tuple[str, ...]:
    """All names in their order; () if there are none."""
    if isinstance(told, Mapping):
        places = list(told.values())
        if places and all(isinstance(p, int) and not isinstance(p, bool) for p in places):
            # An index map: only if it names every place once does it tell the order.
            ordered = sorted(told, key=lambda name: int(told[name]))
            return tuple(map(str, ordered)) if sorted(places) == [*range(len(places))] else ()
        groups = {str(word): _listed(value) for word, value in told.items()}
        flat = [name for names in groups.values() for name in names]
        if len(set(flat)) == len(flat):
            return tuple(flat)
        # Two arms with the same names: the word above tells them apart.
        return tuple(f'{word}_{name}' for word, names in groups.items() for name in names)
    return tuple(_flat(told)) if isinstance(told, Sequence) and not isinstance(told, str) else ()


def _flat(told: Iterable[Any]) -> Iterator[str]:
    for entry in told:
        if isinstance(entry, Mapping):
            yield from _listed(entry)
        elif isinstance(entry, Sequence) and not isinstance(entry, str):
            yield from _flat(entry)
        else:
            yield str(entry)


def plain_joint(theirs: str) -> str:
    """Name of a joint without what LeRobot's robots put behind it."""
    return theirs.removesuffix('.pos').removesuffix('.position')


def plain(name: str) -> str:
    """Name in the letters a contract allows."""
    found = re.sub(r'[^a-z0-9_]', '_', name.lower())
    return found if found[:1].isalpha() else f'data_{found}'
