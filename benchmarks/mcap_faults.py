# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""MCAP files of every make, damage to them, and whether a repair keeps what a plain reader finds.

The plain reader here knows nothing of imitation_ros or the mcap library: it goes from record to
record by their lengths, and into every chunk that unpacks and fits its checksum.
"""

from collections import Counter
from dataclasses import dataclass
import io
from pathlib import Path
import shutil
import struct
import tempfile
from typing import Any
import zlib

import lz4.frame
from mcap.records import Attachment, Channel, Message, Metadata
from mcap.stream_reader import StreamReader
from mcap.writer import CompressionType, IndexType, Writer
import numpy as np
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin
from rosbags.rosbag2 import Writer as Rosbag2Writer
import zstandard

from imitation_ros.bags.edit.repair import repair
from imitation_ros.errors import BagError

MAGIC = b'\x89MCAP0\r\n'
START = 1_700_000_000_000_000_000
DEFINITION = 'builtin_interfaces/Time stamp\n' + '=' * 80 + '\nMSG: builtin_interfaces/Time\n'
DEFINITION += 'int32 sec\nuint32 nanosec\n'
WRITERS = ('mcap', 'rosbags', 'hand')
COMPRESSIONS = ('', 'lz4', 'zstd')
_PACK = {
    '': bytes,
    'lz4': lz4.frame.compress,
    'zstd': zstandard.ZstdCompressor().compress,
}


@dataclass(frozen=True)
class Shape:
    """How a file is written.

    Attributes:
        writer: `mcap`, `rosbags`, or `hand`: byte by byte, without a summary, with private records
            and records that are longer than their fields.
        chunked: Whether messages stand in chunks.
        compression: Of the chunks.
        crcs: Whether chunks and summary have checksums.
        data_crc: Whether the whole data have one.
        schemas: Whether channels have schemas.
        finished: Whether the writer got to write its summary.
        messages: Number of messages.
        channels: Number of channels.
        extras: Number of attachments, and of metadata records.
        chunk: Size of a chunk [bytes].
        seed: Of the contents.
    """

    writer: str = 'mcap'
    chunked: bool = True
    compression: str = ''
    crcs: bool = True
    data_crc: bool = False
    schemas: bool = True
    finished: bool = True
    messages: int = 40
    channels: int = 2
    extras: int = 2
    chunk: int = 600
    seed: int = 0


def random_shape(rng: np.random.Generator) -> Shape:
    """Draw a shape."""
    flag = [bool(value) for value in rng.integers(2, size=4)]
    return Shape(
        writer=str(rng.choice(WRITERS)),
        chunked=flag[0],
        compression=str(rng.choice(COMPRESSIONS)),
        crcs=flag[1],
        data_crc=flag[2],
        schemas=flag[3],
        finished=bool(rng.integers(4)),
        messages=int(rng.integers(0, 60)),
        channels=int(rng.integers(1, 4)),
        extras=int(rng.integers(0, 4)),
        chunk=int(rng.integers(100, 3000)),
        seed=int(rng.integers(1 << 30)),
    )


def _payloads(shape: Shape) -> list[bytes]:
    """Contents of the messages: some of noise, some of zeros and floats, some empty."""
    rng = np.random.default_rng(shape.seed)
    found = []
    for number in range(shape.messages):
        size = int(rng.integers(0, 120))
        noise = rng.bytes(size)
        floats = struct.pack('<I', number) + np.ones(size // 8).tobytes()
        found.append((noise, floats, b'\0' * size)[int(rng.integers(3))])
    return found


def write(shape: Shape) -> bytes:
    """Bytes of a file."""
    return {'mcap': _by_mcap, 'rosbags': _by_rosbags, 'hand': _by_hand}[shape.writer](shape)


def _by_mcap(shape: Shape) -> bytes:
    stream = io.BytesIO()
    writer = Writer(
        stream,
        chunk_size=shape.chunk,
        compression=CompressionType[(shape.compression or 'none').upper()],
        index_types=IndexType.ALL,
        use_chunking=shape.chunked,
        enable_crcs=shape.crcs,
        enable_data_crcs=shape.data_crc,
    )
    writer.start('ros2', 'any')
    ids = []
    for number in range(shape.channels):
        schema = 0
        if shape.schemas or number:
            schema = writer.register_schema(f'a/msg/T{number}', 'ros2msg', DEFINITION.encode())
        ids.append(writer.register_channel(f'/t{number}', 'cdr', schema, {'a': str(number)}))
    for number, data in enumerate(_payloads(shape)):
        if number == 5:
            _extras(shape, writer)
        at = START + number
        writer.add_message(ids[number % len(ids)], at, data, at - 9, number)
    if shape.messages <= 5:
        _extras(shape, writer)
    if shape.finished:
        writer.finish()
    return stream.getvalue()


def _extras(shape: Shape, writer: Writer) -> None:
    for number in range(shape.extras):
        writer.add_attachment(START, START, f'a{number % 2}', 'text/plain', b'x' * 30 * number)
        writer.add_metadata(f'm{number % 2}', {'k': 'v' * number})


def _by_rosbags(shape: Shape) -> bytes:
    with tempfile.TemporaryDirectory(prefix='rosbags_') as name:
        bag = Path(name) / 'bag'
        writer = Rosbag2Writer(bag, version=9, storage_plugin=StoragePlugin.MCAP)
        if shape.compression == 'zstd':
            writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
        with writer:
            connections = [
                writer.add_connection(
                    f'/t{number}', 'a/msg/T', msgdef=DEFINITION, rihs01=f'RIHS01_{number:064}'
                )
                for number in range(shape.channels)
            ]
            for number, data in enumerate(_payloads(shape)):
                writer.write(connections[number % len(connections)], START + number, data)
        data = (bag / 'bag.mcap').read_bytes()
    # Killed before its end: without the summary that the footer tells of.
    (summary,) = struct.unpack_from('<Q', data, len(data) - 28)
    return data if shape.finished or not summary else data[:summary]


def _text(value: str) -> bytes:
    data = value.encode()
    return struct.pack('<I', len(data)) + data


def _record(opcode: int, *parts: bytes) -> bytes:
    content = b''.join(parts)
    return struct.pack('<BQ', opcode, len(content)) + content


def _by_hand(shape: Shape) -> bytes:
    rng = np.random.default_rng(shape.seed)
    parts = [MAGIC, _record(1, _text(''), _text('by hand'))]
    definitions = b''
    for number in range(shape.channels):
        schema = number + 1 if shape.schemas else 0
        if schema:
            text = struct.pack('<I', len(DEFINITION)) + DEFINITION.encode()
            head = struct.pack('<H', schema)
            # Longer than its fields, as the specification allows.
            definitions += _record(3, head, _text('a/msg/T'), _text('ros2msg'), text, b'later')
        head = struct.pack('<HH', number + 1, schema)
        definitions += _record(4, head, _text(f'/t{number}'), _text('cdr'), struct.pack('<I', 0))
    messages = [
        _record(
            5,
            struct.pack('<HIQQ', number % shape.channels + 1, number, START + number, START),
            data,
        )
        for number, data in enumerate(_payloads(shape))
    ]
    if not shape.chunked:
        parts += [definitions, *messages]
    else:
        for begin in range(0, max(len(messages), 1), 9):
            inside = (definitions if begin == 0 else b'') + b''.join(messages[begin : begin + 9])
            packed = _PACK[shape.compression](inside)
            checksum = zlib.crc32(inside) if shape.crcs else 0
            head = struct.pack('<QQQI', START, START + 10**6, len(inside), checksum)
            size = struct.pack('<Q', len(packed))
            parts.append(_record(6, head, _text(shape.compression), size, packed))
            if rng.integers(2):
                parts.append(_record(0x80 + int(rng.integers(100)), b'private'))
    for number in range(shape.extras):
        head = struct.pack('<QQ', START, START) + _text('same') + _text('')
        body = head + struct.pack('<Q', number) + b'z' * number
        parts.append(_record(9, body, struct.pack('<I', zlib.crc32(body))))
        parts.append(_record(12, _text('same'), struct.pack('<I', 10), _text('k'), _text('v')))
    if shape.finished:
        parts += [_record(15, struct.pack('<I', 0)), _record(2, bytes(20)), MAGIC]
    return b''.join(parts)


@dataclass(frozen=True)
class Fault:
    """What happens to a file.

    Attributes:
        at: Where, as a share of its size.
        change: Bytes that take the place of those there; none of them if b''.
        cut: Where it is cut off, as a share of its size; 1.0: not.
    """

    at: float = 0.0
    change: bytes = b''
    cut: float = 1.0


def random_fault(rng: np.random.Generator) -> Fault:
    """Draw a fault: one byte, some bytes, a block of zeros, a cut, or both."""
    change = (rng.bytes(1), rng.bytes(int(rng.integers(2, 20))), bytes(200), b'')
    kind = int(rng.choice(4, p=(0.5, 0.2, 0.1, 0.2)))
    cut = float(rng.random()) if kind == 3 or rng.random() < 0.1 else 1.0
    return Fault(float(rng.random()), change[kind], cut)


def spoil(data: bytes, fault: Fault) -> bytes:
    """Bytes of a file after a fault."""
    at = int(fault.at * len(data))
    changed = data[:at] + fault.change + data[at + len(fault.change) :]
    return changed[: round(fault.cut * len(data))]


@dataclass
class Contents:
    """What a plain reader finds: how often each (a message under its numbers, not its topic)."""

    messages: Counter[tuple[Any, ...]]
    attachments: Counter[tuple[Any, ...]]
    metadata: Counter[bytes]
    topics: set[bytes]


def plain(data: bytes) -> Contents:
    """Read from head to end, until a record does not fit."""
    found = Contents(Counter(), Counter(), Counter(), set())
    if data[: len(MAGIC)] == MAGIC:
        _plain(data, len(MAGIC), found)
    return found


def _plain(data: bytes, at: int, found: Contents) -> None:
    while at + 9 <= len(data):
        opcode, length = struct.unpack_from('<BQ', data, at)
        content = data[at + 9 : at + 9 + length]
        at += 9 + length
        if opcode == 0 or at > len(data):
            return
        try:
            _take(opcode, content, found)
        except (struct.error, ValueError, RuntimeError, MemoryError, zstandard.ZstdError):
            continue


def _take(opcode: int, content: bytes, found: Contents) -> None:
    if opcode == 5:
        found.messages[(*struct.unpack_from('<IQQ', content, 2), content[22:])] += 1
    elif opcode == 4:
        (size,) = struct.unpack_from('<I', content, 4)
        found.topics.add(content[8 : 8 + size])
    elif opcode == 6:
        checksum, size = struct.unpack_from('<II', content, 24)
        name = content[32 : 32 + size].decode()
        (length,) = struct.unpack_from('<Q', content, 32 + size)
        packed = content[40 + size : 40 + size + length]
        if len(packed) < length:
            return
        if name == 'zstd':
            inside = zstandard.decompress(packed)
        elif name == 'lz4':
            inside = lz4.frame.decompress(packed)
        elif name == '':
            inside = packed
        else:
            return
        if not checksum or zlib.crc32(inside) == checksum:
            _plain(inside, 0, found)
    elif opcode == 9 and struct.unpack('<I', content[-4:])[0] == zlib.crc32(content[:-4]):
        found.attachments[(content[:-4],)] += 1
    elif opcode == 12:
        _, at = _string(content, 0)
        texts = []
        (size,) = struct.unpack_from('<I', content, at)
        end, at = at + 4 + size, at + 4
        while at < end:
            text, at = _string(content, at)
            texts.append(text)
        if at == end == len(content) and len(texts) == 2 * len(set(texts[::2])):
            found.metadata[content] += 1


def _string(content: bytes, at: int) -> tuple[str, int]:
    """A text, and where it ends."""
    (size,) = struct.unpack_from('<I', content, at)
    if at + 4 + size > len(content):
        raise ValueError('too long')
    return content[at + 4 : at + 4 + size].decode(), at + 4 + size


def kept(file: Path) -> Contents:
    """Read a repaired file with the mcap library, its checksums checked."""
    found = Contents(Counter(), Counter(), Counter(), set())
    with open(file, 'rb') as stream:
        for record in StreamReader(stream, validate_crcs=True).records:
            if isinstance(record, Message):
                key = (record.sequence, record.log_time, record.publish_time, record.data)
                found.messages[key] += 1
            elif isinstance(record, Channel):
                found.topics.add(record.topic.encode())
            elif isinstance(record, Attachment):
                body = struct.pack('<QQ', record.log_time, record.create_time)
                body += _text(record.name) + _text(record.media_type)
                body += struct.pack('<Q', len(record.data)) + record.data
                found.attachments[(body,)] += 1
            elif isinstance(record, Metadata):
                inside = b''.join(_text(k) + _text(v) for k, v in record.metadata.items())
                size = struct.pack('<I', len(inside))
                found.metadata[_text(record.name) + size + inside] += 1
    return found


def problems(data: bytes, folder: Path) -> list[str]:
    """Repair a file of these bytes in a new folder; what is wrong with that."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    file = folder / f'{folder.name}_0.mcap'
    file.write_bytes(data)
    there = plain(data)
    try:
        done = repair(folder)
    except BagError as error:
        left = file.read_bytes() == data and [path.name for path in folder.iterdir()]
        found = [] if left == [file.name] else [f'refused, and the folder changed: {error}']
        return found + [f'refused, with messages in it: {error}'] * bool(there.messages)
    now = kept(file)
    found = []
    if lost := there.messages - now.messages:
        found.append(f'{lost.total()} of {there.messages.total()} messages lost')
    if lost := there.attachments - now.attachments:
        found.append(f'{lost.total()} attachments lost')
    if lost := there.metadata - now.metadata:
        found.append(f'{lost.total()} metadata records lost')
    if file.read_bytes() != data and not any(
        path.read_bytes() == data for path in folder.glob('*.mcap*.damaged')
    ):
        found.append('the original is gone')
    if done.messages != now.messages.total():
        found.append(f'says {done.messages} messages, holds {now.messages.total()}')
    if repair(folder).changed:
        found.append('a second repair changes it again')
    return found
