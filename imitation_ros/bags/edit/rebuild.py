# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Make metadata.yaml again from a whole recording, when it is lost or tells of another."""

from contextlib import suppress
import json
from pathlib import Path
from typing import Any

from mcap.reader import make_reader
from mcap.records import Channel as ChannelRecord

from ...data.episode import EpisodeMeta, UNSTATED
from ...documents import mapping, parse_json, parse_yaml
from ...errors import BagError
from ..layout import (
    bag_information,
    Channel,
    custom_data,
    CUSTOM_KEY,
    parse_meta,
    read_information,
    SUFFIX,
    write_information,
)
from .excerpt import named_profile


def describes(bag: Path, file: Path) -> bool:
    """Whether metadata.yaml is there and speaks of this file."""
    try:
        return list(read_information(bag).get('relative_file_paths', ())) == [file.name]
    except (BagError, TypeError):
        return False


def told_types(bag: Path) -> dict[str, str]:
    """Message types by topic, as metadata.yaml tells them if it is there."""
    try:
        topics = read_information(bag).get('topics_with_message_count') or ()
        plans = [entry['topic_metadata'] for entry in topics]
        return {str(plan['name']): str(plan['type']) for plan in plans}
    except (BagError, TypeError, KeyError):
        return {}


def rebuild_metadata(bag: Path, file: Path) -> None:
    """Make metadata.yaml from a whole .mcap file.

    Channels that are no ROS topics (without a schema, or in another encoding) are not in it.
    """
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
        with suppress(BagError, TypeError, ValueError):
            old = read_information(bag)
            custom = {**custom, **dict(old.get('custom_data') or {})}
            distro = str(old.get('ros_distro') or '')
    channels, counts = [], []
    for number, channel in summary.channels.items():
        schema = summary.schemas.get(channel.schema_id)
        if schema is None or channel.message_encoding != 'cdr':
            continue
        hashed = channel.metadata.get('topic_type_hash', '')
        channels.append(Channel(channel.topic, schema.name, _offered(channel), hashed))
        counts.append(statistics.channel_message_counts.get(number, 0))
    name = bag.name.removesuffix(SUFFIX)
    try:
        told = mapping(parse_json(custom.get(CUSTOM_KEY, ''), file), file)
        values = told | {'recovered': True}
        meta = parse_meta(json.dumps(values), file)
    except (ValueError, TypeError):
        meta = EpisodeMeta(name, outcome=UNSTATED, recovered=True)
    information = bag_information(
        file.name,
        channels,
        counts,
        statistics.message_start_time if statistics.message_count else None,
        statistics.message_end_time,
        custom | custom_data(meta),
        distro or 'kilted',
    )
    write_information(bag, information)


def _offered(channel: ChannelRecord) -> tuple[dict[str, Any], ...]:
    """QoS profiles that a channel tells of; none if they cannot be read."""
    try:
        profiles = parse_yaml(
            channel.metadata.get('offered_qos_profiles', '') or '[]', channel.topic
        )
        return tuple(named_profile(dict(profile)) for profile in profiles)
    except Exception:  # noqa: BLE001 - whatever is wrong with it, the messages must be readable
        return ()
