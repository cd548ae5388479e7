# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Exact discrete-time viability box: position, velocity and acceleration limits that never clash.

The command is integrated as q+ = q + dt x with x the next velocity (semi-implicit Euler: what a
stream of position commands is). A joint at speed u (in units of a_max dt) that brakes fully
afterwards travels D(u) (in units of a_max dt^2), of which the first step is u itself. The largest
speed that can still stop within s is U(s), the exact inverse of D. After Del Prete 2018, "Joint
position and velocity bounds in discrete-time acceleration/torque control of robot arms".
"""

import numpy as np

from ...contract import Limits
from ...data.frame import Array
from ...kinematics.braking import braking_distance, stoppable_speed

ROUNDING = 1e-9
"""Position limits are tightened by this much, so rounding never crosses them [rad or m]."""

MAX_POSITION = 1e9
"""No joint is asked for, or measured, further out than this [rad or m]: squares stay finite."""

MAX_SPEED = 1e15
"""No joint is asked to be faster than this: `MAX_POSITION` within a microsecond [rad/s or m/s]."""

RECOVERY_SPEED = 0.1
"""A joint outside its limits moves back at this share of its top speed."""


class ViabilityBox:
    """Bounds on the next velocity from which the joints can always still stop in time.

    Attributes:
        dt: Period of the commands [s].
        lower: Lowest position that is commanded [rad or m], shape (n,).
        upper: Highest position that is commanded [rad or m], shape (n,).
        velocity: Highest speed [rad/s or m/s], shape (n,).
        step: Change of velocity in one period at full acceleration [rad/s or m/s], shape (n,).
        quantum: Travel in one period at that velocity [rad or m], shape (n,).
    """

    def __init__(self, limits: Limits, dt: float) -> None:
        """Prepare the units a_max dt and a_max dt^2."""
        self.dt = dt
        self.lower: Array = limits.lower + ROUNDING
        self.upper: Array = limits.upper - ROUNDING
        self.velocity: Array = limits.velocity
        self.step: Array = limits.acceleration * dt
        self.quantum: Array = self.step * dt

    def brake(self, v: Array) -> Array:
        """Next velocity under full braking; inside the box of every state it led to."""
        result: Array = np.sign(v) * np.maximum(np.abs(v) - self.step, 0.0)
        return result

    def stop(self, q: Array, v: Array) -> Array:
        """Where full braking from velocity `v` at `q` comes to rest [rad or m], shape (n,)."""
        u = np.abs(v) / self.step
        result: Array = q + np.sign(v) * (braking_distance(u) - u) * self.quantum
        return result

    def horizon(self, v: Array) -> Array:
        """How far a change of the next velocity around `v` moves `stop` [s], shape (n,).

        The slope of the braking distance: a period for every set-point up to the rest.
        """
        result: Array = self.dt * (np.floor(np.abs(v) / self.step) + 1.0)
        return result

    def approach(self, error: Array) -> Array:
        """Velocity towards a position `error` away that can stop there without overshoot."""
        speed = self.step * stoppable_speed(np.abs(error) / self.quantum)
        result: Array = np.sign(error) * speed
        return result

    def bounds(self, q: Array, v: Array, brake: Array | None = None) -> tuple[Array, Array]:
        """Lower and upper bound on the next velocity; lower <= upper always.

        Args:
            q: Last commanded positions [rad or m], shape (n,).
            v: Last commanded velocities [rad/s or m/s], shape (n,).
            brake: What `brake` says of `v`, if it is known already.

        Returns:
            Bounds [rad/s or m/s], each of shape (n,). Outside a position limit they lead back
            inside, slowly, and never ask for more than the acceleration.
        """
        brake = self.brake(v) if brake is None else brake
        room = np.empty((2, len(q)))
        above = np.subtract(self.upper, q, out=room[0])
        below = np.subtract(q, self.lower, out=room[1])
        high, low = self.step * stoppable_speed(room / self.quantum)
        low = -low
        slowest, fastest = v - self.step, v + self.step
        # Braking is admissible by induction; the outer min and max only absorb rounding, and a
        # start outside the limits.
        least, most = np.minimum(brake, v), np.maximum(brake, v)
        if not room.min() >= 0.0:
            # Far outside, come back at RECOVERY_SPEED; the last step lands on the limit.
            back = RECOVERY_SPEED * self.velocity
            high = np.where(above >= 0.0, high, -np.minimum(back, -above / self.dt))
            low = np.where(below >= 0.0, low, np.minimum(back, -below / self.dt))
            least = np.where(above >= 0.0, least, slowest)
            most = np.where(below >= 0.0, most, fastest)
        upper = np.minimum(np.minimum(self.velocity, fastest), np.maximum(high, least))
        lower = np.maximum(np.maximum(-self.velocity, slowest), np.minimum(low, most))
        clash = lower > upper
        if clash.any():
            lower, upper = np.where(clash, brake, lower), np.where(clash, brake, upper)
        return lower, upper
