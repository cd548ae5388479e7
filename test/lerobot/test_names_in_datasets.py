# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Names and templates in LeRobot's folders and in ours lead nowhere else."""

from dataclasses import replace
import json
from pathlib import Path
import shutil

import pytest

from imitation_ros.data.store import Dataset, DatasetWriter, MANIFEST
from imitation_ros.errors import DataError
from imitation_ros.lerobot import layout
from imitation_ros.lerobot.exporter import export
from imitation_ros.lerobot.importer import import_


@pytest.fixture(scope='module')
def exported(dataset, tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp('lerobot') / 'set'
    export(dataset, root, 'h264')
    return root


@pytest.fixture
def copied(exported, tmp_path) -> Path:
    return Path(shutil.copytree(exported, tmp_path / 'hub/set'))


def change(path: Path, edit) -> None:
    values = json.loads(path.read_text())
    edit(values)
    path.write_text(json.dumps(values))


def files(root: Path) -> set[Path]:
    return {path for path in root.rglob('*') if path.is_file()}


@pytest.mark.parametrize('key', ['data_path', 'video_path'])
@pytest.mark.parametrize(
    'template',
    [
        '../' * 20 + 'etc/passwd',
        '/etc/passwd',
        'data/../../{chunk_index}',
        'data//x',
        '..\\{chunk_index}',
        '{chunk_index:0999999999d}',
        '{chunk_index:>9999}',
        '{chunk_index.__class__}/x',
        '{chunk_index!r}',
        '{secret}',
        '{0}',
        '{',
        '',
        5,
        None,
        ['x'],
        'x' * 2000,
    ],
    ids=lambda value: ascii(value)[:24],
)
def test_a_template_that_leads_elsewhere(copied, tmp_path, key, template):
    change(copied / layout.INFO, lambda info: info.update({key: template}))
    before = files(tmp_path)
    with pytest.raises(DataError, match=rf'meta/info\.json: (the )?"?{key}'):
        import_(copied, tmp_path / 'out')
    assert all(path.is_relative_to(tmp_path / 'out') for path in files(tmp_path) - before)


def test_a_camera_whose_name_climbs(copied):
    info = json.loads((copied / layout.INFO).read_text())
    with pytest.raises(DataError, match='no plain name'):
        layout.locate(
            copied, info, 'video_path', video_key='../../../x', chunk_index=0, file_index=0
        )


@pytest.mark.parametrize('name', ['../../x', '/x', '..', 'a\\b', 'x' * 300, '', 5, None])
def test_an_episode_that_climbs(copied, tmp_path, name):
    change(copied / layout.OURS, lambda told: told['episodes'][0]['meta'].update(episode=name))
    before = files(tmp_path)
    with pytest.raises(DataError, match=r'meta/imitation_ros\.json: the episode .* no plain name'):
        import_(copied, tmp_path / 'deep/out')
    assert files(tmp_path) == before


def test_a_table_that_is_a_link(copied, tmp_path, exported):
    table = copied / layout.DATA.format(chunk_index=0, file_index=0)
    table.unlink()
    table.symlink_to(exported / table.relative_to(copied))
    with pytest.raises(DataError, match='a link that leads out'):
        import_(copied, tmp_path / 'out')


def test_the_hubs_cache_is_links(copied, tmp_path):
    hub = tmp_path / 'datasets--a--set'
    (hub / 'blobs').mkdir(parents=True)
    root = hub / 'snapshots/0a1b2c'
    for number, path in enumerate(sorted(files(copied))):
        path.rename(hub / f'blobs/{number}')
        link = root / path.relative_to(copied)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(hub / f'blobs/{number}')
    assert len(import_(root, tmp_path / 'out').episodes) == 3


@pytest.mark.parametrize('name', ['../x', '/x', '.hidden', MANIFEST, 'manifest.json.tmp'])
def test_a_writer_takes_plain_names_only(dataset, tmp_path, name):
    manifest = dataset.manifest
    writer = DatasetWriter(
        tmp_path / 'deep/out',
        manifest.contract_text,
        manifest.contract_hash,
        manifest.urdf_text,
        manifest.joints,
        manifest.policy_hz,
    )
    episode = dataset.episode(0)
    with pytest.raises(DataError, match=r'is no plain name|cannot be called'):
        writer.append(replace(episode, meta=replace(episode.meta, episode=name)))
    ages = {'../../../x': episode.age_ns['head_camera']}
    with pytest.raises(DataError, match=r'array .* is no plain name'):
        writer.append(replace(episode, age_ns=ages))
    assert not files(tmp_path)


@pytest.mark.parametrize('name', ['../other/reach_0', '/etc', '..', 'x\0', 5])
def test_a_manifest_that_borrows(dataset, tmp_path, name):
    root = Path(shutil.copytree(dataset.root, tmp_path / 'set'))
    shutil.copytree(dataset.root, tmp_path / 'other')
    change(root / MANIFEST, lambda told: told['episodes'][0].update(episode=name))
    with pytest.raises(DataError, match=r'manifest\.json: the episode .* is no plain name'):
        Dataset(root).episode(0)


def test_an_array_that_is_a_link(dataset, tmp_path):
    root = Path(shutil.copytree(dataset.root, tmp_path / 'set'))
    array = root / dataset.manifest.episodes[0].episode / 'q.npy'
    array.rename(tmp_path / 'q.npy')
    array.symlink_to(tmp_path / 'q.npy')
    with pytest.raises(DataError, match='a link that leads out'):
        Dataset(root).episode(0)
