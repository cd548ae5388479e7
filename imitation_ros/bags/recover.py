# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Find every record that is still whole in an MCAP file that was cut off or overwritten.

Layout of a record (MCAP specification 1.1): opcode [1 byte], length [8], content. Messages sit in
chunks: start and end time [8 + 8], size [8], CRC [4], compression [4 + text], length [8], records.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
import mmap
from pathlib import Path
import re
import struct
from typing import Any
import zlib

from mcap.data_stream import ReadDataStream
from mcap.exceptions import McapError
from mcap.opcode import Opcode
from mcap.records import Attachment, Channel, Chunk, Message, Metadata, Schema
from mcap.stream_reader import breakup_chunk, get_chunk_data_stream

from ..errors import BagError
from .checksums import attachment_is_whole
from .layout import MAGIC

_HEAD = struct.Struct('<BQ')
_CHUNK = struct.Struct('<QQQII')
_MESSAGE = struct.Struct('<HIQQ')
# An uncompressed chunk below 16 MB: opcode, length, 28 bytes, empty compression.
_CHUNK_START = re.compile(rb'\x06.{3}\x00{5}.{28}\x00{4}', re.DOTALL)
_INNER = (Opcode.SCHEMA, Opcode.CHANNEL, Opcode.MESSAGE)

Record = Any
"""A Schema, Channel, Message, Metadata or Attachment of mcap.records."""


@dataclass
class Damage:
    """What could not be read.

    Attributes:
        lost_bytes: Bytes that belong to no whole record.
        bad_chunks: Chunks whose checksum did not match; they are left out.
        cut: Whether the file ends in the middle of a record.
    """

    lost_bytes: int = 0
    bad_chunks: int = 0
    cut: bool = False
    notes: list[str] = field(default_factory=list)


def scan(path: Path, damage: Damage) -> Iterator[Record]:
    """Yield the whole records of a file, in file order.

    Args:
        path: The .mcap file.
        damage: Filled with what was lost.

    Raises:
        BagError: If it is no MCAP file or cannot be read.
    """
    try:
        with open(path, 'rb') as file:
            size = path.stat().st_size
            if size < len(MAGIC) or file.read(len(MAGIC)) != MAGIC:
                raise BagError(f'{path}: is no MCAP file (of {size} bytes); nothing to recover')
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
                yield from _records(view, damage)
    except OSError as error:
        raise BagError(f'cannot read {path}: {error.strerror}') from error


def _records(view: mmap.mmap, damage: Damage) -> Iterator[Record]:
    at, size = len(MAGIC), len(view)
    while at + _HEAD.size <= size:
        opcode, length = _HEAD.unpack_from(view, at)
        start, end = at + _HEAD.size, at + _HEAD.size + length
        if opcode == Opcode.DATA_END and length == 4:
            return
        if not 1 <= opcode <= Opcode.DATA_END or end > size:
            # The tail, or an overwritten length: go on at the next chunk that checks out.
            following = _next_chunk(view, at + 1)
            damage.lost_bytes += (size if following is None else following) - at
            if following is not None:
                damage.notes.append(f'overwritten bytes at {at}')
                at = following
                continue
            damage.cut = True
            if opcode == Opcode.CHUNK:
                for record, used in _cut_chunk(view, start):
                    damage.lost_bytes -= used
                    yield record
            return
        if opcode == Opcode.CHUNK:
            yield from _chunk(view, start, end, damage)
        elif opcode in (Opcode.METADATA, Opcode.ATTACHMENT):
            record = _other(opcode, view[start:end])
            if record is None:
                damage.notes.append(f'damaged record at {at}')
                damage.lost_bytes += end - at
            else:
                yield record
        at = end
    damage.cut = True
    damage.lost_bytes += max(0, size - at)


def _chunk(view: mmap.mmap, start: int, end: int, damage: Damage) -> Iterator[Record]:
    """Yield the records of a whole chunk; none if its checksum does not match."""
    try:
        chunk = _parse(Chunk, view[start:end])
        get_chunk_data_stream(chunk, validate_crc=True)
        yield from breakup_chunk(chunk)
    except (McapError, ValueError, EOFError, struct.error, RuntimeError, MemoryError) as error:
        damage.bad_chunks += 1
        damage.lost_bytes += end - start
        damage.notes.append(f'chunk at {start}: {error}')


def _cut_chunk(view: mmap.mmap, start: int) -> Iterator[tuple[Record, int]]:
    """Yield the whole records of an uncompressed chunk whose end is missing."""
    size = len(view)
    if start + _CHUNK.size + 8 > size:
        return
    first, last, _, _, compression = _CHUNK.unpack_from(view, start)
    at = start + _CHUNK.size + 8
    if compression != 0:
        return
    while at + _HEAD.size <= size:
        opcode, length = _HEAD.unpack_from(view, at)
        end = at + _HEAD.size + length
        if opcode not in _INNER or end > size:
            return
        record = _inner(opcode, view[at + _HEAD.size : end])
        if record is None:
            return
        if isinstance(record, Message) and not first <= record.log_time <= last:
            return
        yield record, end - at
        at = end


def _inner(opcode: int, data: bytes) -> Record | None:
    try:
        if opcode == Opcode.MESSAGE:
            channel, sequence, log, publish = _MESSAGE.unpack_from(data)
            return Message(
                channel_id=channel,
                sequence=sequence,
                log_time=log,
                publish_time=publish,
                data=data[_MESSAGE.size :],
            )
        return _parse(Schema if opcode == Opcode.SCHEMA else Channel, data)
    except (McapError, ValueError, EOFError, struct.error):
        return None


def _other(opcode: int, data: bytes) -> Record | None:
    kind = Metadata if opcode == Opcode.METADATA else Attachment
    if kind is Attachment and not attachment_is_whole(data):
        return None
    try:
        return _parse(kind, data)
    except (McapError, ValueError, EOFError, struct.error):
        return None


def _parse(kind: Any, data: bytes) -> Any:
    """Read one record of a known kind from its content."""
    return kind.read(ReadDataStream(BytesIO(data)))


def _next_chunk(view: mmap.mmap, start: int) -> int | None:
    """Offset of the next uncompressed chunk whose lengths and checksum are right."""
    for match in _CHUNK_START.finditer(view, start):
        at = match.start()
        _, length = _HEAD.unpack_from(view, at)
        body = at + _HEAD.size
        first, last, total, crc, _ = _CHUNK.unpack_from(view, body)
        if first > last or length != total + _CHUNK.size + 8 or body + length > len(view):
            continue
        data = view[body + _CHUNK.size + 8 : body + length]
        if len(data) == total and (crc == 0 or zlib.crc32(data) == crc):
            return at
    return None
