# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Tell whether one MCAP file holds what another does: a plain count, and a checksum of it all."""

import hashlib
from pathlib import Path
from typing import Any
import zlib

from mcap.opcode import Opcode
from mcap.records import Attachment, Channel, Message, Metadata

from .. import records
from ..layout import MAGIC
from .recover import Damage, scan


def plain_messages(path: Path) -> int:
    """Messages that the simplest reader finds: head to end, until something does not fit.

    It goes by the lengths of the records alone, so that it can be held against the others.
    """
    count = 0
    with open(path, 'rb') as stream:
        stream.seek(len(MAGIC))
        while len(head := stream.read(records.HEAD.size)) == records.HEAD.size:
            opcode, length = records.HEAD.unpack(head)
            if opcode == 0 or length > path.stat().st_size:
                break
            if opcode == Opcode.CHUNK:
                inner = _plain_chunk(stream.read(length), length)
                if inner is None:
                    break
                count += inner
            else:
                content = stream.read(length)
                if len(content) < length:
                    break
                count += opcode == Opcode.MESSAGE and length >= records.MESSAGE.size
    return count


def _plain_chunk(content: bytes, length: int) -> int | None:
    """Messages of a chunk; None if it is not whole."""
    if len(content) < length or length < records.CHUNK.size + 8:
        return None
    *_, checksum, size = records.CHUNK.unpack_from(content)
    at = records.CHUNK.size + size
    try:
        data = records.unpack(content[at + 8 :], content[records.CHUNK.size : at].decode())
    except ValueError:
        return None
    if checksum and zlib.crc32(data) != checksum:
        return None
    count = at = 0
    while at + records.HEAD.size <= len(data):
        opcode, size = records.HEAD.unpack_from(data, at)
        at += records.HEAD.size + size
        if opcode == 0 or at > len(data):
            break
        count += opcode == Opcode.MESSAGE and size >= records.MESSAGE.size
    return count


class Digest:
    """Checksum over messages with their topics, attachments and metadata, in any interleaving."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._hashes = [hashlib.blake2b(digest_size=16) for _ in range(3)]

    def add(self, record: Any, topic: str = '') -> None:
        """Take a record in; the topic is that of a message."""
        if isinstance(record, Message):
            head = (topic, record.log_time, record.publish_time, record.sequence, len(record.data))
            self._hashes[0].update(repr(head).encode())
            self._hashes[0].update(record.data)
        else:
            self._hashes[1 + isinstance(record, Metadata)].update(repr(record).encode())

    def __eq__(self, other: object) -> bool:
        """Whether both took in the same."""
        return isinstance(other, Digest) and self.value == other.value

    __hash__ = None  # type: ignore[assignment]

    @property
    def value(self) -> tuple[str, ...]:
        """All of it as text."""
        return tuple(one.hexdigest() for one in self._hashes)


def digest_of(path: Path, damage: Damage) -> Digest:
    """Digest of a file, read from its head on."""
    found, topics = Digest(), {}
    for record in scan(path, damage):
        if isinstance(record, Channel):
            topics[record.id] = record.topic
        elif isinstance(record, Message | Attachment | Metadata):
            found.add(record, topics.get(getattr(record, 'channel_id', 0), ''))
    return found
