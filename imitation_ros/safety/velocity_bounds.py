# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bounds on the next velocity, what is wanted within them, and where full braking leads."""

from typing import NamedTuple

from ..data.frame import Array


class VelocityBounds(NamedTuple):
    """Velocities at the start of a step [rad/s or m/s], and where they lead, each of shape (n,).

    Attributes:
        brake: That of full braking.
        lower: Lowest of the box.
        upper: Highest of the box.
        wanted: The one that was asked for; not yet in the box.
        rest: Where full braking comes to rest [rad or m].
        horizon: How far a change of the velocity moves that pose [s].
        table: The same, one below the other, shape (6, n).
    """

    brake: Array
    lower: Array
    upper: Array
    wanted: Array
    rest: Array
    horizon: Array
    table: Array

    @classmethod
    def of(cls, table: Array) -> 'VelocityBounds':
        """The six, by name."""
        brake, lower, upper, wanted, rest, horizon = table
        return cls(brake, lower, upper, wanted, rest, horizon, table)

    def wanting(self, wanted: Array) -> 'VelocityBounds':
        """The same, where another velocity is wanted [rad/s or m/s], shape (n,)."""
        table = self.table.copy()
        table[3] = wanted
        return self.of(table)
