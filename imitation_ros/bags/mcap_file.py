# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Write an MCAP file without copying what is large.

`mcap.writer.Writer` copies every message four times on its way to the file (record, chunk, record
again, buffer), which at 84 MB/s of images costs more than all else a recorder does. Here a chunk
is a list of pieces, large messages among them as they came, and one `writev` hands it to the
kernel. The records themselves are those of the mcap library; the layout is the MCAP
specification 1.1: chunks without compression, each with its checksum and message indexes.
"""

from collections.abc import Mapping
import os
import struct
from typing import Any
import zlib

from mcap.data_stream import RecordBuilder
from mcap.opcode import Opcode
from mcap.records import (
    Attachment,
    AttachmentIndex,
    Channel,
    ChunkIndex,
    DataEnd,
    Footer,
    Header,
    Metadata,
    MetadataIndex,
    Schema,
    Statistics,
    SummaryOffset,
)

from .layout import MAGIC

try:
    # The same checksum with the processor's own instructions, some ten times as fast.
    from isal.isal_zlib import crc32
except ImportError:
    from zlib import crc32

LARGE = 32 * 1024
"""Messages from this size on are never copied [bytes]."""

_MESSAGE = struct.Struct('<BQHIQQ')
_MESSAGE_BYTES = 2 + 4 + 8 + 8
_CHUNK = struct.Struct('<BQQQQIIQ')
_CHUNK_BYTES = 8 + 8 + 8 + 4 + 4 + 8
_INDEX = struct.Struct('<BQHI')
_FOOTER = struct.Struct('<BQQQ')

Bytes = bytes | bytearray


def record_bytes(record: Any) -> bytes:
    """One record of the mcap library as it stands in a file."""
    builder = RecordBuilder()
    record.write(builder)
    data: bytes = builder.end()
    return data


class McapFile:
    """An MCAP file while it is written; methods as those of `mcap.writer.Writer`.

    Attributes:
        size: Bytes handed to the file so far; a chunk in progress is not among them.
    """

    def __init__(self, descriptor: int, chunk_size: int) -> None:
        """Write to an open file from its present end on.

        Args:
            descriptor: Of the file, opened for writing; closing it is the caller's.
            chunk_size: Size at which a chunk is written [bytes].
        """
        self.size = 0
        self._descriptor = descriptor
        self._chunk_size = chunk_size
        self._schemas: list[Schema] = []
        self._channels: list[Channel] = []
        self._counts: dict[int, int] = {}
        self._attachments: list[AttachmentIndex] = []
        self._metadata: list[MetadataIndex] = []
        self._chunks: list[ChunkIndex] = []
        self._span: tuple[int, int] | None = None
        self._pieces: list[Bytes] = []
        self._small = bytearray()
        self._chunk_bytes = 0
        self._index: dict[int, list[int]] = {}
        self._first = self._last = 0

    def start(self, profile: str, library: str) -> None:
        """Write the head of the file."""
        self._put([MAGIC, record_bytes(Header(profile, library))])

    def _put(self, pieces: list[Bytes]) -> None:
        """Hand pieces to the kernel, all of them.

        Raises:
            OSError: If the disk refuses them; what was taken before stays.
        """
        while pieces:
            done = os.writev(self._descriptor, pieces)
            self.size += done
            # The kernel may take less, as on a disk that is almost full; the next call tells.
            while pieces and done >= len(pieces[0]):
                done -= len(pieces.pop(0))
            if done:
                pieces[0] = pieces[0][done:]

    def register_schema(self, name: str, encoding: str, data: bytes) -> int:
        """Name a message type; returns its number."""
        schema = Schema(id=len(self._schemas) + 1, data=data, encoding=encoding, name=name)
        self._schemas.append(schema)
        self._into_chunk(record_bytes(schema))
        return len(self._schemas)

    def register_channel(
        self, topic: str, message_encoding: str, schema_id: int, metadata: Mapping[str, str]
    ) -> int:
        """Name a topic; returns its number."""
        channel = Channel(
            id=len(self._channels) + 1,
            topic=topic,
            message_encoding=message_encoding,
            schema_id=schema_id,
            metadata=dict(metadata),
        )
        self._channels.append(channel)
        self._into_chunk(record_bytes(channel))
        return len(self._channels)

    def _into_chunk(self, data: bytes) -> None:
        self._small += data
        self._chunk_bytes += len(data)

    def add_attachment(
        self, create_time: int, log_time: int, name: str, media_type: str, data: bytes
    ) -> None:
        """Write a file into the file (times in ns)."""
        record = record_bytes(Attachment(create_time, log_time, name, media_type, data))
        self._attachments.append(
            AttachmentIndex(
                offset=self.size,
                length=len(record),
                create_time=create_time,
                log_time=log_time,
                data_size=len(data),
                name=name,
                media_type=media_type,
            )
        )
        self._put([record])

    def add_metadata(self, name: str, data: Mapping[str, str]) -> None:
        """Write names and values."""
        record = record_bytes(Metadata(name=name, metadata=dict(data)))
        self._metadata.append(MetadataIndex(offset=self.size, length=len(record), name=name))
        self._put([record])

    def add_message(
        self, channel_id: int, log_time: int, data: bytes, publish_time: int, sequence: int = 0
    ) -> None:
        """Put a message into the chunk, and write the chunk if it is full (times in ns)."""
        index = self._index.get(channel_id)
        if index is None:
            index = self._index[channel_id] = []
            if len(self._index) == 1:
                self._first = self._last = log_time
        index += (log_time, self._chunk_bytes)
        if log_time < self._first:
            self._first = log_time
        elif log_time > self._last:
            self._last = log_time
        size = len(data)
        self._small += _MESSAGE.pack(
            Opcode.MESSAGE, _MESSAGE_BYTES + size, channel_id, sequence, log_time, publish_time
        )
        if size < LARGE:
            self._small += data
        else:
            self._pieces += (self._small, data)
            self._small = bytearray()
        self._chunk_bytes += _MESSAGE.size + size
        if self._chunk_bytes > self._chunk_size:
            self.flush()

    def flush(self) -> None:
        """Write the chunk in progress; one without messages waits.

        Raises:
            OSError: If the disk refuses it.
        """
        if not self._index:
            return
        pieces, size = [*self._pieces, self._small], self._chunk_bytes
        checksum = 0
        for piece in pieces:
            checksum = crc32(piece, checksum)
        head = _CHUNK.pack(
            Opcode.CHUNK, _CHUNK_BYTES + size, self._first, self._last, size, checksum, 0, size
        )
        begin = self.size
        at = begin + len(head) + size
        offsets, tail = {}, bytearray()
        for channel_id, entries in self._index.items():
            offsets[channel_id] = at + len(tail)
            length = 8 * len(entries)
            tail += _INDEX.pack(Opcode.MESSAGE_INDEX, 2 + 4 + length, channel_id, length)
            tail += struct.pack(f'<{len(entries)}Q', *entries)
            self._counts[channel_id] = self._counts.get(channel_id, 0) + len(entries) // 2
        first, last = self._span or (self._first, self._last)
        self._span = min(first, self._first), max(last, self._last)
        self._chunks.append(
            ChunkIndex(
                chunk_length=len(head) + size,
                chunk_start_offset=begin,
                compression='',
                compressed_size=size,
                message_end_time=self._last,
                message_index_length=len(tail),
                message_index_offsets=offsets,
                message_start_time=self._first,
                uncompressed_size=size,
            )
        )
        self._pieces, self._small, self._chunk_bytes, self._index = [], bytearray(), 0, {}
        self._put([head, *pieces, tail])

    def finish(self) -> None:
        """Write the rest, the summary and the end of the file.

        Raises:
            OSError: If the disk refuses it.
        """
        self.flush()
        self._put([record_bytes(DataEnd(0))])
        start, data = self.size, bytearray()
        offsets = bytearray()
        first, last = self._span or (0, 0)
        statistics = Statistics(
            attachment_count=len(self._attachments),
            channel_count=len(self._channels),
            channel_message_counts=self._counts,
            chunk_count=len(self._chunks),
            message_count=sum(self._counts.values()),
            message_end_time=last,
            message_start_time=first,
            metadata_count=len(self._metadata),
            schema_count=len(self._schemas),
        )
        for opcode, group in (
            (Opcode.SCHEMA, self._schemas),
            (Opcode.CHANNEL, self._channels),
            (Opcode.STATISTICS, [statistics]),
            (Opcode.CHUNK_INDEX, self._chunks),
            (Opcode.ATTACHMENT_INDEX, self._attachments),
            (Opcode.METADATA_INDEX, self._metadata),
        ):
            if group:
                records = b''.join(map(record_bytes, group))
                offsets += record_bytes(SummaryOffset(opcode, start + len(data), len(records)))
                data += records
        offset_start = start + len(data)
        data += offsets
        data += _FOOTER.pack(Opcode.FOOTER, 8 + 8 + 4, start, offset_start)
        footer = record_bytes(Footer(start, offset_start, zlib.crc32(data)))
        self._put([data[: -_FOOTER.size], footer, MAGIC])
