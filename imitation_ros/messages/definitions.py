# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Message definitions and type hashes, as rosbag2 stores them in a bag.

They come from `share/<package>/msg` of an installed ROS, which knows custom types too; where
none is installed, from the definitions rosbags brings along.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
import json
from pathlib import Path
import re
from typing import Any

from rosbags.typesys import get_typestore, Stores
from rosbags.typesys.store import Typestore

from ..errors import BagError
from ..resources import prefixes

SEPARATOR = '=' * 80
PRIMITIVES = frozenset(
    'bool byte char float32 float64 int8 uint8 int16 uint16 int32 uint32 int64 uint64 '
    'string wstring'.split()
)
ENCAPSULATIONS = (b'\x00\x00', b'\x00\x01')
"""Plain CDR, big and little endian."""
_FIELD = re.compile(r'^([A-Za-z][\w/]*)(?:<=\d+)?(?:\[[^\]]*\])?\s+[A-Za-z]')


@dataclass(frozen=True)
class Definition:
    """What a bag says of one message type.

    Attributes:
        name: Type, such as `sensor_msgs/msg/JointState`.
        text: Its .msg text, followed by that of every type it uses (encoding `ros2msg`).
        hash: Its RIHS01 type hash (REP 2016).
    """

    name: str
    text: str
    hash: str


@lru_cache(maxsize=1)
def typestore() -> Typestore:
    """Every standard message type of the newest ROS 2 that rosbags knows."""
    return get_typestore(Stores.LATEST)


def decode(kind: str, data: bytes, store: Typestore | None = None) -> Any:
    """Make an object of a message type and a serialized message; arrays are numpy views.

    Args:
        kind: Type, such as `sensor_msgs/msg/JointState`.
        data: CDR with its encapsulation header.
        store: Knows the type; None: the standard types.

    Raises:
        BagError: If the type is not known, or the bytes do not fit it.
    """
    store = store or typestore()
    try:
        if data[:2] not in ENCAPSULATIONS:
            raise ValueError('unknown CDR encapsulation')
        definition = store.get_msgdef(kind)
        read = definition.deserialize_cdr_le if data[1] else definition.deserialize_cdr_be
        # Not `store.deserialize_cdr`, which allows three bytes behind the message: Fast CDR
        # reserves the alignment of every sequence's elements, also where it has none.
        message, _ = read(data[4:], 0, definition.cls, store)
    except Exception as error:
        raise BagError(f'does not fit {kind}: {error}') from error
    return message


@lru_cache(maxsize=256)
def find(name: str) -> Definition:
    """Definition of a message type such as `sensor_msgs/msg/JointState`.

    Raises:
        BagError: If neither an installed ROS nor rosbags knows the type.
    """
    parts = name.split('/')
    if len(parts) != 3 or parts[1] != 'msg':
        raise BagError(f'"{name}" is not a message type; it looks like "package/msg/Name"')
    if _share(parts[0], f'{parts[2]}.msg') is not None:
        return Definition(name, _text(parts[0], parts[2]), _hash(name))
    store = typestore()
    if name not in store.fielddefs:
        raise BagError(f'no definition of {name}: {parts[0]} is not installed')
    return Definition(name, store.generate_msgdef(name, ros_version=2)[0], store.hash_rihs01(name))


def _share(package: str, file: str) -> Path | None:
    """Path of a file in `share/<package>/msg`, or None."""
    for prefix in prefixes():
        path = prefix / 'share' / package / 'msg' / file
        if path.is_file():
            return path
    return None


def _read(package: str, name: str) -> str:
    path = _share(package, f'{name}.msg')
    if path is None:
        raise BagError(f'no definition of {package}/msg/{name}: {package} is not installed')
    return path.read_text(encoding='utf-8').rstrip('\n') + '\n'


def _uses(package: str, text: str) -> Iterator[tuple[str, str]]:
    """Message types that the fields of a definition name, as (package, name)."""
    for line in text.splitlines():
        found = _FIELD.match(line.split('#')[0].strip())
        if found and found.group(1) not in PRIMITIVES:
            *where, name = found.group(1).replace('/msg/', '/').split('/')
            yield (where[0] if where else package), name


def _text(package: str, name: str) -> str:
    """Definition of a type and, behind separators, of every type below it."""
    top = _read(package, name)
    texts, seen, todo = [top], set(), list(_uses(package, top))
    while todo:
        key = todo.pop(0)
        if key in seen:
            continue
        seen.add(key)
        text = _read(*key)
        texts.append(f'{SEPARATOR}\nMSG: {key[0]}/{key[1]}\n{text}')
        todo += _uses(key[0], text)
    return ''.join(texts)


def _hash(name: str) -> str:
    """RIHS01 hash; Humble installs none, so there rosbags computes it."""
    package, _, short = name.split('/')
    path = _share(package, f'{short}.json')
    if path is not None:
        for entry in json.loads(path.read_text(encoding='utf-8')).get('type_hashes', ()):
            if entry['type_name'] == name:
                return str(entry['hash_string'])
    store = typestore()
    return str(store.hash_rihs01(name)) if name in store.fielddefs else ''
