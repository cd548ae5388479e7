# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Tasks in any script and of any length; sessions with anything in the way."""

import os
from pathlib import Path
import time

import pytest

from imitation_ros.bags.reader import Bag
from imitation_ros.bags.topics import recorded
from imitation_ros.errors import BagError
from imitation_ros.names import MAX_STEM, plain_name, stem_of
from imitation_ros.recording.session import Session

TASKS = {
    'pick up': 'pick_up',
    'コップを取る': 'コップを取る',
    '拿起 杯子': '拿起_杯子',
    'поднять чашку': 'поднять_чашку',
    'خُذ الكوب': 'خُذ_الكوب',
    'कप उठाओ': 'कप_उठाओ',
    'cafe\u0301': 'caf\u00e9',
    'می\u200cخواهم': 'می\u200cخواهم',
    'wisch-2 (schnell)': 'wisch-2_schnell',
    '': 'episode',
    '///': 'episode',
    '..': 'episode',
    '🤖': 'episode',
    '-': 'episode',
    '\u0301': 'episode',
    '../../x': 'x',
    'a\0b\nc': 'a_b_c',
    '\u202egnp.exe': 'gnp_exe',
    '／etc／passwd': 'etc_passwd',
    'C:\\x': 'C_x',
    '\ud800': 'episode',
}


@pytest.mark.parametrize(('task', 'stem'), TASKS.items(), ids=[ascii(task) for task in TASKS])
def test_a_task_keeps_its_letters(task: str, stem: str) -> None:
    assert stem_of(task, 'episode') == stem
    plain_name(f'{stem}_0001', 'episode', 'here')


@pytest.mark.parametrize('letter', ['x', 'ж', '取', '𠀀', 'क्षि'])
def test_a_task_of_a_thousand_letters_is_cut_between_letters(letter: str) -> None:
    stem = stem_of(letter * 1000, 'episode')
    assert MAX_STEM - 12 < len(stem.encode()) <= MAX_STEM
    assert set(stem) <= set(letter)


@pytest.fixture
def channels(robot):
    return [(topic.name, topic.type, ()) for topic in recorded(robot)]


@pytest.mark.parametrize('task', ['x' * 1000, '取' * 1000, 'कप उठाओ', '../../x', 'a\0b'])
def test_a_take_of_any_task_is_recorded(tmp_path, robot, channels, task):
    session = Session(tmp_path / 's', robot, time.monotonic_ns)
    first = session.start(channels, 0, task=task)
    path = session.stop().path
    assert path == tmp_path / 's' / first and path.parent == tmp_path / 's'
    with Bag(path) as bag:
        assert bag.meta.task == task and bag.meta.episode == first
    second = session.start(channels, 0, task=task)
    session.discard()
    assert (first[-4:], second[-4:]) == ('0001', '0002') and first[:-4] == second[:-4]


def _pipe(path: Path) -> None:
    path.mkdir()
    os.mkfifo(path / 'x_0.mcap')


def _endless(path: Path) -> None:
    path.mkdir()
    (path / 'x_0.mcap').symlink_to('/dev/zero')


def _folder(path: Path) -> None:
    (path / 'x_0.mcap').mkdir(parents=True)


def _nonsense(path: Path) -> None:
    path.mkdir()
    (path / 'x_0.mcap').write_bytes(b'\xff' * 4096)
    (path / 'metadata.yaml').write_text('[' * 200_000)


def _bomb(path: Path) -> None:
    path.mkdir()
    lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]']
    lines += [f'a{i}: &a{i} [{", ".join([f"*a{i - 1}"] * 10)}]' for i in range(1, 10)]
    (path / 'metadata.yaml').write_text('\n'.join(lines))


IN_THE_WAY = {
    'a pipe': _pipe,
    'an endless file': _endless,
    'a folder for a file': _folder,
    'nonsense': _nonsense,
    'a bomb': _bomb,
    'nothing': Path.mkdir,
    'a file': Path.touch,
    'a link to nowhere': lambda path: path.symlink_to('nowhere'),
    'a link to itself': lambda path: path.symlink_to(path),
}


@pytest.mark.parametrize('make', IN_THE_WAY.values(), ids=list(IN_THE_WAY))
@pytest.mark.parametrize('name', ['pick_0001.recording', 'pick_0001'])
def test_what_lies_in_the_way_ends_no_recording(tmp_path, robot, channels, make, name):
    root = tmp_path / 's'
    root.mkdir()
    make(root / name)
    session = Session(root, robot, time.monotonic_ns)
    assert all(len(why) < 2000 for why in session.failed.values())
    session.episodes()
    session.damaged()
    assert session.start(channels, 0, task='pick') == 'pick_0002'
    assert session.stop().path.name == 'pick_0002'


@pytest.mark.parametrize('name', ['x' * 300, 'a\0b', 'file/below'])
def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path, robot, name):
    (tmp_path / 'file').touch()
    with pytest.raises(BagError, match='cannot make the session') as caught:
        Session(tmp_path / name, robot, time.monotonic_ns)
    assert '\n' not in str(caught.value)
