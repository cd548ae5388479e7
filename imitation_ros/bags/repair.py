# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Make a valid bag again of one that was cut off: by a crash, a kill, a full disk.

Every whole chunk and the whole messages of the chunk that was cut are written to a new file; it
replaces the damaged one only when it is complete on the disk and was read back. Running it
twice changes nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
import fcntl
import json
import os
from pathlib import Path
from typing import Any

from mcap.reader import make_reader
from mcap.records import Attachment, Message, Metadata, Schema
from mcap.records import Channel as ChannelRecord
import yaml

from ..contract.loading import parse_yaml
from ..data.episode import EpisodeMeta
from ..errors import BagError
from .checksums import check_attachments, check_summary
from .layout import (
    bag_information,
    Channel,
    CHUNK_SIZE,
    CONTRACT_FILE,
    custom_data,
    CUSTOM_KEY,
    parse_meta,
    read_information,
    SUFFIX,
    sync_folder,
    URDF_FILE,
    write_information,
)
from .mcap_file import McapFile
from .reader import Bag, DAMAGE
from .recover import Damage, scan
from .writer import LIBRARY, register

NS = 1_000_000_000


@dataclass(frozen=True)
class Repair:
    """What a repair did.

    Attributes:
        path: Folder of the bag now.
        changed: Whether anything had to be done.
        messages: Number of messages in it.
        seconds: From its first to its last message [s].
        lost_bytes: Bytes of the damaged file that belong to no whole message.
        notes: What was found, one sentence each.
    """

    path: Path
    changed: bool
    messages: int
    seconds: float
    lost_bytes: int = 0
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            'path': str(self.path),
            'changed': self.changed,
            'messages': self.messages,
            'seconds': self.seconds,
            'lost_bytes': self.lost_bytes,
            'notes': list(self.notes),
        }


def repair(bag: Path) -> Repair:
    """Repair a bag's folder and finish one that is still called `.recording`.

    Raises:
        BagError: If there is nothing to recover, or the disk refuses the new file. The damaged
            file is then untouched.
    """
    if not bag.is_dir():
        raise BagError(f'{bag}: there is no such folder')
    for rest in bag.glob('*.repaired'):
        rest.unlink()
    files = sorted(bag.glob('*.mcap'))
    if not files:
        if list(bag.glob('*.db3')):
            raise BagError(f'{bag}: a sqlite3 bag; "ros2 bag reindex" repairs those')
        raise BagError(f'{bag}: holds no .mcap file; nothing to recover')
    if len(files) > 1:
        raise BagError(f'{bag}: {len(files)} files; only bags of one file can be repaired')
    file = files[0]
    with _locked(file):
        return _repair(bag, file)


def _repair(bag: Path, file: Path) -> Repair:
    whole = _is_whole(file)
    if whole and _describes(bag, file):
        moved = bag.name.endswith(SUFFIX)
        return _result(_finish(bag), changed=moved)
    damage = Damage()
    if not whole:
        _rewrite(bag, file, damage)
    _rebuild_metadata(bag, file)
    notes = [*damage.notes, *(['the file ends in the middle of a record'] * damage.cut)]
    return _result(_finish(bag), True, damage.lost_bytes, tuple(notes))


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Keep the file from being repaired twice at a time, or while it is recorded."""
    with open(file, 'rb') as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BagError(f'{file}: is being recorded or repaired right now') from error
        yield


def _is_whole(file: Path) -> bool:
    """Whether a file has its footer, its index, and every message the index counts."""
    try:
        with open(file, 'rb') as stream:
            summary = make_reader(stream).get_summary()
            if summary is None or summary.statistics is None:
                return False
            check_summary(stream)
            check_attachments(stream, summary.attachment_indexes)
        damage = Damage()
        count = sum(isinstance(record, Message) for record in scan(file, damage))
    except DAMAGE:
        return False
    return bool(count == summary.statistics.message_count) and not damage.bad_chunks


def _describes(bag: Path, file: Path) -> bool:
    """Whether metadata.yaml is there and speaks of this file."""
    try:
        return list(read_information(bag).get('relative_file_paths', ())) == [file.name]
    except BagError:
        return False


def _rewrite(bag: Path, file: Path, damage: Damage) -> None:
    """Write what is whole to a new file, read it back, and put it in the old one's place."""
    new = file.with_suffix('.mcap.repaired')
    try:
        with open(new, 'wb', buffering=0) as stream:
            count = _copy(file, McapFile(stream.fileno(), CHUNK_SIZE), damage)
            os.fsync(stream.fileno())
        with open(new, 'rb') as check:
            summary = make_reader(check).get_summary()
            found = summary.statistics.message_count if summary and summary.statistics else -1
        if found != count:
            raise BagError(f'{new}: {found} messages read back, {count} written')
        os.replace(new, file)
        sync_folder(bag)
    except OSError as error:
        raise BagError(f'cannot write {new}: {error.strerror}; make room and try again') from error
    finally:
        with suppress(OSError):
            new.unlink()


