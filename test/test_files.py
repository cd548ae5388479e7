# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A file is the old one or the new one, whatever happens while it is written."""

from pathlib import Path

import pytest

from imitation_ros.files import replace_text, replacing


@pytest.mark.parametrize('durable', [False, True])
def test_the_new_text_takes_the_place_of_the_old(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / 'a.json'
    path.write_text('old')
    replace_text(path, 'né', durable)
    assert path.read_bytes() == 'né'.encode()
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / 'a.json'
    path.write_text('old')
    with pytest.raises(KeyError), replacing(path) as temporary:
        temporary.write_text('ha')
        raise KeyError('x')
    assert path.read_text() == 'old' and list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_replaced_is_an_error(tmp_path: Path) -> None:
    (tmp_path / 'a.json').mkdir()
    with pytest.raises(OSError):
        replace_text(tmp_path / 'a.json', 'x')
    assert [path.name for path in tmp_path.iterdir()] == ['a.json']
