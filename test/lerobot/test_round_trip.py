# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What is exported comes back as it was; what the format cannot hold is refused."""

from dataclasses import replace
import json

import demonstrations
import numpy as np
import pyarrow.parquet as pq
import pytest

from imitation_ros.data.store import Dataset
from imitation_ros.errors import DataError
from imitation_ros.lerobot import layout
from imitation_ros.lerobot.exporter import export
from imitation_ros.lerobot.importer import import_, Options


@pytest.mark.parametrize('codec', ['png', 'av1', 'h264'])
def test_there_and_back(dataset, tmp_path, codec):
    seen = []
    info = export(dataset, tmp_path / 'lerobot', codec, lambda *step: seen.append(step))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert (info['total_episodes'], info['total_frames'], info['total_tasks']) == (3, 36, 2)
    manifest = import_(tmp_path / 'lerobot', tmp_path / 'back')
    assert manifest.provenance.notes == ()
    assert manifest.contract_hash == dataset.manifest.contract_hash
    back = Dataset(tmp_path / 'back')
    for before, after in zip(dataset.episodes(), back.episodes(), strict=True):
        assert after.meta == before.meta
        for name in ('tick_ns', 'q', 'v', 'action'):
            np.testing.assert_array_equal(getattr(after, name), getattr(before, name))
        np.testing.assert_array_equal(after.poses['object'], before.poses['object'])
        assert set(after.age_ns) == set(before.age_ns)
        for name, age in before.age_ns.items():
            np.testing.assert_array_equal(after.age_ns[name], age)
        old, new = (e.images['head_camera'].astype(float) for e in (before, after))
        if codec == 'png':
            np.testing.assert_array_equal(new, old)
        # Each frame is itself, not the one beside it, and as good as the codec makes it.
        away = np.abs(new[:, None] - old[None]).mean(axis=(2, 3, 4))
        np.testing.assert_array_equal(away.argmin(axis=1), np.arange(len(old)))
        assert away.diagonal().max() < 4.0


def test_unmarked_episodes_stay_here_unless_asked_for(contract, tmp_path):
    """LeRobot trains on every episode there is."""
    outcomes = ('success', 'unknown', '')
    episodes = [
        demonstrations.demonstrate(contract, f'e{i}', i, 12, outcome=outcome)
        for i, outcome in enumerate(outcomes)
    ]
    source = demonstrations.write(tmp_path / 'set', contract, episodes)
    assert export(source, tmp_path / 'out')['total_episodes'] == 2
    export(source, tmp_path / 'all', with_unknown=True)
    back = import_(tmp_path / 'all', tmp_path / 'back')
    assert [meta.outcome for meta in back.episodes] == list(outcomes)
    only = demonstrations.write(tmp_path / 'only', contract, episodes[1:2])
    with pytest.raises(DataError, match=r'nothing to export.*--with-unknown'):
        export(only, tmp_path / 'none')
    # Edited since: which of them nobody marked is lost, so it is of them all.
    ours = tmp_path / 'all' / layout.OURS
    told = json.loads(ours.read_text())
    told['episodes'].pop()
    ours.write_text(json.dumps(told))
    edited = import_(tmp_path / 'all', tmp_path / 'edited', Options(contract))
    assert {meta.outcome for meta in edited.episodes} == {'unknown'}


def test_what_info_says_is_what_the_tables_hold(dataset, contract, tmp_path):
    info = export(dataset, tmp_path / 'out')
    assert json.loads((tmp_path / 'out' / layout.INFO).read_text()) == info
    assert info['codebase_version'] == 'v3.0'
    assert info['robot_type'] == contract.name
    assert info['features']['action']['names'] == list(contract.joints)
    assert info['features']['observation.images.head_camera']['shape'] == [48, 64, 3]
    table = pq.read_table(tmp_path / 'out' / layout.DATA.format(chunk_index=0, file_index=0))
    stored = {name for name, one in info['features'].items() if one['dtype'] != 'video'}
    assert set(table.column_names) == stored
    dtypes = {'float': 'float32', 'double': 'float64', 'int64': 'int64'}
    for name in stored:
        kind = table.schema.field(name).type
        assert dtypes[str(getattr(kind, 'value_type', kind))] == info['features'][name]['dtype']
        assert getattr(kind, 'list_size', 1) == info['features'][name]['shape'][0]
    np.testing.assert_array_equal(table['index'].to_numpy(), np.arange(36))
    frame = table['frame_index'].to_numpy()
    np.testing.assert_array_equal(table['timestamp'].to_numpy(), (frame / 25).astype(np.float32))
    tasks = json.loads(pq.read_schema(tmp_path / 'out' / layout.TASKS).metadata[b'pandas'])
    assert tasks['index_columns'] == ['task']


