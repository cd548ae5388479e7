# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bags to a dataset: frames on the contract's grid, made by the one resampler.

Each bag is read twice. The first pass decides which message stands at which tick; the second
decodes only the images that were chosen. One episode is in memory at a time.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
import tempfile
from typing import Any

import numpy as np

from ..bags.align import align, Aligned
from ..bags.audit.bag import audit
from ..bags.authority import by_operator
from ..bags.layout import SUFFIX
from ..bags.reader import Bag
from ..bags.topics import as_recorded
from ..bags.vectors import pair
from ..contract import Contract
from ..data.doubts import Doubts
from ..data.episode import Episode, EpisodeMeta, OUTCOMES, UNSTATED
from ..data.frame import Image
from ..data.images import resize
from ..data.outcomes import is_wanted, NEVER_MARKED, UNKNOWN
from ..data.provenance import Conversion
from ..data.store import DatasetWriter, Manifest
from ..errors import BagError, DataError, unknown
from ..messages import codec

NS = 1_000_000_000
Size = tuple[int, int]

EXPLANATIONS = {
    'failure': 'marked as a failure (--with-failures takes it)',
    'unknown': f'{NEVER_MARKED} (--with-unknown takes it)',
    'reject': 'rejected by the audit (--with-rejected takes it)',
    'recovered': 'repaired after a crash (--with-recovered takes it)',
}


