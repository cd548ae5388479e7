# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Checksums of an MCAP file that the mcap library reads past: those of summary and attachments.

Without them one overwritten byte would give a bag another contract, or a topic another type, and
nobody would know. Chunks are checked where they are read.
"""

from collections.abc import Iterable
import os
import struct
from typing import BinaryIO
import zlib

from mcap.records import AttachmentIndex

from .layout import MAGIC

_FOOTER = struct.Struct('<BQQQI')
_CRC = struct.Struct('<I')


def check_summary(stream: BinaryIO) -> None:
    """Check the summary of a finished file, if the file has a checksum of it.

    Raises:
        ValueError: If it is not what was written.
    """
    size = stream.seek(0, os.SEEK_END)
    end = size - len(MAGIC) - _FOOTER.size
    stream.seek(max(end, 0))
    footer = stream.read(_FOOTER.size)
    if len(footer) < _FOOTER.size:
        raise ValueError('no footer')
    _, _, start, _, expected = _FOOTER.unpack(footer)
    if not expected or not start:
        return
    if not len(MAGIC) <= start <= end:
        raise ValueError('the footer is damaged')
    stream.seek(start)
    covered = stream.read(end - start + _FOOTER.size - _CRC.size)
    if zlib.crc32(covered) != expected:
        raise ValueError('the checksum of the summary does not match')


def check_attachments(stream: BinaryIO, indexes: Iterable[AttachmentIndex]) -> None:
    """Check the attachments of a file.

    Raises:
        ValueError: If one is not what was written; names it.
    """
    for index in indexes:
        stream.seek(index.offset)
        if not attachment_is_whole(stream.read(index.length)[9:]):
            raise ValueError(f'the checksum of the attachment {index.name} does not match')


def attachment_is_whole(content: bytes) -> bool:
    """Whether the content of an attachment record is what its checksum says."""
    if len(content) < _CRC.size:
        return False
    (expected,) = _CRC.unpack_from(content, len(content) - _CRC.size)
    return expected in (0, zlib.crc32(memoryview(content)[: -_CRC.size]))
