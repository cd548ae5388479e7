# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Positions and velocities of a serialized JointState, fast enough for every message of a take.

A driver sends the same names in every message. Once they have been understood, it is enough to
see that their bytes are the same; the numbers behind them are read in place.
"""

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract import Contract
from ..data.frame import Array
from . import codec
from .definitions import decode

NS = 1_000_000_000
KIND = 'sensor_msgs/msg/JointState'
_LITTLE = b'\x00\x01'
_COUNT = struct.Struct('<I')
_STAMP = struct.Struct('<iI')
_FRAME_AT = 12
"""Where the frame id starts, after the encapsulation (4 bytes) and the stamp (8)."""


class JointReader:
    """Reads JointState messages of one topic into the order of a contract.

    Attributes:
        reordered: How often a message named its joints otherwise than the one before.
    """

    def __init__(self, contract: Contract) -> None:
        """Start without knowing the topic's names."""
        self._contract = contract
        self.reordered = 0
        self._last: tuple[str, ...] = ()
        self._names = b''
        self._frame = b''
        self._names_at = 0
        self._start = 0
        self._count = 0
        self._columns: NDArray[np.intp] | slice = slice(0)

    def read(self, data: bytes) -> tuple[int, Array, Array]:
        """Stamp [ns], q and v, each of shape (n,), of a serialized message.

        Raises:
            DataError: If a joint is missing or stands twice, or the lengths do not fit.
            BagError: If it is no JointState.
        """
        start, count = self._start, self._count
        if (
            start
            and data[self._names_at : start] == self._names
            and data[_FRAME_AT : _FRAME_AT + 4] == self._frame
            and data[:2] == _LITTLE
        ):
            end = start + 8 * count
            speeds = _COUNT.unpack_from(data, end)[0] if len(data) >= end + 4 else -1
            at = 4 + -(-end // 8) * 8  # end - 4 + 4 bytes of the count, aligned to 8
            if speeds == 0 or (speeds == count and len(data) >= at + 8 * count):
                sec, nanosec = _STAMP.unpack_from(data, 4)
                q = np.frombuffer(data, '<f8', count, start)[self._columns]
                if speeds:
                    v = np.frombuffer(data, '<f8', count, at)[self._columns]
                else:
                    v = np.zeros_like(q)
                return int(sec) * NS + int(nanosec), q, v
        message = decode(KIND, data)
        result = codec.joint_state(self._contract, message)
        self._learn(data, message)
        return result

    def _learn(self, data: bytes, message: Any) -> None:
        """Remember where the positions of such a message start, and in which order they are."""
        self._start = 0
        names = tuple(message.name)
        self.reordered += bool(self._last) and names != self._last
        self._last = names
        if data[:2] != _LITTLE or not names:
            return
        # What the frame is called may change with every message; only its length matters here.
        names_at = _FRAME_AT + 4 + len(message.header.frame_id.encode()) + 1
        at = names_at
        for text in (None, *names):
            at = 4 + -(-(at - 4) // 4) * 4 + 4
            at += 0 if text is None else len(text.encode()) + 1
        at = 4 + -(-(at - 4) // 4) * 4 + 4
        at = 4 + -(-(at - 4) // 8) * 8
        places = {name: i for i, name in enumerate(names)}
        columns = np.array([places[joint] for joint in self._contract.joints], dtype=np.intp)
        if len(data) < at + 8 * len(names):
            return
        found = np.frombuffer(data, '<f8', len(names), at)
        if not np.array_equal(found, np.asarray(message.position), equal_nan=True):
            return  # an unusual encoding: such messages are decoded one by one
        self._names, self._names_at, self._start = bytes(data[names_at:at]), names_at, at
        self._frame = bytes(data[_FRAME_AT : _FRAME_AT + 4])
        self._count, self._columns = len(names), columns
