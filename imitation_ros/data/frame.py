# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frame: what the robot knew at one tick."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError

Array = NDArray[np.float64]
Image = NDArray[np.uint8 | np.uint16]

JOINT_STATES = 'joint_states'
"""Name of the modality that holds q and v; cameras and poses go by their contract names."""


@dataclass(frozen=True)
class Frame:
    """What the robot knew at one tick.

    Attributes:
        tick_ns: The tick [ns].
        q: Joint positions [rad or m], shape (n,), in contract order.
        v: Joint velocities [rad/s or m/s], shape (n,).
        images: Image of each camera: RGB, uint8, shape (height, width, 3), or depth [mm], uint16,
            shape (height, width, 1).
        poses: Pose of each tracked object: x y z [m], quaternion x y z w, shape (7,).
        stamp_ns: Source stamp of each modality [ns], never later than the tick.
    """

    tick_ns: int
    q: Array
    v: Array
    images: Mapping[str, Image] = field(default_factory=dict)
    poses: Mapping[str, Array] = field(default_factory=dict)
    stamp_ns: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse shapes that do not fit each other, and samples from the future."""
        if self.q.ndim != 1 or self.q.shape != self.v.shape:
            raise DataError(f'q and v differ in shape: {self.q.shape} != {self.v.shape}')
        for name, pose in self.poses.items():
            if pose.shape != (7,):
                raise DataError(f'pose "{name}" has shape {pose.shape}, not (7,)')
        for name, stamp in self.stamp_ns.items():
            if stamp > self.tick_ns:
                raise DataError(f'"{name}" is {stamp - self.tick_ns} ns later than its tick')

    @property
    def newest_ns(self) -> int:
        """Stamp of the newest observation in the frame [ns]; a proposal carries it."""
        return max(self.stamp_ns.values(), default=self.tick_ns)

    def age_ns(self, modality: str) -> int:
        """Age of one modality at the tick [ns]."""
        return self.tick_ns - self.stamp_ns[modality]
