# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A bag that was cut anywhere, or overwritten, comes back valid with all that is whole."""

import fcntl
import json
import os
from pathlib import Path
import shutil
import time

import numpy as np
import pytest
from rosbags.rosbag2 import Reader as Rosbag2Reader
from typer.testing import CliRunner

from imitation_ros.bags.audit.bag import audit
from imitation_ros.bags.edit.repair import repair, unfinished
from imitation_ros.bags.layout import find_bags, read_information
from imitation_ros.bags.reader import Bag
from imitation_ros.cli.app import app
from imitation_ros.conversion.convert import convert
from imitation_ros.errors import BagError
from imitation_ros.recording.session import Session


@pytest.fixture(scope='module')
def many_chunks(maker, tmp_path_factory):
    """A bag flushed every hundred messages, so that it has several chunks."""
    entries = maker.script(seconds=1.5)
    writer = maker.open(tmp_path_factory.mktemp('chunks') / 'pick_0001')
    writer.tick(0)
    done = 0
    for k, end in enumerate(range(100, len(entries) + 100, 100), start=1):
        maker.write(writer, entries[done:end])
        done = end
        writer.tick(k * 6 * 10**8)
    meta = writer.close(_meta(maker))
    return meta, entries


def _meta(maker):
    from imitation_ros.data.episode import EpisodeMeta

    return EpisodeMeta(
        episode='pick_0001',
        task='pick',
        outcome='success',
        robot=maker.robot.name,
        contract_hash=maker.robot.hash,
    )


def cut(source: Path, folder: Path, size: int) -> Path:
    """Copy a bag as a kill would have left it after `size` bytes."""
    left = shutil.copytree(source, folder / f'{source.name}.recording')
    (left / 'metadata.yaml').unlink()
    os.truncate(left / f'{source.name}_0.mcap', size)
    return left


def read(path: Path):
    with Bag(path) as bag:
        return [(m.log_ns, m.topic, m.data) for m in bag.messages()]


