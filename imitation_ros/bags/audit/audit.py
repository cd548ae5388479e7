# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The audit as messages pass: while they are written to a bag, or read from one.

What a message takes is a stamp, for joints the numbers behind it, and for pictures a look at
whether the bytes changed; so the writer's thread can do it while it records, and the verdict is
there when the bag is closed.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...contract import Contract
from ...data.frame import Array, JOINT_STATES
from ...errors import DataError
from ...messages import codec
from ...messages.joints import JointReader
from ..authority import Drivers
from ..motion import at_stop, idle, jerk, thresholds
from ..reader import header_stamp_ns
from ..topics import COMMAND, IMAGE, Topic
from ..vectors import StopError, VectorReader
from .checks import judge_topic, Notes, Track
from .frozen import carriers, Frozen, ImageTrack, judge
from .report import Audit, Bounds, Verdict
from .sources import Alternation, GREY, JointSources, sample

NS = 1_000_000_000
SPARSE_NS = 8_000_000
"""Joint positions are kept this far apart at least [ns]: motion needs no 500 Hz."""
SHAPING = ('velocity', 'acceleration', 'rejected_state')
"""Rules of the safety node that say nothing against a demonstration: a command was slowed down,
or a proposal came before the robot was armed."""

Decode = Callable[[str, bytes], Any]
"""Makes an object of a message type and a serialized message."""


