# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Put the messages of a bag on the policy's grid with the one resampler, `data.timeline`.

The first tick is the first at which every modality is fresh. Action t is the command in force
one step after tick t. A tick in the middle without fresh data spoils the episode.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract import Contract
from ..data.frame import Array, Frame, Image, JOINT_STATES
from ..data.timeline import SampleBuffer, Timeline
from ..errors import DataError
from ..messages import codec
from ..messages.joints import JointReader
from .reader import Bag, header_stamp_ns

NS = 1_000_000_000
COMMAND_AGE_S = 0.1
"""Oldest command that still counts as in force [s]; at least three periods of the safety node."""
TAIL_S = 0.5
"""Silence at the end that is cut off rather than held against the episode [s]."""


@dataclass(frozen=True)
class Aligned:
    """One episode on the grid, its images still undecoded.

    Attributes:
        tick_ns: Ticks [ns], shape (T,).
        q: Joint positions [rad or m], shape (T, n).
        v: Joint velocities [rad/s or m/s], shape (T, n).
        action: Command one step after each tick [rad or m], shape (T, n).
        poses: Poses by name, each of shape (T, 7).
        image_numbers: For each camera the number of the message that stands at each tick,
            counted over its topic in the order of the bag, shape (T,).
        age_ns: Age of each modality at each tick [ns], shape (T,).
    """

    tick_ns: NDArray[np.int64]
    q: Array
    v: Array
    action: Array
    poses: Mapping[str, Array]
    image_numbers: Mapping[str, NDArray[np.int64]]
    age_ns: Mapping[str, NDArray[np.int64]]

    def trimmed(self, margin_s: float) -> 'Aligned':
        """Cut the head and tail where neither joints nor commands move, but for a margin [s]."""
        moved = np.zeros(len(self.tick_ns), dtype=bool)
        for values in (self.q, self.action):
            moved[1:] |= np.abs(np.diff(values, axis=0)).max(axis=1) > 1e-3
        where = np.flatnonzero(moved)
        if not len(where):
            raise DataError('nothing moves in it')
        ticks, margin = self.tick_ns, round(margin_s * NS)
        first = int(np.searchsorted(ticks, ticks[where[0]] - margin))
        last = int(np.searchsorted(ticks, ticks[where[-1]] + margin, side='right'))

        def cut(values: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
            return {name: array[first:last] for name, array in values.items()}

        return Aligned(
            tick_ns=ticks[first:last],
            q=self.q[first:last],
            v=self.v[first:last],
            action=self.action[first:last],
            poses=cut(self.poses),
            image_numbers=cut(self.image_numbers),
            age_ns=cut(self.age_ns),
        )


def ticket(number: int) -> Image:
    """Stand-in for an image: the timeline chooses among these, pixels are decoded later."""
    return np.array([number], dtype=np.int64).view(np.uint8)


def number_of(stand_in: Image) -> int:
    """Number that a stand-in holds."""
    return int(stand_in.view(np.int64)[0])


def align(bag: Bag, contract: Contract, extras: Iterable[str]) -> Aligned:
    """Put a bag on the grid of the contract's policy rate.

    Args:
        bag: The open bag.
        contract: Names the topics, rates and maximum ages.
        extras: Cameras and poses a frame must hold besides the joints.

    Raises:
        DataError: If a modality is missing, or stale in the middle; says when.
    """
    modalities = (JOINT_STATES, *extras)
    timeline, commands = Timeline(contract, modalities, horizon_s=None), _commands(contract)
    fill(bag, contract, timeline, commands)
    step_ns = round(NS / contract.rates.policy_hz)
    start = _first_tick(timeline, commands, step_ns)
    end = _last_tick(timeline, commands, step_ns)
    frames: list[Frame] = []
    actions: list[Array] = []
    for tick in range(start, end + 1, step_ns):
        frame, action = timeline.frame(tick), commands.sample(tick + step_ns)
        if frame is None or action is None:
            if end - tick <= TAIL_S * NS:
                break
            why = timeline.missing(tick)
            if action is None:
                why['command'] = 'no command in force one step later'
            reasons = ', '.join(f'{name}: {text}' for name, text in why.items())
            at = (tick - start) / NS
            raise DataError(f'no fresh data {at:.2f} s into the episode ({reasons})')
        frames.append(frame)
        actions.append(action[1])
    if len(frames) < 2:
        raise DataError(f'only {len(frames)} steps in which everything was fresh')
    return _stack(frames, actions, timeline.modalities, contract)


def _commands(contract: Contract) -> SampleBuffer[Array]:
    age_s = max(COMMAND_AGE_S, 3.0 / contract.rates.command_hz)
    return SampleBuffer(round(age_s * NS))


def fill(bag: Bag, contract: Contract, timeline: Timeline, commands: SampleBuffer[Array]) -> None:
    """Push every message of a bag into a timeline, images by their numbers.

    Raises:
        DataError: If the bag lacks a topic, or a message is unfit; says when it came.
    """
    cameras = {c.topic: c.name for c in contract.cameras if c.name in timeline.modalities}
    poses = {p.topic: p.name for p in contract.poses if p.name in timeline.modalities}
    states, command = contract.joint_states.topic, contract.topics.command
    wanted = [states, command, *cameras, *poses]
    for topic in wanted:
        if not bag.counts.get(topic):
            raise DataError(f'nothing recorded on {topic}')
    numbers = dict.fromkeys(cameras, 0)
    readers = {topic: JointReader(contract) for topic in (states, command)}
    for message in bag.messages(wanted):
        topic = message.topic
        try:
            if topic in cameras:
                stamp = header_stamp_ns(message.data)
                timeline.push_image(cameras[topic], stamp, ticket(numbers[topic]))
                numbers[topic] += 1
            elif topic == states:
                timeline.push_state(*readers[topic].read(message.data))
            elif topic == command:
                stamp, q, _ = readers[topic].read(message.data)
                if not np.isfinite(q).all():
                    raise DataError('command holds NaN or infinity')
                commands.push(stamp, q)
            else:
                timeline.push_pose(poses[topic], *codec.pose(bag.decode(message)))
        except DataError as error:
            at = (message.log_ns - bag.start_ns) / NS
            raise DataError(f'{topic} at {at:.2f} s: {error}') from error


def _first_tick(timeline: Timeline, commands: SampleBuffer[Array], step_ns: int) -> int:
    """First tick at which everything is fresh, on a grid that starts at the first joint state."""
    span = timeline.span_ns()
    if span is None:
        raise DataError('no joint states')
    for tick in range(span[0], span[1] + 1, step_ns):
        if timeline.frame(tick) is not None and commands.sample(tick + step_ns) is not None:
            return tick
    why = timeline.missing((span[0] + span[1]) // 2)
    reasons = ', '.join(f'{name}: {text}' for name, text in why.items()) or 'no commands'
    raise DataError(f'at no tick is everything fresh ({reasons})')


def _last_tick(timeline: Timeline, commands: SampleBuffer[Array], step_ns: int) -> int:
    """Last tick that can have both a joint state and a command one step later."""
    span, command = timeline.span_ns(), commands.newest_ns
    if span is None or command is None:
        raise DataError('nothing to align')
    return min(span[1], command - step_ns)


def _stack(
    frames: list[Frame], actions: list[Array], modalities: tuple[str, ...], contract: Contract
) -> Aligned:
    cameras = [c.name for c in contract.cameras if c.name in modalities]
    poses = [p.name for p in contract.poses if p.name in modalities]
    return Aligned(
        tick_ns=np.array([frame.tick_ns for frame in frames], np.int64),
        q=np.stack([frame.q for frame in frames]),
        v=np.stack([frame.v for frame in frames]),
        action=np.stack(actions),
        poses={name: np.stack([frame.poses[name] for frame in frames]) for name in poses},
        image_numbers={
            name: np.array([number_of(frame.images[name]) for frame in frames], np.int64)
            for name in cameras
        },
        age_ns={
            name: np.array([frame.age_ns(name) for frame in frames], np.int64)
            for name in modalities
        },
    )
