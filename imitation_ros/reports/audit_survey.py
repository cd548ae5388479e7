# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the page of an audit shows of one bag: rates and gaps over time, skew, first pictures."""

import base64
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..bags.audit.audit import Auditor
from ..bags.audit.bag import Audit, conclude, listen
from ..bags.audit.checks import gap_limit_s, Track
from ..bags.reader import Bag, header_stamp_ns, RawMessage
from ..contract import Contract
from ..data.images import displayable
from ..errors import DataError
from ..messages import codec

NS = 1_000_000_000
BINS = 120
"""Points of a rate over time: as many as an eye tells apart in the width of a page."""
THUMBNAIL_WIDTH = 160


@dataclass(frozen=True)
class Lane:
    """One topic over time.

    Attributes:
        name: Name of the topic.
        expected_hz: Rate it should have [Hz]; that of its median period if nobody said.
        mean_hz: Rate over all messages [Hz].
        rates_hz: Rate in each of equal bins over the episode [Hz], shape (bins,).
        gaps_s: Begin and end of every gap, from the episode's start on [s].
    """

    name: str
    expected_hz: float
    mean_hz: float
    rates_hz: NDArray[np.float64]
    gaps_s: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Thumbnail:
    """A small picture.

    Attributes:
        seconds: When it was taken, from the episode's start on [s].
        uri: The picture as a data URI.
    """

    seconds: float
    uri: str


@dataclass(frozen=True)
class Survey:
    """One bag as the page shows it.

    Attributes:
        bag: Its path.
        audit: The verdict.
        outcome: How the episode went, as far as the bag tells.
        task: What was shown.
        operator: Who showed it.
        contract: Name of the contract it was judged by; '' if by none.
        seconds: From the first to the last stamp [s].
        lanes: Topics with a rate.
        verdicts_s: When the safety node said something, from the episode's start on [s].
        skew_ms: How far apart the sensors were at each tick of the policy [ms].
        thumbnails: First, middle and last picture of each camera.
    """

    bag: Path
    audit: Audit
    outcome: str = ''
    task: str = ''
    operator: str = ''
    contract: str = ''
    seconds: float = 0.0
    lanes: tuple[Lane, ...] = ()
    verdicts_s: tuple[float, ...] = ()
    skew_ms: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    thumbnails: dict[str, tuple[Thumbnail, ...]] = field(default_factory=dict)


def survey(path: Path, contract: Contract | None = None) -> Survey:
    """Audit a bag and keep what its page shows; it is read once.

    Raises:
        BagError: If it cannot be read.
    """
    with Bag(path) as bag:
        contract = contract or bag.contract
        auditor = listen(bag, contract)
        pictures = _Pictures(bag, contract)
        for message in bag.messages():
            track = auditor.tracks.get(message.topic)
            if track is not None and track.topic.type == message.type:
                auditor.push(
                    message.topic,
                    message.log_ns,
                    message.publish_ns,
                    message.sequence,
                    message.data,
                )
            pictures.push(message)
        audit = conclude(auditor, bag)
        start, end = auditor.span_ns()
        verdicts = auditor.tracks.get('' if contract is None else contract.topics.verdict)
        meta = bag.meta
        return Survey(
            bag=path,
            audit=audit,
            outcome=bag.outcome,
            task=meta.task if meta else '',
            operator=meta.operator if meta else '',
            contract=contract.name if contract else '',
            seconds=(end - start) / NS,
            lanes=tuple(_lanes(auditor, audit, start, end)),
            verdicts_s=()
            if verdicts is None
            else tuple((s - start) / NS for s in verdicts.stamp_ns),
            skew_ms=auditor.skew_ns() / 1e6,
            thumbnails=pictures.thumbnails(start),
        )


def _lanes(auditor: Auditor, audit: Audit, start_ns: int, end_ns: int) -> list[Lane]:
    mean = {topic.name: topic.rate_hz for topic in audit.topics}
    found = []
    for name, track in auditor.tracks.items():
        hz = track.rate_hz()
        if hz is None or (not track.stamp_ns and not track.topic.required):
            continue
        stamps = np.sort(track.stamps())
        found.append(
            Lane(
                name,
                hz,
                mean.get(name, 0.0),
                rates(stamps, start_ns, end_ns, hz),
                _gaps(track, stamps, start_ns, end_ns, gap_limit_s(hz, auditor.bounds)),
            )
        )
    return found


