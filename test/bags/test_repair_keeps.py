# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A repair keeps all that a plain reader finds, whoever wrote the file, and the file itself."""

import os
from pathlib import Path
import struct

from hypothesis import example, given, HealthCheck, settings
from hypothesis import strategies as st
from mcap.reader import make_reader
from mcap.records import Message
from mcap.stream_reader import StreamReader
from mcap.writer import CompressionType, Writer
import mcap_faults
from mcap_faults import Fault, Shape
import pytest
from typer.testing import CliRunner

from imitation_ros.bags import records
from imitation_ros.bags.edit import rewrite
from imitation_ros.bags.edit.repair import remove_originals, repair
from imitation_ros.bags.layout import read_information
from imitation_ros.bags.reader import Bag
from imitation_ros.cli.app import app
from imitation_ros.errors import BagError

shapes = st.builds(
    Shape,
    writer=st.sampled_from(mcap_faults.WRITERS),
    chunked=st.booleans(),
    compression=st.sampled_from(mcap_faults.COMPRESSIONS),
    crcs=st.booleans(),
    data_crc=st.booleans(),
    schemas=st.booleans(),
    finished=st.booleans(),
    messages=st.integers(0, 60),
    channels=st.integers(1, 3),
    extras=st.integers(0, 3),
    chunk=st.integers(100, 3000),
    seed=st.integers(0, 1 << 30),
)
faults = st.builds(
    Fault,
    at=st.floats(0, 1),
    change=st.binary(max_size=20),
    cut=st.one_of(st.just(1.0), st.floats(0, 1)),
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(shape=shapes, fault=faults)
@example(Shape(chunked=False), Fault(0.5, b'\xff'))
@example(Shape(compression='zstd'), Fault(0.4, b'\xff'))
@example(Shape(crcs=False, messages=4, channels=3), Fault(0.154, b'\xdc', 0.82))
@example(Shape('rosbags', messages=11), Fault(0.0567, b'\x8b\xd5\xb8\xe2aJ`\x88\xba\x1du'))
@example(Shape('hand'), Fault(0.0, b'\x00'))
@example(
    Shape(
        writer='rosbags',
        chunked=False,
        compression='zstd',
        crcs=True,
        data_crc=True,
        schemas=False,
        finished=True,
        messages=11,
        channels=1,
        extras=2,
        chunk=108,
        seed=948710641,
    ),
    Fault(at=0.10074224036124757, change=b'\xe5', cut=1.0),
)
@example(
    Shape(
        'hand',
        True,
        'zstd',
        False,
        messages=57,
        channels=3,
        extras=0,
        finished=False,
        seed=592311666,
    ),
    Fault(0.6033477196497192, b'\xe9'),
)
@example(
    Shape('rosbags', compression='zstd', messages=17, channels=3, seed=113488775),
    Fault(0.028148552950632455, b'*'),
)
def test_any_file_with_any_fault(tmp_path, shape, fault):
    data = mcap_faults.spoil(mcap_faults.write(shape), fault)
    assert mcap_faults.problems(data, tmp_path / 'bag') == []


def test_a_length_of_four_gigabytes_is_no_work(tmp_path, monkeypatch):
    """Of the names and values of a channel; what lies there is not gone through in steps."""
    data = bytearray(mcap_faults.write(Shape('hand', chunked=False, schemas=False, messages=9)))
    at = data.index(b'cdr') + 3
    data[at : at + 4] = b'\xff' * 4
    steps = []

    class Counted(int):
        @classmethod
        def from_bytes(cls, *given):
            steps.append(given)
            assert len(steps) < 10_000
            return int.from_bytes(*given)

    monkeypatch.setattr(records, 'int', Counted, raising=False)
    assert mcap_faults.problems(bytes(data), tmp_path / 'bag') == []
    assert len(steps) > 100


def put(folder: Path, data: bytes) -> Path:
    """A bag's folder with one file; gives the file."""
    folder.mkdir(parents=True)
    file = folder / f'{folder.name}_0.mcap'
    file.write_bytes(data)
    return file


def messages(file: Path) -> list[tuple[int, bytes]]:
    with open(file, 'rb') as stream:
        records = StreamReader(stream, validate_crcs=True).records
        return [(r.log_time, r.data) for r in records if isinstance(r, Message)]


@pytest.mark.parametrize('writer', ['mcap', 'hand'])
def test_a_file_without_chunks_that_was_killed(tmp_path, writer):
    shape = Shape(writer, chunked=False, finished=False, messages=200)
    file = put(tmp_path / 'pick_0001', mcap_faults.write(shape))
    before = file.read_bytes()
    done = repair(file.parent)
    assert done.changed and done.messages == 200 and len(messages(file)) == 200
    assert done.originals == (file.with_name('pick_0001_0.mcap.damaged'),)
    assert done.originals[0].read_bytes() == before


def test_a_whole_file_without_chunks_is_left_alone(tmp_path):
    file = put(tmp_path / 'pick_0001', mcap_faults.write(Shape(chunked=False)))
    before = file.read_bytes()
    assert repair(file.parent).messages == 40
    assert file.read_bytes() == before
    assert not repair(file.parent).changed
    assert {path.name for path in file.parent.iterdir()} == {file.name, 'metadata.yaml'}
    with Bag(file.parent) as bag:
        assert sum(1 for _ in bag.messages()) == 40


@pytest.mark.parametrize('compression', ['lz4', 'zstd', 'none'])
@pytest.mark.parametrize('index', [True, False])
@pytest.mark.parametrize('part', ['head', 'length', 'data', 'codec'])
def test_one_damaged_chunk_costs_no_other(tmp_path, compression, index, part):
    shape = Shape(compression='' if compression == 'none' else compression, messages=300)
    data = bytearray(mcap_faults.write(shape))
    file = put(tmp_path / 'pick_0001', bytes(data))
    with open(file, 'rb') as stream:
        chunks = make_reader(stream).get_summary().chunk_indexes
    assert len(chunks) > 10
    chunk = chunks[3]
    at = chunk.chunk_start_offset
    place = {'head': at, 'length': at + 7, 'data': at + chunk.chunk_length - 20, 'codec': at + 37}
    data[place[part]] ^= 0x41
    if not index:
        del data[-200:]
    file.write_bytes(data)
    before = mcap_faults.write(shape)
    done = repair(file.parent)
    with open(put(tmp_path / 'good', before), 'rb') as stream:
        good = [m for _, _, m in make_reader(stream).iter_messages()]
    lost = {
        m.sequence
        for m in good
        if chunk.message_start_time <= m.log_time <= chunk.message_end_time
    }
    with open(file, 'rb') as stream:
        left = {m.sequence: m.data for _, _, m in make_reader(stream).iter_messages()}
    assert {m.sequence: m.data for m in good if m.sequence not in lost}.items() <= left.items()
    assert left.items() <= {m.sequence: m.data for m in good}.items()
    assert done.messages == len(left) and len(lost) < 20
    if part == 'data':
        assert len(left) == 300 - len(lost)
        assert f'chunk at {at}' in ' '.join(done.notes)
    if index and part != 'data':
        assert len(left) == 300  # index and checksum tell where its data are, and that they fit


def foreign(file: Path, finish: bool = True) -> None:
    """A file with all that rosbag2 bags of others may hold."""
    with open(file, 'wb') as stream:
        writer = Writer(stream, compression=CompressionType.NONE, chunk_size=400)
        writer.start('their profile', 'a logger')
        schema = writer.register_schema('a/msg/T', 'ros2msg', b'int32 x')
        topic = writer.register_channel('/t', 'cdr', schema, {'offered_qos_profiles': '[5]'})
        notes = writer.register_channel('/notes', 'json', 0)
        writer.register_channel('/silent', 'cdr', schema)
        for number in range(2):
            writer.add_attachment(number, number, 'same name', 'text/plain', b'%d' % number)
            writer.add_metadata('theirs', {'number': str(number)})
        writer.add_metadata('imitation_ros', {'imitation_ros': 'no JSON'})
        for number in range(60):
            data = struct.pack('<Ii', 256, number)
            writer.add_message(topic, number, data, number, number)
            writer.add_message(notes, number, b'{}', number, number)
        if finish:
            writer.finish()


@pytest.mark.parametrize('finish', [True, False])
def test_what_others_put_in_stays(tmp_path, finish):
    file = put(tmp_path / 'pick_0001', b'')
    foreign(file, finish)
    there = mcap_faults.plain(file.read_bytes())
    done = repair(file.parent)
    now = mcap_faults.kept(file)
    assert done.messages == now.messages.total() == there.messages.total()
    assert there.messages.total() == (120 if finish else done.messages) > 100
    assert not there.attachments - now.attachments and now.attachments.total() == 2
    assert not there.metadata - now.metadata
    assert now.topics == {b'/t', b'/notes', b'/silent'}
    with open(file, 'rb') as stream:
        assert make_reader(stream).get_header().profile == 'their profile'
    # What is no ROS topic is not in metadata.yaml.
    told = read_information(file.parent)['topics_with_message_count']
    assert [entry['topic_metadata']['name'] for entry in told] == ['/t', '/silent']
    with Bag(file.parent) as bag:
        assert sum(1 for _ in bag.messages(['/t'])) == done.messages // 2 + done.messages % 2
    assert not repair(file.parent).changed


def test_messages_whose_channel_is_lost_stay(tmp_path):
    data = bytearray(mcap_faults.write(Shape('hand', chunked=False, channels=1, schemas=False)))
    data[data.index(b'\x04', 30)] = 0x90  # the channel's record is now a private one
    file = put(tmp_path / 'pick_0001', bytes(data))
    done = repair(file.parent)
    assert done.messages == 40
    assert mcap_faults.kept(file).topics == {b'/lost_channel_1'}
    assert '40 messages of a lost channel: kept as /lost_channel_1' in done.notes
    assert '1 record of private kinds left out' in done.notes


def test_the_metadata_of_before_stays(tmp_path):
    file = put(tmp_path / 'pick_0001', mcap_faults.write(Shape()))
    (file.parent / 'metadata.yaml').write_text('theirs: {')
    done = repair(file.parent)
    assert [path.read_text() for path in done.originals] == ['theirs: {']


def test_a_second_damage_takes_no_original_away(tmp_path):
    file = put(tmp_path / 'pick_0001', mcap_faults.write(Shape(finished=False)))
    repair(file.parent)
    os.truncate(file, 3000)
    second = file.read_bytes()
    done = repair(file.parent)
    assert done.originals[0].name == 'pick_0001_0.mcap.2.damaged'
    assert done.originals[0].read_bytes() == second
    assert file.with_name('pick_0001_0.mcap.damaged').exists()


def test_originals_go_when_told_to(tmp_path):
    file = put(tmp_path / 'pick_0001', mcap_faults.write(Shape(finished=False)))
    said = CliRunner().invoke(app, ['repair', str(tmp_path)])
    assert said.exit_code == 0
    assert f'as it was: {file}.damaged' in said.stdout
    size = file.stat().st_size
    os.truncate(file, size - 100)
    with pytest.raises(BagError, match='may still be needed'):
        remove_originals(file.parent)
    said = CliRunner().invoke(app, ['repair', '--remove-originals', str(tmp_path)])
    assert said.exit_code == 0 and 'removed' in said.stdout
    assert {path.name for path in file.parent.iterdir()} == {file.name, 'metadata.yaml'}


def unchanged(file: Path, before: bytes) -> None:
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_fewer_messages_than_a_plain_reader_finds_replace_nothing(tmp_path, monkeypatch):
    file = put(tmp_path / 'pick_0001', mcap_faults.write(Shape(finished=False, chunked=False)))
    before = file.read_bytes()
    add = rewrite.Copy.add

    def forgetful(self, record):
        if not (isinstance(record, Message) and record.sequence == 7):
            add(self, record)

    monkeypatch.setattr(rewrite.Copy, 'add', forgetful)
    with pytest.raises(BagError, match='plain reader finds 40 messages, a repair 39; nothing'):
        repair(file.parent)
    unchanged(file, before)


def test_a_file_that_does_not_read_back_replaces_nothing(tmp_path, monkeypatch):
    file = put(tmp_path / 'pick_0001', mcap_faults.write(Shape(finished=False)))
    before = file.read_bytes()
    fsync = os.fsync

    def spoil(descriptor):
        with open(f'/proc/self/fd/{descriptor}', 'r+b') as new:
            new.seek(700)
            new.write(b'\xff')
        fsync(descriptor)

    monkeypatch.setattr(os, 'fsync', spoil)
    with pytest.raises(BagError, match='does not read back'):
        repair(file.parent)
    unchanged(file, before)


def test_an_unknown_compression_is_named(tmp_path):
    data = mcap_faults.write(Shape(compression='zstd', messages=5, chunk=5000))
    file = put(tmp_path / 'pick_0001', data.replace(b'zstd', b'bz99'))
    before = file.read_bytes()
    # Its checksum would tell that the data are zstd all the same.
    data = before.replace(b'\x28\xb5\x2f\xfd', b'\x00\x00\x00\x00')
    file.write_bytes(data)
    with pytest.raises(BagError, match='is packed with "bz99", which nothing here unpacks'):
        repair(file.parent)
    unchanged(file, data)


@pytest.mark.parametrize('what', ['metadata', 'chunk'])
def test_an_index_without_a_checksum_that_points_elsewhere(tmp_path, what):
    data = bytearray(mcap_faults.write(Shape(crcs=False)))
    file = put(tmp_path / 'pick_0001', bytes(data))
    with open(file, 'rb') as stream:
        summary = make_reader(stream).get_summary()
    places = {
        'metadata': summary.metadata_indexes[1].offset,
        'chunk': summary.chunk_indexes[1].chunk_start_offset,
    }
    at = data.rindex(struct.pack('<Q', places[what]))
    data[at : at + 8] = struct.pack('<Q', len(data) - 3)
    file.write_bytes(data)
    done = repair(file.parent)
    assert done.changed and done.messages == 40
    with Bag(file.parent) as bag:
        assert sum(1 for _ in bag.messages()) == sum(bag.counts.values()) > 0


@pytest.mark.parametrize('kind', ['fifo', 'link'])
def test_what_is_no_file_is_left_alone(tmp_path, kind):
    folder = tmp_path / 'pick_0001'
    folder.mkdir()
    file = folder / 'pick_0001_0.mcap'
    (tmp_path / 'elsewhere').write_bytes(mcap_faults.write(Shape(finished=False)))
    if kind == 'fifo':
        os.mkfifo(file)
    else:
        file.symlink_to(tmp_path / 'elsewhere')
    before = (tmp_path / 'elsewhere').read_bytes()
    with pytest.raises(BagError, match='is a link or a device'):
        repair(folder)
    assert (tmp_path / 'elsewhere').read_bytes() == before


def test_one_bag_that_cannot_be_repaired_stops_no_other(tmp_path):
    put(tmp_path / 'a', b'nonsense')
    file = put(tmp_path / 'b', mcap_faults.write(Shape(finished=False)))
    said = CliRunner().invoke(app, ['repair', str(tmp_path)])
    assert said.exit_code == 1
    assert 'is no MCAP file (of 8 bytes); nothing to recover' in said.output
    assert len(messages(file)) > 20


def test_a_file_in_place_of_a_folder(tmp_path):
    file = put(tmp_path / 'a', mcap_faults.write(Shape()))
    with pytest.raises(BagError, match='is a file; name the folder'):
        repair(file)


def test_a_chunk_that_unpacks_to_too_much_is_left_alone(tmp_path, monkeypatch):
    whole = mcap_faults.write(Shape(compression='zstd', messages=60, chunk=9000))
    file = put(tmp_path / 'pick_0001', whole[:-10])
    before = file.read_bytes()
    monkeypatch.setattr(records, 'MAX_CHUNK', 500)
    with pytest.raises(BagError, match=r'unpacks to more than .*; nothing was changed'):
        repair(file.parent)
    unchanged(file, before)


@pytest.mark.parametrize('compression', ['lz4', 'zstd'])
def test_a_damaged_packed_chunk_is_told_and_then_repaired(tmp_path, compression):
    """The audit of such a bag says what helps, and it does help."""
    data = bytearray(mcap_faults.write(Shape(compression=compression, messages=300)))
    file = put(tmp_path / 'pick_0001', bytes(data))
    repair(file.parent)  # makes its metadata.yaml
    with open(file, 'rb') as stream:
        chunk = make_reader(stream).get_summary().chunk_indexes[3]
    at = chunk.chunk_start_offset + chunk.chunk_length - chunk.compressed_size
    data[at : at + 40] = bytes(40)
    file.write_bytes(data)
    said = CliRunner().invoke(app, ['audit', str(tmp_path), '--json'])
    assert said.exit_code == 1 and 'run \\"imitation_ros repair\\"' in said.stdout, said.output
    repair(file.parent)
    with Bag(file.parent) as bag:
        assert 280 < sum(bag.counts.values()) < 300
        assert sum(1 for _ in bag.messages()) == sum(bag.counts.values())
