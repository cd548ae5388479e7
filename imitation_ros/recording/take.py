# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One take: messages go from the executor's thread through a queue to the writer's thread.

The side that receives does nothing but put a tuple into the queue. The queue is bounded in
bytes; what does not fit is dropped and counted. Images that are to be compressed take a detour
over threads of their own, within the same bound. What was lost on the way to us is counted from
the numbers the publishers give their messages.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
import threading
import time

from ..bags.writer import BagWriter
from ..errors import BagError
from .compression import Compression, Compressors

POLL_S = 0.1
GATHER_S = 0.01
"""How long messages gather before the writer takes them [s]; far below its flush period."""

Item = tuple[int, int, int, int, bytes, bytes]
"""Channel, receive and source time [ns], sequence number (-1: none), publisher, message."""

Entry = tuple[int, tuple[int, int, int, int, bytes, bytes | None]]
"""Bytes that a message takes of the queue, and an Item; its message may be None: none to write."""

Watch = Callable[[str, int, int, int, bytes], None]
"""Topic, receive and source time [ns], sequence number, message."""


@dataclass(frozen=True)
class Counts:
    """What became of one topic's messages.

    Attributes:
        written: Messages in the bag.
        lost: Messages that were published but never reached the recorder.
        dropped: Messages dropped because the queue was full, or because they were images that
            could not be compressed.
    """

    written: int
    lost: int
    dropped: int


class Take:
    """A bag being recorded by a thread of its own.

    Attributes:
        writer: The bag.
        error: What stopped the take, or None.
        queued_bytes_max: Largest fill of the queue seen by the writer [bytes].
        watch_error: What stopped the watcher, or None.
    """

    def __init__(
        self,
        writer: BagWriter,
        topics: Sequence[str],
        limit_bytes: int,
        clock: Callable[[], int],
        watch: Watch | None = None,
        compress: Mapping[int, Compression] | None = None,
    ) -> None:
        """Start the writer's thread.

        Args:
            writer: The bag; from now on only the thread touches it.
            topics: Names of its channels.
            limit_bytes: Bound of the queue [bytes].
            clock: Monotonic time [ns]; says when to force data to the disk.
            watch: Sees every message after it was written, in the writer's thread. If it fails
                it sees no more; the recording goes on.
            compress: How the raw images of some channels are compressed before they are written.
        """
        self.writer = writer
        self.topics = tuple(topics)
        self.error: BagError | None = None
        self.watch_error: Exception | None = None
        self._watch = watch
        self.queued_bytes_max = 0
        self._limit = limit_bytes
        self._clock = clock
        self._queue: SimpleQueue[Entry | None] = SimpleQueue()
        self._compressors = Compressors(compress or {}, self._compressed)
        self._put_bytes = 0
        self._taken_bytes = 0
        self._dropped = [0] * len(self.topics)
        self._unfit = [0] * len(self.topics)
        self._lost = [0] * len(self.topics)
        self._newest: dict[tuple[int, bytes], int] = {}
        self._thread = threading.Thread(target=self._run, name='bag writer', daemon=True)
        self._thread.start()

    def put(self, item: Item) -> None:
        """Hand over one message; called by one thread only, never blocks."""
        size = len(item[5])
        if self._put_bytes - self._taken_bytes + size > self._limit:
            self._dropped[item[0]] += 1
            return
        self._put_bytes += size
        if item[0] in self._compressors:
            self._compressors.put(item[0], item, item[5])
        else:
            self._queue.put((size, item))

    def _compressed(self, _channel: int, item: Item, data: bytes | None) -> None:
        self._queue.put((len(item[5]), (*item[:5], data)))

    @property
    def queued_bytes(self) -> int:
        """Fill of the queue [bytes]."""
        return self._put_bytes - self._taken_bytes

    def counts(self) -> dict[str, Counts]:
        """What became of each topic's messages so far."""
        return {
            topic: Counts(self.writer.counts[i], self._lost[i], self._dropped[i] + self._unfit[i])
            for i, topic in enumerate(self.topics)
        }

    def stop(self) -> None:
        """Write what is queued and end the thread; see `error` for whether that went well."""
        self._compressors.stop()
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        try:
            while self._work():
                # Messages gather: waking up for each of a thousand a second would cost more.
                time.sleep(GATHER_S)
        except BagError as error:
            self.error = error
            self.writer.abort()

    def _work(self) -> bool:
        """Write what is in the queue, waiting a while if it is empty; False at the end."""
        try:
            entry = self._queue.get(timeout=POLL_S)
        except Empty:
            self.writer.tick(self._clock())
            return True
        self.queued_bytes_max = max(self.queued_bytes_max, self.queued_bytes)
        while entry is not None:
            size, (channel, log_ns, publish_ns, sequence, publisher, data) = entry
            self._taken_bytes += size
            if sequence >= 0:
                self._count_lost(channel, publisher, sequence)
            if data is None:
                self._unfit[channel] += 1
            else:
                self.writer.write(channel, log_ns, publish_ns, data, max(sequence, 0))
                if self._watch is not None:
                    self._look(channel, log_ns, publish_ns, sequence, data)
            self.writer.tick(self._clock())
            try:
                entry = self._queue.get_nowait()
            except Empty:
                return True
        return False

    def _look(
        self, channel: int, log_ns: int, publish_ns: int, sequence: int, data: bytes
    ) -> None:
        """Let the watcher see a message; whatever is wrong with it, the take must not end."""
        if self._watch is None:
            return
        try:
            self._watch(self.topics[channel], log_ns, publish_ns, sequence, data)
        except Exception as error:  # noqa: BLE001 - a fault in the audit must cost no data
            self.watch_error, self._watch = error, None

    def _count_lost(self, channel: int, publisher: bytes, sequence: int) -> None:
        """Count the numbers skipped since the publisher's last message."""
        key = (channel, publisher)
        newest = self._newest.get(key)
        if newest is not None and sequence > newest + 1:
            self._lost[channel] += sequence - newest - 1
        if newest is None or sequence > newest:
            self._newest[key] = sequence
