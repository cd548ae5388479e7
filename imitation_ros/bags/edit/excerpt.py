# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Write part of a bag as a new bag: the messages byte for byte, with the stamps they had."""

from collections.abc import Mapping
import os
from pathlib import Path
import shutil
from typing import Any

from mcap.writer import CompressionType, Writer

from ...data.episode import EpisodeMeta
from ...documents import parse_yaml, reading
from ...errors import BagError
from ...files import sync_folder
from ...messages.definitions import find as find_definition
from ..layout import (
    bag_information,
    Channel,
    CHUNK_SIZE,
    custom_data,
    CUSTOM_KEY,
    dump,
    METADATA,
    offered_text,
    QOS_NAMES,
    read_information,
    write_information,
)
from ..reader import Bag, RawMessage
from ..writer import LIBRARY

OLDEST = 5
"""Version of metadata.yaml that is written at least: Humble's."""


def channels(bag: Bag) -> tuple[Channel, ...]:
    """Topics of a bag with the quality of service its publishers offered."""
    information = read_information(bag.path) if bag.path.is_dir() else {}
    found = []
    with reading(bag.path / METADATA):
        known = {
            entry['topic_metadata']['name']: entry['topic_metadata']
            for entry in information.get('topics_with_message_count') or ()
        }
        for name, kind in bag.types.items():
            entry = known.get(name, {})
            offered = entry.get('offered_qos_profiles') or []
            if isinstance(offered, str):
                offered = parse_yaml(offered, bag.path / METADATA) or []
            hashed = str(entry.get('type_description_hash') or '')
            found.append(Channel(name, kind, tuple(named_profile(p) for p in offered), hashed))
    return tuple(found)


def named_profile(profile: Mapping[str, Any]) -> dict[str, Any]:
    """Profile with names instead of the integers that rosbag2 wrote before version 9."""
    result = dict(profile)
    for key, names in QOS_NAMES.items():
        value = result.get(key)
        if isinstance(value, int) and 0 <= value < len(names):
            result[key] = names[value]
    return result


def _latched(channel: Channel) -> bool:
    return any(profile.get('durability') == 'transient_local' for profile in channel.offered)


def write_excerpt(
    bag: Bag, target: Path, meta: EpisodeMeta | None, start_ns: int, end_ns: int
) -> int:
    """Write the messages received between two times as a new bag; returns how many.

    Header stamps, publish times and receive times stay as they are. Only the last message of a
    latched topic from before the start, which a late subscriber would still get, is received at
    the start. The new bag appears under its name when it is whole and was read back.

    Args:
        bag: The open bag; it is only read.
        target: Folder of the new bag.
        meta: Goes into the new bag; None for a bag that is none of ours.
        start_ns: First receive time [ns].
        end_ns: Last receive time [ns].

    Raises:
        BagError: If the target is there already, the bag is damaged, or the disk refuses it.
    """
    if target.exists():
        raise BagError(f'{target} is there already')
    part = target.with_name(f'.{target.name}.part')
    try:
        if part.exists():
            shutil.rmtree(part)  # left behind by a run that was killed
        part.mkdir(parents=True)
        count = _write(bag, part, f'{target.name}_0.mcap', meta, start_ns, end_ns)
        with Bag(part) as copy:
            if sum(copy.counts.values()) != count:
                raise BagError(
                    f'{part}: {sum(copy.counts.values())} messages read back of {count}'
                )
        os.rename(part, target)
        sync_folder(target.parent)
    except OSError as error:
        raise BagError(f'cannot write {target}: {error.strerror or error}') from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return count


def _write(
    bag: Bag, folder: Path, file: str, meta: EpisodeMeta | None, start_ns: int, end_ns: int
) -> int:
    plan = channels(bag)
    custom = custom_data(meta) if meta is not None else {}
    distro, version = '', 9
    if bag.path.is_dir():
        information = read_information(bag.path)
        distro = str(information.get('ros_distro') or '')
        # Whoever could read the original can read what comes of it.
        version = min(max(int(information.get('version') or 9), OLDEST), 9)
    before: dict[str, RawMessage] = {}
    watched = {channel.name for channel in plan if _latched(channel)}
    counts = dict.fromkeys(bag.types, 0)
    first, last = None, 0
    with open(folder / file, 'xb') as stream:
        writer = Writer(stream, chunk_size=CHUNK_SIZE, compression=CompressionType.NONE)
        writer.start('ros2', LIBRARY)
        for attachment in bag.attachments():
            writer.add_attachment(
                attachment.create_time,
                attachment.log_time,
                attachment.name,
                attachment.media_type,
                attachment.data,
            )
        ids = _register(writer, bag, plan, version)

        def put(message: RawMessage, log_ns: int) -> None:
            nonlocal first, last
            writer.add_message(
                ids[message.topic], log_ns, message.data, message.publish_ns, message.sequence
            )
            counts[message.topic] += 1
            first = log_ns if first is None else min(first, log_ns)
            last = max(last, log_ns)

        for message in bag.messages():
            if message.log_ns > end_ns:
                break
            if message.log_ns < start_ns:
                if message.topic in watched:
                    before[message.topic] = message
                continue
            for earlier in before.values():
                put(earlier, start_ns)
            before.clear()
            put(message, message.log_ns)
        numbers = [counts[channel.name] for channel in plan]
        information = bag_information(file, plan, numbers, first, last, custom, distro, version)
        if custom:
            writer.add_metadata(CUSTOM_KEY, custom)
        writer.add_metadata('rosbag2', {'serialized_metadata': dump(information)})
        writer.finish()
        stream.flush()
        os.fsync(stream.fileno())
    write_information(folder, information)
    return sum(counts.values())


def _register(writer: Writer, bag: Bag, plan: tuple[Channel, ...], version: int) -> dict[str, int]:
    """Register the bag's own definitions and channels; MCAP id of each topic."""
    schemas: dict[str, int] = {}
    ids = {}
    for channel in plan:
        if channel.type not in schemas:
            encoding, text = bag.schema(channel.type)
            schemas[channel.type] = writer.register_schema(channel.type, encoding, text.encode())
        ids[channel.name] = writer.register_channel(
            channel.name,
            'cdr',
            schemas[channel.type],
            {
                'offered_qos_profiles': offered_text(channel, version),
                'topic_type_hash': channel.hash or _hash(channel.type),
            },
        )
    return ids


def _hash(kind: str) -> str:
    """Type hash, '' if the type is not known here."""
    try:
        return find_definition(kind).hash
    except BagError:
        return ''
