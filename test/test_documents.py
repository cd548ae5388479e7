# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The gate for YAML, JSON and XML of others: whatever comes, values or one error."""

import datetime
import os
from pathlib import Path
import subprocess
import sys

import pytest

from imitation_ros import documents
from imitation_ros.errors import DocumentError, ImitationError


def bomb(levels: int) -> str:
    """Aliases of aliases that stand for ten to the power of `levels` letters."""
    lines = ['a0: &a0 [' + ', '.join(['x'] * 10) + ']']
    for level in range(1, levels + 1):
        lines.append(f'a{level}: &a{level} [' + ', '.join([f'*a{level - 1}'] * 10) + ']')
    return '\n'.join(lines) + '\n'


YAML = {
    'alias bomb': (bomb(9) + 'name: *a9\n', 'stands for more than'),
    'long text repeated': (
        'a: &a ' + 'x' * 100_000 + '\nb: [' + ', '.join(['*a'] * 1000) + ']',
        'stands for more than',
    ),
    'merged bomb': (
        'a: &a {k: [' + ', '.join(['x'] * 99_999) + ']}\nb: [{<<: *a}, {<<: *a}, {<<: *a}]',
        'stands for more than',
    ),
    'holds itself': ('a: &a [*a]', 'holds itself'),
    'holds itself deeper': ('a: &a {b: {c: *a}}', 'holds itself'),
    'flow of 3,000': ('[' * 3000 + ']' * 3000, 'nested deeper than 100'),
    'flow of 100,000': ('name: ' + '[' * 100_000 + ']' * 100_000, 'nested deeper than 100'),
    'mappings of 100,000': ('{a: ' * 100_000 + '}' * 100_000, 'nested deeper than 100'),
    'left open': ('[' * 200_000, 'nested deeper than 100'),
    'closed in comments': ('[ # ]\n' * 50_000, 'nested deeper than 100'),
    'dashes on a line': ('- ' * 100_000 + 'x', 'nested deeper than 100'),
    'questions on a line': ('? ' * 100_000 + 'x', 'nested deeper than 100'),
    'indented': ('\n'.join(' ' * i + 'a:' for i in range(2000)), 'nested deeper than 100'),
    'dashes indented': ('\n'.join(' ' * i + '-' for i in range(2000)), 'nested deeper than 100'),
    'too many values': ('[' + 'x,' * 300_000 + ']', 'stands for more than'),
    'too many lines': ('- x\n' * 300_000, 'stands for more than'),
    'too large': ('#' * (17 << 20), 'larger than 16 MB'),
    'key twice': ('a: 1\nb: 2\na: 3\n', "line 3, column 1: the key 'a' stands twice"),
    'key twice inside': ('x: {a: 1, "a": 2}', "the key 'a' stands twice"),
    'digits without end': ('a: ' + '9' * 5000, 'more than 400 digits'),
    'sexagesimal without end': ('a: 1' + ':30' * 100_000, 'more than 400 digits'),
    'month 13': ('a: 2001-13-45', 'cannot be read'),
    'tag of Python': ('!!python/object/apply:os.system ["true"]', 'not YAML'),
    'no base64': ('a: !!binary "%%%é"', 'YAML'),
    'list as key': ('? [a]\n: b', 'not YAML'),
    'text as number': ('a: !!int x', 'cannot be read'),
    'text as float': ('a: !!float x', 'cannot be read'),
    'text as truth': ('a: !!bool x', 'cannot be read'),
    'text as date': ('a: !!timestamp x', 'cannot be read'),
    'unknown alias': ('a: *b', 'not YAML'),
    'control character': ('a: \x01', 'not YAML'),
    'two documents': ('a: 1\n---\nb: 2\n', 'not YAML'),
}


@pytest.mark.parametrize(('text', 'reason'), YAML.values(), ids=list(YAML))
def test_yaml_that_nobody_honest_writes_is_one_error(text: str, reason: str) -> None:
    with pytest.raises(DocumentError) as caught:
        documents.parse_yaml(text, 'x.yaml')
    told = str(caught.value)
    assert told.startswith('x.yaml: ') and told.count('x.yaml') == 1 and reason in told
    assert '\n' not in told and len(told) < 400


def test_yaml_of_honest_people_is_read_as_ever() -> None:
    text = 'a: &a {x: 1, y: [1.5, yes, null]}\nb: {<<: *a, x: 2}\nc: 2001-02-03\nd: *a\n'
    first = {'x': 1, 'y': [1.5, True, None]}
    assert documents.parse_yaml(text, 'x') == {
        'a': first,
        'b': {**first, 'x': 2},
        'c': datetime.date(2001, 2, 3),
        'd': first,
    }
    deep = '[' * 99 + ']' * 99
    assert documents.parse_yaml(deep, 'x') is not None
    assert documents.parse_yaml('', 'x') is None
    rows = documents.parse_yaml('- {a: "[[[["}\n' * 2000, 'x')
    assert rows == [{'a': '[[[['}] * 2000


