# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Find every record that is still whole in an MCAP file that was cut off or overwritten.

The file is read from its head on, record by record, in chunks or not, as any reader would. Where
a record contradicts itself, or the next one does not follow, what lies there is searched for
chunks and records that prove whole: by the summary's index if that is whole, by their heads, their
lengths and their checksums.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
import mmap
from pathlib import Path
import re
from typing import BinaryIO
import zlib

from mcap.opcode import Opcode
from mcap.reader import make_reader
from mcap.records import Channel, ChunkIndex, Message

from ...errors import BagError
from .. import records
from ..checksums import check_summary
from ..chunks import extents, Found, read_chunk, read_cut_chunk
from ..layout import MAGIC
from ..records import Bytes, CODECS, fits, HEAD, inner_end, KEPT, PRIVATE, Record, UNREADABLE

# Opcode and length of what is worth finding again.
_CANDIDATE = re.compile(rb'[\x03\x04\x05\x06\x09\x0c].{4}\x00{4}', re.DOTALL)
_PIECE = 1 << 20


@dataclass
class Damage:
    """What could not be read.

    Attributes:
        lost_bytes: Bytes that belong to no whole record.
        bad_chunks: Chunks that do not unpack or whose checksum does not match; they are left out.
        cut: Whether the file ends before its footer.
        notes: What was found, one sentence each.
        unread: Why chunks are left alone that may be whole: their compression, their size.
        private: Records of private kinds, which no copy holds; they are no damage.
    """

    lost_bytes: int = 0
    bad_chunks: int = 0
    cut: bool = False
    notes: list[str] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)
    private: int = 0

    def __bool__(self) -> bool:
        """Whether anything is wrong."""
        return bool(self.lost_bytes or self.bad_chunks or self.cut or self.notes)


def scan(path: Path, damage: Damage) -> Iterator[Record]:
    """Yield the whole records of a file, in file order; definitions in its summary among them.

    Args:
        path: The .mcap file.
        damage: Filled with what was lost.

    Raises:
        BagError: If it is no MCAP file or cannot be read.
    """
    try:
        with open(path, 'rb') as file:
            size = path.stat().st_size
            start = file.read(len(MAGIC) + 1)
            if start[: len(MAGIC)] != MAGIC and not _begins(file, start):
                raise BagError(f'{path}: is no MCAP file (of {size} bytes); nothing to recover')
            if start[: len(MAGIC)] != MAGIC:
                damage.notes.append('its first bytes are overwritten')
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
                yield from _Scanner(view, damage, *_index(path)).records()
    except OSError as error:
        raise BagError(f'cannot read {path}: {error.strerror}') from error


def _begins(file: BinaryIO, start: bytes) -> bool:
    """Whether a file whose first bytes are none of MCAP goes on with a header."""
    if start[len(MAGIC) :] != bytes([Opcode.HEADER]):
        return False
    file.seek(0)
    head = file.read(_PIECE)
    return fits(head, len(MAGIC), len(head), set())


def _index(path: Path) -> tuple[dict[int, ChunkIndex], set[int]]:
    """Chunks by offset and numbers of the channels, as a whole summary tells; else nothing."""
    try:
        with open(path, 'rb') as stream:
            reader = make_reader(stream)
            check_summary(stream)
            summary = reader.get_summary()
    except (*UNREADABLE, OSError, MemoryError, LookupError, ArithmeticError, AttributeError):
        return {}, set()
    if summary is None:
        return {}, set()
    chunks = {chunk.chunk_start_offset: chunk for chunk in summary.chunk_indexes}
    return chunks, set(summary.channels)


