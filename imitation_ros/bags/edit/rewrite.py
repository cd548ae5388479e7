# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Write what is whole in a damaged MCAP file to a new one, and count what either holds.

Nothing that was read is left out: a channel keeps its messages though its schema is lost, and so
do messages whose channel is lost, under a name that says so.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mcap.reader import make_reader
from mcap.records import Attachment, Channel, Message, Metadata, Schema

from ...data.episode import EpisodeMeta, UNSTATED
from ...documents import parse_yaml
from ...errors import BagError, counted
from ...messages import definitions
from .. import layout, records
from ..checksums import check_summary
from ..layout import CONTRACT_FILE, custom_data, CUSTOM_KEY, dump, MAGIC, parse_meta, URDF_FILE
from ..mcap_file import McapFile
from ..writer import LIBRARY
from .recover import Damage, scan
from .tally import Digest

LOST = '/lost_channel_'
"""Topic of messages whose channel is lost; its number follows."""
LOST_SCHEMA = 0xFFFF
"""Number of a schema that no file defines: the type is looked up."""
ALONE = '.alone'
"""Behind the name of a contract without its URDF, or the other way: it is no contract."""


@dataclass
class Survey:
    """What a file holds, read from its head on.

    Attributes:
        schemas: By their numbers, as they are first defined, or as a whole summary has them.
        channels: Likewise.
        sure: Whether these come from a summary with a checksum.
        messages: Number of messages.
        attachments: Names of the attachments.
        metadata: Number of metadata records.
        planned: Channels as the file announces them at its start, in order.
        meta: The episode, if the file tells of one.
        profile: Profile of the file.
    """

    schemas: dict[int, Schema] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    sure: bool = False
    messages: int = 0
    attachments: list[str] = field(default_factory=list)
    metadata: int = 0
    planned: list[layout.Channel] = field(default_factory=list)
    meta: EpisodeMeta | None = None
    profile: str = 'ros2'


def survey(path: Path, damage: Damage) -> Survey:
    """Read a file once, and tell what is in it.

    Raises:
        BagError: If it is no MCAP file or cannot be read.
    """
    found = Survey()
    _read_summary(path, found)
    for record in scan(path, damage):
        if isinstance(record, Message):
            found.messages += 1
        elif isinstance(record, Schema):
            found.schemas.setdefault(record.id, record)
        elif isinstance(record, Channel):
            found.channels.setdefault(record.id, record)
        elif isinstance(record, Attachment):
            found.attachments.append(record.name)
        elif isinstance(record, Metadata):
            found.metadata += 1
            if record.name == CUSTOM_KEY:
                try:
                    found.meta = parse_meta(record.metadata.get(CUSTOM_KEY, ''), path)
                except BagError:
                    damage.notes.append('what it says of the episode is damaged')
            elif record.name == 'rosbag2' and not found.planned:
                found.planned = _planned(record.metadata.get('serialized_metadata', ''))
    return found


def _read_summary(path: Path, found: Survey) -> None:
    """Take the definitions from the summary if it is whole, and the profile from the head."""
    try:
        with open(path, 'rb') as stream:
            reader = make_reader(stream)
            found.profile = reader.get_header().profile
            check_summary(stream)
            summary = reader.get_summary()
            footer = -len(MAGIC) - 4
            stream.seek(footer, 2)
            if summary is not None and any(stream.read(4)):
                found.schemas, found.channels = dict(summary.schemas), dict(summary.channels)
                found.sure = True
    except (*records.UNREADABLE, OSError, MemoryError, LookupError, ArithmeticError):
        return


def _planned(text: str) -> list[layout.Channel]:
    """Channels that the metadata record at the start of a file announces, in order."""
    try:
        topics = parse_yaml(text, 'plan')['topics_with_message_count']
        plans = [entry['topic_metadata'] for entry in topics]
        return [
            layout.Channel(
                str(plan['name']),
                str(plan['type']),
                _profiles(plan['offered_qos_profiles']),
                str(plan['type_description_hash']),
            )
            for plan in plans
        ]
    except Exception:  # noqa: BLE001 - whatever is wrong with it, the messages must be saved
        return []


def _profiles(told: Any) -> tuple[Any, ...]:
    """QoS profiles, which metadata before version 9 has as text."""
    return tuple((parse_yaml(told, 'metadata.yaml') or ()) if isinstance(told, str) else told)


