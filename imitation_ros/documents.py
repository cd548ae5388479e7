# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The gate for documents of others: YAML, JSON and XML of bounded size, depth and count.

Forty bytes can stand for a gigabyte (aliases of aliases), and a megabyte of brackets ends the
process inside a C library, where no exception helps. So what can be told from the text is told
before it is parsed, and whatever is wrong is one DocumentError with the file and the reason.
"""

from collections.abc import Iterator
from contextlib import contextmanager
import json
import math
from pathlib import Path
import re
import reprlib
import stat
from typing import Any
from xml.etree import ElementTree

import yaml

from .errors import DocumentError, ImitationError

MAX_BYTES = 64 * 1024 * 1024
"""Largest document; manifests of long datasets have some megabytes [bytes]."""
MAX_DEPTH = 100
"""Deepest nesting of lists, mappings and elements."""
MAX_VALUES = 2_000_000
"""Most values in JSON."""
MAX_YAML_VALUES = 200_000
"""Most values in YAML, and most that its aliases may stand for."""
MAX_YAML_BYTES = 16 * 1024 * 1024
"""Largest YAML document, and most text that its aliases may stand for [bytes]."""
MAX_ELEMENTS = 200_000
"""Most elements of XML."""
MAX_DIGITS = 400
"""Longest number; float64 needs at most 17 digits and an exponent."""

_Base: Any = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)
_BLOCKS = re.compile(rf'^[ \-?:]{{{MAX_DEPTH}}}', re.MULTILINE)
"""A line that may open many blocks: each takes a column of indentation, or a dash."""

_shortened = reprlib.Repr()
_shortened.maxstring = _shortened.maxother = 80
_shortened.maxlist = _shortened.maxtuple = _shortened.maxdict = 5
_shortened.maxlevel = 2


def shown(value: object) -> str:
    """A value for a message, as `repr` but never longer than a line or two."""
    return _shortened.repr(value)


@contextmanager
def reading(source: object) -> Iterator[None]:
    """Make one error of whatever the values of a document are not, while they are looked at.

    Args:
        source: The file.

    Raises:
        DocumentError: With the file and the reason; errors of ours pass as they are.
    """
    try:
        yield
    except ImitationError:
        raise
    except KeyError as error:
        missing = shown(error.args[0] if error.args else '')
        raise DocumentError(f'{source}: damaged: {missing} is missing') from error
    except (
        TypeError,
        ValueError,
        AttributeError,
        IndexError,
        ArithmeticError,
        RecursionError,
    ) as error:
        reason = ' '.join(str(error).split())[:300]
        raise DocumentError(f'{source}: damaged: {reason or type(error).__name__}') from error


def read_bytes(path: Path, limit: int = MAX_BYTES) -> bytes:
    """Content of a regular file.

    Args:
        path: The file; a pipe or a device is none, whatever a link to it is called.
        limit: Largest size [bytes].

    Raises:
        FileNotFoundError: If there is none.
        DocumentError: If it is no regular file, larger, or cannot be read.
    """
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):
            kind = 'a folder' if stat.S_ISDIR(about.st_mode) else 'a pipe or a device'
            raise DocumentError(f'{path}: cannot be read: it is {kind}, no file')
        with path.open('rb') as file:
            data = file.read(limit + 1)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, 'strerror', None) or error
        raise DocumentError(f'{path}: cannot be read: {reason}') from error
    if len(data) > limit:
        raise DocumentError(f'{path}: is larger than {limit >> 20} MB')
    return data


def read_text(path: Path, limit: int = MAX_BYTES) -> str:
    """Text (UTF-8) of a regular file; arguments and errors as `read_bytes`.

    Raises:
        DocumentError: Also if it is no text.
    """
    return decoded(read_bytes(path, limit), path)


def decoded(data: bytes, source: object) -> str:
    """Text of UTF-8.

    Raises:
        DocumentError: If it is none.
    """
    try:
        return data.decode('utf-8')
    except UnicodeDecodeError as error:
        raise DocumentError(
            f'{source}: no text: byte {error.start} is no UTF-8 ({error.reason})'
        ) from error


def parse_yaml(text: str, source: object) -> Any:
    """Values of a YAML text of plain types, whose keys each stand once.

    Args:
        text: The YAML.
        source: What to call it in an error.

    Raises:
        DocumentError: If it is none, or larger or deeper than anything honest.
    """
    _limit(len(text), MAX_YAML_BYTES, source)
    try:
        if _suspicious(text):
            _weigh(yaml.parse(text, Loader=_Base), source)
        return yaml.load(text, Loader=_Loader)
    except DocumentError:
        raise
    except yaml.YAMLError as error:
        raise DocumentError(f'{source}: not YAML: {_yaml_reason(error)}') from error
    except RecursionError as error:
        raise DocumentError(f'{source}: nested deeper than {MAX_DEPTH} levels') from error
    except (ValueError, OverflowError, TypeError, AttributeError, LookupError) as error:
        # A date of month 13, base64 that is none: the library lets its own errors through.
        raise DocumentError(f'{source}: a value cannot be read: {error}') from error


def _limit(size: int, limit: int, source: object) -> None:
    if size > limit:
        raise DocumentError(f'{source}: is larger than {limit >> 20} MB')


def _suspicious(text: str) -> bool:
    """Whether a YAML text may nest deeply, repeat itself, or hold more values than it may.

    Looking takes a hundredth of the time that parsing does; few honest texts are suspicious.
    """
    flow = text.count('[') + text.count('{')
    return (
        flow >= MAX_DEPTH
        or ('*' in text and '&' in text)
        or text.count('\n') + text.count(',') + 2 * text.count('- ') + flow > MAX_YAML_VALUES
        or _BLOCKS.search(text) is not None
    )


def _weigh(events: Iterator[yaml.Event], source: object) -> None:
    """Count depth, values and what aliases stand for; recursion-free.

    Raises:
        DocumentError: If there is too much of it.
    """
    values, letters = [0], [0]  # of each open collection, the document's own first
    anchors: dict[str | None, tuple[int, int]] = {}
    opened: list[str | None] = []
    for event in events:
        if isinstance(event, yaml.CollectionStartEvent):
            opened.append(event.anchor)
            values.append(1)
            letters.append(0)
            if len(opened) > MAX_DEPTH:
                raise DocumentError(f'{source}: nested deeper than {MAX_DEPTH} levels')
            continue
        if isinstance(event, yaml.ScalarEvent):
            size, anchor = (1, len(event.value)), event.anchor
        elif isinstance(event, yaml.CollectionEndEvent):
            size, anchor = (values.pop(), letters.pop()), opened.pop()
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor in opened:
                raise DocumentError(f'{source}: {shown(event.anchor)} holds itself')
            size, anchor = anchors.get(event.anchor, (1, 0)), None
        else:
            continue
        if anchor is not None:
            anchors[anchor] = size
        values[-1] += size[0]
        letters[-1] += size[1]
        if values[-1] > MAX_YAML_VALUES or letters[-1] > MAX_YAML_BYTES:
            raise DocumentError(
                f'{source}: stands for more than {MAX_YAML_VALUES} values or '
                f'{MAX_YAML_BYTES >> 20} MB'
            )


class _Loader(_Base):  # type: ignore[misc]
    """YAML of plain types; a key that stands twice, or a number without end, is an error."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        """Refuse a key that stands twice; the library would keep the last value in silence."""
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if isinstance(key, yaml.ScalarNode):
                name = (key.tag, key.value)
                if name in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f'the key {shown(key.value)} stands twice', key.start_mark
                    )
                seen.add(name)
        return super().construct_mapping(node, deep)

    def construct_integer(self, node: Any) -> Any:
        """Refuse endless numbers: reading one takes the square of its length."""
        return self.construct_yaml_int(_short(node))

    def construct_number(self, node: Any) -> Any:
        """As `construct_integer`."""
        return self.construct_yaml_float(_short(node))


_Loader.add_constructor('tag:yaml.org,2002:int', _Loader.construct_integer)
_Loader.add_constructor('tag:yaml.org,2002:float', _Loader.construct_number)


def _short(node: Any) -> Any:
    if len(node.value) > MAX_DIGITS:
        raise yaml.constructor.ConstructorError(
            None, None, f'a number of more than {MAX_DIGITS} digits', node.start_mark
        )
    return node


def _yaml_reason(error: yaml.YAMLError) -> str:
    """What the library found, on one line: where, and what."""
    problem = getattr(error, 'problem', None) or str(error)
    mark = getattr(error, 'problem_mark', None) or getattr(error, 'context_mark', None)
    where = '' if mark is None else f'line {mark.line + 1}, column {mark.column + 1}: '
    return where + ' '.join(str(problem).split())[:300]


def parse_json(text: str, source: object) -> Any:
    """Values of a JSON text whose keys each stand once.

    Args:
        text: The JSON.
        source: What to call it in an error.

    Raises:
        DocumentError: If it is none, or larger or deeper than anything honest.
    """
    _limit(len(text), MAX_BYTES, source)
    if text.count(',') + text.count('[') + text.count('{') > MAX_VALUES:
        raise DocumentError(f'{source}: holds more than {MAX_VALUES} values')
    try:
        values = json.loads(text, object_pairs_hook=_once, parse_int=_integer)
    except RecursionError as error:
        raise DocumentError(f'{source}: nested deeper than {MAX_DEPTH} levels') from error
    except ValueError as error:
        raise DocumentError(f'{source}: damaged: {error}') from error
    level, depth = [values], 0
    while level:
        if depth > MAX_DEPTH:
            raise DocumentError(f'{source}: nested deeper than {MAX_DEPTH} levels')
        inner = (v.values() if isinstance(v, dict) else v for v in level if _holds(v))
        level = [value for values in inner for value in values if _holds(value)]
        depth += 1
    return values


def _holds(value: object) -> bool:
    return isinstance(value, dict | list)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Mapping of names and values.

    Raises:
        ValueError: If a name stands twice.
    """
    values = dict(pairs)
    if len(values) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for at, name in enumerate(names) if name in names[:at])
        raise ValueError(f'the key {shown(twice)} stands twice')
    return values


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f'a number of more than {MAX_DIGITS} digits')
    return int(digits)


