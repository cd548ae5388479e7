# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A session: a folder of episodes, numbered per task, that can be left and continued."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
import json
import os
from pathlib import Path
import shutil
from typing import Any

from ..bags.audit.audit import Auditor, check_written
from ..bags.audit.bag import Audit, audit
from ..bags.edit.episodes import drop
from ..bags.edit.repair import Repair, repair, unfinished
from ..bags.layout import is_finished, METADATA, next_name, update_meta, used_names
from ..bags.reader import Bag
from ..bags.topics import as_recorded, COMPRESSED, recorded, TOPIC_SUFFIX
from ..bags.writer import BagWriter
from ..contract import Contract
from ..data.episode import EpisodeMeta, Outcome
from ..documents import shown
from ..errors import BagError
from ..messages.definitions import decode
from ..names import stem_of
from .compression import Compression
from .take import Counts, Take

DROPPED = 'lost'
"""Key of EpisodeMeta.extra: JSON of topics with messages lost or dropped, and how many."""
QUEUE_BYTES = 512 * 1024 * 1024


@dataclass(frozen=True)
class Finished:
    """A take that is over.

    Attributes:
        path: Folder of its bag.
        meta: Its meta, as stored in the bag.
        counts: What became of each topic's messages.
        audit: The verdict.
        queue_max_bytes: Largest fill of the queue [bytes].
    """

    path: Path
    meta: EpisodeMeta
    counts: Mapping[str, Counts]
    audit: Audit
    queue_max_bytes: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            'episode': self.meta.episode,
            'path': str(self.path),
            'outcome': self.meta.outcome,
            'verdict': self.audit.verdict,
            'reasons': list(self.audit.reasons),
            'seconds': self.audit.seconds,
            'counts': {topic: count.written for topic, count in self.counts.items()},
            'lost': sum(count.lost for count in self.counts.values()),
            'dropped': sum(count.dropped for count in self.counts.values()),
            'queue_max_bytes': self.queue_max_bytes,
        }


