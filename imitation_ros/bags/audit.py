# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Judge a bag: ok, warn or reject, and why.

Rates and gaps are those of the header stamps, the times the converter works with; a message that
arrived late is no gap. Where a message has no header its publish time stands in.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
import json
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..contract import Contract
from ..data.frame import JOINT_STATES
from ..errors import BagError, DataError
from . import codec
from .frozen import Frozen, ImageTrack, judge
from .reader import Bag, header_stamp_ns, RawMessage
from .topics import COMMAND, recorded, Topic

Verdict = Literal['ok', 'warn', 'reject']
NS = 1_000_000_000


@dataclass(frozen=True)
class Bounds:
    """What is still good enough.

    Attributes:
        gap_s: Silence that counts as a gap [s]; at least three periods of the topic.
        gaps: So many gaps of one topic reject.
        silence_s: A single gap this long rejects [s].
        rate_warn: Share of the expected rate below which to warn.
        rate_reject: Share of the expected rate below which to reject.
        clock_s: Change of the difference between header and receive time that is a jump [s].
        frozen_s: Time an image may stay the same while the robot moves [s].
        motion: Range of a joint below which it does not count as moved [rad or m].
    """

    gap_s: float = 0.1
    gaps: int = 5
    silence_s: float = 1.0
    rate_warn: float = 0.8
    rate_reject: float = 0.5
    clock_s: float = 0.5
    frozen_s: float = 0.5
    motion: float = 0.02


@dataclass(frozen=True)
class TopicAudit:
    """What was found on one topic.

    Attributes:
        name: Name of the topic.
        type: Its type.
        required: Whether an episode is worth nothing without it.
        count: Number of messages.
        expected_hz: Rate in the contract [Hz], or None.
        rate_hz: Rate found [Hz].
        gaps: Number of gaps.
        longest_gap_s: Longest time between two messages [s].
        jitter_s: Standard deviation of the time between messages [s].
        delay_s: Longest delay from the header stamp to the recorder [s].
        backwards: Messages stamped earlier than the one before.
        frozen_s: Longest time without a new picture while the robot moved [s].
        lost: Messages lost on the way or dropped by the recorder.
    """

    name: str
    type: str
    required: bool
    count: int
    expected_hz: float | None
    rate_hz: float
    gaps: int
    longest_gap_s: float
    jitter_s: float
    delay_s: float
    backwards: int
    frozen_s: float
    lost: int


@dataclass(frozen=True)
class Audit:
    """Verdict on one bag.

    Attributes:
        episode: Name of the episode.
        seconds: Its length [s].
        verdict: ok, warn or reject.
        reasons: Why, one sentence each, the grave ones first.
        topics: What was found per topic.
    """

    episode: str
    seconds: float
    verdict: Verdict
    reasons: tuple[str, ...]
    topics: tuple[TopicAudit, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self) | {
            'reasons': list(self.reasons),
            'topics': [asdict(topic) for topic in self.topics],
        }

    HEADINGS = ('topic', 'messages', 'Hz', 'expected', 'gaps', 'longest', 'jitter', 'lost')

    def rows(self) -> Iterator[tuple[str, ...]]:
        """Rows under HEADINGS, for a table."""
        for topic in self.topics:
            yield (
                topic.name,
                str(topic.count),
                f'{topic.rate_hz:.1f}',
                '' if topic.expected_hz is None else f'{topic.expected_hz:g}',
                str(topic.gaps),
                f'{topic.longest_gap_s * 1e3:.0f} ms',
                f'{topic.jitter_s * 1e3:.1f} ms',
                str(topic.lost),
            )


class _Notes:
    """Reasons found so far; the first of each kind per topic is enough."""

    def __init__(self) -> None:
        self.reject: list[str] = []
        self.warn: list[str] = []
        self._seen: set[tuple[str, str]] = set()

    def once(self, topic: str, kind: str, text: str) -> None:
        if (topic, kind) not in self._seen:
            self._seen.add((topic, kind))
            self.reject.append(text)


@dataclass
class _Track:
    """Times of one topic's messages while the bag is read."""

    topic: Topic
    log_ns: list[int] = field(default_factory=list)
    stamp_ns: list[int] = field(default_factory=list)
    order: list[int] = field(default_factory=list)