def read_json_mapping(path: Path) -> dict[str, Any]:
    """Mapping that a JSON file holds.

    Raises:
        FileNotFoundError: If there is no file.
        DocumentError: If it holds no JSON, or something else than a mapping.
    """
    return mapping(parse_json(read_text(path), path), path)


def mapping(values: Any, source: object) -> dict[str, Any]:
    """Check that a document is a mapping of names to values; returns it.

    Raises:
        DocumentError: If it is none.
    """
    if not isinstance(values, dict):
        raise DocumentError(f'{source}: damaged: it is {type(values).__name__}, no mapping')
    return values


def parse_xml(text: str, source: object) -> ElementTree.Element:
    """Root element of an XML text that declares no entities of its own.

    Args:
        text: The XML.
        source: What to call it in an error.

    Raises:
        DocumentError: If it is none, or larger or deeper than anything honest.
    """
    _limit(len(text), MAX_BYTES, source)
    parser = ElementTree.XMLParser(target=_Builder(str(source)))
    try:
        parser.feed(text)
        root: ElementTree.Element = parser.close()
    except ElementTree.ParseError as error:
        raise DocumentError(f'{source}: not well-formed XML: {error}') from error
    except ValueError as error:
        if isinstance(error, DocumentError):
            raise
        raise DocumentError(f'{source}: not well-formed XML: {error}') from error
    return root


class _Builder(ElementTree.TreeBuilder):
    """Builds elements while there are not too many, nor too deep."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self._source, self._depth, self._count = source, 0, 0

    def doctype(self, name: str, pubid: str, system: str) -> None:
        """Refuse declarations: entities stand for other text, or for a file of the system."""
        raise DocumentError(
            f'{self._source}: declares a document type (<!DOCTYPE {name[:40]}); take it out'
        )

    def start(self, tag: str, attrs: dict[str, str]) -> ElementTree.Element:
        """Count an element in."""
        self._depth += 1
        self._count += 1
        if self._depth > MAX_DEPTH:
            raise DocumentError(f'{self._source}: nested deeper than {MAX_DEPTH} levels')
        if self._count > MAX_ELEMENTS:
            raise DocumentError(f'{self._source}: has more than {MAX_ELEMENTS} elements')
        return super().start(tag, attrs)

    def end(self, tag: str) -> ElementTree.Element:
        """Count an element out."""
        self._depth -= 1
        return super().end(tag)


def finite(text: str, source: object, what: str) -> float:
    """Number that stands in an attribute.

    Raises:
        DocumentError: If it is none, or not finite.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DocumentError(f'{source}: {what} is {shown(text)}, no finite number')
    return value
