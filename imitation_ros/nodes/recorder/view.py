# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""View: how the recording is going at one moment, for the screen and for the diagnostics."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...recording.preflight import Row
from ...recording.take import Counts

DISK_MINUTES = 5.0
"""Room on the disk below which the operator is warned [min]."""


@dataclass(frozen=True)
class TakeView:
    """The take that is running.

    Attributes:
        episode: Its name.
        seconds: How long it has been running [s].
        outcome: How it was marked.
        written_bytes: Size so far [bytes].
        queue_share: Fill of the queue, 0 to 1.
        counts: What became of each topic's messages.
    """

    episode: str
    seconds: float
    outcome: str
    written_bytes: int
    queue_share: float
    counts: Mapping[str, Counts] = field(default_factory=dict)


@dataclass(frozen=True)
class View:
    """Everything the screen shows.

    Attributes:
        robot: Name of the contract.
        session: Folder of the session.
        task: What is shown.
        operator: Who shows it.
        rows: Health of every topic.
        take: The take that is running, or None.
        error: Why the last take was ended; '' if it was not.
        rate_bytes: Bytes written per second.
        free_bytes: Room on the disk [bytes].
        on_disk: Finished episodes in the session.
        missing: Episodes that should be there and are not.
        tally: Takes of this recorder by verdict.
        last: Name, seconds, verdict and reasons of the last take, or None.
        keys: Keys and what they do.
    """

    robot: str
    session: Path
    task: str
    operator: str
    rows: Sequence[Row]
    take: TakeView | None
    error: str
    rate_bytes: float
    free_bytes: int
    on_disk: int
    missing: int
    tally: Mapping[str, int]
    last: tuple[str, float, str, Sequence[str]] | None
    keys: Mapping[str, str]

    @property
    def minutes(self) -> float | None:
        """How long the disk lasts at the present rate [min]; None if nothing is written."""
        return self.free_bytes / self.rate_bytes / 60 if self.rate_bytes > 0 else None

    @property
    def refusals(self) -> list[Row]:
        """Rows that keep a take from starting."""
        return [row for row in self.rows if row.refuses]


def missing_text(count: int) -> str:
    """How to say that kept episodes are gone."""
    return f'{count} kept episode{" is" if count == 1 else "s are"} missing on the disk'