@dataclass(frozen=True)
class Options:
    """What goes into a dataset.

    Attributes:
        cameras: Cameras to keep, each with its new (height, width) or None for its own size; all
            of the contract at their own size if None.
        poses: Poses to keep; all of the contract if None.
        failures: Whether episodes marked as failures are kept.
        unknown: Whether episodes are kept that were never marked, though they could have been.
        rejected: Whether episodes the audit rejected are kept.
        recovered: Whether repaired episodes are kept.
        trim_idle_s: Cut the head and tail where nothing moves, but for this long [s]; None: no.
    """

    cameras: Mapping[str, Size | None] | None = None
    poses: tuple[str, ...] | None = None
    failures: bool = False
    unknown: bool = False
    rejected: bool = False
    recovered: bool = False
    trim_idle_s: float | None = None

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Outcomes of the episodes that are kept."""
        asked = {'failure': self.failures, UNKNOWN: self.unknown}
        return tuple(outcome for outcome in OUTCOMES if asked.get(outcome, True))


class _OutcomeError(DataError):
    """An episode was left out because of its outcome; has that outcome."""

    def __init__(self, text: str, outcome: str) -> None:
        super().__init__(text)
        self.outcome = outcome


@dataclass(frozen=True)
class Progress:
    """How far a conversion is.

    Attributes:
        episode: Name of the bag.
        index: Bags done.
        total: All bags.
        reason: Why the bag was left out; '' if it was not.
    """

    episode: str
    index: int
    total: int
    reason: str


def convert(
    bags: Iterable[Path],
    output: Path,
    options: Options | None = None,
    contract: Contract | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Manifest:
    """Convert bags to a dataset.

    Args:
        bags: Folders of bags (see `layout.find_bags`).
        output: New or empty folder of the dataset.
        options: What goes in.
        contract: The contract; that inside the bags if None.
        progress: Called after every bag.

    Returns:
        The manifest. Its provenance lists every bag with its steps (and how many of them an
        operator drove, where a policy drove as well) and outcome, or the reason it was left out,
        and the age of every modality over all ticks, and under `notes` what is odd about the
        numbers.

    Raises:
        DataError: If the bags do not agree on a contract, or no episode is fit.
    """
    options = options or Options()
    paths = list(bags)
    if not paths:
        raise DataError('no bags to convert')
    contract = contract or agreed(paths)
    sizes = _sizes(contract, options.cameras)
    poses = tuple(pose.name for pose in contract.poses) if options.poses is None else options.poses
    writer = DatasetWriter(
        output,
        contract.text,
        contract.hash,
        contract.urdf_text,
        contract.joints,
        contract.rates.policy_hz,
        contract.actions,
    )
    entries: list[dict[str, Any]] = []
    ages: dict[str, list[np.ndarray[Any, Any]]] = {}
    names: set[str] = set()
    doubts = Doubts(contract)
    total_bytes = 0
    for index, path in enumerate(paths):
        entry: dict[str, Any] = {'bag': str(path), 'steps': 0, 'reason': ''}
        try:
            with tempfile.TemporaryDirectory(dir=output, prefix='.frames_') as scratch:
                episode, size = _episode(path, contract, sizes, poses, options, Path(scratch))
                if episode.meta.episode in names:
                    name = f'{path.resolve().parent.name}_{episode.meta.episode}'
                    episode = replace(episode, meta=replace(episode.meta, episode=name))
                names.add(episode.meta.episode)
                writer.append(episode)
                doubts.add(episode)
            total_bytes += size
            entry['steps'] = len(episode)
            entry['episode'] = episode.meta.episode
            entry['outcome'] = episode.meta.outcome
            if episode.by_operator is not None:
                entry['by_operator'] = int(episode.by_operator.sum())
            for name, age in episode.age_ns.items():
                ages.setdefault(name, []).append(age)
        except DataError as error:
            entry['reason'] = str(error).removeprefix(f'{path}: ')
            if isinstance(error, _OutcomeError):
                entry['left_out'] = error.outcome
        entries.append(entry)
        if progress is not None:
            progress(Progress(path.name, index + 1, len(paths), entry['reason']))
    if not any(entry['steps'] for entry in entries):
        reasons = '\n  '.join(f'{entry["bag"]}: {entry["reason"]}' for entry in entries)
        raise DataError(f'no episode was fit for the dataset:\n  {reasons}')
    skew_ms = {name: _percentiles(np.concatenate(age)) for name, age in ages.items()}
    return writer.close(
        Conversion(tuple(entries), skew_ms, total_bytes, notes=tuple(doubts.found()))
    )


def agreed(paths: Iterable[Path]) -> Contract:
    """Contract that all bags were recorded with; unreadable bags have no say.

    Raises:
        DataError: If there are several or none; lists the bags of each.
    """
    contracts: dict[str, Contract] = {}
    holders: dict[str, list[str]] = {}
    without = []
    for path in paths:
        try:
            with Bag(path) as bag:
                found = bag.contract
        except BagError as error:
            without.append(str(error))
            continue
        if found is None:
            without.append(f'{path}: holds no contract')
            continue
        contracts[found.hash] = found
        holders.setdefault(found.hash, []).append(str(path))
    if not contracts:
        listed = '\n  '.join(without)
        raise DataError(
            'no bag holds a contract; name one with --robot, or write one with '
            f'"imitation_ros contract-from-bag":\n  {listed}'
        )
    if len(contracts) > 1:
        lines = [
            f'{contracts[key].name} {key[:12]}: {", ".join(where)}'
            for key, where in holders.items()
        ]
        raise DataError('the bags were recorded with several contracts:\n  ' + '\n  '.join(lines))
    return next(iter(contracts.values()))


def _sizes(
    contract: Contract, cameras: Mapping[str, Size | None] | None
) -> dict[str, Size | None]:
    if cameras is None:
        return {camera.name: None for camera in contract.cameras}
    names = [camera.name for camera in contract.cameras]
    for name, size in cameras.items():
        if name not in names:
            raise DataError(unknown(name, 'camera of the contract', names))
        if size is not None and min(size) < 1:
            raise DataError(f'camera "{name}": {size} is no size')
    return dict(cameras)


def _episode(
    path: Path,
    contract: Contract,
    sizes: Mapping[str, Size | None],
    poses: tuple[str, ...],
    options: Options,
    scratch: Path,
) -> tuple[Episode, int]:
    """One bag as an episode, and its size [bytes]; DataError says why it is unfit."""
    if path.name.endswith(SUFFIX):
        raise DataError('the recording was never finished; run "imitation_ros repair"')
    with Bag(path) as bag:
        contract = as_recorded(contract, bag.types)
        meta = bag.meta or EpisodeMeta(path.stem, outcome=UNSTATED)
        meta = replace(meta, outcome=bag.outcome)
        if not meta.contract_hash:
            meta = replace(meta, robot=contract.name, contract_hash=contract.hash)
        # The contract in the bag is hashed anew: keys that came later have their defaults.
        elif (
            held := meta.contract_hash if bag.contract is None else bag.contract.hash
        ) != contract.hash:
            raise DataError(
                f'was recorded with another contract: {meta.robot} {held[:12]}, '
                f'not {contract.name} {contract.hash[:12]}'
            )
        if not meta.verdict:
            verdict = audit(bag, contract)
            meta = replace(meta, verdict=verdict.verdict, reasons=verdict.reasons)
        wanted = is_wanted(meta, options.outcomes)
        refused = {
            meta.outcome: not wanted,
            'recovered': meta.recovered and not options.recovered,
            'reject': meta.verdict == 'reject' and not options.rejected,
        }
        whys = [EXPLANATIONS[key] for key, no in refused.items() if no]
        if whys:
            found = f': {"; ".join(meta.reasons)}' if refused['reject'] else ''
            text = ' and '.join(whys) + found
            raise DataError(text) if wanted else _OutcomeError(text, meta.outcome)
        onto_steps = pair if contract.data_only else align
        aligned = onto_steps(bag, contract, (*sizes, *poses))
        if options.trim_idle_s is not None:
            aligned = aligned.trimmed(options.trim_idle_s)
        images = _images(bag, contract, aligned, sizes, scratch)
        episode = Episode(
            meta=meta,
            tick_ns=aligned.tick_ns,
            q=aligned.q,
            v=aligned.v,
            action=aligned.action,
            images=images,
            poses=aligned.poses,
            age_ns=aligned.age_ns,
            by_operator=by_operator(bag, contract, aligned.tick_ns),
        )
        return episode, bag.bytes


def _images(
    bag: Bag,
    contract: Contract,
    aligned: Aligned,
    sizes: Mapping[str, Size | None],
    scratch: Path,
) -> dict[str, Image]:
    """Decode the images that stand at a tick, into files so that they need not fit in memory.

    All cameras in one pass: each pass reads the whole bag.
    """
    cameras = {contract.camera(name).topic: contract.camera(name) for name in sizes}
    steps = len(aligned.tick_ns)
    result: dict[str, Image] = {}
    ticks: dict[str, dict[int, list[int]]] = {}
    for topic, camera in cameras.items():
        height, width = sizes[camera.name] or (camera.height, camera.width)
        kind, channels = (np.uint16, 1) if camera.depth else (np.uint8, 3)
        shape = (steps, height, width, channels)
        result[camera.name] = np.memmap(scratch / camera.name, kind, 'w+', shape=shape)
        ticks[topic] = {}
        for tick, number in enumerate(aligned.image_numbers[camera.name]):
            ticks[topic].setdefault(int(number), []).append(tick)
    numbers = dict.fromkeys(cameras, -1)
    for message in bag.messages(list(cameras)):
        topic, camera = message.topic, cameras[message.topic]
        numbers[topic] += 1
        chosen = ticks[topic].get(numbers[topic])
        if chosen is None:
            continue
        try:
            _, pixels = codec.camera_image(camera, bag.decode(message))
        except DataError as error:
            raise DataError(f'{topic}: {error}') from error
        images = result[camera.name]
        small = resize(pixels, *images.shape[1:3])
        for tick in chosen:
            images[tick] = small
    return result


def _percentiles(age: np.ndarray[Any, Any]) -> dict[str, float]:
    """Median, 99th percentile and maximum of ages [ms]."""
    values = np.percentile(age, (50, 99, 100)) / 1e6
    return {key: round(float(v), 3) for key, v in zip(('p50', 'p99', 'max'), values, strict=True)}
