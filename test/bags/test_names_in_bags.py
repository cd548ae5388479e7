# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a bag calls its episode and its files leads nowhere else."""

import json
import os
from pathlib import Path
import shutil

import pytest
from typer.testing import CliRunner
import yaml

from imitation_ros.bags.edit.episodes import merge, meta_of
from imitation_ros.bags.reader import Bag
from imitation_ros.cli.app import app
from imitation_ros.conversion.convert import convert
from imitation_ros.errors import BagError, DataError

NAMES = ['../../x', '/tmp/x', '..', '..\\x', 'a/../../x', 'x' * 300, 'a\0b', '']


@pytest.fixture
def bag(good_bag, tmp_path) -> Path:
    (tmp_path / 'session').mkdir()
    return Path(shutil.copytree(good_bag, tmp_path / 'session/pick_0001'))


def change(bag: Path, edit) -> None:
    values = yaml.safe_load((bag / 'metadata.yaml').read_text())
    edit(values['rosbag2_bagfile_information'])
    (bag / 'metadata.yaml').write_text(yaml.safe_dump(values))


def everything(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob('*')}


def rename(bag: Path, name: object) -> None:
    def edit(information):
        told = json.loads(information['custom_data']['imitation_ros'])
        information['custom_data']['imitation_ros'] = json.dumps({**told, 'episode': name})

    change(bag, edit)


@pytest.mark.parametrize('name', [*NAMES, 5, None], ids=lambda name: ascii(name)[:20])
def test_an_episode_that_climbs(bag, tmp_path, name):
    rename(bag, name)
    before = everything(tmp_path)
    for act in (Bag, meta_of):
        with pytest.raises(BagError, match=r'pick_0001: .* the episode .* is no plain name'):
            act(bag)
    with pytest.raises(DataError, match='is no plain name'):
        convert([bag], tmp_path / 'deep/er/data')
    assert everything(tmp_path) - before <= {Path('deep'), Path('deep/er'), Path('deep/er/data')}
    said = CliRunner().invoke(app, ['audit', str(bag.parent), '--json'])
    assert said.exit_code == 1
    assert json.loads(said.stdout)[0]['verdict'] == 'reject'


@pytest.mark.parametrize('name', NAMES, ids=lambda name: ascii(name)[:20])
def test_a_recording_elsewhere(bag, tmp_path, name):
    (tmp_path / 'x').write_bytes(b'payload')
    change(bag, lambda i: i['relative_file_paths'].append(name))
    with pytest.raises(BagError, match=r'metadata\.yaml: the recording .* is no plain name'):
        Bag(bag)
    with pytest.raises(BagError, match='is no plain name'):
        merge([bag], tmp_path / 'deep/er/out')
    assert not list(tmp_path.rglob('*.part')) and not (tmp_path / 'deep/er/out/pick_0001').exists()
    said = CliRunner().invoke(app, ['audit', str(bag)])
    assert said.exit_code == 1 and 'reject' in said.stdout


@pytest.mark.parametrize('value', [5, 'pick_0001_0.mcap', {'a': 1}, [['x']]])
def test_a_list_of_files_that_is_none(bag, value):
    change(bag, lambda i: i.update(relative_file_paths=value))
    with pytest.raises(BagError, match=r'relative_file_paths is no list|is no plain name'):
        Bag(bag)


@pytest.mark.parametrize('kind', ['link', 'device', 'pipe'])
def test_a_recording_that_is_a_link_or_a_pipe(bag, good_bag, tmp_path, kind):
    file = bag / 'pick_0001_0.mcap'
    file.unlink()
    if kind == 'pipe':
        os.mkfifo(file)
    else:
        file.symlink_to('/dev/zero' if kind == 'device' else good_bag / file.name)
    with pytest.raises(BagError, match=r'leads out of|a pipe or a device'):
        Bag(bag)
    with pytest.raises(BagError, match=r'leads out of|a pipe or a device'):
        merge([bag], tmp_path / 'out')


def test_a_link_within_the_bag_is_read(bag):
    file = bag / 'pick_0001_0.mcap'
    file.rename(bag / 'elsewhere.mcap')
    file.symlink_to('elsewhere.mcap')
    with Bag(bag) as opened:
        assert sum(opened.counts.values()) > 800