class Copy:
    """Writes the records of a file into another, and remembers what it wrote.

    Attributes:
        messages: Messages written.
        digest: Of all that was written.
        notes: What could not be kept as it was, one sentence each.
    """

    def __init__(self, writer: McapFile, found: Survey, types: Mapping[str, str]) -> None:
        """Begin a file.

        Args:
            writer: The new file.
            found: What is in the old one.
            types: Message types by topic as metadata.yaml tells them, where a schema is lost.
        """
        self.messages = 0
        self.digest = Digest()
        self.notes: list[str] = []
        self._writer, self._found = writer, found
        self._types = {plan.name: plan.type for plan in found.planned} | dict(types)
        self._schemas: dict[tuple[Any, ...], int] = {}
        self._channels: dict[tuple[Any, ...], int] = {}
        self._known, self._defined = dict(found.channels), dict(found.schemas)
        self._ids: dict[int, int] = {}
        self._topics: dict[int, str] = {}
        self._lost: Counter[str] = Counter()
        self._alone = len({CONTRACT_FILE, URDF_FILE} & set(found.attachments)) == 1
        writer.start(found.profile, LIBRARY)

    def add(self, record: Any) -> None:
        """Write one record."""
        if isinstance(record, Schema):
            if not self._found.sure:
                self._defined[record.id] = record
        elif isinstance(record, Channel):
            if not self._found.sure:
                self._known[record.id] = record
            self._name(record.id, self._known.get(record.id, record))
        elif isinstance(record, Message):
            self._message(record)
        elif isinstance(record, Attachment):
            self._attachment(record)
        else:
            self._metadata(record)

    def finish(self, episode: str) -> None:
        """Write what the episode now is, and the end of the file."""
        meta = self._found.meta or EpisodeMeta(episode, outcome=UNSTATED)
        self._metadata(Metadata(CUSTOM_KEY, custom_data(replace(meta, recovered=True))))
        self._writer.finish()
        for topic, count in self._lost.items():
            self.notes.append(f'{counted(count, "message")} of a lost channel: kept as {topic}')

    def _metadata(self, record: Metadata) -> None:
        self.digest.add(record)
        self._writer.add_metadata(record.name, record.metadata)

    def _attachment(self, record: Attachment) -> None:
        if self._alone and record.name in (CONTRACT_FILE, URDF_FILE):
            # One without the other would be another contract.
            self.notes.append(
                f'the contract inside is damaged and left out; name one by hand ({record.name} '
                f'is kept as {record.name}{ALONE})'
            )
            record = replace(record, name=record.name + ALONE)
        self.digest.add(record)
        self._writer.add_attachment(
            record.create_time, record.log_time, record.name, record.media_type, record.data
        )

    def _message(self, record: Message) -> None:
        number = record.channel_id
        if number not in self._ids:
            self._name(number, self._known.get(number) or self._announced(number))
        topic = self._topics[number]
        if topic.startswith(LOST):
            self._lost[topic] += 1
        self._writer.add_message(
            self._ids[number], record.log_time, record.data, record.publish_time, record.sequence
        )
        self.messages += 1
        self.digest.add(record, topic)

    def _announced(self, number: int) -> Channel:
        """Channel whose record is lost, as the file announces it; else one without a type."""
        planned = self._found.planned
        if self._found.channels or not 1 <= number <= len(planned):
            return Channel(number, f'{LOST}{number}', '', {}, 0)
        plan = planned[number - 1]
        offered = (
            dump([dict(profile) for profile in plan.offered]).rstrip() if plan.offered else ''
        )
        told = {'offered_qos_profiles': offered, 'topic_type_hash': plan.hash}
        return Channel(number, plan.name, 'cdr', told, LOST_SCHEMA)

    def _name(self, number: int, channel: Channel) -> None:
        """Name the topic of a number from here on."""
        schema = self._schema(channel)
        key = (number, channel.topic, channel.message_encoding, schema, repr(channel.metadata))
        if key not in self._channels:
            self._channels[key] = self._writer.register_channel(
                channel.topic, channel.message_encoding, schema, channel.metadata
            )
        self._ids[number], self._topics[number] = self._channels[key], channel.topic

    def _schema(self, channel: Channel) -> int:
        """Number of a channel's schema in the new file; 0 if it has none."""
        if not channel.schema_id:
            return 0
        found = self._defined.get(channel.schema_id)
        if found is None:
            kind = self._types.get(channel.topic, '')
            try:
                text = definitions.find(kind).text.encode()
            except BagError:
                self.notes.append(f'the definition of {channel.topic} is lost; its bytes are kept')
                return 0
            found = Schema(id=0, data=text, encoding='ros2msg', name=kind)
        key = (found.name, found.encoding, found.data)
        if key not in self._schemas:
            self._schemas[key] = self._writer.register_schema(*key)
        return self._schemas[key]