def audit(bag: Bag, contract: Contract | None = None, bounds: Bounds | None = None) -> Audit:
    """Judge a bag.

    Args:
        bag: The open bag.
        contract: What should be in it; the contract inside the bag if None.
        bounds: What is still good enough.

    Raises:
        BagError: If the bag is damaged inside, or has no contract and none was given.
    """
    contract = contract or bag.contract
    if contract is None:
        raise BagError(f'{bag.path}: holds no contract; name one with --contract')
    bounds = bounds or Bounds()
    notes = _Notes()
    topics = {topic.name: topic for topic in recorded(contract)}
    tracks = {name: _Track(topic) for name, topic in topics.items()}
    cameras = {camera.topic: ImageTrack(camera.name) for camera in contract.cameras}
    joints: tuple[list[int], list[NDArray[np.float64]]] = ([], [])
    for topic in topics.values():
        kind = bag.types.get(topic.name)
        if kind is not None and kind != topic.type:
            notes.reject.append(f'{topic.name} is {kind}, the contract says {topic.type}')
    wanted = [name for name in topics if bag.types.get(name) == topics[name].type]
    for message in bag.messages(wanted):
        track = tracks[message.topic]
        track.log_ns.append(message.log_ns)
        try:
            stamp = _look(bag, contract, message, track.topic, cameras, joints, bounds)
        except DataError as error:
            at = (message.log_ns - bag.start_ns) / NS
            notes.once(message.topic, 'content', f'{message.topic} at {at:.2f} s: {error}')
            continue
        track.stamp_ns.append(stamp)
        track.order.append(message.sequence or message.publish_ns)
    lost = json.loads((bag.meta.extra if bag.meta else {}).get('lost', '{}'))
    simulated = bool(tracks['/clock'].log_ns)
    ends = _span(tracks)
    found = []
    q_ns, q = np.array(joints[0], np.int64), np.array(joints[1]).reshape(-1, contract.n)
    for name, track in tracks.items():
        if name not in bag.types and not track.topic.required:
            continue
        frozen = Frozen(0.0, '', False)
        if name in cameras:
            frozen = judge(cameras[name], contract, q_ns, q, bounds.frozen_s, bounds.motion)
        found.append(
            _judge_topic(track, ends, frozen, lost.get(name, 0), simulated, bounds, notes)
        )
    if len(q) and float(np.ptp(q, axis=0).max()) < bounds.motion:
        notes.warn.append('the robot did not move')
    if bag.meta is not None and bag.meta.recovered:
        notes.warn.append('repaired after a crash: the end of the episode is missing')
    verdict: Verdict = 'reject' if notes.reject else 'warn' if notes.warn else 'ok'
    return Audit(
        episode=bag.meta.episode if bag.meta else bag.path.stem,
        seconds=(bag.end_ns - bag.start_ns) / NS,
        verdict=verdict,
        reasons=(*notes.reject, *notes.warn),
        topics=tuple(found),
    )


def _look(
    bag: Bag,
    contract: Contract,
    message: RawMessage,
    topic: Topic,
    cameras: dict[str, ImageTrack],
    joints: tuple[list[int], list[NDArray[np.float64]]],
    bounds: Bounds,
) -> int:
    """Check the content of one message and return its stamp [ns]."""
    if topic.modality in (JOINT_STATES, COMMAND):
        stamp, q, v = codec.joint_state(contract, bag.decode(message))
        if not (np.isfinite(q).all() and np.isfinite(v).all()):
            bad = np.flatnonzero(~(np.isfinite(q) & np.isfinite(v)))
            raise DataError(f'NaN or infinity in {", ".join(contract.joints[i] for i in bad)}')
        if topic.modality == JOINT_STATES:
            joints[0].append(stamp)
            joints[1].append(q)
    elif message.topic in cameras:
        decoded = bag.decode(message)
        stamp = codec.stamp_ns(decoded.header.stamp)
        cameras[message.topic].push(stamp, decoded.data)
    elif topic.modality:
        stamp, pose = codec.pose(bag.decode(message))
        if not np.isfinite(pose).all():
            raise DataError('NaN or infinity in the pose')
    else:
        stamp = header_stamp_ns(message.data) if topic.stamped else message.publish_ns
    if topic.stamped and topic.modality and stamp == 0:
        raise DataError('the header has no stamp; the driver must set it')
    return stamp


