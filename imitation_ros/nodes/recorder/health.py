# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How the recording is going: gathered once, for the screen and for the diagnostics."""

from collections.abc import Mapping
import time

from diagnostic_msgs.msg import DiagnosticArray

from ...bags.layout import used_names
from ...bags.topics import TOPIC_SUFFIX
from ...contract import Contract
from ...recording.preflight import ERROR, OK, Preflight, Row, SILENT_S, WARN
from ...recording.session import Finished, QUEUE_BYTES, Session
from ...recording.take import Counts
from ..ros.messages import status, to_time
from .subscriptions import Subscriptions
from .view import DISK_MINUTES, missing_text, TakeView, View

NS = 1_000_000_000


class Health:
    """What an operator wants to know, from the subscriptions and the session."""

    def __init__(
        self, contract: Contract, subscriptions: Subscriptions, minimum_rate: float
    ) -> None:
        """Start without takes.

        Args:
            contract: What is recorded.
            subscriptions: Where it comes in.
            minimum_rate: Share of a topic's rate below which no take starts.
        """
        self._contract = contract
        self._subscriptions = subscriptions
        self._preflight = Preflight(contract, minimum_rate)
        self._kept: set[str] = set()
        self._tally: dict[str, int] = {}
        self._started_ns = 0
        self._written = (time.monotonic_ns(), 0)
        self._rate = 0.0

    def opened(self, session: Session) -> None:
        """Remember the episodes of a session: they should stay."""
        self._kept = {path.name for path in session.episodes()}

    def started(self) -> None:
        """A take begins: count gaps and bytes from now on."""
        self._subscriptions.mark()
        self._started_ns = time.monotonic_ns()
        self._written = (self._started_ns, 0)

    def kept(self, finished: Finished, discarded: bool = False) -> None:
        """A take was kept: it should be on the disk from now on (discarded: among the dropped)."""
        self._kept.add(finished.path.name)
        verdict = 'discarded' if discarded else finished.audit.verdict
        self._tally[verdict] = self._tally.get(verdict, 0) + 1

    @property
    def tally(self) -> Mapping[str, int]:
        """Takes kept so far, by verdict."""
        return self._tally

    def rows(self, now_ns: int) -> list[Row]:
        """Health of every topic (now_ns: time of day [ns])."""
        return self._preflight.rows(now_ns, self._subscriptions.seen())

    def measure(self, session: Session) -> None:
        """Measure how fast the disk fills; call it once a second."""
        now, take = time.monotonic_ns(), session.take
        written = 0 if take is None else take.writer.bytes
        seconds = max((now - self._written[0]) / NS, 1e-3)
        self._rate = max(written - self._written[1], 0) / seconds
        self._written = (now, written)

    def view(
        self, session: Session, task: str, operator: str, error: str, keys: Mapping[str, str]
    ) -> View:
        """Everything an operator wants to know, at this moment.

        Args:
            session: Where the takes go.
            task: What is shown.
            operator: Who shows it.
            error: Why the last take was ended; '' if it was not.
            keys: Keys and what they do.
        """
        take, meta, last = session.take, session.meta, session.last
        running = None
        if take is not None and meta is not None:
            running = TakeView(
                episode=meta.episode,
                seconds=(time.monotonic_ns() - self._started_ns) / NS,
                outcome=meta.outcome,
                written_bytes=take.writer.bytes,
                queue_share=take.queued_bytes / QUEUE_BYTES,
                counts=_as_subscribed(take.counts()),
            )
        used = used_names(session.root)
        damaged = {bag.name for bag in session.damaged()}
        return View(
            robot=self._contract.name,
            session=session.root,
            task=task,
            operator=operator,
            rows=self.rows(time.time_ns()),
            take=running,
            error=error,
            rate_bytes=self._rate,
            free_bytes=session.free_bytes(),
            on_disk=len(session.episodes()),
            missing=len(self._kept - used) + len(self._kept & damaged),
            tally=dict(self._tally),
            last=None
            if last is None
            else (
                last.meta.episode,
                last.audit.seconds,
                last.audit.verdict,
                last.audit.reasons,
            ),
            keys=keys,
        )


def _as_subscribed(counts: Mapping[str, Counts]) -> dict[str, Counts]:
    """Counts under the topics' own names too, where images are compressed on the way."""
    return {name.removesuffix(TOPIC_SUFFIX): count for name, count in counts.items()} | {**counts}


def to_diagnostics(view: View, now_ns: int, unrepaired: int) -> DiagnosticArray:
    """One status for the recorder, and one for every topic that matters.

    Args:
        view: What the screen shows.
        now_ns: Stamp of the message [ns].
        unrepaired: Folders that a crash left and that could not be repaired.
    """
    message = DiagnosticArray()
    message.header.stamp = to_time(now_ns)
    take, minutes = view.take, view.minutes
    text = view.error or ('idle' if take is None else f'recording {take.episode}')
    level = ERROR if view.error else OK
    if not view.error and minutes is not None and minutes < DISK_MINUTES:
        level, text = WARN, f'{text}; the disk lasts for {minutes:.0f} minutes'
    if not view.error and view.missing:
        level, text = ERROR, f'{text}; {missing_text(view.missing)}'
    values = {
        'episode': '' if take is None else take.episode,
        'seconds': '' if take is None else f'{take.seconds:.1f}',
        'outcome': '' if take is None else take.outcome,
        'task': view.task,
        'MB/s': f'{view.rate_bytes / 1e6:.1f}',
        'queue_share': f'{0.0 if take is None else take.queue_share:.3f}',
        'disk_free_GB': f'{view.free_bytes / 1e9:.1f}',
        'disk_free_minutes': '' if minutes is None else f'{minutes:.0f}',
        'episodes_on_disk': view.on_disk,
        'episodes_missing': view.missing,
        'unrepaired': unrepaired,
    }
    message.status = [status(level, 'recorder', text, values)]
    counts = {} if take is None else take.counts
    for row in view.rows:
        if row.topic.required or row.flow.count:
            count = counts.get(row.topic.name, Counts(0, 0, 0))
            message.status.append(_status(row, count))
    return message


def _ms(seconds: float | None) -> str:
    return '' if seconds is None else f'{seconds * 1e3:.1f}'


def _status(row: Row, count: Counts) -> object:
    flow, topic = row.flow, row.topic
    silent = topic.required and (flow.silent_s is None or flow.silent_s > SILENT_S)
    losing = count.lost + count.dropped > 0
    values = {
        'Hz': f'{0.0 if silent else flow.hz:.1f}',
        'expected_Hz': topic.rate_hz or '',
        'age_ms': _ms(flow.age_s),
        'clock_offset_ms': _ms(flow.offset_s),
        'jitter_ms': _ms(flow.jitter_s),
        'gaps': flow.gaps,
        'longest_gap_ms': _ms(flow.longest_gap_s),
        'frozen_s': f'{row.frozen_s:.1f}',
        'qos': row.qos,
        'content': row.content,
        'written': count.written,
        'lost': count.lost,
        'dropped': count.dropped,
        'problem': row.problem,
        'remedy': row.remedy,
    }
    said = 'silent' if silent else 'losing messages' if losing else row.problem or 'ok'
    level = max(row.level, WARN if losing else OK)
    return status(level, f'recorder: {topic.name}', said, values)
