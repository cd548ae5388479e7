# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Observations and actions of bags that describe no robot: arrays with names, nothing more.

There is no grid to put such data on: every action is one step, and what was seen is the newest
observation at or before it. Two messages of one step mostly carry one stamp, so an observation
that is as old as its action counts.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..contract import Acted, Contract, Observed
from ..data.frame import Array, Frame, JOINT_STATES
from ..data.timeline import Timeline
from ..errors import DataError
from ..messages import codec
from ..messages.definitions import decode
from .align import Aligned, number_of, ticket
from .reader import Bag, header_stamp_ns, RawMessage

NS = 1_000_000_000
ARRAYS = ('position', 'velocity', 'effort')


LATEST_S = 1.0
"""A stamp may be this much older than the message's arrival; if it is more, clocks differ [s]."""


class StopError(DataError):
    """A trajectory without points: what is under way is to stop, and nothing new is asked for."""


def arrays(kind: str, message: Any, log_ns: int = 0) -> dict[str, Array]:
    """Arrays of a message by field, as far as it has them.

    Args:
        kind: Its type.
        message: A JointState, an array of floats or a JointTrajectory, of which the first point
            after now counts: planners begin with where the robot is.
        log_ns: When it was received [ns]; 0: at its stamp.

    Raises:
        StopError: If a trajectory has no point.
    """
    if kind.endswith('MultiArray'):
        found = {'position': message.data}
    elif kind.endswith('JointTrajectory'):
        if not len(message.points):
            raise StopError('a trajectory without points is a stop')
        point = _next_point(message, log_ns)
        found = {
            'position': point.positions,
            'velocity': point.velocities,
            'effort': point.effort,
        }
    else:
        found = {name: getattr(message, name) for name in ARRAYS}
    return {name: np.asarray(a, dtype=np.float64) for name, a in found.items() if len(a)}


def _next_point(message: Any, log_ns: int) -> Any:
    """First point that lies after the message's arrival; the last if none does."""
    stamp = _nanoseconds(message.header.stamp)
    waited = log_ns - stamp if stamp and log_ns else 0
    now = waited if 0 <= waited <= LATEST_S * NS else 0
    later = (p for p in message.points if _nanoseconds(p.time_from_start) > now)
    return next(later, message.points[-1])


def _nanoseconds(time: Any) -> int:
    return int(time.sec) * NS + int(time.nanosec)


def names_of(kind: str, message: Any) -> tuple[str, ...]:
    """Names a message gives its entries; () if its type gives none.

    A bare array may carry them as the labels of its dimensions.
    """
    if kind.endswith('JointTrajectory'):
        return tuple(message.joint_names)
    if kind.endswith('JointState'):
        return tuple(message.name)
    labels = tuple(dim.label for dim in message.layout.dim)
    return labels if len(labels) == len(message.data) and all(labels) else ()


def _pick(kind: str, message: Any, field: str, wanted: tuple[str, ...], log_ns: int) -> Array:
    """Entries of one array in the wanted order."""
    have = arrays(kind, message, log_ns).get(field)
    if have is None:
        raise DataError(f'the message has no {field}; the contract names {len(wanted)} entries')
    names = names_of(kind, message)
    if len(names) == len(have):
        return codec.joint_vector(wanted, names, have)
    # Without a name for each entry, the contract's names are in the order of the array.
    if len(have) != len(wanted):
        raise DataError(f'{len(have)} values of {field}, the contract names {len(wanted)}')
    return have


class VectorReader:
    """Reads the observations or the actions of a contract without a robot."""

    def __init__(self, stream: Observed | Acted) -> None:
        """Read what a contract says of a stream."""
        self._stream = stream
        fields: dict[str, tuple[str, ...]] = (
            {name: getattr(stream, name) for name in ARRAYS}
            if isinstance(stream, Observed)
            else {stream.field: stream.names}
        )
        self._fields = {name: wanted for name, wanted in fields.items() if wanted}

    def read(self, data: bytes, log_ns: int) -> tuple[int, Array]:
        """Stamp [ns] and values of a serialized message.

        Raises:
            StopError: If it is a trajectory without points.
            DataError: If an entry is missing, or a value is NaN or infinite.
        """
        kind = self._stream.type
        message = decode(kind, data)
        values = np.concatenate(
            [_pick(kind, message, name, wanted, log_ns) for name, wanted in self._fields.items()]
        )
        if not np.isfinite(values).all():
            raise DataError('NaN or infinity in it')
        return (header_stamp_ns(data) if self._stream.stamps == 'header' else log_ns), values


