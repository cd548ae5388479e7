# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A dataset comes back as it was written, memory-mapped, or says what is wrong with it."""

import json
import os

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from imitation_ros.data.episode import Episode, EpisodeMeta
from imitation_ros.data.provenance import Conversion
from imitation_ros.data.store import Dataset, DatasetWriter, split
from imitation_ros.errors import DataError


def make(name: str, steps: int = 5, seed: int = 0) -> Episode:
    rng = np.random.default_rng(seed)
    return Episode(
        meta=EpisodeMeta(name, task='pick', outcome='success'),
        tick_ns=np.arange(steps) * 40_000_000,
        q=rng.normal(size=(steps, 2)).astype(np.float32),
        v=rng.normal(size=(steps, 2)).astype(np.float32),
        action=rng.normal(size=(steps, 2)).astype(np.float32),
        images={'head.left': rng.integers(0, 255, (steps, 4, 6, 3), dtype=np.uint8)},
        poses={'object': rng.normal(size=(steps, 7)).astype(np.float32)},
        age_ns={'head.left': rng.integers(0, 9, steps)},
    )


def writer(root) -> DatasetWriter:
    return DatasetWriter(root, 'name: x', 'hash', '<robot/>', ('a', 'b'), 25.0)


def test_round_trip(tmp_path):
    out = writer(tmp_path / 'set')
    episodes = [make('e1'), make('e2', 9, 1)]
    for episode in episodes:
        out.append(episode)
    out.close(Conversion((), {}))
    dataset = Dataset(tmp_path / 'set')
    assert len(dataset) == 2
    assert dataset.manifest.joints == ('a', 'b')
    assert dataset.manifest.provenance == Conversion((), {})
    for read, episode in zip(dataset.episodes(), episodes, strict=True):
        assert read.meta == episode.meta
        for name in ('tick_ns', 'q', 'v', 'action'):
            np.testing.assert_array_equal(getattr(read, name), getattr(episode, name))
        for part in ('images', 'poses', 'age_ns'):
            mine, theirs = getattr(read, part), getattr(episode, part)
            assert set(mine) == set(theirs)
            for name in theirs:
                np.testing.assert_array_equal(mine[name], theirs[name])
        assert isinstance(read.images['head.left'], np.memmap)


def test_an_unfinished_dataset_is_none(tmp_path):
    writer(tmp_path / 'set').append(make('e1'))
    with pytest.raises(DataError, match='is not a dataset'):
        Dataset(tmp_path / 'set')
    with pytest.raises(DataError, match='choose a new folder'):
        writer(tmp_path / 'set')


def test_what_the_writer_refuses(tmp_path):
    out = writer(tmp_path / 'set')
    with pytest.raises(DataError, match='no episode'):
        out.close()
    out.append(make('e1'))
    with pytest.raises(DataError, match='stands twice'):
        out.append(make('e1'))
    narrow = make('e2')
    wide = Episode(narrow.meta, narrow.tick_ns, *(np.zeros((5, 3)) for _ in range(3)))
    with pytest.raises(DataError, match='3 joints, the dataset 2'):
        out.append(wide)


def test_damage_is_named(tmp_path):
    out = writer(tmp_path)
    out.append(make('e1'))
    out.close()
    os.truncate(tmp_path / 'e1' / 'q.npy', 20)
    with pytest.raises(DataError, match=r'q\.npy: damaged'):
        Dataset(tmp_path).episode(0)
    (tmp_path / 'e1' / 'q.npy').unlink()
    with pytest.raises(DataError, match=r'q\.npy is missing'):
        Dataset(tmp_path).episode(0)
    manifest = json.loads((tmp_path / 'manifest.json').read_text())
    (tmp_path / 'manifest.json').write_text(json.dumps(manifest | {'version': 99}))
    with pytest.raises(DataError, match='version 99'):
        Dataset(tmp_path)
    (tmp_path / 'manifest.json').write_text('{')
    with pytest.raises(DataError, match='damaged'):
        Dataset(tmp_path)


@given(count=st.integers(0, 60), held_out=st.floats(0, 0.99), seed=st.integers(0, 1000))
def test_split_covers_every_episode_once(count, held_out, seed):
    train, out = split(count, held_out, seed)
    assert sorted(train + out) == list(range(count))
    assert (train, out) == split(count, held_out, seed)
    if count >= 2 and held_out > 0:
        assert train and out


def test_split_refuses_to_hold_out_everything():
    with pytest.raises(DataError, match='not in'):
        split(5, 1.0, 0)
