# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Read the chunks of a damaged MCAP file by whatever still tells where their data lie.

That is the chunk's own head (start and end time [8 + 8 bytes], size [8], CRC [4], compression
[4 + text], length [8]), the length of its record, and the summary's index. Which of them is right
the checksum says, or that the data unpack to records that follow each other.
"""

from dataclasses import dataclass, field

from mcap.opcode import Opcode
from mcap.records import ChunkIndex, Message

from . import records
from .records import Bytes, CHUNK, CODECS, HEAD, inner_end, Record


@dataclass(frozen=True)
class Extent:
    """Where the data of a chunk may lie.

    Attributes:
        compression: How they are packed.
        begin: First byte.
        end: Byte behind the last.
        guessed: Whether nothing but the search says so.
    """

    compression: str
    begin: int
    end: int
    guessed: bool = False


@dataclass
class Found:
    """What is in a chunk.

    Attributes:
        records: Its whole records.
        end: Where it ends in the file.
        places: Where the records stand in the file; empty for a packed chunk.
        begin: Where the data of a chunk that is not packed begin in the file.
        lost_bytes: Bytes of its content that follow no whole record.
        checked: Whether a checksum says that it is what was written.
        mended: Whether its own head does not tell where its data lie, or how they are packed.
        odd: Whether a record in it is longer than its fields: the specification allows it, but
            the mcap library loses its place there.
    """

    records: list[Record]
    end: int
    places: list[int] = field(default_factory=list)
    begin: int | None = None
    lost_bytes: int = 0
    checked: bool = False
    mended: bool = False
    odd: bool = False


def extents(
    view: Bytes, at: int, outer: int | None, limit: int, entry: ChunkIndex | None
) -> list[Extent]:
    """Places of a chunk's data, the likeliest first.

    Args:
        view: The file.
        at: Where the chunk begins.
        outer: Where it ends by the length of its record; None if that is beyond the file.
        limit: Where the file's records end.
        entry: What the summary says of it.
    """
    found: list[Extent] = []
    start = at + HEAD.size
    head = start + CHUNK.size
    if head + 8 > limit:
        return found
    length = int.from_bytes(view[head - 4 : head], 'little')
    begin = head + length + 8
    text = view[head : head + min(length, 64)].decode('utf-8', 'replace')
    inner = inner_end(view, Opcode.CHUNK, start, limit)
    found += [Extent(text, begin, end) for end in (inner, outer) if end is not None]
    if entry is not None:
        end = at + entry.chunk_length
        found.append(Extent(entry.compression, end - entry.compressed_size, end))
    if outer is not None:
        found += [Extent(text, head + len(text) + 8, outer, guessed=True) for text in CODECS]
    return [one for one in dict.fromkeys(found) if head + 8 <= one.begin <= one.end <= limit]


def read_chunk(
    view: Bytes, at: int, choices: list[Extent], sure: bool
) -> tuple[Found | None, str]:
    """Records of a chunk, or None and why there are none.

    Args:
        view: The file.
        at: Where the chunk begins.
        choices: Where its data may lie.
        sure: Whether a chunk stands here; if not, one without a checksum must be whole.
    """
    why = 'its head is damaged'
    for number, extent in enumerate(choices):
        checksum = CHUNK.unpack_from(view, at + HEAD.size)[3]
        try:
            content = records.unpack(view[extent.begin : extent.end], extent.compression)
        except (ValueError, MemoryError) as error:
            why = why if number else str(error)
            continue
        if not records.matches(content, checksum):
            why = why if number else 'its checksum does not match'
            continue
        place = extent.begin if extent.compression == '' else None
        found = _contents(content, place)
        found.end, found.checked, found.mended = extent.end, checksum != 0, number > 0
        if checksum or (sure and not extent.guessed) or (found.records and not found.lost_bytes):
            return found, ''
    return None, why


def _contents(content: Bytes, place: int | None) -> Found:
    """Records in a chunk's content as far as they follow each other."""
    found, done = Found([], 0, begin=place), 0
    for at, opcode, start, end in records.inside(content, 0, len(content)):
        if opcode in records.INNER:
            record = records.parse(opcode, bytes(content[start:end]))
            inner = inner_end(content, opcode, start, len(content))
            found.odd |= opcode != Opcode.MESSAGE and inner != end
            if record is None:
                found.lost_bytes += end - at
            else:
                found.records.append(record)
            if record is not None and place is not None:
                found.places.append(place + at)
        done = end
    found.lost_bytes += len(content) - done
    return found


def read_cut_chunk(view: Bytes, at: int, limit: int) -> Found:
    """Whole records of a chunk whose end is missing; no checksum covers them."""
    nothing = Found([], at)
    head = at + HEAD.size + CHUNK.size
    if head + 8 > limit:
        return nothing
    first, last, _, _, length = CHUNK.unpack_from(view, at + HEAD.size)
    compression = view[head : head + min(length, 8)].decode('utf-8', 'replace')
    begin = head + length + 8
    if compression not in CODECS or begin > limit:
        return nothing
    content = view[begin:limit]
    if compression:
        content = records.partly(content, compression, records.MAX_CHUNK, cut=True) or b''
    found = _contents(content, None if compression else begin)
    for number, record in enumerate(found.records):
        if isinstance(record, Message) and not first <= record.log_time <= last:
            found = Found(found.records[:number], 0, found.places[:number])
            break
    if not found.records:
        return nothing
    if compression:
        found.end = limit
    else:
        _, size = HEAD.unpack_from(view, found.places[-1])
        found.end = found.places[-1] + HEAD.size + int(size)
    return found