JSON = {
    'lists of 500,000': ('[' * 500_000 + ']' * 500_000, 'nested deeper than 100'),
    'lists of 150': ('[' * 150 + ']' * 150, 'nested deeper than 100'),
    'mappings of 900': ('{"a": ' * 900 + '1' + '}' * 900, 'nested deeper than 100'),
    'left open': ('[' * 200_000, 'nested deeper than 100'),
    'too many values': ('[' + '[],' * 1_500_000 + '[]]', 'more than 2000000 values'),
    'too large': ('"' + 'x' * (65 << 20) + '"', 'larger than 64 MB'),
    'key twice': ('{"a": 1, "b": {"c": 1, "c": 2}}', "the key 'c' stands twice"),
    'digits without end': ('[' + '9' * 100_000 + ']', 'more than 400 digits'),
    'cut off': ('{"a": ', 'damaged'),
    'empty': ('', 'damaged'),
}


@pytest.mark.parametrize(('text', 'reason'), JSON.values(), ids=list(JSON))
def test_json_that_nobody_honest_writes_is_one_error(text: str, reason: str) -> None:
    with pytest.raises(DocumentError) as caught:
        documents.parse_json(text, 'x.json')
    told = str(caught.value)
    assert told.startswith('x.json: ') and reason in told and len(told) < 400


def test_json_of_honest_people_is_read_as_ever() -> None:
    text = '{"a": [1, 2.5, null, {"b": {"c": []}}], "d": "[[[["}'
    assert documents.parse_json(text, 'x') == {
        'a': [1, 2.5, None, {'b': {'c': []}}],
        'd': '[[[[',
    }
    assert documents.parse_json('[' * 100 + ']' * 100, 'x')
    with pytest.raises(DocumentError, match='no mapping'):
        documents.mapping(documents.parse_json('[1]', 'x'), 'x')


ENTITIES = ''.join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 10))
XML = {
    'nested': ('<a>' * 100_000 + '</a>' * 100_000, 'nested deeper than 100'),
    'many': ('<a>' + '<b/>' * 300_000 + '</a>', 'more than 200000 elements'),
    'entities': (f'<!DOCTYPE r [<!ENTITY a0 "lol">{ENTITIES}]><r a="&a9;"/>', 'DOCTYPE'),
    'file': ('<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><r>&x;</r>', 'DOCTYPE'),
    'parameter': ('<!DOCTYPE r [<!ENTITY % x "y"> %x;]><r/>', 'DOCTYPE'),
    'remote': ('<!DOCTYPE r SYSTEM "http://example.org/x.dtd"><r/>', 'DOCTYPE'),
    'cut off': ('<a><b>', 'not well-formed'),
    'empty': ('', 'not well-formed'),
    'half a character': ('<a>\ud800</a>', 'not well-formed'),
}


@pytest.mark.parametrize(('text', 'reason'), XML.values(), ids=list(XML))
def test_xml_that_nobody_honest_writes_is_one_error(text: str, reason: str) -> None:
    with pytest.raises(DocumentError) as caught:
        documents.parse_xml(text, 'x.urdf')
    assert str(caught.value).startswith('x.urdf: ') and reason in str(caught.value)


def test_xml_of_honest_people_is_read_as_ever() -> None:
    root = documents.parse_xml('<?xml version="1.0"?><!-- [ --><a x="1"><b>c</b></a>', 'x')
    assert (root.tag, root.get('x'), root.findtext('b')) == ('a', '1', 'c')


def test_a_pipe_a_device_or_a_folder_is_no_document(tmp_path: Path) -> None:
    pipe, endless, sparse = tmp_path / 'pipe', tmp_path / 'endless', tmp_path / 'sparse'
    os.mkfifo(pipe)
    endless.symlink_to('/dev/zero')
    with sparse.open('wb') as file:
        file.truncate(1 << 40)
    for path, reason in (
        (pipe, 'a pipe or a device'),
        (endless, 'a pipe or a device'),
        (tmp_path, 'a folder'),
        (sparse, 'larger than 64 MB'),
        (Path('a\0b'), 'cannot be read'),
    ):
        with pytest.raises(DocumentError, match=reason):
            documents.read_text(path)
    with pytest.raises(FileNotFoundError):
        documents.read_text(tmp_path / 'none')
    (tmp_path / 'latin').write_bytes(b'caf\xe9 x')
    with pytest.raises(DocumentError, match='byte 3 is no UTF-8'):
        documents.read_text(tmp_path / 'latin')


def test_a_shown_value_is_short_whatever_it_is() -> None:
    deep: list[object] = []
    for _ in range(500):
        deep = [deep] * 10
    for value in (deep, 'x' * 10**7, list(range(10**6)), {str(i): deep for i in range(1000)}):
        assert len(documents.shown(value)) < 1000
    assert documents.shown('as ever') == "'as ever'"


def test_the_error_is_one_of_ours() -> None:
    assert issubclass(DocumentError, ImitationError)


def test_a_small_text_takes_little_memory_to_refuse() -> None:
    code = (
        'import resource\n'
        'resource.setrlimit(resource.RLIMIT_AS, (500 << 20, 500 << 20))\n'
        'from imitation_ros import documents\n'
        f'for text in ({bomb(9)!r}, "[" * 10**6, "- " * 10**6, "x: " + "{{a: " * 10**5):\n'
        '    try:\n'
        '        documents.parse_yaml(text, "x")\n'
        '    except documents.DocumentError:\n'
        '        print("refused")\n'
    )
    line = [sys.executable, '-c', code]
    run = subprocess.run(line, check=False, capture_output=True, text=True)
    assert run.stdout.split() == ['refused'] * 4, run.stderr
