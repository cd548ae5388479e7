# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Recordings that ask for more memory or time than they are worth; written by the mcap library."""

from collections.abc import Callable
from pathlib import Path
import resource
import struct
import subprocess
import sys

import lz4.frame
from mcap.data_stream import RecordBuilder
from mcap.records import (
    Channel,
    Chunk,
    ChunkIndex,
    DataEnd,
    Footer,
    Header,
    Schema,
    Statistics,
)
from mcap.writer import Writer
import pytest
import zstandard

from imitation_ros.bags.audit.bag import audit
from imitation_ros.bags.bounds import check_definition
from imitation_ros.bags.reader import Bag
from imitation_ros.errors import BagError

MAGIC = b'\x89MCAP0\r\n'


def _record(value: object) -> bytes:
    builder = RecordBuilder()
    value.write(builder)
    return builder.end()


def write_chunk(path: Path, compression: str, size: int, data: bytes, told: bool = True) -> Path:
    """A recording of one chunk with a declared size and any content; `told`: with an index."""
    head = MAGIC + _record(Header('ros2', 'hostile'))
    chunk = _record(Chunk(compression, data, 10, 0, 0, size))
    body = head + chunk + _record(DataEnd(0))
    summary = _record(
        Schema(id=1, data=b'', encoding='ros2msg', name='sensor_msgs/msg/JointState')
    )
    summary += _record(Channel(1, '/joint_states', 'cdr', {}, 1))
    summary += _record(
        Statistics(
            attachment_count=0,
            channel_count=1,
            channel_message_counts={1: 5},
            chunk_count=1,
            message_count=5,
            message_start_time=0,
            message_end_time=10,
            metadata_count=0,
            schema_count=1,
        )
    )
    if told:
        summary += _record(
            ChunkIndex(
                chunk_length=len(chunk),
                chunk_start_offset=len(head),
                compression=compression,
                compressed_size=len(data),
                message_start_time=0,
                message_end_time=10,
                message_index_length=0,
                message_index_offsets={},
                uncompressed_size=100,
            )
        )
    footer = Footer(summary_start=len(body), summary_offset_start=0, summary_crc=0)
    path.write_bytes(body + summary + _record(footer) + MAGIC)
    return path


def zstd_zeros(megabytes: int, said: bool) -> bytes:
    """Zeros as zstd packs them, with or without their size in the frame's head."""
    size = megabytes << 20 if said else -1
    packer, block = zstandard.ZstdCompressor(level=3).compressobj(size=size), bytes(1 << 20)
    return b''.join(packer.compress(block) for _ in range(megabytes)) + packer.flush()


def lz4_zeros(megabytes: int) -> bytes:
    packer, block = lz4.frame.LZ4FrameCompressor(), bytes(1 << 20)
    return (
        packer.begin()
        + b''.join(packer.compress(block) for _ in range(megabytes))
        + (packer.flush())
    )


BOMBS: dict[str, Callable[[], tuple[str, int, bytes]]] = {
    'zstd that tells its size': lambda: ('zstd', 2**33, zstd_zeros(600, said=True)),
    'zstd that lies': lambda: ('zstd', 100, zstd_zeros(600, said=True)),
    'zstd of an unknown size': lambda: ('zstd', 2**33, zstd_zeros(600, said=False)),
    'zstd of an unknown size that lies': lambda: ('zstd', 100, zstd_zeros(600, said=False)),
    'lz4 that lies': lambda: ('lz4', 100, lz4_zeros(600)),
    'no zstd': lambda: ('zstd', 100, b'x' * 100),
    'not packed, and longer than it is': lambda: ('', 2**40, b'x' * 100),
}


@pytest.mark.parametrize('told', [True, False], ids=['index', 'none'])
@pytest.mark.parametrize('make', BOMBS.values(), ids=list(BOMBS))
def test_a_chunk_that_unpacks_to_gigabytes_is_left_alone(
    tmp_path: Path, make: Callable[[], tuple[str, int, bytes]], told: bool
) -> None:
    path = write_chunk(tmp_path / 'x_0.mcap', *make(), told=told)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with Bag(path) as bag, pytest.raises(BagError, match=r'x_0\.mcap'):
        list(bag.messages())
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 300 * 1024  # kB


