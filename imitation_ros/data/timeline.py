# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The only resampler: what was known at a tick, never a sample from after it.

The policy node and the converter both push stamped samples into a `Timeline` and ask it for
frames, so a policy sees at run time exactly what it saw in training. A signal is held, or, where
its contract declares a delay, interpolated at the tick less that delay:

    samples    s0        s1   |    s2, after the tick: not looked at
    hold                 s1   tick         s1, as old as it is
    linear           x <----- tick         between s0 and s1, `delay` old
"""

from bisect import bisect_right, insort
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

import numpy as np

from ..contract import Contract, JointStates, Pose
from ..errors import DataError, unknown
from . import interpolation
from .frame import Array, Frame, Image, JOINT_STATES

T = TypeVar('T')
NS = 1_000_000_000


class SampleBuffer(Generic[T]):
    """Stamped samples of one signal, held or interpolated, with a maximum age."""

    def __init__(
        self,
        max_age_ns: int,
        horizon_ns: int | None = None,
        between: Callable[[T, T, float], T] | None = None,
        delay_ns: int = 0,
    ) -> None:
        """Make an empty buffer.

        Args:
            max_age_ns: Oldest age at which a sample still stands for the signal [ns].
            horizon_ns: Drop samples this much older than the newest [ns]; None keeps all.
            between: Value at a share of the way between two samples; None holds the first.
            delay_ns: How long before the tick the signal is asked for [ns].
        """
        self.max_age_ns = max_age_ns
        self._horizon_ns = horizon_ns
        self._between = between
        self.delay_ns = delay_ns
        self._stamps: list[int] = []
        self._values: list[T] = []

    def __len__(self) -> int:
        """Count the samples held."""
        return len(self._stamps)

    @property
    def newest_ns(self) -> int | None:
        """Stamp of the newest sample [ns], or None."""
        return self._stamps[-1] if self._stamps else None

    @property
    def oldest_ns(self) -> int | None:
        """Stamp of the oldest sample held [ns], or None."""
        return self._stamps[0] if self._stamps else None

    def push(self, stamp_ns: int, value: T) -> None:
        """Add a sample; one that arrives out of order is put in its place."""
        if not self._stamps or stamp_ns >= self._stamps[-1]:
            self._stamps.append(stamp_ns)
            self._values.append(value)
        else:
            at = bisect_right(self._stamps, stamp_ns)
            insort(self._stamps, stamp_ns)
            self._values.insert(at, value)
        if self._horizon_ns is not None:
            drop = bisect_right(self._stamps, self._stamps[-1] - self._horizon_ns)
            if drop:
                del self._stamps[:drop], self._values[:drop]

    def clear(self) -> None:
        """Forget every sample (a clock jumped back)."""
        self._stamps.clear()
        self._values.clear()

    def latest_ns(self, tick_ns: int) -> int | None:
        """Stamp of the sample that would be held at the tick [ns], however old, or None."""
        at = bisect_right(self._stamps, tick_ns - self.delay_ns) - 1
        return self._stamps[at] if at >= 0 else None

    def sample(self, tick_ns: int) -> tuple[int, T] | None:
        """Signal at the tick, as (stamp_ns, value); None if no sample before it is fresh.

        The stamp says of when the value is. Only samples with a stamp at or before the tick are
        looked at, so later ones change nothing: live and offline give the same. If the sample
        after the asked time is not among them, the one before it is held, and is so much older.
        """
        wanted = tick_ns - self.delay_ns
        at = bisect_right(self._stamps, wanted) - 1
        if at < 0 or tick_ns - self._stamps[at] > self.max_age_ns:
            return None
        before, value = self._stamps[at], self._values[at]
        if self._between is None or at + 1 == len(self._stamps):
            return before, value
        after = self._stamps[at + 1]
        if after > tick_ns:
            return before, value
        share = (wanted - before) / (after - before)
        return wanted, self._between(value, self._values[at + 1], share)


def _signal(
    of: JointStates | Pose,
    between: Callable[[Array, Array, float], Array],
    horizon_ns: int | None,
) -> SampleBuffer[Array]:
    """Buffer of a signal as its contract wants it resampled."""
    held = of.resample == 'hold'
    return SampleBuffer(
        round(of.max_age_s * NS), horizon_ns, None if held else between, round(of.delay_s * NS)
    )


class Timeline:
    """Samples of all modalities of a contract, turned into frames tick by tick."""

    def __init__(
        self,
        contract: Contract,
        modalities: Iterable[str] | None = None,
        horizon_s: float | None = 2.0,
    ) -> None:
        """Make empty buffers.

        Args:
            contract: Names the modalities and their maximum ages.
            modalities: The ones a frame needs; all of the contract's if None.
            horizon_s: How long samples are kept [s]; None keeps all (offline).
        """
        self._n = contract.n
        ages = {JOINT_STATES: contract.joint_states.max_age_s}
        ages |= {camera.name: camera.max_age_s for camera in contract.cameras}
        ages |= {pose.name: pose.max_age_s for pose in contract.poses}
        self.modalities = tuple(ages if modalities is None else modalities)
        for name in self.modalities:
            if name not in ages:
                raise DataError(unknown(name, 'modality', ages))
        horizon_ns = None if horizon_s is None else round(horizon_s * NS)
        self._state = _signal(contract.joint_states, interpolation.linear, horizon_ns)
        self._images: dict[str, SampleBuffer[Image]] = {
            camera.name: SampleBuffer(round(camera.max_age_s * NS), horizon_ns)
            for camera in contract.cameras
            if camera.name in self.modalities
        }
        self._poses: dict[str, SampleBuffer[Array]] = {
            pose.name: _signal(pose, interpolation.pose, horizon_ns)
            for pose in contract.poses
            if pose.name in self.modalities
        }

    def push_state(self, stamp_ns: int, q: Array, v: Array) -> None:
        """Add joint positions and velocities, each of shape (n,), in contract order."""
        if q.shape != (self._n,) or v.shape != (self._n,):
            raise DataError(f'q {q.shape} and v {v.shape} must have shape ({self._n},)')
        if not (np.isfinite(q).all() and np.isfinite(v).all()):
            raise DataError('joint state holds NaN or infinity')
        self._state.push(stamp_ns, np.stack([q, v]))

    def push_image(self, camera: str, stamp_ns: int, image: Image) -> None:
        """Add an image, uint8, shape (height, width, 3)."""
        if camera in self._images:
            self._images[camera].push(stamp_ns, image)

    def push_pose(self, name: str, stamp_ns: int, pose: Array) -> None:
        """Add a pose, shape (7,)."""
        if name in self._poses:
            if not np.isfinite(pose).all():
                raise DataError(f'pose "{name}" holds NaN or infinity')
            self._poses[name].push(stamp_ns, pose)

    def _buffers(self) -> dict[str, SampleBuffer[Array] | SampleBuffer[Image]]:
        return {JOINT_STATES: self._state, **self._images, **self._poses}

    def clear(self) -> None:
        """Forget every sample."""
        for buffer in self._buffers().values():
            buffer.clear()

    def newest_ns(self) -> int | None:
        """Stamp of the newest sample of any modality [ns], or None."""
        stamps = [buffer.newest_ns for buffer in self._buffers().values()]
        return max((stamp for stamp in stamps if stamp is not None), default=None)

    def span_ns(self) -> tuple[int, int] | None:
        """Stamps of the oldest and the newest joint state [ns], or None."""
        first, last = self._state.oldest_ns, self._state.newest_ns
        return None if first is None or last is None else (first, last)

    def missing(self, tick_ns: int) -> dict[str, str]:
        """Say for each modality without a fresh sample at the tick what is wrong with it."""
        reasons = {}
        for name, buffer in self._buffers().items():
            if buffer.sample(tick_ns) is not None:
                continue
            oldest, latest = buffer.oldest_ns, buffer.latest_ns(tick_ns)
            if oldest is None:
                reasons[name] = 'nothing received'
            elif latest is None:
                asked = tick_ns - buffer.delay_ns
                what = 'time asked for' if buffer.delay_ns else 'tick'
                reasons[name] = f'first sample {(oldest - asked) / 1e6:.0f} ms after the {what}'
            else:
                reasons[name] = (
                    f'last sample {(tick_ns - latest) / 1e6:.0f} ms old, '
                    f'allowed {buffer.max_age_ns / 1e6:.0f} ms'
                )
        return reasons

    def frame(self, tick_ns: int) -> Frame | None:
        """Frame at a tick; None while a modality has no fresh sample (see `missing`)."""
        state = self._state.sample(tick_ns)
        if state is None:
            return None
        stamps = {JOINT_STATES: state[0]}
        images, poses = {}, {}
        for name, image_buffer in self._images.items():
            image = image_buffer.sample(tick_ns)
            if image is None:
                return None
            stamps[name], images[name] = image
        for name, pose_buffer in self._poses.items():
            pose = pose_buffer.sample(tick_ns)
            if pose is None:
                return None
            stamps[name], poses[name] = pose
        return Frame(tick_ns, state[1][0], state[1][1], images, poses, stamps)