def test_random_cuts(many_chunks, tmp_path, rng):
    bag, entries = many_chunks
    file = bag / 'pick_0001_0.mcap'
    size = file.stat().st_size
    # Where each message ends in the file: everything before the cut must come back.
    raw = file.read_bytes()
    ends = [raw.index(data) + len(data) for _, _, data in entries]
    assert len(set(ends)) == len(ends)
    cuts = [*rng.integers(len(raw) // 10, size, 100), size - 1, size - 8, size - 300]
    for k, at in enumerate(map(int, cuts)):
        folder = tmp_path / str(k)
        folder.mkdir()
        result = repair(cut(bag, folder, at))
        assert result.path == folder / 'pick_0001'
        whole = [entry for entry, end in zip(entries, ends, strict=True) if end <= at]
        assert read(result.path) == whole, f'cut at {at} of {size}'
        assert result.messages == len(whole)
        if k % 10 == 0:
            with Rosbag2Reader(result.path) as independent:
                assert independent.message_count == len(whole)
                assert sum(1 for _ in independent.messages()) == len(whole)
        shutil.rmtree(folder)


def test_meta_contract_and_recovered_survive(many_chunks, tmp_path, robot):
    bag, _ = many_chunks
    size = (bag / 'pick_0001_0.mcap').stat().st_size
    result = repair(cut(bag, tmp_path, size * 2 // 3))
    assert result.changed
    with Bag(result.path) as repaired:
        assert repaired.meta.recovered
        assert repaired.meta.task == 'pick'
        assert repaired.contract.hash == robot.hash
    assert read_information(result.path)['custom_data']['recovered'] == 'true'
    with Bag(result.path / 'pick_0001_0.mcap') as alone:
        assert alone.meta.recovered


def test_repair_is_idempotent(many_chunks, tmp_path):
    bag, _ = many_chunks
    size = (bag / 'pick_0001_0.mcap').stat().st_size
    once = repair(cut(bag, tmp_path, size // 2))
    files = {path.name: path.read_bytes() for path in once.path.iterdir()}
    twice = repair(once.path)
    assert not twice.changed
    assert twice.messages == once.messages
    assert {path.name: path.read_bytes() for path in once.path.iterdir()} == files


def test_healthy_bag_is_left_alone(good_bag):
    before = {path.name: path.stat().st_mtime_ns for path in good_bag.iterdir()}
    assert not repair(good_bag).changed
    assert {path.name: path.stat().st_mtime_ns for path in good_bag.iterdir()} == before


def everything(path: Path):
    """All that anybody may ask of a bag."""
    with Bag(path) as bag:
        messages = [(m.log_ns, m.publish_ns, m.sequence, m.topic, m.data) for m in bag.messages()]
        contract = None if bag.contract is None else bag.contract.hash
        found = audit(bag)
        return messages, contract, bag.types, bag.counts, (bag.start_ns, bag.end_ns), found


def test_an_overwritten_byte_is_never_a_success(many_chunks, tmp_path, rng):
    """Wherever it is: told, or without any effect; and the repair gives nothing altered."""
    bag, entries = many_chunks
    good = everything(bag)
    raw = (bag / 'pick_0001_0.mcap').read_bytes()
    size, first = len(raw), raw.index(entries[0][2])
    head = raw.index(b'contract.yaml')
    places = [
        *rng.integers(first, size - 6000, 25),  # chunks and their message indexes
        *rng.integers(head, first, 6),  # contract, URDF, schemas, channels
        *rng.integers(size - 6000, size, 9),  # the summary
    ]
    told = 0
    for k, at in enumerate(map(int, places)):
        copy = Path(shutil.copytree(bag, tmp_path / str(k) / 'pick_0001'))
        data = bytearray(raw)
        data[at] ^= 1 << int(rng.integers(8))
        (copy / 'pick_0001_0.mcap').write_bytes(data)
        try:
            damaged = everything(copy)
        except BagError as error:
            assert str(error).count('imitation_ros repair') == 1, error
            told += 1
            result = repair(copy)
            assert result.changed
            mended = everything(copy)
            # One chunk holds 100 messages; nothing altered may come back.
            assert len(good[0]) - 100 <= len(mended[0]) <= len(good[0])
            assert set(mended[0]) <= set(good[0])
            assert mended[1] in (good[1], None)
            with Bag(copy) as opened:
                assert opened.meta.recovered
        else:
            assert damaged == good, f'byte {at} of {size} went unnoticed'
        shutil.rmtree(copy)
    assert told > len(places) // 2


def test_a_damaged_bag_is_counted_by_nobody(good_bag, tmp_path, robot):
    """Cut off although its metadata.yaml says finished: audit, dataset and count all refuse."""
    session = tmp_path / 'session'
    copy = Path(shutil.copytree(good_bag, session / 'pick_0001'))
    shutil.copytree(good_bag, session / 'pick_0002')
    os.truncate(copy / 'pick_0001_0.mcap', 60_000)
    said = CliRunner().invoke(app, ['audit', str(session), '--json'])
    assert said.exit_code == 1
    verdicts = {one['bag']: one['verdict'] for one in json.loads(said.stdout)}
    assert verdicts == {str(copy): 'reject', str(session / 'pick_0002'): 'ok'}
    manifest = convert(find_bags(session), tmp_path / 'data')
    assert [(e['bag'], bool(e['steps'])) for e in manifest.provenance.episodes] == [
        (str(copy), False),
        (str(session / 'pick_0002'), True),
    ]
    opened = Session(session, robot, time.monotonic_ns)
    assert opened.episodes() == [session / 'pick_0002']
    assert opened.damaged() == [copy]


def test_a_damaged_contract_is_left_out(good_bag, tmp_path):
    copy = Path(shutil.copytree(good_bag, tmp_path / 'pick_0001'))
    file = copy / 'pick_0001_0.mcap'
    data = bytearray(file.read_bytes())
    place = data.index(b'upper="')
    data[place + 7] ^= 1
    file.write_bytes(data)
    with pytest.raises(BagError, match=r'attachment robot\.urdf does not match'):
        Bag(copy)
    result = repair(copy)
    assert 'the contract inside is damaged' in ' '.join(result.notes)
    with Bag(copy) as bag:
        assert bag.contract is None and bag.meta.contract_hash and bag.meta.recovered
        assert sum(bag.counts.values()) == result.messages > 800


def test_channels_come_back_when_the_chunk_that_names_them_is_lost(many_chunks, tmp_path):
    bag, entries = many_chunks
    copy = Path(shutil.copytree(bag, tmp_path / 'pick_0001'))
    file = copy / 'pick_0001_0.mcap'
    data = bytearray(file.read_bytes())
    data[data.index(entries[0][2]) + 30] ^= 0xFF
    file.write_bytes(data)
    result = repair(copy)
    assert result.messages == len(entries) - 100
    assert read(copy) == entries[100:]
    assert 'chunk' in ' '.join(result.notes)


def test_truncated_bag_says_what_helps(good_bag, tmp_path):
    copy = Path(shutil.copytree(good_bag, tmp_path / 'pick_0001'))
    os.truncate(copy / 'pick_0001_0.mcap', 40_000)
    with pytest.raises(BagError, match='run "imitation_ros repair"'):
        Bag(copy)


def test_unfinished_folder_says_what_helps(good_bag, tmp_path):
    left = cut(good_bag, tmp_path, 40_000)
    with pytest.raises(BagError, match=r'never finished; run "imitation_ros repair"'):
        Bag(left)
    assert unfinished(tmp_path) == [left]


def test_lost_metadata_is_rebuilt_without_touching_the_messages(good_bag, good_script, tmp_path):
    copy = Path(shutil.copytree(good_bag, tmp_path / 'pick_0001'))
    before = (copy / 'pick_0001_0.mcap').read_bytes()
    (copy / 'metadata.yaml').unlink()
    assert repair(copy).messages == len(good_script)
    assert (copy / 'pick_0001_0.mcap').read_bytes() == before
    with Rosbag2Reader(copy) as independent:
        assert independent.message_count == len(good_script)


def test_finished_but_not_renamed(good_bag, tmp_path):
    left = Path(shutil.copytree(good_bag, tmp_path / 'pick_0001.recording'))
    result = repair(left)
    assert result.path == tmp_path / 'pick_0001'
    with Bag(result.path) as bag:
        assert not bag.meta.recovered


def test_a_running_recording_is_left_alone(tmp_path, maker, good_script):
    writer = maker.open(tmp_path / 'pick_0001')
    maker.write(writer, good_script)
    writer.tick(0)
    with pytest.raises(BagError, match='being recorded'):
        repair(writer.folder)
    path = writer.close(_meta(maker))
    with open(path / 'pick_0001_0.mcap', 'rb') as stream:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with Bag(path) as bag:
        assert sum(bag.counts.values()) == len(good_script)


@pytest.mark.parametrize('content', [b'', b'nonsense', np.zeros(5000, np.uint8).tobytes()])
def test_nothing_to_recover(tmp_path, content):
    folder = tmp_path / 'pick_0001.recording'
    folder.mkdir()
    (folder / 'pick_0001_0.mcap').write_bytes(content)
    with pytest.raises(BagError, match='nothing to recover'):
        repair(folder)
    assert (folder / 'pick_0001_0.mcap').read_bytes() == content


def test_empty_folder(tmp_path):
    with pytest.raises(BagError, match=r'holds no \.mcap'):
        repair(tmp_path)
    with pytest.raises(BagError, match='no such folder'):
        repair(tmp_path / 'gone')
