# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Manifests and arrays of others: whatever is wrong, one error that names the file."""

import json
from pathlib import Path
import zipfile

import numpy as np
import pytest

from imitation_ros.data.episode import Episode, EpisodeMeta
from imitation_ros.data.store import Dataset, DatasetWriter
from imitation_ros.errors import DataError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A dataset of one episode, two joints and four steps."""
    writer = DatasetWriter(tmp_path / 'set', 'name: x', 'abc', '<robot/>', ('a', 'b'), 25.0)
    values = np.zeros((4, 2), np.float32)
    ticks = np.arange(4, dtype=np.int64)
    writer.append(Episode(EpisodeMeta('one'), ticks, values, values, values))
    writer.close()
    return tmp_path / 'set'


CHANGES = {
    'no joints': (lambda told: told.pop('joints'), "'joints' is missing"),
    'a number of joints': (lambda told: told.update(joints=5), '"joints" is no list of names'),
    'joints of numbers': (lambda told: told.update(joints=[1, 2]), '"joints" is no list of names'),
    'a joint twice': (lambda told: told.update(joints=['a', 'a']), 'names one twice'),
    'no joint': (lambda told: told.update(joints=[]), 'is empty'),
    'actions': (lambda told: told.update(actions={'a': 1}), '"actions" is no list of names'),
    'a mapping of episodes': (lambda told: told.update(episodes={'a': 1}), 'is a list'),
    'an episode that is none': (lambda told: told.update(episodes=[5]), 'manifest.json: damaged'),
    'no rate': (lambda told: told.update(policy_hz=0), 'policy_hz is 0 Hz'),
    'a rate of NaN': (lambda told: told.update(policy_hz=float('nan')), 'policy_hz is nan Hz'),
    'an absurd rate': (lambda told: told.update(policy_hz=1e9), 'policy_hz is 1e'),
    'a rate of text': (lambda told: told.update(policy_hz='fast'), 'manifest.json: damaged'),
    'a contract of numbers': (lambda told: told.update(contract_text=5), 'are text'),
    'no provenance': (lambda told: told.update(provenance=None), '"provenance" a mapping'),
    'a task of numbers': (lambda told: told['episodes'][0].update(task=5), 'task is 5, no text'),
    'reasons': (lambda told: told['episodes'][0].update(reasons=None), 'no list'),
    'a reason': (lambda told: told['episodes'][0].update(reasons=[[]]), r'reasons.0 is \[\]'),
    'extra': (lambda told: told['episodes'][0].update(extra=[1]), 'extra is no mapping'),
    'a verdict': (lambda told: told['episodes'][0].update(verdict='fine'), 'verdict "fine"'),
    'recovered': (lambda told: told['episodes'][0].update(recovered='x'), 'neither true'),
    'a key': (lambda told: told['episodes'][0].update(foo='x'), 'no keys of an episode'),
    'another version': (lambda told: told.update(version=[]), 'version'),
}


@pytest.mark.parametrize(('change', 'reason'), CHANGES.values(), ids=list(CHANGES))
def test_a_manifest_of_the_wrong_kind(root: Path, change, reason: str) -> None:
    path = root / 'manifest.json'
    told = json.loads(path.read_text())
    change(told)
    path.write_text(json.dumps(told))
    with pytest.raises(DataError, match=reason):
        Dataset(root)


@pytest.mark.parametrize('text', ['[' * 200_000, '[]', '5', 'null', '{"a": 1, "a": 2}', ''])
def test_a_manifest_that_is_none(root: Path, text: str) -> None:
    (root / 'manifest.json').write_text(text)
    with pytest.raises(DataError, match=r'manifest\.json: '):
        Dataset(root)


def _header(shape: str, kind: str = '<f4') -> bytes:
    text = f"{{'descr': {kind!r}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b' ' * (64 - (len(text) + 11) % 64) + b'\n'
    return b'\x93NUMPY\x01\x00' + len(text).to_bytes(2, 'little') + text


def _zip(path: Path) -> bytes:
    with zipfile.ZipFile(path, 'w') as file:
        file.writestr('a.npy', _header('(1,)') + bytes(4))
    return path.read_bytes()


ARRAYS = {
    'rows of -1': lambda path: _header('(-1, 2)'),
    'rows without end': lambda path: _header('(1000000000000, 2)') + bytes(64),
    'more than an integer': lambda path: _header(f'({10**30}, 2)') + bytes(64),
    'code': lambda path: _header('__import__("os").system("true")'),
    'brackets': lambda path: _header('(' * 5000),
    'text for a type': lambda path: _header('(4, 2)', '<U9') + bytes(999),
    'objects': lambda path: _header('(4, 2)', '|O') + bytes(999),
    'an archive': _zip,
    'nothing': lambda path: b'',
    'a third column': lambda path: _header('(4, 3)') + bytes(48),
    'no column': lambda path: _header('(4,)') + bytes(16),
    'five steps': lambda path: _header('(5, 2)') + bytes(40),
}


@pytest.mark.parametrize('make', ARRAYS.values(), ids=list(ARRAYS))
@pytest.mark.parametrize('name', ['q', 'action'])
def test_an_array_of_the_wrong_kind(root: Path, tmp_path: Path, make, name: str) -> None:
    data = make(tmp_path / 'made')
    (root / 'one' / f'{name}.npy').write_bytes(data)
    with pytest.raises(DataError):
        Dataset(root).episode(0)


def test_times_that_are_none(root: Path) -> None:
    np.save(root / 'one/tick_ns.npy', np.zeros(4))
    with pytest.raises(DataError, match='whole numbers'):
        Dataset(root).episode(0)


def test_the_good_dataset_is_read(root: Path) -> None:
    assert len(Dataset(root).episode(0)) == 4
