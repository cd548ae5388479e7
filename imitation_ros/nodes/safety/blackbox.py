# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The black box: the seconds around every trip, in a small bag of their own.

The last seconds of joint states, proposals, commands, verdicts and states wait in memory as they
came, serialized. A trip opens a window; when it closes, a thread of its own writes the bag.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
import threading
import time

from rclpy.node import Node

from ...bags.topics import recorded, Topic
from ...bags.writer import BagWriter
from ...contract import Contract
from ...data.episode import EpisodeMeta
from ...errors import BagError
from ...recording.take import Item
from ...safety.intervention import Intervention, Rule
from ...safety.verdict import State, Verdict
from ..recorder.subscriptions import Subscriptions

NS = 1_000_000_000
BEFORE_NS = 5 * NS
AFTER_NS = 2 * NS
PERIOD_NS = 10 * NS
"""Trips that come sooner after the last one that was kept are counted and not kept."""
SAME_NS = NS
"""A rule that applies again within this time goes on with the trip it belongs to."""
MOST = 200
"""Bags of one run of the node: a robot that trips all day must not fill its disk."""

TRIPS = (
    Rule.ESTOP,
    Rule.TRACKING_LOST,
    Rule.REJECTIONS,
    Rule.BRAKING,
    Rule.STATE_STALE,
)
"""What a window is kept for, the gravest first."""
LATCHED_TRIPS = (Rule.ESTOP, Rule.TRACKING_LOST, Rule.REJECTIONS)
"""What somebody has to reset before it can come again: always kept."""


@dataclass
class _Window:
    """A trip and the time around it; `at_ns` is on the clock of the messages."""

    at_ns: int
    closes_ns: int
    why: Intervention
    rules: list[str]


def watched(contract: Contract) -> tuple[Topic, ...]:
    """Topics that go into the box: what safety heard and said, and no images."""
    names = contract.topics
    wanted = {
        contract.joint_states.topic,
        names.proposal,
        names.command,
        names.verdict,
        names.estop,
        '/safety/state',
    }
    return tuple(topic for topic in recorded(contract) if topic.name in wanted)


