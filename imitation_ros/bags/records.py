# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What single records of an MCAP file tell of themselves: how long they are, and whether whole.

A record (MCAP specification 1.1) is an opcode [1 byte], a length [8] and content. All but messages
hold lengths inside as well, so that an overwritten length can be told from a right one.
"""

from collections.abc import Iterator
from io import BytesIO
import struct
from typing import Any
import zlib

import lz4.frame
from mcap.data_stream import ReadDataStream
from mcap.exceptions import McapError
from mcap.opcode import Opcode
from mcap.records import Attachment, Channel, Header, Message, Metadata, Schema
import zstandard

from .checksums import attachment_is_whole

HEAD = struct.Struct('<BQ')
MESSAGE = struct.Struct('<HIQQ')
CHUNK = struct.Struct('<QQQII')
CODECS = ('', 'lz4', 'zstd')
"""Compressions of a chunk that the MCAP specification knows."""
INNER = (Opcode.SCHEMA, Opcode.CHANNEL, Opcode.MESSAGE)
"""Records that stand in chunks."""
KEPT = (*INNER, Opcode.METADATA, Opcode.ATTACHMENT)
"""Records that a copy of a file holds as they were."""
MAX_CHUNK = 256 * 1024 * 1024
"""A chunk that unpacks to more is left alone [bytes]."""
TOO_LARGE = f'unpacks to more than {MAX_CHUNK >> 20} MB'
PRIVATE = 0x80
"""First opcode of records that are nobody's business but their writer's."""
UNREADABLE = (McapError, ValueError, EOFError, struct.error)
"""What parsing a damaged record raises."""

Record = Any
"""A Schema, Channel, Message, Metadata or Attachment of mcap.records."""
Bytes = Any
"""bytes, or a file mapped into memory."""

_KINDS = {
    Opcode.SCHEMA: Schema,
    Opcode.CHANNEL: Channel,
    Opcode.ATTACHMENT: Attachment,
    Opcode.METADATA: Metadata,
}
# Fields of the content: a number of bytes, or the width of the length of what follows it.
_FIELDS: dict[int, tuple[tuple[str, int], ...]] = {
    Opcode.HEADER: (('data', 4), ('data', 4)),
    Opcode.FOOTER: (('fixed', 20),),
    Opcode.SCHEMA: (('fixed', 2), ('data', 4), ('data', 4), ('data', 4)),
    Opcode.CHANNEL: (('fixed', 4), ('data', 4), ('data', 4), ('data', 4)),
    Opcode.CHUNK: (('fixed', 28), ('data', 4), ('data', 8)),
    Opcode.MESSAGE_INDEX: (('fixed', 2), ('data', 4)),
    Opcode.CHUNK_INDEX: (('fixed', 32), ('data', 4), ('fixed', 8), ('data', 4), ('fixed', 16)),
    Opcode.ATTACHMENT: (('fixed', 16), ('data', 4), ('data', 4), ('data', 8), ('fixed', 4)),
    Opcode.ATTACHMENT_INDEX: (('fixed', 40), ('data', 4), ('data', 4)),
    Opcode.STATISTICS: (('fixed', 42), ('data', 4)),
    Opcode.METADATA: (('data', 4), ('data', 4)),
    Opcode.METADATA_INDEX: (('fixed', 16), ('data', 4)),
    Opcode.SUMMARY_OFFSET: (('fixed', 17),),
    Opcode.DATA_END: (('fixed', 4),),
}


def inner_end(data: Bytes, opcode: int, start: int, limit: int) -> int | None:
    """Where a record's content ends by the lengths inside it; None beyond the limit.

    A message tells nothing of its length, and neither does a record of an unknown kind.
    """
    fields = _FIELDS.get(opcode)
    if fields is None:
        return None
    at = start
    for kind, size in fields:
        at += size
        if at > limit:
            return None
        if kind == 'data':
            at += int.from_bytes(data[at - size : at], 'little')
    return at if at <= limit else None


def parse(opcode: int, content: bytes) -> Record | None:
    """One record that a copy keeps, from its content; None if it is none or not whole."""
    try:
        if opcode == Opcode.MESSAGE:
            channel, sequence, log, publish = MESSAGE.unpack_from(content)
            return Message(
                channel_id=channel,
                sequence=sequence,
                log_time=log,
                publish_time=publish,
                data=content[MESSAGE.size :],
            )
        if opcode not in _KINDS or (
            opcode == Opcode.ATTACHMENT and not attachment_is_whole(content)
        ):
            return None
        if opcode in (Opcode.CHANNEL, Opcode.METADATA):
            _check_pairs(
                content, 2 if opcode == Opcode.CHANNEL else 1, 4 * (opcode == Opcode.CHANNEL)
            )
        return _KINDS[Opcode(opcode)].read(ReadDataStream(BytesIO(content)))
    except UNREADABLE:
        return None


def _check_pairs(content: bytes, texts: int, at: int) -> None:
    """Check the names and values behind some texts; the mcap library reads past their end.

    Raises:
        ValueError: If they are longer than what holds them.
    """
    for _ in range(texts):
        at += 4 + int.from_bytes(content[at : at + 4], 'little')
    end = at + 4 + int.from_bytes(content[at : at + 4], 'little')
    at += 4
    while at < end <= len(content):
        at += 4 + int.from_bytes(content[at : at + 4], 'little')
    if at != end or end > len(content):
        raise ValueError('a text is longer than what holds it')


def is_header(content: bytes) -> bool:
    """Whether the content of a file's first record is one."""
    try:
        Header.read(ReadDataStream(BytesIO(content)))
    except UNREADABLE:
        return False
    return True


