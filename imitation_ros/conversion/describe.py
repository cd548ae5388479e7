# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Write the contract of a bag that describes no robot: which topic is seen, which is done.

The names, the arrays, the rate and the clock come from the bag's own messages. What cannot be
told from them is asked for, never guessed.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
import re
from typing import Any

import numpy as np
import yaml

from ..bags.layout import find_bags
from ..bags.reader import Bag
from ..bags.vectors import arrays, names_of, StopError
from ..errors import DataError

NS = 1_000_000_000
STATE, TRAJECTORY = 'sensor_msgs/msg/JointState', 'trajectory_msgs/msg/JointTrajectory'
BARE = ('std_msgs/msg/Float64MultiArray', 'std_msgs/msg/Float32MultiArray')
READ = ('JointState', 'JointTrajectory', 'Float64MultiArray', 'Float32MultiArray')
MANY = 20
"""Topics that are listed at most."""
DOES = re.compile(r'action|(?<![a-z])acts?(?![a-z])|command|cmd|control|ctrl|target|goal')
SEES = re.compile(r'obs|state|feedback|sensor')
LEAST_AGE_S, PERIODS = 0.5, 3.0
"""An action may follow an observation this old [s], and this many periods of the slower one."""

CLOCKS_AGREE = 0.2
"""Header and receive times run equally fast if they differ by no more than this share."""


def describe(
    place: Path,
    name: str | None = None,
    observation: str | None = None,
    action: str | None = None,
) -> str:
    """Contract of a bag, as YAML.

    Args:
        place: A bag, or a folder of bags, of which the first is looked at.
        name: Name of the contract; that of the bag if None.
        observation: Topic of what is seen; None looks for it.
        action: Topic of what is done; None looks for it.

    Raises:
        DataError: If the topics cannot be told apart, with those there are.
    """
    path = find_bags(place)[0]
    with Bag(path) as bag:
        seen, done = _topics(bag, observation, action)
        stamps = _clock(bag, (seen, done))
        steps = _times(bag, done, stamps)
        if len(steps) < 2:
            raise DataError(f'{path}: fewer than two messages on {done}')
        rate, seen_hz = _rate(steps), _rate(_times(bag, seen, stamps))
        values: dict[str, Any] = {
            'name': _plain(name or path.stem),
            'rates': {'policy_hz': round(rate, 3)},
            'observation': {
                'topic': seen,
                'type': bag.types[seen],
                **_entries(bag, seen),
                'rate_hz': round(seen_hz, 3),
                'max_age_s': round(max(LEAST_AGE_S, PERIODS / min(rate, seen_hz)), 3),
                'stamps': stamps,
            },
            'action': {'topic': done, 'type': bag.types[done], **_action(bag, done)},
        }
        values['action']['stamps'] = stamps
        rest = _left_out(bag, (seen, done))
    head = (
        f'# Contract of data without a robot, written from {path.name}.\n'
        '# It trains, exports and evaluates; moving a robot takes a urdf and groups.\n'
        '# action.limits: {name: [low, high]} may be added; else the range in the data holds.\n'
    )
    return (
        head
        + rest
        + str(yaml.safe_dump(values, sort_keys=False, default_flow_style=None, width=99))
    )


def _topics(bag: Bag, observation: str | None, action: str | None) -> tuple[str, str]:
    """Topics of what is seen and what is done."""
    fit = [
        topic
        for topic, kind in sorted(bag.types.items())
        if kind in (STATE, TRAJECTORY, *BARE) and bag.counts[topic]
    ]
    for given in (observation, action):
        if given is not None and given not in fit:
            others = [topic for topic in bag.types if topic not in fit]
            more = f'; not read: {_types(bag, others)}' if others else ''
            raise DataError(
                f'{bag.path}: {given} is none of its topics of numbers: {_list(fit)}{more}'
            )
    doers = [t for t in fit if t != observation and (bag.types[t] == TRAJECTORY or DOES.search(t))]
    if len(doers) != 1:
        # A namespace may sound like one of the two; and of two topics one is seen, the other done.
        doers = [t for t in doers or fit if t != observation and not SEES.search(t)]
    if not fit:
        raise DataError(
            f'{bag.path}: none of its topics can be read as numbers ({", ".join(READ)} can): '
            f'{_types(bag, bag.types)}'
        )
    if action is None:
        if len(doers) != 1:
            raise DataError(
                f'{bag.path}: which topic holds the actions? name it with --action: {_list(fit)}'
            )
        (action,) = doers
    if observation is None:
        rest = [t for t in fit if t != action and bag.types[t] != TRAJECTORY]
        seers = [t for t in rest if SEES.search(t)] if len(rest) > 1 else rest
        if len(seers) != 1:
            raise DataError(
                f'{bag.path}: which topic holds the observations? name it with --observation: '
                f'{_list(rest)}'
            )
        (observation,) = seers
    return observation, action


