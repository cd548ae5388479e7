# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bags of other recorders are read too: sqlite3, split, compressed, with custom types."""

from pathlib import Path

import pytest
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

from imitation_ros.bags.audit.bag import audit
from imitation_ros.bags.edit.excerpt import write_excerpt
from imitation_ros.bags.edit.trim import Cut, trim
from imitation_ros.bags.layout import read_information, write_information
from imitation_ros.bags.reader import Bag, header_stamp_ns
from imitation_ros.bags.topics import recorded
from imitation_ros.conversion.convert import convert
from imitation_ros.data.store import Dataset
from imitation_ros.errors import BagError, DataError
from imitation_ros.messages.definitions import typestore


def foreign(path: Path, entries, robot, plugin, compression=None) -> Path:
    """A bag written by rosbags, which knows nothing of ours."""
    writer = Writer(path, version=9, storage_plugin=plugin)
    if compression is not None:
        writer.set_compression(compression, CompressionFormat.ZSTD)
    with writer:
        types = {topic.name: topic.type for topic in recorded(robot)}
        connections = {}
        for log_ns, topic, data in entries:
            if topic not in connections:
                connections[topic] = writer.add_connection(
                    topic, types[topic], typestore=typestore()
                )
            writer.write(connections[topic], log_ns, data)
    return path


@pytest.mark.parametrize('plugin', [StoragePlugin.SQLITE3, StoragePlugin.MCAP])
def test_foreign_bag_reads_audits_and_converts(plugin, good_script, robot, tmp_path, good_bag):
    path = foreign(tmp_path / 'foreign', good_script, robot, plugin)
    with Bag(path) as bag:
        assert bag.meta is None and bag.contract is None
        assert [(m.log_ns, m.topic, m.data) for m in bag.messages()] == good_script
        assert bag.start_ns == good_script[0][0] and bag.end_ns == good_script[-1][0]
        result = audit(bag, robot)
    assert result.verdict == 'ok'
    with pytest.raises(DataError, match='name one with --robot'):
        convert([path], tmp_path / 'set')
    convert([path], tmp_path / 'foreign_set', contract=robot)
    convert([good_bag], tmp_path / 'own_set')
    theirs, ours = (Dataset(tmp_path / n).episode(0) for n in ('foreign_set', 'own_set'))
    assert (theirs.q == ours.q).all() and (theirs.action == ours.action).all()
    assert theirs.meta.contract_hash == robot.hash


def test_compressed_messages(good_script, robot, tmp_path):
    path = foreign(
        tmp_path / 'z', good_script, robot, StoragePlugin.SQLITE3, CompressionMode.MESSAGE
    )
    with Bag(path) as bag:
        assert [m.data for m in bag.messages()] == [data for _, _, data in good_script]


def test_single_file(good_bag, good_script):
    with Bag(good_bag / 'pick_0001_0.mcap') as bag:
        assert sum(bag.counts.values()) == len(good_script)
        assert bag.meta.task == 'pick'
        assert bag.summary()['topics']['/joint_states']['count'] == 400


def test_topics_are_chosen_and_unknown_ones_listed(good_bag):
    with Bag(good_bag) as bag:
        assert {m.topic for m in bag.messages(['/object_pose'])} == {'/object_pose'}
        assert list(bag.messages([])) == []
        with pytest.raises(BagError, match='did you mean "/object_pose"'):
            list(bag.messages(['/objekt_pose']))


def test_every_stamp_equals_its_header(good_bag):
    with Bag(good_bag) as bag:
        for message in bag.messages():
            header = bag.decode(message).header.stamp
            assert header_stamp_ns(message.data) == header.sec * 10**9 + header.nanosec


def test_overwritten_message_is_noticed(good_bag, good_script, tmp_path):
    file = tmp_path / 'bag.mcap'
    data = bytearray((good_bag / 'pick_0001_0.mcap').read_bytes())
    data[data.index(good_script[100][2]) + 40] ^= 0x01
    file.write_bytes(data)
    with Bag(file) as bag, pytest.raises(BagError, match=r'damaged inside.*repair'):
        list(bag.messages())


def test_message_that_does_not_fit_its_type(good_script, robot, maker, tmp_path):
    entries = list(good_script)
    at = next(i for i, e in enumerate(entries) if e[1] == '/joint_states')
    entries[at] = (entries[at][0], '/joint_states', entries[at][2][:60])
    with Bag(maker(tmp_path / 'pick_0001', entries)) as bag:
        with pytest.raises(BagError, match='does not fit sensor_msgs/msg/JointState'):
            bag.decode(next(iter(bag.messages(['/joint_states']))))
        assert audit(bag).verdict == 'reject'


def test_missing_file_and_no_bag(good_bag, tmp_path):
    (tmp_path / 'metadata.yaml').write_text((good_bag / 'metadata.yaml').read_text())
    with pytest.raises(BagError, match=r'pick_0001_0\.mcap is missing'):
        Bag(tmp_path)
    (tmp_path / 'metadata.yaml').write_text('{nonsense')
    with pytest.raises(BagError, match='damaged'):
        Bag(tmp_path)


@pytest.mark.parametrize('order', [(0, 1, 2), (0, 2, 1), (2, 1, 0)])
def test_files_in_any_order_are_read_in_time(good_bag, good_script, tmp_path, order):
    """A sort by name lists file 10 before file 2."""
    with Bag(good_bag) as bag:
        third = (bag.end_ns - bag.start_ns) // 3
        starts = [bag.start_ns + k * third for k in range(3)]
        for k in range(3):
            end = bag.end_ns if k == 2 else starts[k + 1] - 1
            write_excerpt(bag, tmp_path / f'part_{k}', None, starts[k], end)
    split = tmp_path / 'split'
    split.mkdir()
    for k in range(3):
        (tmp_path / f'part_{k}/part_{k}_0.mcap').rename(split / f'split_{k}.mcap')
    information = read_information(good_bag)
    names = [f'split_{k}.mcap' for k in order]
    write_information(split, information | {'relative_file_paths': names, 'files': []})
    with Bag(split) as bag:
        assert [(m.log_ns, m.topic, m.data) for m in bag.messages()] == good_script
    change = trim(split, tmp_path / 'out', Cut(from_s=0.5, to_s=1.5))
    with Bag(change.target) as bag:
        assert bag.counts['/joint_states'] == pytest.approx(200, abs=2)