@pytest.mark.parametrize('at', [-1, 0, 8, 60])
def test_an_index_that_points_elsewhere(tmp_path: Path, at: int) -> None:
    path = write_chunk(tmp_path / 'x_0.mcap', '', 100, b'x' * 100)
    data = bytearray(path.read_bytes())
    place = data.rindex(struct.pack('<Q', len(MAGIC) + len(_record(Header('ros2', 'hostile')))))
    struct.pack_into('<Q', data, place, at % 2**64)
    path.write_bytes(data)
    with Bag(path) as bag, pytest.raises(BagError, match='the chunk at byte'):
        list(bag.messages())


def write_type(path: Path, name: str, text: bytes, data: bytes = b'\0\1\0\0' + bytes(64)) -> Path:
    """A recording of five messages of a type that the file itself describes."""
    with path.open('wb') as stream:
        writer = Writer(stream)
        writer.start('ros2', 'hostile')
        schema = writer.register_schema(name, 'ros2msg', text)
        channel = writer.register_channel('/b', 'cdr', schema)
        for at in range(5):
            writer.add_message(channel, at * 10**7, data, at * 10**7)
        writer.finish()
    return path


TYPES = {
    'code': ('evil/msg/Inj"); __import__("os").system("true"); ("', b'float64 x'),
    'code in a field': ('evil/msg/A', b'float64 a=__import__("os").system("true")'),
    'many fields': ('evil/msg/A', b'\n'.join(b'float64 a%d' % i for i in range(400_000))),
    'a long line': ('evil/msg/A', b'float64 ' + b'a' * 2_000_000),
    'itself': ('evil/msg/R', b'evil/msg/R r\n' + b'=' * 80 + b'\nMSG: evil/R\nevil/R r\n'),
    'no text': ('evil/msg/A', b'\x01\x02 ((((('),
}


@pytest.mark.parametrize(('name', 'text'), TYPES.values(), ids=list(TYPES))
def test_a_type_that_nobody_can_parse_stops_nothing(
    tmp_path: Path, name: str, text: bytes
) -> None:
    with Bag(write_type(tmp_path / 'x_0.mcap', name, text)) as bag:
        assert len(list(bag.messages())) == 5
        assert audit(bag).verdict in ('ok', 'warn', 'reject')


def test_a_definition_of_the_longest_message_is_read() -> None:
    check_definition('a/msg/B', 'float64 x  # what it is\n' * 4000)
    for name in ('a', 'a/b/c/d', 'a/msg/B c', 'a/msg/Ä', '', 'a/msg/'):
        with pytest.raises(ValueError, match='name is none'):
            check_definition(name, 'float64 x')


def test_nothing_that_can_be_read_is_not_ok(tmp_path: Path) -> None:
    data = b'\0\1\0\0' + struct.pack('<iIII', 0, 1, 1, 0) + struct.pack('<I', 2**32 - 1)
    path = write_type(tmp_path / 'x_0.mcap', 'sensor_msgs/msg/JointState', b'', data + bytes(64))
    with Bag(path) as bag:
        found = audit(bag)
    assert found.verdict == 'reject'
    assert any('/b' in reason and 'JointState' in reason for reason in found.reasons)


def test_the_verb_rejects_a_bomb_in_a_row(tmp_path: Path) -> None:
    path = write_chunk(tmp_path / 'x_0.mcap', 'zstd', 2**33, zstd_zeros(600, said=True))
    line = [sys.executable, '-m', 'imitation_ros', 'audit', str(path), '--json']
    run = subprocess.run(line, check=False, capture_output=True, text=True, timeout=200)
    assert run.returncode == 1 and '"reject"' in run.stdout and 'unpacks to more' in run.stdout