class Auditor:
    """Judges one episode from its messages, in the order they were received.

    Attributes:
        tracks: Times of each topic.
        interventions: What the safety node changed, by rule.
        drivers: Who drove, if a policy ran.
    """

    def __init__(
        self,
        topics: Iterable[Topic],
        contract: Contract | None,
        decode: Decode,
        bounds: Bounds | None = None,
    ) -> None:
        """Start an audit.

        Args:
            topics: The topics, those of the contract if there is one.
            contract: Names the joints, limits, cameras and topics; None: times alone are judged.
            decode: Makes messages of bytes; called for few of them.
            bounds: What is still good enough.
        """
        self.tracks = {topic.name: Track(topic) for topic in topics}
        self.interventions: dict[str, int] = {}
        self.drivers = Drivers()
        self._driver_topic = '' if contract is None else contract.topics.driver
        self.bounds = bounds or Bounds()
        self._contract = contract
        self._decode = decode
        self._notes = Notes()
        self._start_ns: int | None = None
        self._end_ns = 0
        self._cameras: dict[str, ImageTrack] = {}
        self._joints: dict[str, JointReader] = {}
        self._q_ns: list[int] = []
        self._q: list[Array] = []
        self._verdict_topic = ''
        self._vectors: dict[str, VectorReader] = {}
        self._sources: dict[str, JointSources] = {}
        self._alternations: dict[str, Alternation] = {}
        if contract is not None:
            self._cameras = {camera.topic: ImageTrack(camera.name) for camera in contract.cameras}
            self._verdict_topic = contract.topics.verdict
            streams = (contract.observed, contract.acted)
            self._vectors = {s.topic: VectorReader(s) for s in streams if s is not None}
            self._alternations = {
                **{topic: Alternation() for topic in self._vectors},
                **{camera.topic: Alternation(GREY) for camera in contract.cameras},
            }
            for topic in self.tracks.values():
                if contract.data_only:
                    continue
                if topic.topic.modality in (JOINT_STATES, COMMAND):
                    self._joints[topic.topic.name] = JointReader(contract)
                    self._sources[topic.topic.name] = JointSources(
                        contract.joints, contract.limits.velocity
                    )

    @property
    def described(self) -> bool:
        """Whether a contract says what should be in the messages, so that they are looked into."""
        return self._contract is not None

    def push(self, name: str, log_ns: int, publish_ns: int, sequence: int, data: bytes) -> None:
        """Look at one message.

        Args:
            name: Its topic.
            log_ns: When it was received [ns].
            publish_ns: When it was published [ns].
            sequence: Number its publisher gave it; 0 or less if it gave none.
            data: The message, CDR with its encapsulation header.
        """
        track = self.tracks[name]
        track.log_ns.append(log_ns)
        if self._start_ns is None:
            self._start_ns = log_ns
        self._start_ns = min(self._start_ns, log_ns)
        self._end_ns = max(self._end_ns, log_ns)
        try:
            stamp = self._look(track, publish_ns, data)
        except DataError as error:
            at = (log_ns - self._start_ns) / NS
            self._notes.once(name, 'content', f'{name} at {at:.2f} s: {error}')
            return
        track.stamp_ns.append(stamp)
        track.order.append(sequence if sequence > 0 else publish_ns)

    def _look(self, track: Track, publish_ns: int, data: bytes) -> int:
        """Check the content of one message and return its stamp [ns]."""
        topic = track.topic
        if topic.name in self._joints:
            stamp = self._look_at_joints(topic, data)
        elif topic.name in self._vectors:
            try:
                stamp, values = self._vectors[topic.name].read(data, publish_ns)
                self._alternations[topic.name].push(values)
            except StopError:
                stamp = header_stamp_ns(data) if topic.stamped else publish_ns
        elif topic.name == self._driver_topic:
            stamp = self.drivers.push(data)
        elif topic.name in self._cameras:
            stamp = header_stamp_ns(data)
            self._look_at_picture(track, data)
            pixels = np.frombuffer(data, np.uint8)[12:]
            self._cameras[topic.name].push(stamp, pixels)
            if topic.type == IMAGE:  # compressed bytes say nothing of what is seen
                self._alternations[topic.name].push(sample(pixels))
        elif topic.modality:
            stamp, pose = codec.pose(self._decode(topic.type, data))
            if not np.isfinite(pose).all():
                raise DataError('NaN or infinity in the pose')
        else:
            stamp = header_stamp_ns(data) if topic.stamped else publish_ns
            if topic.name == self._verdict_topic:
                self._count_interventions(self._decode(topic.type, data))
            if not topic.described and stamp == 0:
                stamp = publish_ns
        # A simulation may begin at zero.
        first = not topic.steady and not track.stamp_ns
        if topic.stamped and topic.modality and stamp == 0 and not first:
            raise DataError('the header has no stamp; the driver must set it')
        return stamp

    def _look_at_joints(self, topic: Topic, data: bytes) -> int:
        stamp, q, v = self._joints[topic.name].read(data)
        # One product tells NaN and infinity in a tenth of the time; which joint, only then.
        fit = math.isfinite(q.dot(q) + v.dot(v))
        if not fit and not (np.isfinite(q).all() and np.isfinite(v).all()):
            bad = np.flatnonzero(~(np.isfinite(q) & np.isfinite(v)))
            names = self._contract.joints if self._contract is not None else ()
            raise DataError(f'NaN or infinity in {", ".join(names[i] for i in bad)}')
        self._sources[topic.name].push(stamp, q)
        if topic.modality == JOINT_STATES:
            if not self._q_ns or abs(stamp - self._q_ns[-1]) >= SPARSE_NS:
                self._q_ns.append(stamp)
                self._q.append(q)
        return stamp

    def _look_at_picture(self, track: Track, data: bytes) -> None:
        """Decode the first picture of a camera: the converter would refuse another size."""
        if track.stamp_ns or self._contract is None:
            return
        topic = track.topic
        _, pixels = codec.IMAGE_DECODERS[topic.type](self._decode(topic.type, data))
        camera = self._contract.camera(topic.modality)
        height, width = pixels.shape[:2]
        if (height, width) != (camera.height, camera.width):
            self._notes.once(
                topic.name,
                'size',
                f'{topic.name}: images of {width}x{height}, '
                f'the contract says {camera.width}x{camera.height}',
            )

    def _count_interventions(self, message: Any) -> None:
        for status in message.status:
            values = {entry.key: entry.value for entry in status.values}
            rule = str(values.get('rule', status.name))
            try:
                count = int(values.get('count', 1))
            except ValueError:
                count = 1
            self.interventions[rule] = self.interventions.get(rule, 0) + count

    def positions(self) -> tuple[NDArray[np.int64], Array]:
        """Stamps [ns], shape (T,), and joint positions [rad or m], shape (T, n), of the robot."""
        n = 0 if self._contract is None else self._contract.n
        times = np.array(self._q_ns, np.int64)
        order = np.argsort(times, kind='stable')
        return times[order], np.array(self._q, np.float64).reshape(len(times), n)[order]

    def span_ns(self) -> tuple[int, int]:
        """First and last stamp of the topics that come at a rate [ns]."""
        stamps = [
            track.stamps()
            for track in self.tracks.values()
            if track.stamp_ns and track.rate_hz() is not None
        ]
        if not stamps:
            return 0, 0
        return int(min(s.min() for s in stamps)), int(max(s.max() for s in stamps))

    def skew_ns(self) -> NDArray[np.int64]:
        """How far apart the newest samples of all sensors are, at ticks of the policy [ns].

        Without a contract, sensors are the stamped topics that come at five hertz or more, and
        the slowest of them sets the ticks.
        """
        sensors = [
            (track.stamps(), rate)
            for track in self.tracks.values()
            if len(track.stamp_ns) > 1
            and (track.topic.modality != COMMAND)
            and (track.topic.modality or (not track.topic.described and track.topic.stamped))
            and (rate := track.rate_hz()) is not None
            and rate >= 5.0
        ]
        if len(sensors) < 2:
            return np.zeros(0, np.int64)
        hz = min(rate for _, rate in sensors)
        if self._contract is not None:
            hz = self._contract.rates.policy_hz
        sorted_ = [np.sort(stamps) for stamps, _ in sensors]
        start, end = max(int(s[0]) for s in sorted_), min(int(s[-1]) for s in sorted_)
        ticks = np.arange(start, end + 1, max(round(NS / hz), 1))
        if not len(ticks):
            return np.zeros(0, np.int64)
        newest = np.stack([s[np.searchsorted(s, ticks, side='right') - 1] for s in sorted_])
        result: NDArray[np.int64] = newest.max(axis=0) - newest.min(axis=0)
        return result

    def finish(
        self,
        episode: str,
        lost: Mapping[str, int] | None = None,
        types: Mapping[str, str] | None = None,
        recovered: bool = False,
        publishers: Mapping[str, int] | None = None,
    ) -> Audit:
        """Judge what was seen.

        Args:
            episode: Name of the episode.
            lost: Messages lost on the way or dropped by the recorder, by topic.
            types: Types of the topics that were recorded, whether or not anything came.
            recovered: Whether the bag was repaired after a crash.
            publishers: Number of publishers of each topic, where the bag tells.
        """
        notes = Notes()
        for name, track in self.tracks.items():
            kind = (types or {}).get(name, track.topic.type)
            if kind != track.topic.type:
                notes.reject.append(f'{name} is {kind}, the contract says {track.topic.type}')
        notes.reject += self._notes.reject
        q_ns, q = self.positions()
        ends = self.span_ns()
        clock = self.tracks.get('/clock')
        simulated = clock is not None and len(clock.log_ns) > 0
        found = []
        for name, track in self.tracks.items():
            if types is not None and name not in types and not track.topic.required:
                continue
            frozen = Frozen(0.0, '', False)
            if name in self._cameras and self._contract is not None:
                frozen = judge(
                    self._cameras[name],
                    self._contract,
                    q_ns,
                    q,
                    self.bounds.frozen_s,
                    self.bounds.motion,
                )
            missing = (lost or {}).get(name, 0)
            found.append(judge_topic(track, ends, frozen, missing, simulated, self.bounds, notes))
        if not any(track.log_ns for track in self.tracks.values()) and not notes.reject:
            notes.reject.append('no message in it that can be read')
        self._judge_sources(ends[0], publishers or {}, notes)
        skew = self.skew_ns() / 1e6
        audit = Audit(
            episode=episode,
            seconds=0.0 if self._start_ns is None else (self._end_ns - self._start_ns) / NS,
            verdict='ok',
            reasons=(),
            topics=tuple(found),
            interventions=dict(self.interventions),
            takeovers=self.drivers.takeovers,
            operator_share=self.drivers.share,
            skew_ms={
                key: round(float(value), 3)
                for key, value in zip(
                    ('p50', 'p99', 'max'), np.percentile(skew, (50, 99, 100)), strict=True
                )
            }
            if len(skew)
            else {},
        )
        if self._contract is not None and len(q):
            audit = self._judge_motion(audit, self._contract, q_ns, q, notes)
        grave = {rule: n for rule, n in self.interventions.items() if rule not in SHAPING}
        if grave:
            listed = ', '.join(f'{rule} {n}' for rule, n in sorted(grave.items()))
            notes.warn.append(f'safety intervened: {listed}')
        if recovered:
            notes.warn.append('repaired after a crash: the end of the episode is missing')
        verdict: Verdict = 'reject' if notes.reject else 'warn' if notes.warn else 'ok'
        return replace(audit, verdict=verdict, reasons=(*notes.reject, *notes.warn))

    def _judge_sources(self, start_ns: int, publishers: Mapping[str, int], notes: Notes) -> None:
        """Add the topics on which more than one source publishes, or seems to."""
        for name, track in self.tracks.items():
            if track.topic.modality and publishers.get(name, 0) > 1:
                notes.warn.append(
                    f'{name}: {publishers[name]} publishers were on it when it was recorded'
                )
        for name, sources in self._sources.items():
            sources.judge(name, start_ns, self._joints[name].reordered, notes)
        for name, alternation in self._alternations.items():
            what = 'pictures' if name in self._cameras else 'messages'
            alternation.judge(name, what, notes)

    def _judge_motion(
        self, audit: Audit, contract: Contract, q_ns: NDArray[np.int64], q: Array, notes: Notes
    ) -> Audit:
        """Add what the joints tell."""
        bounds, limit = self.bounds, thresholds(contract, self.bounds.motion)
        ends = idle(q_ns, q, limit)
        if ends is None:
            notes.warn.append('the robot did not move')
            return audit
        for seconds, where in ((ends.head_s, 'first'), (ends.tail_s, 'last')):
            if seconds > bounds.idle_s:
                notes.warn.append(
                    f'nothing moves in the {where} {seconds:.1f} s; "imitation_ros trim" cuts it'
                )
        stopped = at_stop(contract, q_ns, q, limit)
        meant = {joint for tool in contract.tools for joint in carriers(contract, tool)}
        for joint, seconds in sorted(stopped.items(), key=lambda item: -item[1]):
            # A gripper is meant to reach its stops; a joint that carries it is not.
            place = contract.index(joint)
            if (place in meant or not contract.tools) and seconds > bounds.stop_s:
                notes.warn.append(f'{joint} was at its stop for {seconds:.1f} s')
        moved = np.abs(q - q[0]).max(axis=0) > limit
        rough = np.where(moved, jerk(q_ns, q, contract.rates.policy_hz), 0.0)
        worst = int(rough.argmax())
        return replace(
            audit,
            moved=True,
            idle_head_s=ends.head_s,
            idle_tail_s=ends.tail_s,
            jerk=float(rough[worst]),
            jerk_joint=contract.joints[worst] if moved.any() else '',
            at_stop=stopped,
        )


def check_written(audit: Audit, written: Mapping[str, int], on_disk: Mapping[str, int]) -> Audit:
    """Reject if what a reader finds on the disk is not what the recorder wrote."""
    differing = [
        f'{topic}: {on_disk.get(topic, 0)} messages on the disk of {count} written'
        for topic, count in written.items()
        if on_disk.get(topic, 0) != count
    ]
    if not differing:
        return audit
    return replace(audit, verdict='reject', reasons=(*differing, *audit.reasons))
