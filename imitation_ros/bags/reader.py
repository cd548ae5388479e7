# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Read rosbag2 bags, ours or anybody's, MCAP or sqlite3, without ROS."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from heapq import merge
import json
from pathlib import Path
import sqlite3
import struct
from typing import Any, BinaryIO, Literal

from mcap.exceptions import McapError
from mcap.reader import make_reader, SeekingReader
from mcap.records import Attachment
from rosbags.interfaces import MessageDefinitionFormat
from rosbags.rosbag2 import Reader as Rosbag2Reader
from rosbags.rosbag2 import ReaderError
import zstandard

from ..contract import Contract, loads
from ..data.episode import EpisodeMeta, Outcome, UNSTATED
from ..errors import BagError, ContractError, unknown
from ..messages import definitions
from .bounds import check_chunks, REPAIR
from .checksums import check_attachments, check_summary
from .layout import (
    bag_files,
    CONTRACT_FILE,
    CUSTOM_KEY,
    parse_meta,
    publishers,
    read_information,
    SUFFIX,
    URDF_FILE,
)
from .records import CODECS
from .topics import as_recorded
from .types import typestore

NS = 1_000_000_000
DAMAGE = (
    McapError,
    ReaderError,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    KeyError,
    IndexError,
    MemoryError,
    RuntimeError,
    sqlite3.Error,
    zstandard.ZstdError,
)
"""What the readers raise on files that were cut or overwritten."""

ZSTD_MAGIC = b'\x28\xb5\x2f\xfd'
LARGEST = 256 * 1024 * 1024
"""Size that a message compressed by itself may have [bytes]."""

_DDS_HEADER = {0: '>', 1: '<', 2: '>', 3: '<', 6: '>', 7: '<'}
_STAMP = {order: struct.Struct(f'{order}iI') for order in '<>'}


@dataclass(frozen=True)
class RawMessage:
    """One serialized message of a bag.

    Attributes:
        topic: Name of its topic.
        type: Message type.
        log_ns: When it was received [ns].
        publish_ns: When it was published [ns]; the receive time where the bag does not tell.
        sequence: Number its publisher gave it; 0 where the bag does not tell.
        data: The message, CDR with its encapsulation header.
    """

    topic: str
    type: str
    log_ns: int
    publish_ns: int
    sequence: int
    data: bytes


def header_stamp_ns(data: bytes) -> int:
    """Stamp [ns] of a serialized message that starts with a std_msgs/Header."""
    if len(data) < 12:
        raise BagError(f'a message of {len(data)} bytes has no header')
    sec, nanosec = _STAMP[_DDS_HEADER.get(data[1], '<')].unpack_from(data, 4)
    return int(sec) * NS + int(nanosec)


def _check_packing(path: Path, information: Mapping[str, Any]) -> None:
    """Refuse messages that were compressed one by one by anything but zstd."""
    mode = str(information.get('compression_mode') or '').lower()
    kind = str(information.get('compression_format') or '')
    if mode == 'message' and kind != 'zstd':
        raise BagError(
            f'{path}: its messages are compressed one by one with "{kind}"; read are those that '
            'are not, or with zstd'
        )


def _unpacked(data: bytes) -> bytes:
    """A message, if it was compressed by itself (`--compression-mode message`) without that.

    No serialized message begins as zstd's frames do: its first byte is 0.
    """
    if data[:4] != ZSTD_MAGIC:
        return data
    size = zstandard.frame_content_size(data)
    if size > LARGEST:
        raise BagError(f'a compressed message of {size} bytes; {LARGEST} are read at most')
    return zstandard.ZstdDecompressor().decompress(data, max_output_size=LARGEST)