def test_statistics(dataset, tmp_path):
    export(dataset, tmp_path / 'out', 'png')
    stats = json.loads((tmp_path / 'out' / layout.STATS).read_text())
    action = np.concatenate([episode.action for episode in dataset.episodes()]).astype(float)
    assert stats['action']['count'] == [36]
    for key, value in (
        ('mean', action.mean(axis=0)),
        ('std', action.std(axis=0)),
        ('min', action.min(axis=0)),
        ('max', action.max(axis=0)),
    ):
        np.testing.assert_allclose(stats['action'][key], value, atol=1e-9)
    images = np.concatenate([episode.images['head_camera'] for episode in dataset.episodes()])
    mean = np.array(stats['observation.images.head_camera']['mean'])
    assert mean.shape == (3, 1, 1)
    np.testing.assert_allclose(mean.reshape(3), images.mean(axis=(0, 1, 2)) / 255, atol=0.02)
    rows = pq.read_table(tmp_path / 'out/meta/episodes/chunk-000/file-000.parquet').to_pylist()
    first = dataset.episode(0)
    np.testing.assert_allclose(rows[0]['stats/action/max'], first.action.max(axis=0), atol=1e-9)
    median = np.quantile(first.q, 0.5, axis=0)
    np.testing.assert_allclose(rows[0]['stats/observation.state/q50'], median, atol=1e-9)


@pytest.mark.parametrize('codec', ['png', 'h264'])
def test_large_datasets_are_spread_over_files(dataset, tmp_path, monkeypatch, codec):
    """Every episode finds its file full and opens another; a chunk holds two."""
    monkeypatch.setattr(layout, 'DATA_MB', 0)
    monkeypatch.setattr(layout, 'VIDEO_MB', 0)
    monkeypatch.setattr(layout, 'CHUNK_FILES', 2)
    export(dataset, tmp_path / 'out', codec)
    files = sorted(p.relative_to(tmp_path / 'out') for p in (tmp_path / 'out/data').rglob('file*'))
    assert [str(path) for path in files] == [
        'data/chunk-000/file-000.parquet',
        'data/chunk-000/file-001.parquet',
        'data/chunk-001/file-000.parquet',
    ]
    import_(tmp_path / 'out', tmp_path / 'back')
    for before, after in zip(
        dataset.episodes(), Dataset(tmp_path / 'back').episodes(), strict=True
    ):
        np.testing.assert_array_equal(after.q, before.q)
        old, new = (e.images['head_camera'].astype(float) for e in (before, after))
        assert np.abs(new - old).mean() < 4.0


def test_refusals(dataset, contract, tmp_path):
    with pytest.raises(DataError, match=r'"avi" is not a codec.* choices: av1, h264, png'):
        export(dataset, tmp_path / 'out', 'avi')
    (tmp_path / 'full').mkdir()
    (tmp_path / 'full/file').touch()
    with pytest.raises(DataError, match='is not empty'):
        export(dataset, tmp_path / 'full')
    odd = Dataset(dataset.root)
    odd.manifest = replace(dataset.manifest, policy_hz=12.5)
    with pytest.raises(DataError, match=r'whole rate, and the dataset has 12.5 Hz'):
        export(odd, tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


def test_ticks_that_are_not_uniform(dataset, contract, tmp_path):
    episode = dataset.episode(0)
    ticks = episode.tick_ns.copy()
    ticks[5:] += 10_000_000
    late = demonstrations.write(tmp_path / 'set', contract, [replace(episode, tick_ns=ticks)])
    with pytest.raises(DataError, match='ticks are 40 to 50 ms apart, not 40'):
        export(late, tmp_path / 'out')
    assert not (tmp_path / 'out' / layout.INFO).exists()


def test_episodes_that_differ(dataset, contract, tmp_path):
    one, two = dataset.episode(0), dataset.episode(1)
    mixed = demonstrations.write(
        tmp_path / 'set', contract, [one, replace(two, images={}, poses={})]
    )
    with pytest.raises(DataError, match=r'differs .* in: observation.environment_state, observ'):
        export(mixed, tmp_path / 'out')


def test_images_of_odd_size_need_png(dataset, contract, tmp_path):
    episode = dataset.episode(0)
    odd = {'head_camera': np.zeros((len(episode), 11, 15, 3), np.uint8)}
    small = demonstrations.write(tmp_path / 'set', contract, [replace(episode, images=odd)])
    with pytest.raises(DataError, match=r'15x11 do not fit .* the codec "png"'):
        export(small, tmp_path / 'out')
    export(small, tmp_path / 'png', 'png')
    import_(tmp_path / 'png', tmp_path / 'back')
    assert Dataset(tmp_path / 'back').episode(0).images['head_camera'].shape[1:] == (11, 15, 3)
