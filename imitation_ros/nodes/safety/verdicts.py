# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Interventions as diagnostics: merged and counted, at most ten messages a second, none lost."""

from collections.abc import Iterable
from dataclasses import dataclass

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus

from ...safety.intervention import Intervention
from ..ros.messages import status, to_time

PERIOD_NS = 100_000_000


@dataclass
class _Merged:
    """Interventions of one rule on one subject; the largest difference stands for all."""

    worst: Intervention
    count: int


def _difference(intervention: Intervention) -> float:
    if intervention.asked is None or intervention.sent is None:
        return 0.0
    return abs(intervention.asked - intervention.sent)


class Verdicts:
    """Collects interventions and says when a message is due.

    Attributes:
        counts: Interventions per rule since the start.
    """

    def __init__(self) -> None:
        """Start with nothing to say."""
        self.counts: dict[str, int] = {}
        self._merged: dict[tuple[str, str], _Merged] = {}
        self._said_ns = -PERIOD_NS

    def add(self, interventions: Iterable[Intervention]) -> None:
        """Take the interventions of one tick."""
        for intervention in interventions:
            rule = intervention.rule.value
            self.counts[rule] = self.counts.get(rule, 0) + 1
            merged = self._merged.get((rule, intervention.subject))
            if merged is None:
                self._merged[rule, intervention.subject] = _Merged(intervention, 1)
                continue
            merged.count += 1
            if _difference(intervention) > _difference(merged.worst):
                merged.worst = intervention

    def take(self, now_ns: int, steady_ns: int, last: bool = False) -> DiagnosticArray | None:
        """Message that is due, or None.

        Args:
            now_ns: Stamp of the message [ns].
            steady_ns: Time on the steady clock [ns].
            last: Whether this is the end: what is left is due now.
        """
        if not self._merged or (steady_ns - self._said_ns < PERIOD_NS and not last):
            return None
        self._said_ns = steady_ns
        message = DiagnosticArray()
        message.header.stamp = to_time(now_ns)
        message.status = [_status(merged) for merged in self._merged.values()]
        self._merged.clear()
        return message


def _status(merged: _Merged) -> DiagnosticStatus:
    worst = merged.worst
    values: dict[str, object] = {'rule': worst.rule.value, 'count': merged.count}
    if worst.joint is not None:
        values['joint'] = worst.joint
    if worst.pair is not None:
        values['pair'] = '/'.join(worst.pair)
    if worst.asked is not None:
        values['asked'] = worst.asked
    if worst.sent is not None:
        values['sent'] = worst.sent
    return status(DiagnosticStatus.WARN[0], worst.rule.value, worst.text, values)
