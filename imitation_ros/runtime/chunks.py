# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Chunks: from a timeline to a history of frames, from actions to a proposal.

Both ways are pure arithmetic on ticks, and both mirror the training windows: frames one policy
step apart with the newest last and the first repeated; action i is for `tick + (i + 1)` steps.
"""

import numpy as np

from ..data.frame import Array, Frame
from ..data.observation import ObservationSpec
from ..data.proposal import Proposal
from ..data.timeline import Timeline


def history(
    timeline: Timeline, spec: ObservationSpec, tick_ns: int, start_ns: int | None = None
) -> tuple[Frame, ...] | None:
    """Frames at the tick and at the `spec.history - 1` policy steps before it, newest last.

    Where the past holds no frame (the episode begins, or an input was missing), the first
    frame after it is repeated, as at the start of a training episode.

    Args:
        timeline: The samples.
        spec: Tells how many frames, and their spacing.
        tick_ns: The tick [ns].
        start_ns: Start of the episode [ns]; nothing before it is looked at.

    Returns:
        The frames, or None if there is none at the tick itself.
    """
    frames: list[Frame] = []
    for back in range(spec.history):
        at_ns = tick_ns - back * spec.step_ns
        if back and start_ns is not None and at_ns < start_ns:
            break
        frame = timeline.frame(at_ns)
        if frame is None:
            break
        frames.append(frame)
    if not frames:
        return None
    frames += [frames[-1]] * (spec.history - len(frames))
    return tuple(reversed(frames))


SMOOTHING = 2
"""Passes of the weights 1/4, 1/2, 1/4 over the actions of a chunk."""


def smooth(actions: Array) -> Array:
    """Take out of a chunk what no demonstration has in it: jitter from action to action.

    A network predicts each action with an error of its own. Between actions 40 ms apart, 5 mrad
    of it are 0.2 rad/s and several times the acceleration of the motion that was learned. Two
    passes leave a seventh of that acceleration; a motion of 3 rad/s^2 moves by 2.4 mrad at 25 Hz.
    Straight motions and the first and last action stay as they are, nothing is delayed.

    Args:
        actions: Joint positions [rad or m], shape (Ta, k).

    Returns:
        The same, smoother, shape (Ta, k).
    """
    if len(actions) < 3:
        return actions
    result = np.array(actions, dtype=np.float64)
    for _ in range(SMOOTHING):
        result[1:-1] = 0.5 * result[1:-1] + 0.25 * (result[:-2] + result[2:])
    return result


def proposal(spec: ObservationSpec, frame: Frame, actions: Array) -> Proposal:
    """Proposal of a chunk.

    Points that are already past, because inference took its time, are left in: the safety node
    drops them by their time, and only it knows when they arrive.

    Args:
        spec: Tells the joints and the spacing.
        frame: Newest frame the policy saw.
        actions: Joint positions [rad or m], shape (Ta, k).
    """
    return Proposal(
        stamp_ns=frame.newest_ns,
        joints=spec.actions,
        times_ns=tuple(frame.tick_ns + (i + 1) * spec.step_ns for i in range(len(actions))),
        positions=smooth(actions),
    )