def rates(stamps: NDArray[np.int64], start_ns: int, end_ns: int, hz: float) -> NDArray[np.float64]:
    """Rate over time [Hz], shape (bins,).

    A count per bin would flicker by one message; the number of messages is taken to grow evenly
    between two of them instead, so that a steady topic is a level line.

    Args:
        stamps: Stamps, not falling [ns].
        start_ns: Begin of the first bin [ns].
        end_ns: End of the last bin [ns].
        hz: Expected rate [Hz]; a bin is two periods long at least.
    """
    seconds = max((end_ns - start_ns) / NS, 1e-9)
    bins = int(np.clip(seconds * hz / 2.0, 4, BINS))
    edges = np.linspace(start_ns, end_ns, bins + 1)
    if len(stamps) < 2:
        return np.zeros(bins)
    # Before the first and after the last message nothing came.
    counts = np.interp(edges, stamps, np.arange(len(stamps), dtype=np.float64))
    # Up to one period at either end belongs to the sampling, not to the topic.
    inside = np.clip(edges, stamps[0] - NS / hz, stamps[-1] + NS / hz)
    margin_head = np.maximum(stamps[0] - inside, 0.0) * hz / NS
    margin_tail = np.maximum(inside - stamps[-1], 0.0) * hz / NS
    result: NDArray[np.float64] = np.diff(counts - margin_head + margin_tail) / np.diff(edges) * NS
    return result


def _gaps(
    track: Track, stamps: NDArray[np.int64], start_ns: int, end_ns: int, limit_s: float
) -> tuple[tuple[float, float], ...]:
    if not len(stamps):
        return ((0.0, (end_ns - start_ns) / NS),)
    edges = stamps
    if track.topic.modality != 'command':
        edges = np.concatenate([[start_ns], stamps, [end_ns]])
    where = np.flatnonzero(np.diff(edges) / NS > limit_s + 1e-6)
    return tuple(
        ((int(edges[i]) - start_ns) / NS, (int(edges[i + 1]) - start_ns) / NS) for i in where
    )


class _Pictures:
    """Keeps the first, the middle and the last message of every camera."""

    def __init__(self, bag: Bag, contract: Contract | None) -> None:
        cameras = {camera.topic: camera.name for camera in contract.cameras} if contract else {}
        self._bag = bag
        self._names = {
            topic: cameras.get(topic, topic)
            for topic, kind in bag.types.items()
            if kind in codec.IMAGE_DECODERS and bag.counts.get(topic)
        }
        self._seen = dict.fromkeys(self._names, 0)
        self._kept: dict[str, dict[int, RawMessage]] = {topic: {} for topic in self._names}

    def push(self, message: RawMessage) -> None:
        number = self._seen.get(message.topic)
        if number is None:
            return
        count = self._bag.counts[message.topic]
        if number in (0, count // 2, count - 1):
            self._kept[message.topic][number] = message
        self._seen[message.topic] = number + 1

    def thumbnails(self, start_ns: int) -> dict[str, tuple[Thumbnail, ...]]:
        found = {}
        for topic, kept in self._kept.items():
            small = []
            for message in kept.values():
                try:
                    uri = _thumbnail(self._bag, message)
                except DataError:
                    continue  # the audit tells of damaged pictures
                stamp = header_stamp_ns(message.data)
                small.append(Thumbnail(max((stamp - start_ns) / NS, 0.0), uri))
            if small:
                found[self._names[topic]] = tuple(small)
        return found


def _thumbnail(bag: Bag, message: RawMessage) -> str:
    _, pixels = codec.IMAGE_DECODERS[message.type](bag.decode(message))
    pixels = displayable(pixels)
    height, width = pixels.shape[:2]
    if width > THUMBNAIL_WIDTH:
        size = (THUMBNAIL_WIDTH, max(round(height * THUMBNAIL_WIDTH / width), 1))
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
    data = base64.b64encode(codec.encode_jpeg(pixels, 85)).decode()
    return f'data:image/jpeg;base64,{data}'