def fits(data: Bytes, at: int, limit: int, channels: set[int]) -> bool:
    """Whether what stands somewhere looks like a record from its head to its end.

    Args:
        data: The file.
        at: Where the record would begin.
        limit: End of the file's records.
        channels: Numbers of the known channels; empty if none is known.
    """
    if at + HEAD.size > limit:
        return False
    opcode, length = HEAD.unpack_from(data, at)
    start, end = at + HEAD.size, at + HEAD.size + length
    if end > limit:
        return False
    if opcode == Opcode.MESSAGE:
        if length < MESSAGE.size:
            return False
        return not channels or int(MESSAGE.unpack_from(data, start)[0]) in channels
    return bool(inner_end(data, opcode, start, limit) == end)


def unpack(data: bytes, compression: str) -> Bytes:
    """Content of a chunk.

    Raises:
        ValueError: If it is not whole, larger than the limit, or packed in an unknown way.
    """
    if compression == '':
        return data
    if compression not in CODECS:
        raise ValueError(f'is packed with "{compression}", which nothing here unpacks')
    content = partly(data, compression, MAX_CHUNK + 1)
    if content is None:
        raise ValueError(f'its {compression} data are damaged')
    if len(content) > MAX_CHUNK:
        raise ValueError(TOO_LARGE)
    return content


def partly(data: bytes, compression: str, limit: int, cut: bool = False) -> Bytes | None:
    """Unpack at most so many bytes; None if the data are damaged or, unless `cut`, end early."""
    try:
        if compression == 'lz4':
            lz4_stream = lz4.frame.LZ4FrameDecompressor()
            plain = lz4_stream.decompress(data, max_length=limit)
            return plain if cut or lz4_stream.eof or len(plain) >= limit else None
        said = zstandard.frame_content_size(data)
        with zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=False) as stream:
            content = bytearray()
            while len(content) < limit:
                part = stream.read(min(1 << 20, limit - len(content)))
                if not part:
                    break
                content += part
    except (zstandard.ZstdError, RuntimeError, ValueError, MemoryError, EOFError):
        return None
    # The stream does not tell whether its frame was complete; where the head says so, compare.
    whole = cut or len(content) >= limit
    return content if whole or said in (-1, len(content)) else None


def inside(data: Bytes, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Heads of the records in a row: where, opcode, start and end of the content.

    Ends where the next one does not fit. A record ends where its head says, unless nothing
    follows there, and something does where the lengths inside it end.
    """
    at = start
    while at + HEAD.size <= end:
        opcode, length = HEAD.unpack_from(data, at)
        begin, stop = at + HEAD.size, at + HEAD.size + length
        if opcode == 0 or stop > end:
            return
        inner = inner_end(data, opcode, begin, end) or 0
        if (
            inner > stop != end
            and not fits(data, stop, end, set())
            and fits(data, inner, end, set())
        ):
            stop = inner
        yield at, opcode, begin, stop
        at = stop


def matches(content: Bytes, checksum: int) -> bool:
    """Whether a checksum is that of the content; 0 is none."""
    return checksum == 0 or zlib.crc32(content) == checksum