def _left_out(bag: Bag, used: Sequence[str]) -> str:
    """Comment on the topics that a contract leaves out; '' if there are none."""
    rest = [topic for topic in bag.types if topic not in used and bag.counts[topic]]
    return f'# Left out: {_types(bag, rest)}.\n' if rest else ''


def _types(bag: Bag, topics: Iterable[str]) -> str:
    """Topics and their types, the first of many."""
    listed = [f'{topic} ({bag.types[topic]})' for topic in sorted(topics)]
    more = f' and {len(listed) - MANY} more' if len(listed) > MANY else ''
    return ', '.join(listed[:MANY]) + more or 'there is none'


def _list(topics: Sequence[str]) -> str:
    return ', '.join(topics) or 'there is none'


def _first(bag: Bag, topic: str) -> Any:
    """First message of a topic, but for trajectories without points, which are stops."""
    for message in bag.messages([topic]):
        found = bag.decode(message)
        if bag.types[topic] != TRAJECTORY or len(found.points):
            return found
    raise DataError(f'{bag.path}: {topic} holds trajectories without points alone')


def _arrays(bag: Bag, topic: str) -> Iterator[dict[str, Any]]:
    """Arrays of every message of a topic, but for stops."""
    for message in bag.messages([topic]):
        with suppress(StopError):
            yield arrays(bag.types[topic], bag.decode(message))


def _times(bag: Bag, topic: str, stamps: str) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Times of all messages of a topic [ns], in order."""
    times = [
        _header(bag.decode(m)) if stamps == 'header' else m.log_ns for m in bag.messages([topic])
    ]
    return np.sort(np.array(times, np.int64))


def _header(message: Any) -> int:
    return int(message.header.stamp.sec) * NS + int(message.header.stamp.nanosec)


def _rate(times: np.ndarray[Any, np.dtype[np.int64]]) -> float:
    return float(NS / max(float(np.median(np.diff(times))), 1.0)) if len(times) > 1 else 1.0


def _clock(bag: Bag, topics: tuple[str, str]) -> str:
    """Header times if all messages have them and they agree between the topics."""
    if any(bag.types[topic] in BARE for topic in topics):
        return 'log'
    spans = []
    for topic in topics:
        times = _times(bag, topic, 'header')
        if len(np.unique(times)) < 0.9 * len(times) or not times[-1]:
            return 'log'
        spans.append((int(times[0]), int(times[-1])))
    (a, b), (c, d) = spans
    apart = max(abs(a - c), abs(b - d))
    return 'header' if apart <= CLOCKS_AGREE * max(b - a, d - c) else 'log'


def _entries(bag: Bag, topic: str) -> dict[str, list[str]]:
    """Names of the entries of each array of an observation."""
    kind, message = bag.types[topic], _first(bag, topic)
    names, found = names_of(kind, message), arrays(kind, message)
    if not found:
        raise DataError(f'{bag.path}: {topic} holds no numbers')
    return {field: _names(names, len(a), 'observation') for field, a in found.items()}


def _action(bag: Bag, topic: str) -> dict[str, Any]:
    """Names and array of an action: the first that moves, or that is there at all."""
    kind, first = bag.types[topic], _first(bag, topic)
    found = arrays(kind, first)
    if not found:
        raise DataError(f'{bag.path}: {topic} holds no numbers')
    still = set(found)
    for now in _arrays(bag, topic) if len(found) > 1 else ():
        still -= {f for f in still if f in now and not np.array_equal(now[f], found[f])}
    field = next((f for f in found if f not in still), next(iter(found)))
    names = _names(names_of(kind, first), len(found[field]), 'action')
    return {'field': field, 'names': names}


def _names(names: tuple[str, ...], count: int, stem: str) -> list[str]:
    """Names of `count` entries: the message's own, or numbered where it gives others."""
    if len(names) == count and len(set(names)) == count:
        return list(names)
    return [f'{stem}_{i}' for i in range(count)]


def _plain(text: str) -> str:
    """Name that a contract may have."""
    plain = re.sub(r'[^a-z0-9]+', '_', text.lower()).strip('_')
    return plain if plain[:1].isalpha() else f'data_{plain}'
