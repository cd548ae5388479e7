# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What an audit finds in a bag, and the bounds it judges by."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Verdict = Literal['ok', 'warn', 'reject']


@dataclass(frozen=True)
class Bounds:
    """What is still good enough.

    Attributes:
        gap_s: Silence that counts as a gap [s]; at least three periods of the topic.
        gaps: So many gaps of one topic reject.
        silence_s: A single gap this long rejects [s].
        rate_warn: Share of the expected rate below which to warn.
        rate_reject: Share of the expected rate below which to reject.
        rate_high: Times the expected rate above which to warn: two may publish on the topic.
        clock_s: Change of the difference between header and receive time that is a jump [s].
        frozen_s: Time an image may stay the same while the robot moves [s].
        motion: Range of a joint below which it does not count as moved [rad or m].
        stop_s: Time a joint may stay at a stop it moved into [s].
        idle_s: Time without motion at the head or tail that is worth a word [s].
    """

    gap_s: float = 0.1
    gaps: int = 5
    silence_s: float = 1.0
    rate_warn: float = 0.8
    rate_reject: float = 0.5
    rate_high: float = 1.3
    clock_s: float = 0.5
    frozen_s: float = 0.5
    motion: float = 0.02
    stop_s: float = 0.5
    idle_s: float = 5.0


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
        moved: Whether the robot moved; False as well if nothing tells.
        idle_head_s: Time before the first motion [s].
        idle_tail_s: Time after the last motion [s].
        jerk: Root mean square of the jerk of the roughest joint that moved [rad/s^3 or m/s^3].
        jerk_joint: Name of that joint; '' if none moved.
        at_stop: Longest time each joint stayed at a stop it moved into [s].
        interventions: What the safety node changed, by rule.
        skew_ms: How far apart the newest samples of all sensors are at a tick of the policy:
            median, 99th percentile and maximum [ms]; empty if there are fewer than two sensors.
        takeovers: How often an operator took over from a policy.
        operator_share: Share of the time the operator drove; None if no policy ran.
    """

    episode: str
    seconds: float
    verdict: Verdict
    reasons: tuple[str, ...]
    topics: tuple[TopicAudit, ...]
    moved: bool = False
    idle_head_s: float = 0.0
    idle_tail_s: float = 0.0
    jerk: float = 0.0
    jerk_joint: str = ''
    at_stop: Mapping[str, float] = field(default_factory=dict)
    interventions: Mapping[str, int] = field(default_factory=dict)
    skew_ms: Mapping[str, float] = field(default_factory=dict)
    takeovers: int = 0
    operator_share: float | None = None

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
