# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""E-stop publishers: one latch and one heartbeat each, so that nobody releases another's stop."""

from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import SafetyError

UNKNOWN = ''
"""Source of a message whose publisher cannot be told."""

GONE_NS = 1_000_000_000
"""A publisher that the graph did not list for so long is confirmed gone [ns]."""


@dataclass
class Publisher:
    """What is known of one publisher of the e-stop topic.

    Attributes:
        pressed: Whether its last message said stop.
        at_ns: When that message arrived, on the steady clock [ns].
        beats: Whether two messages came within the heartbeat's period.
        name: Its name for a person.
        absent_ns: Since when the graph does not list it, on the steady clock [ns]; None: it does.
        gone: Whether that is confirmed.
    """

    pressed: bool
    at_ns: int
    beats: bool
    name: str
    absent_ns: int | None = None
    gone: bool = False


class EstopPublishers:
    """Who presses the e-stop, and whose heartbeat is wanted."""

    def __init__(self, heartbeat_ns: int) -> None:
        """Know nobody yet (heartbeat_ns: longest silence of a publisher [ns]; 0: none needed)."""
        self._heartbeat_ns = heartbeat_ns
        self._known: dict[str, Publisher] = {}

    def push(self, steady_ns: int, pressed: bool, source: str, releases: bool = True) -> None:
        """Take a message.

        Args:
            steady_ns: When it arrived, on the steady clock [ns].
            pressed: What it says.
            source: Who sent it; UNKNOWN if that cannot be told.
            releases: Whether a false releases the source; not where another may have pressed.
        """
        known = self._known.get(source)
        if known is None:
            self._known[source] = Publisher(pressed, steady_ns, False, _short(source))
            return
        known.beats |= steady_ns - known.at_ns <= self._heartbeat_ns
        known.at_ns, known.absent_ns, known.gone = steady_ns, None, False
        known.pressed = pressed or (known.pressed and not releases)

    def look(self, steady_ns: int, listed: Mapping[str, str]) -> None:
        """Take what the graph says of the topic's publishers.

        Args:
            steady_ns: Time on the steady clock [ns].
            listed: Name of every publisher that the graph lists, by source.
        """
        for source, known in list(self._known.items()):
            # An unknown source may be any of them: it is absent when nobody is left.
            if source in listed or (source == UNKNOWN and listed):
                known.name = listed.get(source, source)
                known.absent_ns, known.gone = None, False
                continue
            if known.absent_ns is None:
                known.absent_ns = steady_ns
            known.gone = steady_ns - known.absent_ns >= GONE_NS
            if known.gone and not known.pressed and not known.beats:
                del self._known[source]

    def check_released(self) -> None:
        """Check that nobody presses who is not confirmed gone.

        Raises:
            SafetyError: If somebody does; the message says who.
        """
        held = [each for each in self._known.values() if each.pressed and not each.gone]
        if not held:
            return
        names = sorted({f'"{each.name}"' for each in held if each.name})
        who = f' by {" and ".join(names)}' if names else ''
        leaving = sorted({f'"{each.name}"' for each in held if each.absent_ns is not None})
        later = (
            f'; {" and ".join(leaving)} left the graph less than {GONE_NS / 1e9:.0f} s ago: if it '
            'died, reset again then'
            if leaving
            else ''
        )
        raise SafetyError(f'the e-stop is still pressed{who}{later}')

    def forget_gone(self) -> tuple[str, ...]:
        """Forget who is confirmed gone; names of those of them that pressed until the end."""
        gone = {source: each for source, each in self._known.items() if each.gone}
        for source in gone:
            del self._known[source]
        return tuple(sorted(each.name for each in gone.values() if each.pressed))

    def arm(self, steady_ns: int) -> None:
        """From now on want the heartbeat of those that have one now, and of those yet to come."""
        for each in self._known.values():
            each.beats = each.beats and not self._silent(each, steady_ns)

    def alive(self, steady_ns: int) -> bool:
        """Whether anybody was heard within the heartbeat's period, or none is needed."""
        return not self._heartbeat_ns or any(
            not self._silent(each, steady_ns) for each in self._known.values()
        )

    def lost(self, steady_ns: int) -> str | None:
        """Whose heartbeat is lost, in words; None if none is."""
        if not self._heartbeat_ns:
            return None
        silent = [
            each for each in self._known.values() if each.beats and self._silent(each, steady_ns)
        ]
        if not silent and self.alive(steady_ns):
            return None
        names = sorted({f'"{each.name}"' for each in silent if each.name})
        whose = f' (that of {", ".join(names)})' if names else ''
        return f'its heartbeat is lost{whose}'

    def _silent(self, each: Publisher, steady_ns: int) -> bool:
        return steady_ns - each.at_ns > self._heartbeat_ns


def _short(source: str) -> str:
    """A source for a person to read, until its name is known."""
    return source if len(source) <= 20 else f'{source[:8]}..{source[-8:]}'
