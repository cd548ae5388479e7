# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Find a camera that keeps serving the same picture while the robot moves.

A real sensor never gives the same bytes twice, a simulated one does whenever nothing in view
moves. So equal pictures alone prove nothing: they do while the joints that carry the camera
move, or if the picture otherwise changed almost every time the robot moved.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...contract import Contract
from ...documents import parse_xml

NS = 1_000_000_000
SEES_MOTION = 0.8
"""Share of frames that must change with the robot's motion before a still one is a fault."""
STILL = 1e-3
"""Joint motion between two frames that cannot be seen [rad or m]."""


@dataclass(frozen=True)
class Frozen:
    """Longest time without a new picture while the robot moved.

    Attributes:
        seconds: That time [s].
        text: What to tell the operator; '' if nothing.
        sure: Whether the camera is surely at fault.
    """

    seconds: float
    text: str
    sure: bool


@dataclass
class ImageTrack:
    """Stamps of one camera's images, and which of them differ from the one before.

    Attributes:
        name: Name of the camera.
        stamp_ns: Stamps [ns].
        changed: Whether the bytes differ from those of the image before.
    """

    name: str
    stamp_ns: list[int] = field(default_factory=list)
    changed: list[bool] = field(default_factory=list)
    _last: Any = None

    def push(self, stamp_ns: int, data: Any) -> None:
        """Add an image by its bytes (a numpy array, as decoded)."""
        # A new picture mostly differs in a few pixels already; only then are all compared.
        same = (
            self._last is not None
            and len(data) == len(self._last)
            and bool(np.array_equal(data[::1009], self._last[::1009]))
            and _equal(data, self._last)
        )
        self._last = data
        self.stamp_ns.append(stamp_ns)
        self.changed.append(not same)


def _equal(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> bool:
    """Whether two arrays of one length hold the same bytes; four at a time, as far as it goes."""
    whole = len(a) - len(a) % 4
    return bool(
        np.array_equal(a[:whole].view(np.uint32), b[:whole].view(np.uint32))
        and np.array_equal(a[whole:], b[whole:])
    )


def carriers(contract: Contract, camera: str) -> tuple[int, ...]:
    """Places in contract order of the joints that carry a camera.

    The camera's link is the first whose name starts with the camera's; () if there is none.
    """
    root = parse_xml(contract.urdf_text, contract.urdf_path)
    above: dict[str, tuple[str, str]] = {}
    for joint in root.findall('joint'):
        parent, child = joint.find('parent'), joint.find('child')
        if parent is not None and child is not None:
            above[child.get('link', '')] = (joint.get('name', ''), parent.get('link', ''))
    link = next((name for name in above if name.startswith(camera)), None)
    found = []
    while link is not None and link in above:
        name, link = above[link]
        if name in contract.joints:
            found.append(contract.joints.index(name))
    return tuple(found)


def judge(
    track: ImageTrack,
    contract: Contract,
    q_ns: NDArray[np.int64],
    q: NDArray[np.float64],
    limit_s: float,
    motion: float,
) -> Frozen:
    """Judge one camera by the joint positions of the same episode.

    Args:
        track: The camera's images.
        contract: Names the joints.
        q_ns: Stamps of the joint states [ns], shape (T,).
        q: Joint positions [rad or m], shape (T, n).
        limit_s: Time an image may stay the same while the robot moves [s].
        motion: Range of a joint that counts as moved [rad or m].
    """
    stamps, changed = np.array(track.stamp_ns, np.int64), np.array(track.changed)
    if len(stamps) < 2 or len(q) < 2:
        return Frozen(0.0, '', False)
    order = np.argsort(q_ns, kind='stable')
    q_ns, q = q_ns[order], q[order]
    at = np.clip(np.searchsorted(q_ns, stamps, side='right') - 1, 0, len(q) - 1)
    moved = np.abs(np.diff(q[at], axis=0)).max(axis=1) > STILL
    starts = np.flatnonzero(changed)
    worst: tuple[float, int, int] = (0.0, 0, 0)
    for i, first in enumerate(starts):
        last = int(starts[i + 1] if i + 1 < len(starts) else len(stamps)) - 1
        seconds = float(stamps[last] - stamps[first]) / NS
        if seconds <= limit_s:
            continue
        span = q[at[first] : at[last] + 1]
        if np.ptp(span, axis=0).max() > motion and seconds > worst[0]:
            worst = (seconds, int(first), last)
    seconds, begun, ended = worst
    if seconds == 0.0:
        return Frozen(0.0, '', False)
    begin = (int(stamps[begun]) - int(stamps[0])) / NS
    text = f'the same picture for {seconds:.2f} s from {begin:.2f} s on, while the robot moved'
    own = carriers(contract, track.name)
    carried = own and np.ptp(q[at[begun] : at[ended] + 1][:, own], axis=0).max() > motion
    outside = np.ones(len(stamps) - 1, dtype=bool)
    outside[begun:ended] = False
    chances = changed[1:][outside & moved]
    sees = len(chances) >= 5 and float(chances.mean()) > SEES_MOTION
    sure = bool(carried or sees or not own)
    hint = '' if sure else ' (perhaps out of its view)'
    return Frozen(seconds, text + hint, sure)