def pair(bag: Bag, contract: Contract, extras: Iterable[str] = ()) -> Aligned:
    """Pair every action of a bag with what was seen when it was taken.

    Args:
        bag: The open bag.
        contract: A contract without a robot.
        extras: Cameras and poses a frame must hold besides.

    Raises:
        DataError: If a topic is missing, a message does not fit, or nothing was seen before an
            action that is not the first.
    """
    if contract.observed is None or contract.acted is None:
        raise DataError(f'the contract "{contract.name}" describes a robot: align it')
    modalities = (JOINT_STATES, *extras)
    timeline = Timeline(contract, modalities, horizon_s=None)
    actions = _fill(bag, contract, timeline)
    frames: list[Frame] = []
    taken: list[Array] = []
    for stamp, action in actions:
        frame = timeline.frame(stamp)
        if frame is None and not frames:
            continue  # an action before the first observation
        if frame is None:
            why = ', '.join(f'{k}: {text}' for k, text in timeline.missing(stamp).items())
            at = (stamp - actions[0][0]) / NS
            raise DataError(f'nothing seen before the action at {at:.2f} s ({why})')
        if frames and stamp == frames[-1].tick_ns:
            raise DataError(f'two actions have one stamp, {stamp} ns; "stamps: log" may tell them')
        frames.append(frame)
        taken.append(action)
    if len(frames) < 2:
        raise DataError(f'only {len(frames)} actions with an observation before them')
    names = [name for name in timeline.modalities if name != JOINT_STATES]
    cameras = [c.name for c in contract.cameras if c.name in names]
    return Aligned(
        tick_ns=np.array([frame.tick_ns for frame in frames], np.int64),
        q=np.stack([frame.q for frame in frames]),
        v=np.zeros((len(frames), contract.n)),
        action=np.stack(taken),
        poses={
            name: np.stack([frame.poses[name] for frame in frames])
            for name in names
            if name not in cameras
        },
        image_numbers={
            name: np.array([number_of(frame.images[name]) for frame in frames], np.int64)
            for name in cameras
        },
        age_ns={
            name: np.array([frame.age_ns(name) for frame in frames], np.int64)
            for name in timeline.modalities
        },
    )


def _fill(bag: Bag, contract: Contract, timeline: Timeline) -> list[tuple[int, Array]]:
    """Push what was seen into a timeline; returns stamp and values of every action, in order."""
    observed, acted = contract.observed, contract.acted
    if observed is None or acted is None:
        raise DataError('a contract without a robot is needed')
    cameras = {c.topic: c.name for c in contract.cameras if c.name in timeline.modalities}
    poses = {p.topic: p.name for p in contract.poses if p.name in timeline.modalities}
    wanted = [observed.topic, acted.topic, *cameras, *poses]
    for topic in wanted:
        if not bag.counts.get(topic):
            have = ', '.join(sorted(t for t, n in bag.counts.items() if n)) or 'nothing'
            raise DataError(f'nothing recorded on {topic} (recorded: {have})')
    for stream in (observed, acted):
        if bag.types[stream.topic] != stream.type:
            raise DataError(
                f'{stream.topic} is {bag.types[stream.topic]}, the contract says {stream.type}'
            )
    seen, done = VectorReader(observed), VectorReader(acted)
    numbers = dict.fromkeys(cameras, 0)
    zeros = np.zeros(contract.n)
    actions: list[tuple[int, Array]] = []

    def take(message: RawMessage) -> None:
        if message.topic == observed.topic:
            stamp, values = seen.read(message.data, message.log_ns)
            timeline.push_state(stamp, values, zeros)
        elif message.topic == acted.topic:
            actions.append(done.read(message.data, message.log_ns))
        elif message.topic in cameras:
            stamp = header_stamp_ns(message.data)
            timeline.push_image(cameras[message.topic], stamp, ticket(numbers[message.topic]))
            numbers[message.topic] += 1
        else:
            timeline.push_pose(poses[message.topic], *codec.pose(bag.decode(message)))

    for message in bag.messages(wanted):
        try:
            take(message)
        except StopError:
            continue  # no action: the rows beside it stand
        except DataError as error:
            at = (message.log_ns - bag.start_ns) / NS
            raise DataError(f'{message.topic} at {at:.2f} s: {error}') from error
    return sorted(actions, key=lambda action: action[0])
