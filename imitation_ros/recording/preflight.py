# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Is every topic as it should be, before and during a take? One row per topic, with a remedy."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..bags.audit.report import Bounds
from ..bags.motion import thresholds
from ..bags.reader import header_stamp_ns
from ..bags.topics import COMMAND, Topic
from ..contract import Contract
from ..data.frame import Array, JOINT_STATES
from ..errors import DataError
from ..messages import codec
from ..messages.joints import JointReader
from ..messages.pictures import picture_size
from .flow import Flow, Flowing

NS = 1_000_000_000
OK, WARN, ERROR = 0, 1, 2
SILENT_S = 1.0
"""A topic that an episode needs must have sent something within this time [s]."""
JUDGED_S = 1.0
"""A rate is judged once it was measured for this long [s]."""
SEGMENT_BYTES = 512 * 1024
"""Messages above this are lost by Fast DDS's default shared memory over best effort."""


@dataclass(frozen=True)
class Offer:
    """One publisher as discovery tells of it.

    Attributes:
        type: Message type.
        reliable: Whether it repeats what was lost.
        latched: Whether it keeps its last message for late subscribers.
        node: Name of its node.
    """

    type: str
    reliable: bool
    latched: bool
    node: str


@dataclass(frozen=True)
class Seen:
    """What is known of one topic.

    Attributes:
        topic: What is expected.
        flow: Times of its messages.
        offers: Its publishers.
        data: Its newest message, or None.
    """

    topic: Topic
    flow: Flow
    offers: Sequence[Offer]
    data: bytes | None


@dataclass(frozen=True)
class Row:
    """Health of one topic.

    Attributes:
        topic: The topic.
        flow: Its rate, jitter, age and gaps.
        qos: Quality of service of its publishers, in words.
        content: What is in it, such as `640x480 rgb8` or `33 joints`.
        frozen_s: How long a camera has shown the same picture while the robot moved [s].
        level: OK, WARN or ERROR; a required topic with an error refuses a take.
        problem: What is wrong; '' if nothing.
        remedy: What to do about it.
    """

    topic: Topic
    flow: Flowing
    qos: str
    content: str = ''
    frozen_s: float = 0.0
    level: int = OK
    problem: str = ''
    remedy: str = ''

    @property
    def refuses(self) -> bool:
        """Whether a take must not start."""
        return self.level == ERROR and self.topic.required

    def __str__(self) -> str:
        """One sentence for a log or an answer."""
        remedy = f'; {self.remedy}' if self.remedy else ''
        return f'{self.topic.name} ({self.topic.type}) {self.problem}{remedy}'


@dataclass
class _Picture:
    """What a camera showed last, since when, and where the joints were then."""

    pixels: NDArray[np.uint8]
    since_ns: int
    q: Array | None


