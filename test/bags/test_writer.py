# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bags are true rosbag2: independent readers find what was written."""

from collections import Counter
import os
from pathlib import Path
import shutil
import subprocess

from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory
import numpy as np
import pytest
from rosbags.rosbag2 import Reader as Rosbag2Reader
from rosbags.typesys import get_typestore, Stores
import yaml

from imitation_ros.bags.edit.repair import repair
from imitation_ros.bags.layout import read_information, update_meta
from imitation_ros.bags.reader import Bag
from imitation_ros.contract import loads
from imitation_ros.data.episode import EpisodeMeta
from imitation_ros.errors import BagError
from imitation_ros.messages.definitions import find, typestore


def test_rosbags_reads_every_message(good_bag, good_script):
    store = get_typestore(Stores.ROS2_HUMBLE)
    found: Counter[str] = Counter()
    with Rosbag2Reader(good_bag) as reader:
        assert reader.message_count == len(good_script)
        for connection, log_ns, data in reader.messages():
            store.deserialize_cdr(data, connection.msgtype)
            assert (log_ns, connection.topic, bytes(data)) == good_script[sum(found.values())]
            found[connection.topic] += 1
        for connection in reader.connections:
            assert connection.digest == typestore().hash_rihs01(connection.msgtype)
            (profile,) = connection.ext.offered_qos_profiles
            assert profile.reliability.name.lower() == 'reliable'
    assert found == Counter(topic for _, topic, _ in good_script)


def test_mcap_ros2_decodes_with_the_definitions_in_the_bag(good_bag, good_script, robot):
    found: Counter[str] = Counter()
    with open(good_bag / 'pick_0001_0.mcap', 'rb') as stream:
        reader = make_reader(stream, decoder_factories=[DecoderFactory()])
        assert reader.get_header().profile == 'ros2'
        for _, channel, message, decoded in reader.iter_decoded_messages():
            assert message.publish_time == message.log_time - 200_000
            found[channel.topic] += 1
            if channel.topic == '/joint_states':
                assert tuple(decoded.name) == robot.joints
        texts = {a.name: a.data.decode() for a in reader.iter_attachments()}
    assert found == Counter(topic for _, topic, _ in good_script)
    again = loads(texts['contract.yaml'], Path('x.yaml'), texts['robot.urdf'])
    assert again.hash == robot.hash


def test_metadata_is_version_nine_with_our_meta(good_bag, good_script):
    values = yaml.safe_load((good_bag / 'metadata.yaml').read_text())
    information = values['rosbag2_bagfile_information']
    assert information['version'] == 9
    assert information['storage_identifier'] == 'mcap'
    assert information['relative_file_paths'] == ['pick_0001_0.mcap']
    assert information['custom_data']['outcome'] == 'success'
    first = min(log_ns for log_ns, _, _ in good_script)
    assert information['starting_time']['nanoseconds_since_epoch'] == first
    topics = {
        entry['topic_metadata']['name']: entry['message_count']
        for entry in information['topics_with_message_count']
    }
    assert topics['/joint_states'] == 400
    assert topics['/joy'] == 0


def test_definitions_and_hashes_match_the_installed_ones():
    for name in ('sensor_msgs/msg/JointState', 'diagnostic_msgs/msg/DiagnosticArray'):
        definition = find(name)
        assert definition.hash == typestore().hash_rihs01(name)
        assert 'MSG: std_msgs/Header' in definition.text


def test_definitions_without_ros(monkeypatch):
    find.cache_clear()
    monkeypatch.setattr('imitation_ros.messages.definitions.prefixes', lambda: [])
    try:
        definition = find('sensor_msgs/msg/JointState')
        assert definition.hash.startswith('RIHS01_a13ee3a3')
        assert 'float64[] position' in definition.text
        with pytest.raises(BagError, match='no_such_msgs is not installed'):
            find('no_such_msgs/msg/Thing')
    finally:
        find.cache_clear()


