# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What we write as MCAP without copies is what the mcap library reads, checksums and all."""

from io import BytesIO
import os
import zlib

from mcap.data_stream import ReadDataStream
from mcap.reader import make_reader
from mcap.records import Chunk, MessageIndex
from mcap.writer import CompressionType, Writer
import pytest

from imitation_ros.bags import mcap_file
from imitation_ros.bags.mcap_file import LARGE, McapFile

CHUNK = 100_000


def fill(writer, rng, count=400):
    """Messages of two topics: small, large, received late, larger than a chunk."""
    writer.start('ros2', 'test')
    writer.add_metadata('rosbag2', {'a': 'ä', 'b': ''})
    schema = writer.register_schema('std_msgs/msg/String', 'ros2msg', b'string data')
    topics = [writer.register_channel(f'/t{i}', 'cdr', schema, {'k': str(i)}) for i in range(3)]
    writer.add_attachment(5, 6, 'contract.yaml', 'application/yaml', b'x' * 70_000)
    sizes = rng.choice([0, 1, 1, 300, 300, 300, LARGE - 1, LARGE, 70_000, 2 * CHUNK], count)
    for k, size in enumerate(map(int, sizes)):
        data = rng.bytes(size)
        log_ns = 10**18 + k * 1000 - (5000 if k % 17 == 0 else 0)
        writer.add_message(topics[k % 2], log_ns, data, log_ns - 7, k)
        if k % 50 == 49:
            writer.flush()
            writer.flush()
    writer.add_metadata('late', {'z': '1'})
    writer.finish()


def content(path):
    """Everything a reader finds, by the index and again in file order."""
    with open(path, 'rb') as stream:
        reader = make_reader(stream, validate_crcs=True)
        summary = reader.get_summary()
        by_index = [(c.topic, m) for _, c, m in reader.iter_messages(log_time_order=True)]
        one_topic = [m for _, _, m in reader.iter_messages(['/t1'], starting_at=10**18 + 50_000)]
        others = [*reader.iter_metadata(), *reader.iter_attachments(), reader.get_header()]
    for index in summary.chunk_indexes:
        index.message_index_offsets = dict(sorted(index.message_index_offsets.items()))
    statistics = summary.statistics
    statistics.channel_message_counts = dict(statistics.channel_message_counts)
    return by_index, one_topic, others, summary.schemas, summary.channels, statistics


def write_ours(path, rng):
    with open(path, 'wb', buffering=0) as stream:
        file = McapFile(stream.fileno(), CHUNK)
        fill(file, rng)
    assert file.size == path.stat().st_size
    return path


def test_the_same_content_as_the_librarys_own_writer(tmp_path, rng):
    seed = rng.bit_generator.state
    ours = write_ours(tmp_path / 'ours.mcap', rng)
    rng.bit_generator.state = seed
    theirs = tmp_path / 'theirs.mcap'
    with open(theirs, 'wb') as stream:
        fill(Writer(stream, chunk_size=CHUNK, compression=CompressionType.NONE), rng)
    assert content(ours) == content(theirs)


def test_indexes_point_at_what_they_name(tmp_path, rng):
    path = write_ours(tmp_path / 'ours.mcap', rng)
    data = path.read_bytes()
    with open(path, 'rb') as stream:
        summary = make_reader(stream).get_summary()
    seen = 0
    for index in summary.chunk_indexes:
        chunk = _record(Chunk, data, index.chunk_start_offset)
        assert len(chunk.data) + 49 == index.chunk_length
        assert chunk.uncompressed_crc == zlib.crc32(chunk.data) != 0
        for channel_id, at in index.message_index_offsets.items():
            entries = _record(MessageIndex, data, at)
            assert entries.channel_id == channel_id
            for log_ns, offset in entries.records:
                head = chunk.data[offset : offset + 23]
                assert head[0] == 5
                assert int.from_bytes(head[9:11], 'little') == channel_id
                assert int.from_bytes(head[15:23], 'little') == log_ns
                seen += 1
    assert seen == summary.statistics.message_count == 400


def _record(kind, data, at):
    length = int.from_bytes(data[at + 1 : at + 9], 'little')
    return kind.read(ReadDataStream(BytesIO(data[at + 9 : at + 9 + length])))


def test_a_file_without_messages(tmp_path):
    path = tmp_path / 'empty.mcap'
    with open(path, 'wb', buffering=0) as stream:
        file = McapFile(stream.fileno(), CHUNK)
        file.start('ros2', 'test')
        file.finish()
    with open(path, 'rb') as stream:
        assert make_reader(stream).get_summary().statistics.message_count == 0


def test_the_kernel_may_take_a_part(tmp_path, rng, monkeypatch):
    """A disk that is almost full takes some bytes of a write and refuses the next."""
    seed = rng.bit_generator.state
    whole = write_ours(tmp_path / 'whole.mcap', rng).read_bytes()
    rng.bit_generator.state = seed
    calls = []

    def some(descriptor, pieces):
        data = b''.join(pieces)
        calls.append(len(data))
        return os.write(descriptor, data[: max(1, len(data) // 3)])

    monkeypatch.setattr(mcap_file.os, 'writev', some)
    parts = write_ours(tmp_path / 'parts.mcap', rng)
    assert len(calls) > 400
    assert parts.read_bytes() == whole


@pytest.mark.parametrize('size', [LARGE, LARGE - 1])
def test_large_messages_are_not_copied(tmp_path, monkeypatch, size):
    handed = []
    writev = os.writev
    monkeypatch.setattr(
        mcap_file.os, 'writev', lambda fd, pieces: (handed.extend(pieces), writev(fd, pieces))[1]
    )
    data = os.urandom(size)
    with open(tmp_path / 'x.mcap', 'wb', buffering=0) as stream:
        file = McapFile(stream.fileno(), CHUNK)
        file.start('ros2', 'test')
        channel = file.register_channel('/t', 'cdr', 0, {})
        file.add_message(channel, 1, data, 1)
        file.finish()
    assert any(piece is data for piece in handed) == (size >= LARGE)