class BlackBox:
    """Keeps the seconds around every trip.

    Attributes:
        kept: Bags that were written.
        suppressed: Trips that came too soon after another.
        error: Why the last bag could not be written, or ''.
    """

    def __init__(self, node: Node, contract: Contract, folder: Path) -> None:
        """Subscribe, and start the thread that writes.

        Args:
            node: Owner of the subscriptions.
            contract: The robot.
            folder: Where the bags go.

        Raises:
            BagError: If the folder cannot be made.
        """
        self.kept: list[Path] = []
        self.suppressed = 0
        self.error = ''
        self._node = node
        self._contract = contract
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BagError(f'no place for the black box: {folder}: {error.strerror}') from error
        self._ring: deque[Item] = deque()
        self._before: dict[int, Item] = {}
        self._wake = threading.Condition()
        self._window: _Window | None = None
        self._opened_ns: int | None = None
        self._seen_ns: dict[Rule, int] = {}
        self._state = State.DISARMED
        self._stopped = False
        self._subscriptions = Subscriptions(node, watched(contract))
        self._latched = {
            stream.index for stream in self._subscriptions.streams if stream.topic.latched
        }
        self._subscriptions.sink = self._put
        self._thread = threading.Thread(target=self._run, name='black box', daemon=True)
        self._thread.start()

    def look(self, verdict: Verdict) -> None:
        """Open a window, or keep one open, if a verdict tells of a trip.

        Called from the command thread, at every tick.
        """
        before, self._state = self._state, verdict.state
        if not verdict.interventions:
            return
        found = [why for why in verdict.interventions if why.rule in TRIPS]
        if before is not State.ACTIVE:
            # A proposal refused for a stale state is no trip: nothing was moving.
            found = [why for why in found if why.rule is not Rule.STATE_STALE]
        if found:
            self._note(min(found, key=lambda why: TRIPS.index(why.rule)), time.monotonic_ns())

    def _note(self, why: Intervention, now: int) -> None:
        """Take a trip at a steady time [ns]."""
        with self._wake:
            last = self._seen_ns.get(why.rule)
            self._seen_ns[why.rule] = now
            if last is not None and now - last < SAME_NS:
                return
            window = self._window
            if window is not None:
                window.rules.append(why.rule.value)
                window.closes_ns = now + AFTER_NS
                if TRIPS.index(why.rule) < TRIPS.index(window.why.rule):
                    window.why = why
                return
            soon = self._opened_ns is not None and now - self._opened_ns < PERIOD_NS
            if (soon and why.rule not in LATCHED_TRIPS) or len(self.kept) >= MOST:
                self.suppressed += 1
                return
            self._opened_ns = now
            self._window = _Window(time.time_ns(), now + AFTER_NS, why, [why.rule.value])
            self._wake.notify()

    def adapt(self) -> None:
        """Follow the publishers' quality of service; called from the executor."""
        self._subscriptions.adapt()

    def close(self) -> None:
        """Write a window that is still open, and end the thread."""
        self._subscriptions.sink = None
        with self._wake:
            self._stopped = True
            self._wake.notify()
        self._thread.join(timeout=5.0)

    def account(self) -> dict[str, object]:
        """What became of the trips, for the diagnostics."""
        values: dict[str, object] = {
            'blackbox_kept': len(self.kept),
            'blackbox_suppressed': self.suppressed,
        }
        return values | ({'blackbox_error': self.error} if self.error else {})

    def _put(self, item: Item) -> None:
        """Keep a message for as long as a trip may ask for it; runs in the executor."""
        with self._wake:
            ring, window = self._ring, self._window
            ring.append(item)
            # An open window still needs what came before its trip.
            newest = item[1] if window is None else window.at_ns
            while ring[0][1] < newest - BEFORE_NS:
                old = ring.popleft()
                if old[0] in self._latched:
                    self._before[old[0]] = old

    def _run(self) -> None:
        """Wait for windows to open, then to close, and write them."""
        while True:
            with self._wake:
                while self._window is None and not self._stopped:
                    self._wake.wait()
                window = self._window
                if window is None:
                    return
                while not self._stopped:
                    left = window.closes_ns - time.monotonic_ns()
                    if left <= 0:
                        break
                    self._wake.wait(left / NS)
                items = list(self._ring)
                # What was latched before still held when the window begins.
                first = items[0][1] if items else window.at_ns
                items = [(i[0], first, *i[2:]) for i in self._before.values()] + items
                self._window = None
            try:
                path = self._write(window, items)
            except (BagError, OSError) as error:
                self.error = str(error)
                self._node.get_logger().error(f'black box: {error}')
            else:
                self.kept.append(path)
                self._node.get_logger().warning(f'{window.why.rule.value}: black box in {path}')

    def _write(self, window: _Window, items: Iterable[Item]) -> Path:
        """One window as a bag, which its metadata explains without a message being decoded."""
        why, moment = window.why, datetime.fromtimestamp(window.at_ns / NS, tz=timezone.utc)
        name = f'{moment:%Y%m%d_%H%M%S_%f}'[:-3] + f'_{why.rule.value}'
        values: dict[str, object] = {
            'rule': why.rule.value,
            'why': why.text,
            'subject': why.subject,
            'asked': why.asked,
            'sent': why.sent,
            'rules': ' '.join(window.rules),
            'trip_ns': window.at_ns,
            'suppressed': self.suppressed,
        }
        meta = EpisodeMeta(
            name,
            task='blackbox',
            robot=self._contract.name,
            contract_hash=self._contract.hash,
            extra={key: str(value) for key, value in values.items() if value not in (None, '')},
        )
        writer = BagWriter(
            self._folder / name,
            self._subscriptions.channels(),
            meta,
            self._contract,
            time.time_ns(),
        )
        for channel, log_ns, publish_ns, sequence, _, data in items:
            writer.write(channel, log_ns, publish_ns, data, max(sequence, 0))
        return writer.close(meta)
