# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Proposal: what teleop and policy ask the safety node for."""

from dataclasses import dataclass

import numpy as np

from ..errors import DataError
from .frame import Array


@dataclass(frozen=True)
class Proposal:
    """Positions that somebody asks for; a command only after the safety filter.

    Attributes:
        stamp_ns: Stamp of the newest observation it was made from [ns].
        joints: Names of the joints it speaks of.
        times_ns: Time of each point [ns], strictly rising, absolute, shape (Ta,).
        positions: Asked joint positions [rad or m], shape (Ta, k).
    """

    stamp_ns: int
    joints: tuple[str, ...]
    times_ns: tuple[int, ...]
    positions: Array

    def __post_init__(self) -> None:
        """Check the shape and the order in time (not the values: the safety filter does)."""
        shape = (len(self.times_ns), len(self.joints))
        if not self.times_ns or not self.joints:
            raise DataError('a proposal needs at least one point and one joint')
        if self.positions.shape != shape:
            raise DataError(f'positions have shape {self.positions.shape}, not {shape}')
        if len(set(self.joints)) != len(self.joints):
            raise DataError(f'a joint stands twice in {self.joints}')
        if any(b <= a for a, b in zip(self.times_ns, self.times_ns[1:], strict=False)):
            raise DataError('time_from_start must rise from point to point')

    @property
    def finite(self) -> bool:
        """Whether every value is a finite number."""
        return bool(np.isfinite(self.positions).all())
