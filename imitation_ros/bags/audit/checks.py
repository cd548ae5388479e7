# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Judge the times of one topic: rate, gaps, jitter, order, clock."""

from array import array
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..topics import COMMAND, Topic
from .frozen import Frozen
from .report import Bounds, TopicAudit

NS = 1_000_000_000
PERIODIC = 20
"""Messages it takes to say that a topic nobody described comes at a rate."""


class Notes:
    """Reasons found so far; the first of each kind per topic is enough."""

    def __init__(self) -> None:
        """Start without reasons."""
        self.reject: list[str] = []
        self.warn: list[str] = []
        self._seen: set[tuple[str, str]] = set()

    def once(self, topic: str, kind: str, text: str) -> None:
        """Reject, unless this kind was already said of this topic."""
        if (topic, kind) not in self._seen:
            self._seen.add((topic, kind))
            self.reject.append(text)


@dataclass
class Track:
    """Times of one topic's messages.

    Attributes:
        topic: The topic.
        log_ns: Receive times [ns].
        stamp_ns: Stamps [ns] of the messages that were fit.
        order: Numbers that rise in the order of publishing, one per stamp.
    """

    topic: Topic
    log_ns: 'array[int]' = field(default_factory=lambda: array('q'))
    stamp_ns: 'array[int]' = field(default_factory=lambda: array('q'))
    order: 'array[int]' = field(default_factory=lambda: array('q'))

    def stamps(self) -> NDArray[np.int64]:
        """Stamps in the order of the bag [ns], shape (T,)."""
        return np.array(self.stamp_ns, np.int64)

    def rate_hz(self) -> float | None:
        """Expected rate [Hz]; of a topic nobody described, that of its median period."""
        if self.topic.rate_hz is not None or self.topic.described:
            return self.topic.rate_hz
        steps = np.diff(np.sort(self.stamps()))
        if len(steps) < PERIODIC:
            return None
        median, upper = (float(value) for value in np.percentile(steps, (50, 75)))
        # Most periods of a topic with a rate are alike; events come in bursts and pauses.
        return NS / median if 0 < median and upper <= 2.0 * median else None


def judge_topic(
    track: Track,
    ends: tuple[int, int],
    frozen: Frozen,
    lost: int,
    simulated: bool,
    bounds: Bounds,
    notes: Notes,
) -> TopicAudit:
    """Judge one topic and note the reasons.

    A topic that no contract describes can only warn: nobody said what it should be.

    Args:
        track: Its times.
        ends: First and last stamp of all topics that come at a rate [ns].
        frozen: What was found of its pictures.
        lost: Messages lost on the way or dropped by the recorder.
        simulated: Whether stamps are of a simulated clock.
        bounds: What is still good enough.
        notes: Gets the reasons.
    """
    topic, count = track.topic, len(track.log_ns)
    name, hz = topic.name, track.rate_hz()
    reject = notes.reject if topic.described else notes.warn
    timing = reject if topic.steady else notes.warn
    stamps = track.stamps()
    gaps, longest, jitter, rate, backwards, delay = 0, 0.0, 0.0, 0.0, 0, 0.0
    if topic.required and count == 0:
        reject.append(f'{name}: nothing recorded ({topic.type})')
    if len(stamps) > 1:
        steps = np.diff(stamps) / NS
        # DDS may deliver a repeated message after its successors; that is no fault of a clock.
        later = np.diff(np.array(track.order, np.int64)) > 0
        backwards = int(((steps < 0) & later).sum())
        jitter = float(steps.std())
        rate = (len(stamps) - 1) / max(float(stamps.max() - stamps.min()) / NS, 1e-9)
        longest = float(steps.max())
    if len(stamps) and hz is not None:
        steps = gap_steps(track, ends) / NS
        limit = gap_limit_s(hz, bounds)
        gaps = int((steps > limit + 1e-6).sum())
        longest = float(steps.max(initial=0.0))
        if gaps:
            bad = gaps >= bounds.gaps or longest > bounds.silence_s
            text = f'{name}: {gaps} gap{"s" * (gaps != 1)} over {limit * 1e3:.0f} ms'
            (timing if bad else notes.warn).append(f'{text}, the longest {longest:.2f} s')
    if topic.rate_hz is not None and len(stamps) > 1:
        if rate < bounds.rate_reject * topic.rate_hz:
            timing.append(f'{name}: {rate:.1f} Hz instead of {topic.rate_hz:g}')
        elif rate < bounds.rate_warn * topic.rate_hz:
            notes.warn.append(f'{name}: {rate:.1f} Hz instead of {topic.rate_hz:g}')
        elif rate > bounds.rate_high * topic.rate_hz and len(stamps) > PERIODIC:
            notes.warn.append(
                f'{name}: {rate:.1f} Hz instead of {topic.rate_hz:g}; do two nodes publish on it, '
                'or is the rate in the contract too low?'
            )
    if backwards and (topic.modality or not topic.described):
        reject.append(f'{name}: {backwards} stamps earlier than the one before')
    stamped = topic.stamped and (topic.modality or not topic.described)
    if stamped and len(stamps) == count and count and not simulated:
        offset = (np.array(track.log_ns, np.int64) - stamps) / NS
        delay = float(offset.max())
        jumps = np.abs(np.diff(offset)).max(initial=0.0)
        if jumps > bounds.clock_s:
            timing.append(f'{name}: the clock of its stamps jumped by {jumps:.2f} s')
        elif abs(float(np.median(offset))) > bounds.clock_s:
            notes.warn.append(
                f"{name}: stamps are {np.median(offset):+.2f} s off the recorder's clock"
            )
    if frozen.text:
        (reject if frozen.sure else notes.warn).append(f'{name}: {frozen.text}')
    if lost:
        notes.warn.append(f'{name}: {lost} messages lost')
    return TopicAudit(
        name=name,
        type=topic.type,
        required=topic.required,
        count=count,
        expected_hz=topic.rate_hz,
        rate_hz=rate,
        gaps=gaps,
        longest_gap_s=longest,
        jitter_s=jitter,
        delay_s=delay,
        backwards=backwards,
        frozen_s=frozen.seconds,
        lost=lost,
    )


def gap_limit_s(hz: float, bounds: Bounds) -> float:
    """Silence that counts as a gap on a topic of this rate [s]."""
    return max(bounds.gap_s, 3.0 / hz)


def gap_steps(track: Track, ends: tuple[int, int]) -> NDArray[np.int64]:
    """Times between messages, and from the ends of the episode to the first and last [ns]."""
    steps = np.diff(np.concatenate([[ends[0]], np.sort(track.stamps()), [ends[1]]]))
    if track.topic.modality == COMMAND:
        return steps[1:-1]  # before arming and after disarming there are no commands
    return steps
