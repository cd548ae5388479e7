# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a bag shows of an episode: camera strips, and commands as asked and as sent."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..bags.reader import Bag, header_stamp_ns
from ..contract import Camera
from ..data.camera_strips import CameraStrip, evenly, FRAMES, NS, strip_of_array
from ..data.frame import Array
from ..data.proposal import Proposal
from ..errors import BagError, DataError
from ..messages import codec


@dataclass(frozen=True)
class CommandTrace:
    """What was asked for, what the safety node sent, and where the joints were.

    Attributes:
        title: What is seen.
        joints: Names of the columns.
        times_s: Times since the first command [s], shape (T,).
        asked: Proposed positions [rad or m], shape (T, n); NaN while nothing was asked.
        sent: Commanded positions [rad or m], shape (T, n).
        measured: Measured positions [rad or m], shape (T, n).
    """

    title: str
    joints: tuple[str, ...]
    times_s: Array
    asked: Array
    sent: Array
    measured: Array

    def __post_init__(self) -> None:
        """Check the shapes."""
        shape = (len(self.times_s), len(self.joints))
        for name in ('asked', 'sent', 'measured'):
            if getattr(self, name).shape != shape:
                raise DataError(f'{name} has shape {getattr(self, name).shape}, not {shape}')


def largest_camera(bag: Bag) -> Camera:
    """Camera of the bag with the most pixels.

    Raises:
        BagError: If the bag holds no contract, or no images of its cameras.
    """
    if bag.contract is None:
        raise BagError(f'{bag.path}: no contract in it, so its cameras are unknown')
    cameras = [camera for camera in bag.contract.cameras if bag.counts.get(camera.topic)]
    if not cameras:
        raise BagError(f'{bag.path}: no camera images in it')
    return max(cameras, key=lambda camera: camera.width * camera.height)


def strip_of_bag(
    bag: Bag,
    camera: str | None = None,
    title: str = '',
    failed: bool = False,
    frames: int = FRAMES,
) -> CameraStrip:
    """Strip of one camera of a bag; only the frames it shows are decoded.

    Args:
        bag: The bag.
        camera: Name of the camera; the largest if None.
        title: What is seen; the episode's name if empty.
        failed: Whether it shows a failure.
        frames: How many frames to show.

    Raises:
        BagError: If the bag has no such images.
    """
    if camera is not None and bag.contract is not None:
        chosen = bag.contract.camera(camera)
    else:
        chosen = largest_camera(bag)
    stamps = [header_stamp_ns(message.data) for message in bag.messages([chosen.topic])]
    if not stamps:
        raise BagError(f'{bag.path}: no image on {chosen.topic}')
    shown = evenly(len(stamps), frames)
    decode = codec.IMAGE_DECODERS[chosen.type]
    images = [
        decode(bag.decode(message))[1]
        for i, message in enumerate(bag.messages([chosen.topic]))
        if i in set(shown)
    ]
    # Times count from the first image of the episode, which is always shown.
    return strip_of_array(
        chosen.name, [stamps[i] for i in shown], images, title or bag.path.name, failed, frames
    )


def trace_of_bag(bag: Bag, title: str = '') -> CommandTrace:
    """Commands of a bag as asked and as sent, at the times of the commands.

    Raises:
        BagError: If the bag holds no contract or no commands.
    """
    contract = bag.contract
    if contract is None:
        raise BagError(f'{bag.path}: no contract in it, so its joints are unknown')
    state, names = contract.joint_states.topic, contract.topics
    topics = [t for t in (state, names.proposal, names.command) if bag.counts.get(t)]
    if names.command not in topics:
        raise BagError(f'{bag.path}: no command on {names.command}')
    nothing = np.full(contract.n, np.nan)
    proposal: Proposal | None = None
    measured = nothing
    rows: list[tuple[int, Array, Array, Array]] = []
    for raw in bag.messages(topics):
        message = bag.decode(raw)
        if raw.topic == state:
            measured = codec.joint_state(contract, message)[1]
        elif raw.topic == names.proposal:
            proposal = _proposal(message)
        else:
            stamp, sent, _ = codec.joint_state(contract, message)
            asked = nothing if proposal is None else _asked(proposal, contract.joints, stamp)
            rows.append((stamp, asked, sent, measured))
    times = np.array([row[0] for row in rows], dtype=np.int64)
    return CommandTrace(
        title=title or bag.path.name,
        joints=contract.joints,
        times_s=(times - times[0]) / NS,
        asked=np.array([row[1] for row in rows]),
        sent=np.array([row[2] for row in rows]),
        measured=np.array([row[3] for row in rows]),
    )


def latencies_of_bag(bag: Bag) -> list[float]:
    """Times from the newest observation of each proposal to the first command after it [ms].

    A command counts when it was published; on a simulated clock, whose stamps have nothing to do
    with the time of publishing, at its own stamp.

    Raises:
        BagError: If the bag holds no contract.
    """
    if bag.contract is None:
        raise BagError(f'{bag.path}: no contract in it, so its topics are unknown')
    names = bag.contract.topics
    if not (bag.counts.get(names.proposal) and bag.counts.get(names.command)):
        return []
    waiting: int | None = None
    latencies = []
    for raw in bag.messages([names.proposal, names.command]):
        stamp = header_stamp_ns(raw.data)
        if raw.topic == names.proposal:
            waiting = stamp
        elif waiting is not None:
            same_clock = abs(raw.publish_ns - stamp) < NS
            latencies.append(((raw.publish_ns if same_clock else stamp) - waiting) / 1e6)
            waiting = None
    return latencies


def _proposal(message: Any) -> Proposal | None:
    """Proposal of a JointTrajectory; None for one the safety node refuses as well."""
    start = codec.stamp_ns(message.header.stamp)
    try:
        return Proposal(
            stamp_ns=start,
            joints=tuple(message.joint_names),
            times_ns=tuple(start + codec.stamp_ns(p.time_from_start) for p in message.points),
            positions=np.array([p.positions for p in message.points], dtype=np.float64),
        )
    except (DataError, ValueError):
        return None


def _asked(proposal: Proposal, joints: tuple[str, ...], time_ns: int) -> NDArray[np.float64]:
    """Positions a proposal asks for at a time, shape (n,); NaN for joints it does not name."""
    asked = np.full(len(joints), np.nan)
    times = np.array(proposal.times_ns, dtype=np.float64) - proposal.stamp_ns
    for column, joint in enumerate(proposal.joints):
        if joint in joints:
            asked[joints.index(joint)] = np.interp(
                time_ns - proposal.stamp_ns, times, proposal.positions[:, column]
            )
    return asked