def _copy(file: Path, writer: McapFile, damage: Damage) -> int:
    """Copy the whole records of a file; returns the number of messages."""
    writer.start('ros2', LIBRARY)
    schemas: dict[int, int] = {}
    channels: dict[int, int] = {}
    attachments: dict[str, Attachment] = {}
    planned: list[Channel] = []
    meta: EpisodeMeta | None = None
    count = 0
    for record in scan(file, damage):
        if isinstance(record, Schema):
            if record.id not in schemas:
                schemas[record.id] = writer.register_schema(
                    record.name, record.encoding, record.data
                )
        elif isinstance(record, ChannelRecord):
            if record.id not in channels and record.schema_id in schemas:
                channels[record.id] = writer.register_channel(
                    record.topic,
                    record.message_encoding,
                    schemas[record.schema_id],
                    dict(record.metadata),
                )
        elif isinstance(record, Message):
            if record.channel_id not in channels and not channels and planned:
                # The chunk that named the channels is lost; the plan at the start names them.
                channels = dict(enumerate(register(writer, planned), start=1))
            if record.channel_id not in channels:
                damage.notes.append(f'message of an unknown channel {record.channel_id}')
                continue
            writer.add_message(
                channels[record.channel_id],
                record.log_time,
                record.data,
                record.publish_time,
                record.sequence,
            )
            count += 1
        elif isinstance(record, Attachment):
            attachments.setdefault(record.name, record)
        elif isinstance(record, Metadata) and record.name == CUSTOM_KEY:
            meta = parse_meta(record.metadata.get(CUSTOM_KEY, ''), file)
        elif isinstance(record, Metadata) and record.name == 'rosbag2' and not planned:
            planned = _planned(record.metadata.get('serialized_metadata', ''))
    if (CONTRACT_FILE in attachments) != (URDF_FILE in attachments):
        # One without the other would be another contract.
        damage.notes.append('the contract inside is damaged and left out; name one by hand')
        attachments = {k: v for k, v in attachments.items() if k not in (CONTRACT_FILE, URDF_FILE)}
    for entry in attachments.values():
        writer.add_attachment(
            entry.create_time, entry.log_time, entry.name, entry.media_type, entry.data
        )
    meta = meta or EpisodeMeta(episode=file.parent.name.removesuffix(SUFFIX))
    writer.add_metadata(CUSTOM_KEY, custom_data(replace(meta, recovered=True)))
    writer.finish()
    return count


def _planned(text: str) -> list[Channel]:
    """Channels that the metadata record at the start of a file announces, in order."""
    try:
        topics = parse_yaml(text)['topics_with_message_count']
        plans = [entry['topic_metadata'] for entry in topics]
        return [
            Channel(
                plan['name'],
                plan['type'],
                tuple(plan['offered_qos_profiles']),
                plan['type_description_hash'],
            )
            for plan in plans
        ]
    except (yaml.YAMLError, KeyError, TypeError):
        return []


def _rebuild_metadata(bag: Path, file: Path) -> None:
    """Make metadata.yaml from a whole .mcap file."""
    with open(file, 'rb') as stream:
        reader = make_reader(stream)
        summary = reader.get_summary()
        if summary is None or summary.statistics is None:
            raise BagError(f'{file}: has no summary')
        statistics = summary.statistics
        custom: dict[str, str] = {}
        distro = ''
        for record in reader.iter_metadata():
            if record.name == CUSTOM_KEY:
                custom.update(record.metadata)
        with suppress(BagError):
            old = read_information(bag)
            custom = {**custom, **dict(old.get('custom_data') or {})}
            distro = str(old.get('ros_distro') or '')
        channels, counts = [], []
        for number, channel in summary.channels.items():
            offered = parse_yaml(channel.metadata.get('offered_qos_profiles', '') or '[]')
            channels.append(
                Channel(
                    channel.topic,
                    summary.schemas[channel.schema_id].name,
                    tuple(offered),
                    channel.metadata.get('topic_type_hash', ''),
                )
            )
            counts.append(statistics.channel_message_counts.get(number, 0))
    name = bag.name.removesuffix(SUFFIX)
    try:
        values = json.loads(custom.get(CUSTOM_KEY, '')) | {'recovered': True}
        meta = parse_meta(json.dumps(values), file)
    except ValueError:
        meta = EpisodeMeta(episode=name, recovered=True)
    start = statistics.message_start_time if statistics.message_count else None
    information = bag_information(
        file.name,
        channels,
        counts,
        start,
        statistics.message_end_time,
        custom | custom_data(meta),
        distro or 'kilted',
    )
    write_information(bag, information)


def _finish(bag: Path) -> Path:
    """Give a `.recording` folder its final name."""
    if not bag.name.endswith(SUFFIX):
        return bag
    final = bag.with_name(bag.name.removesuffix(SUFFIX))
    number = 1
    while final.exists():
        number += 1
        final = bag.with_name(f'{bag.name.removesuffix(SUFFIX)}_recovered{number}')
    try:
        os.rename(bag, final)
        sync_folder(final.parent)
    except OSError as error:
        raise BagError(f'cannot rename {bag} to {final}: {error.strerror}') from error
    return final


def _result(path: Path, changed: bool, lost_bytes: int = 0, notes: tuple[str, ...] = ()) -> Repair:
    with Bag(path) as bag:
        seconds = (bag.end_ns - bag.start_ns) / NS
        return Repair(path, changed, sum(bag.counts.values()), seconds, lost_bytes, notes)


def unfinished(session: Path) -> list[Path]:
    """Folders below a session that a crash left behind."""
    return sorted(path for path in session.rglob(f'*{SUFFIX}') if path.is_dir())