class Bag:
    """A finished bag, opened for reading; a context manager.

        >>> with imitation_ros.Bag('bags/pick_0001') as bag:
        ...     stamps = [message.log_ns for message in bag.messages(['/joint_states'])]
        >>> len(stamps) == bag.counts['/joint_states']
        True

    Attributes:
        path: Its folder (or its file).
        types: Message type of each topic.
        counts: Number of messages of each topic.
        publishers: Number of publishers of each topic, where the bag tells.
        unreadable: Types whose definition is not understood, and why.
        start_ns: Receive time of the first message [ns].
        end_ns: Receive time of the last message [ns].
        meta: The episode, if the bag is one of ours.
        contract: The contract it was recorded with, if it is in the bag; images that were
            compressed on the way are under their topics in the bag.
        bytes: Size of its files.
    """

    def __init__(self, path: str | Path) -> None:
        """Open a bag.

        Args:
            path: Folder with a metadata.yaml, or a single .mcap or .db3 file.

        Raises:
            BagError: If it is none, unfinished or damaged; the message says what helps.
        """
        self.path = path = Path(path)
        if path.name.endswith(SUFFIX):
            raise BagError(f'{path}: the recording was never finished; {REPAIR}')
        information = read_information(path) if path.is_dir() else {}
        files = bag_files(path, information) or [path]
        for file in files:
            if not file.is_file():
                raise BagError(f'{path}: {file.name} is missing; restore it')
        self._files = files
        self._mcap = all(file.suffix == '.mcap' for file in files)
        self.bytes = sum(file.stat().st_size for file in files)
        self._open: list[BinaryIO] = []
        self._readers: list[SeekingReader] = []
        self._rosbag: Rosbag2Reader | None = None
        self._definitions: dict[str, tuple[str, str]] = {}
        self.types: dict[str, str] = {}
        self.counts: dict[str, int] = {}
        self.publishers: dict[str, int] = {}
        self._attachments: dict[str, str] = {}
        custom = information.get('custom_data') or {}
        _check_packing(path, information)
        try:
            if self._mcap:
                self._open_mcap(custom)
            else:
                self._open_rosbag()
        except DAMAGE as error:
            self.close()
            if isinstance(error, BagError):
                raise
            raise BagError(f'{path}: cut off or damaged ({error}); {REPAIR}') from error
        self._store, self.unreadable = typestore(
            self._definitions, str(information.get('ros_distro') or '')
        )
        meta = custom.get(CUSTOM_KEY)
        self.meta: EpisodeMeta | None = parse_meta(meta, path) if meta else None
        text = self._attachments.get(CONTRACT_FILE)
        self.contract: Contract | None = None
        if text is not None:
            try:
                found = loads(text, path / CONTRACT_FILE, self._attachments.get(URDF_FILE))
                self.contract = as_recorded(found, self.types)
            except ContractError as error:
                self.close()
                raise BagError(f'{path}: the contract inside: {error}') from error

    @property
    def outcome(self) -> Outcome | Literal['']:
        """How its episode went: `unknown` if nobody marked it, '' if nobody could.

        Nobody could in a bag that says nothing of an episode and holds no contract: our recorder,
        whose takes are marked, writes both. One whose meta was damaged counts as never marked.
        """
        outcome = UNSTATED if self.meta is None else self.meta.outcome
        return outcome or (UNSTATED if self.contract is None else 'unknown')

    def __enter__(self) -> 'Bag':
        """Return the open bag."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the files."""
        self.close()

    def close(self) -> None:
        """Close the files."""
        for stream in self._open:
            stream.close()
        if self._rosbag is not None and self._rosbag.is_open:
            self._rosbag.close()

    def _open_mcap(self, custom: dict[str, str]) -> None:
        starts, ends = [], []
        others: dict[str, str] = {}
        for file in self._files:
            stream = open(file, 'rb')
            self._open.append(stream)
            reader = make_reader(stream, validate_crcs=True)
            summary = reader.get_summary()
            if not isinstance(reader, SeekingReader) or summary is None:
                raise BagError(f'{file}: has no summary; {REPAIR}')
            check_summary(stream)
            check_attachments(stream, summary.attachment_indexes)
            for chunk in summary.chunk_indexes:
                if chunk.compression not in CODECS:
                    raise BagError(
                        f'{file}: its messages are packed with "{chunk.compression}"; read are '
                        'those that are not packed, or with lz4 or zstd'
                    )
            statistics = summary.statistics
            if statistics is None:
                raise BagError(f'{file}: has no statistics; {REPAIR}')
            self._readers.append(reader)
            for number, channel in summary.channels.items():
                schema = summary.schemas.get(channel.schema_id)
                if channel.message_encoding != 'cdr' or schema is None:
                    others[channel.topic] = channel.message_encoding or 'unknown'
                    continue
                self.types[channel.topic] = schema.name
                self._definitions[schema.name] = (
                    schema.encoding,
                    schema.data.decode('utf-8', 'replace'),
                )
                offers = publishers(channel.metadata.get('offered_qos_profiles', ''))
                self.publishers[channel.topic] = max(offers, self.publishers.get(channel.topic, 0))
                count = statistics.channel_message_counts.get(number, 0)
                self.counts[channel.topic] = self.counts.get(channel.topic, 0) + count
            if statistics.message_count:
                starts.append(statistics.message_start_time)
                ends.append(statistics.message_end_time)
            for attachment in reader.iter_attachments():
                if attachment.name in (CONTRACT_FILE, URDF_FILE):
                    self._attachments[attachment.name] = attachment.data.decode()
            if not self.path.is_dir():
                for record in reader.iter_metadata():
                    if record.name == CUSTOM_KEY:
                        custom.update(record.metadata)
        self.start_ns, self.end_ns = min(starts, default=0), max(ends, default=0)
        if others and not self.types:
            kinds = ', '.join(sorted(set(others.values())))
            raise BagError(
                f'{self.path}: no ROS 2 topic in it: its {len(others)} topics are of the encoding '
                f'{kinds}, and only cdr is read (of ROS 1, rosbags-convert makes a bag of ROS 2)'
            )

    def _open_rosbag(self) -> None:
        self._rosbag = Rosbag2Reader(self.path)
        self._rosbag.open()
        for connection in self._rosbag.connections:
            self.types[connection.topic] = connection.msgtype
            count = self.counts.get(connection.topic, 0) + connection.msgcount
            self.counts[connection.topic] = count
            self.publishers[connection.topic] = len(
                getattr(connection.ext, 'offered_qos_profiles', ())
            )
            text = connection.msgdef
            if text.format == MessageDefinitionFormat.MSG:
                self._definitions[connection.msgtype] = ('ros2msg', text.data)
            elif text.format == MessageDefinitionFormat.IDL:
                self._definitions[connection.msgtype] = ('ros2idl', text.data)
        self.start_ns = self._rosbag.start_time if self._rosbag.message_count else 0
        self.end_ns = self._rosbag.end_time - 1 if self._rosbag.message_count else 0

    def stamped(self, kind: str) -> bool:
        """Whether messages of a type start with a std_msgs/Header."""
        _, fields = self._store.fielddefs.get(kind, ((), ()))
        return bool(fields) and fields[0][1][1] == 'std_msgs/msg/Header'

    def knows(self, kind: str) -> bool:
        """Whether messages of a type can be decoded."""
        return kind in self._store.fielddefs

    def schema(self, kind: str) -> tuple[str, str]:
        """Encoding (`ros2msg` or `ros2idl`) and text of a message type, as the bag defines it.

        Raises:
            BagError: If the bag does not define it, and nobody else knows it.
        """
        encoding, text = self._definitions.get(kind, ('', ''))
        return (encoding, text) if text else ('ros2msg', definitions.find(kind).text)

    def attachments(self) -> Iterator[Attachment]:
        """Attachments of the bag's files: the contract, the URDF, and what others put in."""
        for reader in self._readers:
            yield from reader.iter_attachments()

    def messages(self, topics: Collection[str] | None = None) -> Iterator[RawMessage]:
        """Serialized messages in the order they were received.

        Args:
            topics: Topics to read; all if None.

        Raises:
            BagError: If the bag lacks a topic, or turns out to be damaged.
        """
        wanted = list(self.types if topics is None else topics)
        for topic in wanted:
            if topic not in self.types:
                raise BagError(f'{self.path}: {unknown(topic, "topic of the bag", self.types)}')
        if not wanted:
            return
        try:
            yield from self._mcap_messages(wanted) if self._mcap else self._db_messages(wanted)
        except DAMAGE as error:
            if isinstance(error, BagError):
                raise
            raise BagError(f'{self.path}: damaged inside ({error}); {REPAIR}') from error

    def _mcap_messages(self, topics: list[str]) -> Iterator[RawMessage]:
        for stream, reader in zip(self._open, self._readers, strict=True):
            check_chunks(stream, reader.get_summary())
        # rosbag2 splits a bag into files one after the other in time, but lists them in any order.
        sources = [reader.iter_messages(topics) for reader in self._readers]
        for schema, channel, message in merge(*sources, key=lambda found: found[2].log_time):
            if schema is not None and channel.message_encoding == 'cdr':
                yield RawMessage(
                    channel.topic,
                    schema.name,
                    message.log_time,
                    message.publish_time,
                    message.sequence,
                    _unpacked(message.data),
                )

    def _db_messages(self, topics: list[str]) -> Iterator[RawMessage]:
        if self._rosbag is None:
            return
        chosen = [entry for entry in self._rosbag.connections if entry.topic in topics]
        for connection, log_ns, data in self._rosbag.messages(chosen):
            yield RawMessage(connection.topic, connection.msgtype, log_ns, log_ns, 0, bytes(data))

    def decode(self, message: RawMessage) -> Any:
        """Make an object with the message's fields as attributes; arrays are numpy views.

        Raises:
            BagError: If the bytes do not fit the type.
        """
        try:
            return self.decode_as(message.type, message.data)
        except BagError as error:
            raise BagError(f'{self.path}: a message of {message.topic} {error}') from error

    def decode_as(self, kind: str, data: bytes) -> Any:
        """Make an object of a type and a serialized message; see `decode`."""
        if kind in self.unreadable:
            raise BagError(f'is {kind}: {self.unreadable[kind]}')
        return definitions.decode(kind, data, self._store)

    def summary(self) -> dict[str, Any]:
        """Counts and times as plain values."""
        return {
            'path': str(self.path),
            'seconds': (self.end_ns - self.start_ns) / NS,
            'bytes': self.bytes,
            'topics': {
                topic: {'type': kind, 'count': self.counts[topic]}
                for topic, kind in sorted(self.types.items())
            },
            'meta': None if self.meta is None else self.meta.to_dict(),
        }

    def __str__(self) -> str:
        """JSON of the summary."""
        return json.dumps(self.summary())
