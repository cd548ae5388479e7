# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Size of a serialized picture from its first bytes, without decoding it."""

import struct

from ..errors import BagError
from .codec import IMAGE_DECODERS

_U32 = struct.Struct('<I')
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG markers that start a frame and so hold its size."""


def picture_size(kind: str, data: bytes) -> tuple[int, int, str]:
    """Width, height and encoding of an Image or CompressedImage message.

    Args:
        kind: Message type.
        data: The message, CDR with its encapsulation header, little-endian.

    Raises:
        BagError: If it is neither, or too short, or the picture is neither JPEG nor PNG.
    """
    if kind not in IMAGE_DECODERS or data[1:2] not in (b'\x01', b'\x03', b'\x07'):
        raise BagError(f'no picture of type {kind}')
    try:
        at = _after_string(data, 12)
        if kind.endswith('/CompressedImage'):
            at = _aligned(_after_string(data, at))
            return _compressed_size(memoryview(data)[at + 4 :])
        at = _aligned(at)
        height, width = _U32.unpack_from(data, at)[0], _U32.unpack_from(data, at + 4)[0]
        end = _after_string(data, at + 8)
        return int(width), int(height), data[at + 12 : end - 1].decode('ascii', 'replace')
    except (struct.error, IndexError) as error:
        raise BagError(f'a {kind} of {len(data)} bytes is cut off') from error


def _aligned(at: int) -> int:
    """Next place for a 32-bit number."""
    return 4 + -(-(at - 4) // 4) * 4


def _after_string(data: bytes, at: int) -> int:
    """Place behind the string at a place."""
    at = _aligned(at)
    return at + 4 + int(_U32.unpack_from(data, at)[0])


def _compressed_size(picture: memoryview) -> tuple[int, int, str]:
    if bytes(picture[12:20]) == b'\x89PNG\r\n\x1a\n':
        picture = picture[12:]  # behind the header of compressedDepth
    if bytes(picture[:8]) == b'\x89PNG\r\n\x1a\n':
        width, height = struct.unpack_from('>II', picture, 16)
        return width, height, 'png'
    if bytes(picture[:2]) != b'\xff\xd8':
        raise BagError('the picture is neither JPEG nor PNG')
    at = 2
    while True:
        marker, length = picture[at + 1], struct.unpack_from('>H', picture, at + 2)[0]
        if marker in _FRAMES:
            height, width = struct.unpack_from('>HH', picture, at + 5)
            return width, height, 'jpeg'
        at += 2 + length
