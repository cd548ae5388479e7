# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One hash over the graph of a policy.onnx and what the file says of it.

Names of joints stand in the metadata alone: where two of them change places there, all shapes fit
and the wrong joints move. The hash is no signature; it tells that one was changed without the
other. An ONNX file is a protobuf message (onnx.proto: ModelProto), whose metadata is field 14; the
other fields are hashed as they stand, so that no ONNX library is needed on the robot.
"""

from collections.abc import Iterator
import hashlib

SEAL = 'imitation_ros_sha256'
"""Metadata key of the hash."""

_METADATA = 14
_FIXED = {1: 8, 5: 4}
"""Bytes of a field, by its wire type."""


def seal(data: bytes, text: str) -> str:
    """SHA-256 over a model but for its metadata, and over what it says of itself.

    Args:
        data: The file.
        text: Metadata of ours, as it stands in the file.

    Raises:
        ValueError: If the bytes are no protobuf message.
    """
    digest = hashlib.sha256()
    view = memoryview(data)
    for number, begin, end in _fields(view):
        if number != _METADATA:
            digest.update(view[begin:end])
    digest.update(text.encode())
    return digest.hexdigest()


def _fields(data: memoryview) -> Iterator[tuple[int, int, int]]:
    """Number, first byte and end of every field of a protobuf message."""
    at = 0
    while at < len(data):
        begin = at
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == 0:
            _, at = _varint(data, at)
        elif kind == 2:
            size, at = _varint(data, at)
            at += size
        elif kind in _FIXED:
            at += _FIXED[kind]
        else:
            raise ValueError(f'a field of kind {kind} at byte {begin}')
        if at > len(data):
            raise ValueError(f'a field that begins at byte {begin} is cut off')
        yield tag >> 3, begin, at


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """Number of variable length, and the byte behind it."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError(f'a number before byte {at} has no end')