class Preflight:
    """Examines the topics of a contract."""

    def __init__(
        self, contract: Contract, minimum_rate: float = 0.5, bounds: Bounds | None = None
    ) -> None:
        """Start without having seen anything.

        Args:
            contract: Says what each topic should be like.
            minimum_rate: Share of the expected rate below which a take is refused; 0: never.
            bounds: What is still good enough.
        """
        self._contract = contract
        self._minimum_rate = minimum_rate
        self._bounds = bounds or Bounds()
        self._moved = thresholds(contract, self._bounds.motion)
        self._readers: dict[str, JointReader] = {}
        self._pictures: dict[str, _Picture] = {}
        self._q: Array | None = None

    def rows(self, now_ns: int, seen: Sequence[Seen]) -> list[Row]:
        """One row per topic (now_ns: time of day [ns])."""
        flows = {one.topic.name: one.flow.measure(now_ns) for one in seen}
        simulated = flows.get('/clock', Flowing()).count > 0
        offsets = [
            offset
            for one in seen
            if one.topic.required
            and one.topic.stamped
            and (offset := flows[one.topic.name].offset_s) is not None
        ]
        common = float(np.median(offsets)) if offsets else 0.0
        rows = []
        # Joints first: whether the robot moves tells whether a still picture is a fault.
        for one in sorted(seen, key=lambda s: s.topic.modality != JOINT_STATES):
            row = Row(one.topic, flows[one.topic.name], _qos(one.offers))
            row = self._content(row, one, now_ns)
            row = self._judge(row, one, None if simulated else common)
            rows.append(row)
        order = {one.topic.name: i for i, one in enumerate(seen)}
        return sorted(rows, key=lambda row: order[row.topic.name])

    def _content(self, row: Row, one: Seen, now_ns: int) -> Row:
        """Look at the newest message."""
        topic, data = one.topic, one.data
        if data is None:
            return row
        try:
            if topic.modality in (JOINT_STATES, COMMAND):
                reader = self._readers.setdefault(topic.name, JointReader(self._contract))
                _, q, _ = reader.read(data)
                if topic.modality == JOINT_STATES:
                    self._q = q
                row = replace(row, content=f'{len(q)} joints')
                if not np.isfinite(q).all():
                    bad = [self._contract.joints[i] for i in np.flatnonzero(~np.isfinite(q))]
                    raise DataError(f'holds NaN or infinity in {", ".join(bad)}')
            elif topic.type in codec.IMAGE_DECODERS and topic.modality:
                row = self._picture(row, one, data, now_ns)
            if topic.required and topic.stamped and header_stamp_ns(data) == 0:
                raise DataError('the header has no stamp; the driver must set it')
        except DataError as error:
            return replace(row, level=ERROR, problem=str(error), remedy=_REMEDY_CONTENT)
        return row

    def _picture(self, row: Row, one: Seen, data: bytes, now_ns: int) -> Row:
        camera = self._contract.camera(one.topic.modality)
        width, height, encoding = picture_size(one.topic.type, data)
        row = replace(row, content=f'{width}x{height} {encoding}')
        pixels = np.frombuffer(data, np.uint8)[12:]
        last = self._pictures.get(one.topic.name)
        if last is None or not (
            len(last.pixels) == len(pixels)
            and np.array_equal(last.pixels[::1009], pixels[::1009])
            and np.array_equal(last.pixels, pixels)
        ):
            self._pictures[one.topic.name] = _Picture(pixels, now_ns, self._q)
        elif last.q is not None and self._q is not None:
            if (np.abs(self._q - last.q) > self._moved).any():
                row = replace(row, frozen_s=(now_ns - last.since_ns) / NS)
        if (width, height) != (camera.width, camera.height):
            raise DataError(
                f'images are {width}x{height}, the contract says {camera.width}x{camera.height}'
            )
        return row

    def _judge(self, row: Row, one: Seen, common_s: float | None) -> Row:
        """Add what is wrong first of all; what makes a take worthless before what only hurts."""
        topic, flow, bounds = one.topic, row.flow, self._bounds
        others = sorted({offer.type for offer in one.offers if offer.type != topic.type})
        silent = flow.silent_s is None or flow.silent_s > SILENT_S
        if silent and topic.required:
            sizes = [
                camera.width * camera.height * 3
                for camera in self._contract.cameras
                if camera.topic == topic.name and camera.type == 'sensor_msgs/msg/Image'
            ]
            return _silent(row, one, others, large=max(sizes, default=0) > SEGMENT_BYTES)
        if row.problem:
            return row
        if others:
            return replace(
                row,
                level=WARN,
                problem=f'is also published as {", ".join(others)}',
                remedy=f'the contract says {topic.type}: stop the other publisher',
            )
        slow = self._slow(row)
        if slow is not None:
            return slow
        if topic.required and topic.stamped and common_s is not None:
            offset = flow.offset_s or 0.0
            if abs(offset - common_s) > bounds.clock_s:
                return replace(
                    row,
                    level=ERROR,
                    problem=f'its clock is {_off(offset - common_s)} the other sensors',
                    remedy='synchronise the clocks (chrony or PTP), or stamp with the ROS clock',
                )
            if abs(offset) > bounds.clock_s:
                return replace(
                    row,
                    level=WARN,
                    problem=f"its clock is {_off(offset)} this machine's",
                    remedy='synchronise the clocks (chrony or PTP)',
                )
        if row.frozen_s > bounds.frozen_s:
            return replace(
                row,
                level=WARN,
                problem=f'the same picture for {row.frozen_s:.1f} s while the robot moved',
                remedy='look at the camera; restart its driver',
            )
        return _hints(row, one)

    def _slow(self, row: Row) -> Row | None:
        """Row of a topic that comes too slowly, or None."""
        flow, hz = row.flow, row.topic.rate_hz
        if hz is None or not row.topic.required or flow.span_s < JUDGED_S:
            return None
        share = flow.hz / hz
        if share >= self._bounds.rate_warn:
            return None
        return replace(
            row,
            level=ERROR if share < self._minimum_rate else WARN,
            problem=f'{flow.hz:.1f} Hz instead of {hz:g}',
            remedy='relieve the machine or the network, or correct the rate in the contract',
        )


def _off(seconds: float) -> str:
    return f'{abs(seconds):.2f} s {"behind" if seconds > 0 else "ahead of"}'


_REMEDY_CONTENT = 'correct the driver, or the contract'


def _qos(offers: Sequence[Offer]) -> str:
    """Quality of service of all publishers, in words."""
    if not offers:
        return 'nobody'
    kinds = {'reliable' if offer.reliable else 'best effort' for offer in offers}
    return ' + '.join(sorted(kinds)) + (', latched' if all(o.latched for o in offers) else '')


def _silent(row: Row, one: Seen, others: Sequence[str], large: bool) -> Row:
    """Say why nothing comes."""
    topic = one.topic
    if others:
        problem = f'is published as {", ".join(others)}'
        remedy = 'correct the type in the contract, or the driver'
    elif not one.offers:
        problem, remedy = 'has no publisher', 'start its driver'
        if topic.modality == COMMAND:
            remedy = 'start the safety node: imitation_ros safety'
    elif row.flow.silent_s is not None:
        problem = f'has been silent for {row.flow.silent_s:.1f} s'
        remedy = 'look at its driver'
        if topic.modality == COMMAND:
            remedy = 'arm the robot: commands come once it is armed'
    else:
        problem = f'has a publisher ({one.offers[0].node}), but nothing arrived yet'
        remedy = 'look at its driver'
        if topic.modality == COMMAND:
            remedy = 'arm the robot: commands come once it is armed'
        elif large and not one.offers[0].reliable:
            remedy = (
                'large images over best effort need more shared memory: export '
                'FASTDDS_DEFAULT_PROFILES_FILE (config/fastdds_shm.xml) where its driver starts'
            )
    return replace(row, level=ERROR, problem=problem, remedy=remedy)


def _hints(row: Row, one: Seen) -> Row:
    """What costs no take, but may cost messages."""
    topic, offers = one.topic, one.offers
    if topic.required and len(offers) > 1:
        names = ', '.join(offer.node for offer in offers)
        return replace(
            row,
            level=WARN,
            problem=f'has {len(offers)} publishers: {names}',
            remedy='stop all but one',
        )
    large = one.data is not None and len(one.data) > SEGMENT_BYTES
    if topic.required and large and any(not offer.reliable for offer in offers):
        return replace(
            row,
            level=WARN,
            problem=f'sends {len(one.data or b"") / 1e6:.1f} MB at a time over best effort',
            remedy='export FASTDDS_DEFAULT_PROFILES_FILE (config/fastdds_shm.xml) at its driver',
        )
    return row
