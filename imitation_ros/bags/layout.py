# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The layout of a rosbag2 directory: metadata.yaml version 9 and the names around it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
import json
import os
from pathlib import Path
import re
from typing import Any

import yaml

from ..data.episode import EpisodeMeta
from ..documents import mapping, parse_json, parse_yaml, read_text
from ..errors import BagError, DataError
from ..files import replace_text
from ..names import file_inside, plain_name

MAGIC = b'\x89MCAP0\r\n'
"""First and last bytes of an MCAP file."""
METADATA = 'metadata.yaml'
SUFFIX = '.recording'
"""What a bag's folder ends in until it is finished."""
DROPPED = '.dropped'
"""Folder of a session that holds what was dropped; hidden folders are nobody's data."""
MAX_METADATA_BYTES = 16 * 1024 * 1024
"""Largest metadata.yaml [bytes]."""
INFORMATION = 'rosbag2_bagfile_information'
CUSTOM_KEY = 'imitation_ros'
CONTRACT_FILE = 'contract.yaml'
URDF_FILE = 'robot.urdf'
CHUNK_SIZE = 768 * 1024
"""Size of an MCAP chunk [bytes]; rosbag2's own default."""

_FOREVER = {'sec': 9223372036, 'nsec': 854775807}
_NEVER_NS = 9223372036854775807


def qos_profile(
    reliable: bool, latched: bool = False, depth: int = 0, keep_last: bool = False
) -> dict[str, Any]:
    """One offered QoS profile as rosbag2 writes it; discovery tells neither history nor depth."""
    return {
        'history': 'keep_last' if keep_last else 'unknown',
        'depth': depth,
        'reliability': 'reliable' if reliable else 'best_effort',
        'durability': 'transient_local' if latched else 'volatile',
        'deadline': dict(_FOREVER),
        'lifespan': dict(_FOREVER),
        'liveliness': 'automatic',
        'liveliness_lease_duration': dict(_FOREVER),
        'avoid_ros_namespace_conventions': False,
    }


def publishers(offered: str) -> int:
    """How many publishers a channel had: rosbag2 writes the QoS profile of each, as YAML."""
    return sum(line.startswith('- ') for line in offered.splitlines())


@dataclass(frozen=True)
class Channel:
    """One topic of a bag.

    Attributes:
        name: Name of the topic.
        type: Message type.
        offered: QoS profiles its publishers offered.
        hash: RIHS01 hash of the type, '' if unknown.
    """

    name: str
    type: str
    offered: tuple[Mapping[str, Any], ...] = ()
    hash: str = ''


# The YAML library's C part, where it was built with it, takes a tenth of the time.
_SafeDumper: Any = getattr(yaml, 'CSafeDumper', yaml.SafeDumper)