class Session:
    """Records takes into a folder, one at a time.

    Attributes:
        root: The folder.
        contract: The contract all takes are recorded with.
        repaired: What was found unfinished in the folder and repaired.
        failed: Unfinished folders that could not be repaired, and why.
        last: The take that ended last.
    """

    def __init__(
        self,
        root: Path,
        contract: Contract,
        clock: Callable[[], int],
        distro: str = 'kilted',
    ) -> None:
        """Open a session's folder, and repair what a crash left in it.

        Args:
            root: The folder; made if it is not there.
            contract: Contract of the robot that is recorded.
            clock: Monotonic time [ns].
            distro: ROS distribution to name in the bags.

        Raises:
            BagError: If the folder cannot be made.
        """
        self.root = root
        self.contract = contract
        self.last: Finished | None = None
        self.repaired: list[Repair] = []
        self.failed: dict[Path, str] = {}
        self._looked_at: dict[Path, tuple[object, bool]] = {}
        self._clock = clock
        self._distro = distro
        self._take: Take | None = None
        self._meta: EpisodeMeta | None = None
        self._auditor: Auditor | None = None
        self._gone = ''
        try:
            root.mkdir(parents=True, exist_ok=True)
        except (OSError, ValueError) as error:
            reason = getattr(error, 'strerror', None) or error
            raise BagError(f'cannot make the session {shown(str(root))}: {reason}') from error
        self.repair()

    def repair(self) -> None:
        """Repair every unfinished folder of the session that nobody is recording into."""
        for folder in unfinished(self.root):
            try:
                self.repaired.append(repair(folder))
                self.failed.pop(folder, None)
            except Exception as error:  # noqa: BLE001 - what is in the way must end no recorder
                self.failed[folder] = str(error) or type(error).__name__

    @property
    def take(self) -> Take | None:
        """The take that is running."""
        return self._take

    @property
    def meta(self) -> EpisodeMeta | None:
        """Meta of the take that is running."""
        return self._meta

    def next_name(self, task: str) -> str:
        """Name of the next episode, `<task>_<NNNN>`, above every number used so far."""
        return next_name(stem_of(task, 'episode'), used_names(self.root))

    def start(
        self,
        channels: Sequence[tuple[str, str, tuple[dict[str, object], ...]]],
        now_ns: int,
        task: str = '',
        operator: str = '',
        extra: Mapping[str, str] | None = None,
        compress: Mapping[int, Compression] | None = None,
    ) -> str:
        """Start a take and return its episode's name.

        Args:
            channels: Name, type and offered QoS profiles of each topic.
            now_ns: Time of day [ns].
            task: What the operator means to do.
            operator: Who does it.
            extra: Anything else worth keeping.
            compress: How the raw images of some channels are compressed on the way.

        Raises:
            BagError: If a take is running, or the bag cannot be created.
        """
        if self._take is not None:
            raise BagError('a take is running; stop or discard it first')
        if not self.root.is_dir():
            raise BagError(f'the session {self.root} was removed; restart the recorder')
        name = self.next_name(task)
        meta = EpisodeMeta(
            episode=name,
            task=task,
            operator=operator,
            robot=self.contract.name,
            contract_hash=self.contract.hash,
            extra=dict(extra or {}),
        )
        compress = compress or {}
        channels = [
            (f'{channel[0]}{TOPIC_SUFFIX}', COMPRESSED, channel[2]) if i in compress else channel
            for i, channel in enumerate(channels)
        ]
        try:
            writer = BagWriter(
                self.root / name, channels, meta, self.contract, now_ns, distro=self._distro
            )
        except (OSError, ValueError) as error:
            if isinstance(error, BagError):
                raise
            raise BagError(f'cannot record {self.root / name}: {error}') from error
        names = [channel[0] for channel in channels]
        contract = as_recorded(self.contract, {channel[0]: channel[1] for channel in channels})
        auditor = Auditor(recorded(contract), contract, decode)
        self._auditor = auditor
        self._take = Take(writer, names, QUEUE_BYTES, self._clock, auditor.push, compress)
        self._meta = meta
        return name

    def mark(self, outcome: Outcome) -> EpisodeMeta:
        """Mark the running take, or else the last one; returns its meta.

        Raises:
            BagError: If there is neither, the last one was discarded or cut off, or the bag was
                removed.
        """
        if self._meta is not None:
            self._meta = replace(self._meta, outcome=outcome)
            return self._meta
        if self._gone:
            raise BagError(f'{self._gone}: nothing was marked{self._before()}')
        if self.last is None:
            raise BagError('there is no take to mark')
        meta = replace(self.last.meta, outcome=outcome)
        update_meta(self.last.path, meta)
        self.last = replace(self.last, meta=meta)
        return meta

    def _before(self) -> str:
        """Say what the take before the one that is gone is marked as, and how to change that."""
        if self.last is None:
            return ''
        return (
            f'; {self.last.meta.episode} stays {self.last.meta.outcome} '
            f'("imitation_ros relabel {self.last.path}" changes it)'
        )

    def stop(self) -> Finished:
        """End the take and store the verdict in it.

        The audit went along with the writing, so this takes no longer for a longer take. What a
        reader finds on the disk is counted against what was written.

        Raises:
            BagError: If no take is running, or the bag could not be written to its end.
        """
        take, meta = self._end()
        take.stop()
        if take.error is not None:
            raise take.error
        counts = take.counts()
        lost = {topic: n for topic, c in counts.items() if (n := c.lost + c.dropped)}
        if lost:
            meta = replace(meta, extra={**meta.extra, DROPPED: json.dumps(lost)})
        path = take.writer.close(meta)
        with Bag(path) as bag:
            if take.watch_error is None and self._auditor is not None:
                verdict = self._auditor.finish(meta.episode, lost, bag.types)
            else:
                verdict = audit(bag)
            written = {topic: count.written for topic, count in counts.items()}
            verdict = check_written(verdict, written, bag.counts)
        self._auditor = None
        meta = replace(meta, verdict=verdict.verdict, reasons=verdict.reasons)
        update_meta(path, meta)
        self.last = Finished(path, meta, counts, verdict, take.queued_bytes_max)
        self._gone = ''
        return self.last

    def put_aside(self) -> Finished:
        """Move the take that ended last to the dropped ones; `drop --undo` brings it back.

        Raises:
            BagError: If there is none, or it cannot be moved.
        """
        if self.last is None:
            raise BagError('there is no take to put aside')
        moved = drop(self.last.path).target
        self.last = replace(self.last, path=moved or self.last.path)
        return self.last

    def fail(self) -> str:
        """End a take whose writer failed, and save what it wrote; returns what to tell.

        Raises:
            BagError: If no take is running.
        """
        take, meta = self._end()
        take.stop()
        folder = take.writer.folder
        text = f'{meta.episode}: {take.error}'
        if not folder.is_dir():
            return f'{text}; nothing of it is left'
        try:
            saved = repair(folder)
        except Exception as error:  # noqa: BLE001 - the node goes on, and says where it is
            self.failed[folder] = str(error) or type(error).__name__
            return (
                f'{text}; {folder} holds what was written, "imitation_ros repair" brings it back'
            )
        self.repaired.append(saved)
        return f'{text}; {saved.seconds:.1f} s of it are saved as {saved.path}'

    def discard(self) -> str:
        """Throw the running take away; returns its name.

        Raises:
            BagError: If no take is running, or the folder cannot be removed.
        """
        take, meta = self._end()
        take.stop()
        take.writer.discard()
        self._gone = f'{meta.episode} was discarded'
        return meta.episode

    def _end(self) -> tuple[Take, EpisodeMeta]:
        take, meta = self._take, self._meta
        if take is None or meta is None:
            raise BagError('no take is running')
        self._take = self._meta = None
        self._gone = f'{meta.episode} was cut off'
        return take, meta

    def episodes(self) -> list[Path]:
        """Finished bags of the session whose files end as they should."""
        return [bag for bag, whole in self._finished() if whole]

    def damaged(self) -> list[Path]:
        """Bags of the session that call themselves finished and were cut off all the same."""
        return [bag for bag, whole in self._finished() if not whole]

    def _finished(self) -> list[tuple[Path, bool]]:
        """Bags with a metadata.yaml and whether they are whole; asked for twice a second."""
        bags = sorted(path.parent for path in self.root.glob(f'*/{METADATA}'))
        result = []
        for bag in bags:
            try:
                key = tuple(
                    (e.name, e.stat().st_mtime_ns, e.stat().st_size) for e in os.scandir(bag)
                )
                if self._looked_at.get(bag, (None, False))[0] != key:
                    self._looked_at[bag] = (key, is_finished(bag))
            except OSError:
                continue
            result.append((bag, self._looked_at[bag][1]))
        return result

    def free_bytes(self) -> int:
        """Room left on the disk [bytes]; 0 if the folder is gone."""
        try:
            return shutil.disk_usage(self.root).free
        except OSError:
            return 0
