# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Names from files are plain path components, and what they lead to stays in its folder."""

import os

from hypothesis import given
from hypothesis import strategies as st
import pytest

from imitation_ros.errors import DataError
from imitation_ros.names import file_inside, path_inside, plain_name

HOSTILE = [
    '',
    '.',
    '..',
    ' .. ',
    '/etc/passwd',
    '../../x',
    'a/b',
    'foo/../../x',
    '..\\x',
    'C:x',
    'C:\\x',
    'a\0b',
    'a\nb',
    '\x1b[2J',
    '\u2025',  # two dots in one letter
    '\uff0e\uff0e\uff0fx',  # full-width dots and slash
    'gpj\u202egnp',
    '\ud800',
    'x' * 256,
    '\u00e4' * 128,
    None,
    5,
    ['x'],
]


@pytest.mark.parametrize('name', HOSTILE, ids=ascii)
def test_hostile_names_are_refused_with_file_and_reason(name):
    with pytest.raises(DataError, match=r'^here\.yaml: the episode .* is no plain name: it '):
        plain_name(name, 'episode', 'here.yaml')


@pytest.mark.parametrize(
    'name', ['lift_0001', 'a b', '2026-01-01T12:00', '...', 'x' * 255, 'größe', '提瓶', '.hidden']
)
def test_honest_names_in_any_script_are_taken(name):
    assert plain_name(name, 'episode', 'here') == name


@given(st.text())
def test_what_is_taken_stays_in_its_folder(name):
    try:
        plain_name(name, 'episode', 'here')
    except DataError:
        return
    path = os.path.normpath(os.path.join('/root/folder', name))
    assert os.path.dirname(path) == '/root/folder' and os.path.basename(path) == name


def test_links_and_devices(tmp_path):
    folder = tmp_path / 'bag'
    folder.mkdir()
    (tmp_path / 'secret').write_text('x')
    (folder / 'inside').write_text('x')
    (folder / 'link').symlink_to('inside')
    (folder / 'out').symlink_to(tmp_path / 'secret')
    (folder / 'zero').symlink_to('/dev/zero')
    (folder / 'round').symlink_to('round')
    (folder / 'up').symlink_to('..')
    os.mkfifo(folder / 'pipe')
    (tmp_path / 'other').symlink_to(folder)
    for home in (folder, tmp_path / 'other'):
        for name in ('inside', 'link', 'missing'):
            assert file_inside(home, name, 'file', 'here') == home / name
        for name, why in (
            ('out', 'a link that leads out'),
            ('zero', 'a link that leads out'),
            ('pipe', 'a pipe or a device'),
            ('round', 'cannot be followed|a link that leads out'),
            ('up/secret', 'a link that leads out'),
        ):
            with pytest.raises(DataError, match=why):
                path_inside(home, name, 'file', 'here')
    assert path_inside(folder, 'out', 'file', 'here', also=(tmp_path,)) == folder / 'out'
