# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a recording of others may ask of memory and time: chunks that unpack, types that parse.

A chunk of a hundred kilobytes can unpack to gigabytes, whatever size it tells, and the mcap
library unpacks it whole. Here the heads are looked at first.
"""

import os
import re
from typing import Any, BinaryIO

import lz4.frame
from mcap.opcode import Opcode
import zstandard

from ..errors import BagError
from .layout import MAGIC
from .records import CHUNK, HEAD, MAX_CHUNK, TOO_LARGE

MAX_DEFINITION_BYTES = 1024 * 1024
"""Longest text of a message type with all below it; the longest of ROS has 60 kB [bytes]."""
MAX_DEFINITION_LINES = 5000
"""Most lines of it: parsing takes time, the longest of ROS has a thousand."""
LZ4_RATIO = 255
"""LZ4 packs no better than this."""
_PROBE = 4096
_STEP = 1 << 20
_NAME = re.compile(r'[A-Za-z]\w*(/[A-Za-z]\w*){1,2}')

REPAIR = 'run "imitation_ros repair"'


def check_definition(name: str, text: str) -> None:
    """Check that a message type can be parsed in a moment, and is called what a type is called.

    Raises:
        ValueError: If it cannot, or is not.
    """
    if not _NAME.fullmatch(name) or not name.isascii():
        raise ValueError('its name is none of a message type, "package/msg/Name"')
    lines = text.count('\n') + text.count(';')
    if len(text) > MAX_DEFINITION_BYTES or lines > MAX_DEFINITION_LINES:
        raise ValueError(
            f'its definition has {lines} lines, {len(text)} letters; up to '
            f'{MAX_DEFINITION_LINES} and {MAX_DEFINITION_BYTES} are read'
        )


def check_chunks(stream: BinaryIO, summary: Any) -> None:
    """Check that no chunk of an MCAP file unpacks to more than is read.

    Args:
        stream: The file; where it stands afterwards is not said.
        summary: Its summary, as the mcap library read it.

    Raises:
        BagError: If one does; names the file.
    """
    size = os.fstat(stream.fileno()).st_size
    starts = [index.chunk_start_offset for index in summary.chunk_indexes]
    for start in starts or _chunk_starts(stream, size):
        try:
            _check_chunk(stream, start, size)
        except (ValueError, OverflowError, OSError) as error:
            # A chunk that is too large is whole; any other one is damaged.
            remedy = '' if str(error) == TOO_LARGE else f'; {REPAIR}'
            raise BagError(f'{stream.name}: the chunk at byte {start} {error}{remedy}') from error


def _chunk_starts(stream: BinaryIO, size: int) -> list[int]:
    """Where chunks begin in a file whose summary lists none: it is read from its head on."""
    starts, at = [], len(MAGIC)
    while at + HEAD.size <= size:
        stream.seek(at)
        opcode, length = HEAD.unpack(stream.read(HEAD.size))
        if opcode == Opcode.CHUNK:
            starts.append(at)
        if opcode in (0, Opcode.DATA_END):
            break
        at += HEAD.size + length
    return starts


def _check_chunk(stream: BinaryIO, start: int, size: int) -> None:
    """Check the head of one chunk against the file, and against what its data say of themselves.

    Raises:
        ValueError: With what is wrong.
    """
    if not 0 <= start < size:
        raise ValueError('is beyond the end of the file')
    stream.seek(start)
    head = stream.read(_PROBE)
    at = HEAD.size + CHUNK.size
    if len(head) < at or head[0] != Opcode.CHUNK:
        raise ValueError('is none')
    _, _, plain, _, length = CHUNK.unpack_from(head, HEAD.size)
    compression = head[at : at + min(length, 64)].decode('utf-8', 'replace')
    begin = at + length + 8
    packed = int.from_bytes(head[begin - 8 : begin], 'little')
    if begin > len(head) or start + begin + packed > size:
        raise ValueError('is longer than the file')
    if plain > MAX_CHUNK or (compression == '' and packed > MAX_CHUNK):
        raise ValueError(TOO_LARGE)
    if compression == 'zstd':
        try:
            said = zstandard.frame_content_size(head[begin : begin + packed])
        except zstandard.ZstdError as error:
            raise ValueError(f'holds no zstd data: {error}') from error
        if said > MAX_CHUNK:
            raise ValueError(TOO_LARGE)
    elif compression == 'lz4' and packed * LZ4_RATIO > MAX_CHUNK:
        stream.seek(start + begin)
        _check_lz4(stream.read(packed))


def _check_lz4(data: bytes) -> None:
    """Unpack LZ4 a megabyte at a time and forget it: nothing but the data tells their size.

    Raises:
        ValueError: If there is more than is read, or the data are damaged.
    """
    unpacker, size = lz4.frame.LZ4FrameDecompressor(), 0
    try:
        part = unpacker.decompress(data, max_length=_STEP)
        while part and not unpacker.eof:
            size += len(part)
            if size > MAX_CHUNK:
                raise ValueError(TOO_LARGE)
            part = unpacker.decompress(b'', max_length=_STEP)
    except (RuntimeError, EOFError) as error:
        raise ValueError(f'holds no lz4 data: {error}') from error