class _Scanner:
    """Reads one file."""

    def __init__(
        self, view: Bytes, damage: Damage, index: dict[int, ChunkIndex], channels: set[int]
    ) -> None:
        self._view, self._damage = view, damage
        self._index, self._channels = index, channels
        self._offsets = sorted(index)
        size = len(view)
        ends = size >= 2 * len(MAGIC) and view[size - len(MAGIC) :] == MAGIC
        self._limit = size - len(MAGIC) if ends else size
        self._done: set[int] = set()  # where records stand that were found out of turn
        self._unchecked = False  # whether a message was under no checksum of its own

    def records(self) -> Iterator[Record]:
        """Yield what is whole."""
        stop, last = len(MAGIC), 0
        for at, opcode, start, end in records.inside(self._view, stop, self._limit):
            stop, last = end, opcode
            if at in self._done:
                continue
            length = self._length(at, opcode, start)
            exact = length == end - start
            yield from self._record(at, opcode, start, end, exact)
            if opcode == Opcode.DATA_END and length == 4:
                self._check_data(at, start)
            if opcode == Opcode.MESSAGE:
                if end != self._limit and not fits(self._view, end, self._limit, set()):
                    # Its length may be the wrong one, and others lie in it.
                    yield from self._search(start, end)
            elif length is None or start + length > end:
                self._damage.notes.append(f'overwritten bytes at {at}')
                yield from self._search(at + 1, end)
            elif not exact:
                # Longer than its fields, as the specification allows; or overwritten.
                yield from self._noted(self._search(start + length, end), at)
        if stop < self._limit:
            yield from self._tail(stop)
        self._damage.cut |= stop < self._limit or last != Opcode.FOOTER

    def _length(self, at: int, opcode: int, start: int) -> int | None:
        """Length of a record's content by what stands in it; None if nothing there fits."""
        _, length = HEAD.unpack_from(self._view, at)
        if at in self._index and opcode != Opcode.CHUNK:
            return None
        if opcode == Opcode.MESSAGE:
            return int(length) if length >= records.MESSAGE.size else None
        if opcode >= PRIVATE:
            return 0
        inner = inner_end(self._view, opcode, start, self._limit)
        if inner is None or inner > start + length:
            return None
        return inner - start

    def _noted(self, found: Iterator[Record], at: int) -> Iterator[Record]:
        """Yield what a search finds, and say where it did if it did."""
        for number, record in enumerate(found):
            if not number:
                self._damage.notes.append(f'overwritten bytes at {at}')
            yield record

    def _record(self, at: int, opcode: int, start: int, end: int, exact: bool) -> Iterator[Record]:
        if opcode == Opcode.CHUNK or at in self._index:
            yield from self._chunk(at, end, exact)
        elif opcode in KEPT:
            inner = inner_end(self._view, opcode, start, end) or end
            record = records.parse(opcode, self._view[start:inner])
            if record is None:
                self._damage.notes.append(f'damaged record at {at}')
                self._damage.lost_bytes += end - at
            else:
                self._unchecked |= opcode == Opcode.MESSAGE
                yield self._seen(record)
        elif opcode >= PRIVATE:
            self._damage.private += 1
        elif opcode == Opcode.HEADER and not records.is_header(self._view[start:end]):
            self._damage.notes.append('its header is damaged')

    def _seen(self, record: Record) -> Record:
        if isinstance(record, Channel):
            self._channels.add(record.id)
        return record

    def _chunk(self, at: int, outer: int, exact: bool) -> Iterator[Record]:
        """Yield the records of a chunk in its turn; if it is not whole, say so."""
        # Where reading goes on may be further: where a wrong length in the head ends.
        said = at + HEAD.size + int(HEAD.unpack_from(self._view, at)[1])
        choices = extents(self._view, at, said, self._limit, self._index.get(at))
        found, why = read_chunk(self._view, at, choices, sure=True)
        if found is None:
            codec = choices[0].compression if choices else ''
            if codec not in CODECS or why == records.TOO_LARGE:
                self._damage.unread.add(why)
            self._damage.bad_chunks += 1
            self._damage.lost_bytes += outer - at
            self._damage.notes.append(f'chunk at {at}: {why}')
            return
        self._unchecked |= not found.checked
        if found.lost_bytes or not exact:
            self._done.update(found.places)
        for record in found.records:
            yield self._seen(record)
        if found.mended:
            self._damage.notes.append(f'chunk at {at}: its head is damaged')
        if found.odd:
            self._damage.notes.append(f'chunk at {at}: holds a record longer than its fields')
        if found.lost_bytes:
            self._damage.notes.append(f'chunk at {at}: {found.lost_bytes} bytes inside are lost')
            self._damage.lost_bytes += found.lost_bytes
            if found.begin is not None:
                yield from self._search(found.begin, found.end)

    def _search(self, begin: int, end: int) -> Iterator[Record]:
        """Yield what proves whole and begins between two places where reading on made no sense.

        A record without a checksum of its own must be followed by another, or follow one.
        """
        at, follows = begin, False
        while at < end:
            if not follows:
                at = self._candidate(at, end)
            found = None if at >= end or at in self._done else self._proven(at, follows)
            if found is None:
                at += not follows
                follows = False
                continue
            self._done.update((at, *found.places))
            self._unchecked |= bool(found.records) and not found.checked
            for record in found.records:
                yield self._seen(record)
            at, follows = found.end, True

    def _candidate(self, at: int, end: int) -> int:
        """Next place at which a record may begin; the end if there is none."""
        match = _CANDIDATE.search(self._view, at, min(end + HEAD.size, self._limit))
        place = end if match is None else match.start()
        number = bisect_left(self._offsets, at)
        return min([place, *self._offsets[number : number + 1]])

    def _proven(self, at: int, follows: bool) -> Found | None:
        """Records at a place that are whole beyond doubt."""
        if at + HEAD.size > self._limit:
            return None
        opcode, length = HEAD.unpack_from(self._view, at)
        start, end = at + HEAD.size, at + HEAD.size + length
        if opcode == Opcode.CHUNK or at in self._index:
            outer = end if end <= self._limit else None
            choices = extents(self._view, at, outer, self._limit, self._index.get(at))
            return read_chunk(self._view, at, choices, sure=False)[0]
        if not fits(self._view, at, self._limit, self._channels):
            # A wrong length in its head alone.
            end = (opcode in KEPT and inner_end(self._view, opcode, start, self._limit)) or 0
            follows = False
        if not end or not (follows or end == self._limit or self._follows(end)):
            return None
        if opcode not in KEPT:
            return Found([], end)
        record = records.parse(opcode, self._view[start:end])
        return None if record is None else Found([record], end)

    def _follows(self, at: int) -> bool:
        return fits(self._view, at, self._limit, self._channels)

    def _tail(self, at: int) -> Iterator[Record]:
        """Yield what is whole from the first record on that does not fit into the file."""
        kept, begin = 0, at
        if at + HEAD.size <= self._limit and self._view[at] == Opcode.CHUNK:
            found = self._proven(at, False) or read_cut_chunk(self._view, at, self._limit)
            self._done.update(found.places)
            yield from map(self._seen, found.records)
            kept, at = found.end - at, max(found.end, at + 1)
        for number, record in enumerate(self._search(at, self._limit)):
            if not number:
                self._damage.notes.append(f'overwritten bytes from {begin} on')
            yield record
            if isinstance(record, Message):
                kept += HEAD.size + records.MESSAGE.size + len(record.data)
        self._damage.lost_bytes += max(0, self._limit - begin - kept)

    def _check_data(self, end: int, start: int) -> None:
        """Compare the checksum of all data, if the file has one."""
        expected = int.from_bytes(self._view[start : start + 4], 'little')
        found = 0
        for at in range(0, end if expected else 0, _PIECE):
            found = zlib.crc32(self._view[at : min(at + _PIECE, end)], found)
        if found != expected:
            which = ', and nothing tells which message it altered' * self._unchecked
            self._damage.notes.append(
                f'some byte was overwritten: the checksum of the whole file does not match{which}'
            )