def _span(tracks: dict[str, _Track]) -> tuple[int, int]:
    """First and last stamp of the topics that come at a rate [ns]."""
    stamps = [t.stamp_ns for t in tracks.values() if t.topic.rate_hz is not None and t.stamp_ns]
    if not stamps:
        return 0, 0
    return min(min(s) for s in stamps), max(max(s) for s in stamps)


def _judge_topic(
    track: _Track,
    ends: tuple[int, int],
    frozen: Frozen,
    lost: int,
    simulated: bool,
    bounds: Bounds,
    notes: _Notes,
) -> TopicAudit:
    topic, count = track.topic, len(track.log_ns)
    name, hz = topic.name, topic.rate_hz
    stamps = np.array(track.stamp_ns, np.int64)
    gaps, longest, jitter, rate, backwards, delay = 0, 0.0, 0.0, 0.0, 0, 0.0
    if topic.required and count == 0:
        notes.reject.append(f'{name}: nothing recorded ({topic.type})')
    if len(stamps) > 1:
        steps = np.diff(stamps) / NS
        # DDS may deliver a repeated message after its successors; that is no fault of a clock.
        later = np.diff(np.array(track.order, np.int64)) > 0
        backwards = int(((steps < 0) & later).sum())
        jitter = float(steps.std())
        rate = (len(stamps) - 1) / max(float(stamps.max() - stamps.min()) / NS, 1e-9)
        longest = float(steps.max())
    if len(stamps) and hz is not None:
        steps = np.diff(np.concatenate([[ends[0]], np.sort(stamps), [ends[1]]])) / NS
        if topic.modality == COMMAND:
            steps = steps[1:-1]  # before arming and after disarming there are no commands
        limit = max(bounds.gap_s, 3.0 / hz)
        gaps = int((steps > limit + 1e-6).sum())
        longest = float(steps.max(initial=0.0))
        if gaps >= bounds.gaps or longest > bounds.silence_s:
            notes.reject.append(
                f'{name}: {gaps} gaps over {limit * 1e3:.0f} ms, the longest {longest:.2f} s'
            )
        elif gaps:
            notes.warn.append(
                f'{name}: {gaps} gaps over {limit * 1e3:.0f} ms, the longest {longest:.2f} s'
            )
    if hz is not None and len(stamps) > 1:
        if rate < bounds.rate_reject * hz:
            notes.reject.append(f'{name}: {rate:.1f} Hz instead of {hz:g}')
        elif rate < bounds.rate_warn * hz:
            notes.warn.append(f'{name}: {rate:.1f} Hz instead of {hz:g}')
    if backwards and topic.modality:
        notes.reject.append(f'{name}: {backwards} stamps earlier than the one before')
    if topic.stamped and topic.modality and len(stamps) == count and count and not simulated:
        offset = (np.array(track.log_ns, np.int64) - stamps) / NS
        delay = float(offset.max())
        jumps = np.abs(np.diff(offset)).max(initial=0.0)
        if jumps > bounds.clock_s:
            notes.reject.append(f'{name}: the clock of its stamps jumped by {jumps:.2f} s')
        elif abs(float(np.median(offset))) > bounds.clock_s:
            notes.warn.append(
                f"{name}: stamps are {np.median(offset):+.2f} s off the recorder's clock"
            )
    if frozen.text:
        (notes.reject if frozen.sure else notes.warn).append(f'{name}: {frozen.text}')
    if lost:
        notes.warn.append(f'{name}: {lost} messages lost')
    return TopicAudit(
        name=name,
        type=topic.type,
        required=topic.required,
        count=count,
        expected_hz=hz,
        rate_hz=rate,
        gaps=gaps,
        longest_gap_s=longest,
        jitter_s=jitter,
        delay_s=delay,
        backwards=backwards,
        frozen_s=frozen.seconds,
        lost=lost,
    )