class _Dumper(_SafeDumper):
    """rosbag2's YAML has no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def dump(values: Any) -> str:
    """YAML as rosbag2 writes it."""
    return str(yaml.dump(values, Dumper=_Dumper, sort_keys=False, default_flow_style=False))


VERSIONS = {'humble': 5, 'iron': 8}
"""Newest version of metadata.yaml that a distribution reads; later ones read 9."""

QOS_NAMES = {
    'history': ('system_default', 'keep_last', 'keep_all', 'unknown'),
    'reliability': ('system_default', 'reliable', 'best_effort', 'unknown'),
    'durability': ('system_default', 'transient_local', 'volatile', 'unknown'),
    'liveliness': ('system_default', 'automatic', 'manual_by_node', 'manual_by_topic', 'unknown'),
}
"""What the integers of metadata.yaml before version 9 mean (rmw/types.h)."""


def numbered_profile(profile: Mapping[str, Any]) -> dict[str, Any]:
    """Profile with integers in place of names, as rosbag2 wrote it before version 9."""
    return {
        key: QOS_NAMES[key].index(value) if value in QOS_NAMES.get(key, ()) else value
        for key, value in profile.items()
    }


def offered_text(channel: Channel, version: int = 9) -> str:
    """QoS profiles of a channel as YAML, in the words of a version; '' if there are none."""
    if not channel.offered:
        return ''
    form = dict if version >= 9 else numbered_profile
    return dump([form(profile) for profile in channel.offered]).rstrip()


def bag_information(
    file: str,
    channels: Sequence[Channel],
    counts: Sequence[int],
    start_ns: int | None,
    end_ns: int,
    custom: Mapping[str, str],
    distro: str,
    version: int | None = None,
) -> dict[str, Any]:
    """What metadata.yaml says of a bag of one file, so that a distribution can read it.

    The version is that which the distribution reads, if none is given. Before version 9 the
    quality of service is text; keys of later versions do not disturb a reader.
    """
    version = version or VERSIONS.get(distro, 9)
    start = {'nanoseconds_since_epoch': _NEVER_NS if start_ns is None else start_ns}
    duration = {'nanoseconds': 0 if start_ns is None else end_ns - start_ns}
    total = sum(counts)
    topics = [
        {
            'topic_metadata': {
                'name': channel.name,
                'type': channel.type,
                'serialization_format': 'cdr',
                'offered_qos_profiles': [dict(profile) for profile in channel.offered]
                if version >= 9
                else offered_text(channel, version),
                'type_description_hash': channel.hash,
            },
            'message_count': count,
        }
        for channel, count in zip(channels, counts, strict=True)
    ]
    return {
        'version': version,
        'storage_identifier': 'mcap',
        'duration': duration,
        'starting_time': start,
        'message_count': total,
        'topics_with_message_count': topics,
        'compression_format': '',
        'compression_mode': '',
        'relative_file_paths': [file],
        'files': [
            {
                'path': file,
                'starting_time': start,
                'duration': duration,
                'message_count': total,
            }
        ],
        'custom_data': dict(custom),
        'ros_distro': distro,
    }


def custom_data(meta: EpisodeMeta) -> dict[str, str]:
    """`custom_data` of metadata.yaml: everything as JSON, and what `ros2 bag info` should show."""
    return {
        CUSTOM_KEY: json.dumps(meta.to_dict()),
        'task': meta.task,
        'outcome': meta.outcome,
        'verdict': meta.verdict,
        'recovered': str(meta.recovered).lower(),
    }


def parse_meta(text: str, where: Path) -> EpisodeMeta:
    """Read the JSON of `custom_data` back.

    Raises:
        BagError: If it is none, or its episode's name could not be that of a folder.
    """
    try:
        meta = EpisodeMeta.from_dict(mapping(parse_json(text, CUSTOM_KEY), CUSTOM_KEY))
        plain_name(meta.episode, 'episode', CUSTOM_KEY)
        return meta
    except (ValueError, TypeError, DataError) as error:
        raise BagError(f'{where}: {CUSTOM_KEY} holds no episode: {error}') from error


def read_information(bag: Path) -> dict[str, Any]:
    """`rosbag2_bagfile_information` of a bag's metadata.yaml.

    Raises:
        BagError: If it is missing or damaged.
    """
    path = bag / METADATA
    try:
        values = mapping(parse_yaml(read_text(path, MAX_METADATA_BYTES), METADATA), METADATA)
        information = mapping(values[INFORMATION], INFORMATION)
        custom = information.get('custom_data')
        if custom is not None and custom != []:
            mapping(custom, f'{INFORMATION}: custom_data')
        return information
    except FileNotFoundError as error:
        hint = 'run "imitation_ros repair"' if bag.is_dir() else 'there is no such folder'
        raise BagError(f'{bag}: no {METADATA}; {hint}') from error
    except (OSError, KeyError, DataError) as error:
        raise BagError(f'{path}: damaged ({error}); run "imitation_ros repair"') from error


def bag_files(bag: Path, information: Mapping[str, Any]) -> list[Path]:
    """Recordings of a bag as its metadata.yaml lists them; each lies in the bag's own folder.

    Raises:
        BagError: If one lies elsewhere; names it.
    """
    names = information.get('relative_file_paths') or ()
    if not isinstance(names, list | tuple):
        raise BagError(f'{bag / METADATA}: relative_file_paths is no list')
    try:
        return [file_inside(bag, name, 'recording', bag / METADATA) for name in names]
    except DataError as error:
        raise BagError(str(error)) from error


def write_information(bag: Path, information: Mapping[str, Any]) -> None:
    """Write metadata.yaml so that it is the old one or the new one, never half of it.

    Raises:
        BagError: If it cannot be written.
    """
    path = bag / METADATA
    try:
        replace_text(path, dump({'rosbag2_bagfile_information': dict(information)}), durable=True)
    except OSError as error:
        raise BagError(f'cannot write {path}: {error.strerror}') from error


def update_meta(bag: Path, meta: EpisodeMeta) -> None:
    """Write another EpisodeMeta (a verdict, an outcome) into a finished bag."""
    information = read_information(bag)
    custom = dict(information.get('custom_data') or {}) | custom_data(meta)
    write_information(bag, information | {'custom_data': custom})


def hidden(path: Path, root: Path) -> bool:
    """Whether a path lies in a hidden folder below a root, as dropped bags do."""
    return any(part.startswith('.') for part in path.relative_to(root).parts)


def find_bags(root: Path) -> list[Path]:
    """Bags below a folder (or the folder itself), finished or not, in the order of their names.

    Hidden folders, such as that of the dropped bags, are left out.

    Raises:
        BagError: If there is none.
    """
    if not root.exists():
        raise BagError(f'{root}: there is no such file or folder')
    if root.is_file() or (root / METADATA).is_file() or root.name.endswith(SUFFIX):
        return [root]
    found = {path.parent for path in root.rglob(METADATA)}
    found |= {path for path in root.rglob(f'*{SUFFIX}') if path.is_dir()}
    found |= {path.parent for path in root.rglob('*.mcap')}
    found = {path for path in found if not hidden(path, root)}
    if not found:
        raise BagError(f'{root}: no rosbag2 bag in it')
    return sorted(found)


def is_finished(bag: Path) -> bool:
    """Whether every MCAP file of a bag ends as a finished one does, and there is a file at all."""
    files = [path for path in bag.iterdir() if path.suffix in ('.mcap', '.db3')]
    return bool(files) and all(_ends(path) for path in files)


def _ends(path: Path) -> bool:
    if not path.is_file():
        return False  # a pipe would be waited for
    if path.suffix != '.mcap':
        return True
    with open(path, 'rb') as stream:
        stream.seek(-min(len(MAGIC), path.stat().st_size), os.SEEK_END)
        return stream.read() == MAGIC


def used_names(session: Path) -> set[str]:
    """Names of every episode a session holds or held: finished, unfinished or dropped."""
    folders = [path for path in (session, session / DROPPED) if path.is_dir()]
    return {path.name.removesuffix(SUFFIX) for folder in folders for path in folder.iterdir()}


def next_name(stem: str, used: Iterable[str]) -> str:
    """Name `<stem>_<NNNN>` above every number used so far."""
    numbers = [
        int(found.group(1))
        for name in used
        if (found := re.match(rf'{re.escape(stem)}_(\d{{4,}})', name))
    ]
    return f'{stem}_{max(numbers, default=0) + 1:04d}'
