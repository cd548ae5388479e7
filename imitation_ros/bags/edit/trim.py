# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Write bags without their idle heads and tails; what stays keeps its bytes and its stamps."""

from dataclasses import dataclass, replace
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...contract import Contract
from ...data.frame import Array
from ...errors import BagError, DataError
from ...messages import codec
from ..audit.bag import audit
from ..layout import update_meta
from ..motion import idle, MOTION, thresholds
from ..reader import Bag
from .episodes import Change
from .excerpt import write_excerpt

NS = 1_000_000_000
JOINT_STATE = 'sensor_msgs/msg/JointState'


@dataclass(frozen=True)
class Cut:
    """Which part of a bag stays.

    Attributes:
        from_s: From here on [s after the first message]; None: from the first motion.
        to_s: Up to here [s after the first message]; None: to the last motion.
        margin_s: Kept before the first and after the last motion [s].
        motion: How far a joint must go to count as moved [rad or m].
    """

    from_s: float | None = None
    to_s: float | None = None
    margin_s: float = 0.5
    motion: float = MOTION

    def __post_init__(self) -> None:
        """Refuse an empty or impossible cut."""
        for name in ('from_s', 'to_s', 'margin_s'):
            value = getattr(self, name)
            if value is not None and not value >= 0.0:
                raise DataError(f'{name} is {value}; it must not be negative')
        if self.from_s is not None and self.to_s is not None and self.from_s >= self.to_s:
            raise DataError(f'nothing lies between {self.from_s} s and {self.to_s} s')
        if not self.motion > 0.0:
            raise DataError(f'motion is {self.motion}; it must be above 0')


def trim(
    path: Path, out: Path, cut: Cut, contract: Contract | None = None, dry_run: bool = False
) -> Change:
    """Write a bag without its idle head and tail to another folder.

    Args:
        path: The bag.
        out: Folder of the new bags.
        cut: What stays. Times that are given count; else the motion decides.
        contract: Names the joints; that inside the bag if None, every JointState if there is
            none.
        dry_run: Whether to only tell.

    Raises:
        BagError: If the bag cannot be read, the new one cannot be written or is there already.
    """
    target = out / (path.stem if path.is_file() else path.name)
    if target.exists():
        raise BagError(f'{target} is there already')
    with Bag(path) as bag:
        start, end = _window(bag, contract or bag.contract, cut)
        length = (bag.end_ns - bag.start_ns) / NS
        head, tail = (start - bag.start_ns) / NS, (bag.end_ns - end) / NS
        note = f'{length:.2f} s to {length - head - tail:.2f} s (head {head:.2f}, tail {tail:.2f})'
        if dry_run:
            return Change(path, target, note)
        meta = bag.meta
        if meta is not None:
            trimmed = json.dumps({'head_s': round(head, 6), 'tail_s': round(tail, 6)})
            meta = replace(meta, verdict='', extra={**meta.extra, 'trimmed': trimmed})
        count = write_excerpt(bag, target, meta, start, end)
    if meta is not None:
        with Bag(target) as made:
            verdict = audit(made, contract)
        update_meta(target, replace(meta, verdict=verdict.verdict, reasons=verdict.reasons))
        note += f'; {verdict.verdict}'
    return Change(path, target, f'{note}; {count} messages')


def _window(bag: Bag, contract: Contract | None, cut: Cut) -> tuple[int, int]:
    """First and last receive time that stay [ns]."""
    start, end = bag.start_ns, bag.end_ns
    if cut.from_s is not None or cut.to_s is not None:
        if cut.from_s is not None:
            start = bag.start_ns + round(cut.from_s * NS)
        if cut.to_s is not None:
            end = min(end, bag.start_ns + round(cut.to_s * NS))
        if start >= end:
            length = (bag.end_ns - bag.start_ns) / NS
            raise BagError(f'{bag.path}: is {length:.2f} s long; nothing of it would stay')
        return start, end
    margin = round(cut.margin_s * NS)
    spans = []
    for times, q, threshold in _positions(bag, contract, cut.motion):
        found = idle(times, q, threshold)
        if found is not None:
            spans.append(
                (times[0] + round(found.head_s * NS), times[-1] - round(found.tail_s * NS))
            )
    if not spans:
        raise BagError(f'{bag.path}: nothing moves in it; "imitation_ros drop" puts it away')
    first, last = min(span[0] for span in spans), max(span[1] for span in spans)
    return max(start, int(first) - margin), min(end, int(last) + margin)


def _positions(
    bag: Bag, contract: Contract | None, motion: float
) -> list[tuple[NDArray[np.int64], Array, Array | float]]:
    """Receive times [ns], positions and thresholds of what tells of motion in a bag."""
    if contract is not None and bag.counts.get(contract.joint_states.topic):
        topics = [contract.joint_states.topic]
        limit: Array | float = thresholds(contract, motion)
    else:
        contract = None
        topics = [t for t, kind in bag.types.items() if kind == JOINT_STATE and bag.counts[t]]
        limit = motion
    if not topics:
        raise BagError(f'{bag.path}: no {JOINT_STATE} tells of motion; give --from and --to')
    times: dict[tuple[str, tuple[str, ...]], list[int]] = {}
    rows: dict[tuple[str, tuple[str, ...]], list[Array]] = {}
    for message in bag.messages(topics):
        decoded = bag.decode(message)
        if contract is not None:
            key: tuple[str, tuple[str, ...]] = (message.topic, contract.joints)
            q = codec.joint_state(contract, decoded)[1]
        else:
            key, q = (message.topic, tuple(decoded.name)), np.asarray(decoded.position)
        if np.isfinite(q).all():
            times.setdefault(key, []).append(message.log_ns)
            rows.setdefault(key, []).append(q)
    return [(np.array(times[key], np.int64), np.array(rows[key]), limit) for key in rows]
