# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Buttons of a gamepad or a pedal that work the recorder: `start=7, stop=7, success=0`."""

from collections.abc import Collection, Sequence

from ...errors import unknown
from ..ros.parameters import ParameterError


def parse(text: str, verbs: Collection[str]) -> dict[int, tuple[str, ...]]:
    """Verbs of each button, from a text such as `start=7, stop=7, discard=6`.

    Args:
        text: Pairs of a verb and the number of a button in sensor_msgs/msg/Joy.
        verbs: The verbs there are.

    Raises:
        ParameterError: If a verb is unknown, or a button is no number.
    """
    found: dict[int, tuple[str, ...]] = {}
    for part in (part.strip() for part in text.split(',')):
        if not part:
            continue
        verb, _, number = (piece.strip() for piece in part.partition('='))
        if verb not in verbs:
            raise ParameterError(f'buttons: {unknown(verb, "verb", verbs)}')
        if not number.isdigit():
            raise ParameterError(f'buttons: "{part}" names no button; write {verb}=7')
        found[int(number)] = (*found.get(int(number), ()), verb)
    return found


class Buttons:
    """Tells which buttons were pressed since the last message; one held down counts once."""

    def __init__(self, verbs: dict[int, tuple[str, ...]]) -> None:
        """Start with the buttons' verbs.

        Args:
            verbs: Verbs of each button, as `parse` gives them.
        """
        self._verbs = verbs
        self._before: tuple[int, ...] | None = None

    def press(self, buttons: Sequence[int]) -> list[tuple[str, ...]]:
        """Verbs of every button that went down.

        A button that is down in the first message of all was not pressed for us.
        """
        now, before = tuple(buttons), self._before
        self._before = now
        if before is None or len(before) != len(now):
            return []
        return [
            verbs
            for number, verbs in self._verbs.items()
            if number < len(now) and now[number] and not before[number]
        ]