def test_meta_is_changed_in_place(good_bag, tmp_path):
    copy = shutil.copytree(good_bag, tmp_path / 'pick_0001')
    update_meta(copy, EpisodeMeta(episode='pick_0001', outcome='failure', verdict='warn'))
    with Bag(copy) as bag:
        assert bag.meta.outcome == 'failure'
        assert bag.meta.verdict == 'warn'
    assert read_information(copy)['custom_data']['outcome'] == 'failure'
    assert not list(copy.glob('*.tmp'))


def test_existing_bag_is_never_overwritten(maker, good_bag):
    with pytest.raises(BagError, match='is there already'):
        maker.open(good_bag)


@pytest.fixture
def small_disk(tmp_path):
    """A real file system of 3 MB."""
    folder = tmp_path / 'disk'
    folder.mkdir()
    mount = ['mount', '-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', str(folder)]
    done = subprocess.run(mount, check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f'cannot mount a tmpfs here: {done.stderr.strip()}')
    yield folder
    subprocess.run(['umount', '-l', str(folder)], check=True)


def test_full_disk_ends_loudly_and_keeps_what_was_written(small_disk, maker, tmp_path):
    writer = maker.open(small_disk / 'pick_0001')
    entries = maker.script(seconds=20.0)
    with pytest.raises(BagError, match=r'pick_0001\.recording.*No space left'):
        for k in range(0, len(entries), 500):
            maker.write(writer, entries[k : k + 500])
            writer.tick(k * 10**8)
        writer.close(EpisodeMeta(episode='pick_0001'))
    writer.abort()
    folder = small_disk / 'pick_0001.recording'
    before = (folder / 'pick_0001_0.mcap').read_bytes()
    with pytest.raises(BagError, match='No space left'):
        repair(folder)
    assert (folder / 'pick_0001_0.mcap').read_bytes() == before
    # Room elsewhere: everything that reached the disk is there.
    saved = repair(Path(shutil.copytree(folder, tmp_path / 'saved.recording')))
    assert saved.messages > 500
    with Bag(saved.path) as bag:
        read = [(m.log_ns, m.topic, m.data) for m in bag.messages()]
    assert read == entries[: len(read)]


def test_read_only_disk_is_an_error(small_disk, maker):
    subprocess.run(['mount', '-o', 'remount,ro', str(small_disk)], check=True)
    with pytest.raises(BagError, match=r'cannot create .*Read-only file system'):
        maker.open(small_disk / 'pick_0001')
    assert list(small_disk.iterdir()) == []


def test_removed_folder_is_an_error(tmp_path, maker, good_script):
    writer = maker.open(tmp_path / 'pick_0001')
    maker.write(writer, good_script[:100])
    writer.tick(0)
    shutil.rmtree(writer.folder)
    with pytest.raises(BagError, match=r'pick_0001\.recording'):
        writer.tick(2 * 10**9)


def test_nothing_is_written_into_a_missing_place(tmp_path, maker):
    (tmp_path / 'file').write_text('')
    with pytest.raises(BagError, match='cannot create'):
        maker.open(tmp_path / 'file' / 'pick_0001')


def test_data_reaches_the_disk_before_the_close(tmp_path, maker, good_script):
    writer = maker.open(tmp_path / 'pick_0001')
    writer.tick(0)
    maker.write(writer, good_script[:20])
    file = writer.folder / 'pick_0001_0.mcap'
    before = os.path.getsize(file)
    writer.tick(6 * 10**8)
    assert os.path.getsize(file) - before > sum(len(data) for _, _, data in good_script[:20])
    writer.discard()
    assert not writer.folder.exists()


def test_numbers_survive(good_bag, robot):
    with Bag(good_bag) as bag:
        message = next(iter(bag.messages(['/joint_states'])))
        decoded = bag.decode(message)
        assert message.sequence == 1
        np.testing.assert_allclose(decoded.position, robot.home + 0.1 * np.sin(np.arange(robot.n)))
