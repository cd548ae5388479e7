# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""TorqueLimit: what a command asks of the actuators, by inverse dynamics.

A velocity x after v needs the acceleration a = (x - v) / dt, and that the torque
tau = M(q) a + h(q, v), which is linear in x. M by the composite rigid body algorithm and tau by
recursive Newton-Euler (Featherstone 2008, chapters 5 and 6), at the command (q, v), for a robot
whose base stands still and upright, and that touches nothing.
"""

import numpy as np

from ...contract import Contract
from ...data.frame import Array
from ...errors import SafetyError
from ..geometry.model import Indices
from ..velocity_bounds import VelocityBounds
from .dynamics import Dynamics
from .inequality import InequalityConstraints

EXTRA_TORQUE_SHARE = 0.1
"""Share that is allowed beyond what braking or holding needs, where that is over the limit."""


class TorqueLimit:
    """Torques that a velocity needs, and the rows that keep them within a share of the limits.

    Attributes:
        limit: Highest torque of every joint [Nm or N], shape (n,); infinite if not looked at.
    """

    def __init__(self, contract: Contract, dynamics: Dynamics, dt: float) -> None:
        """Take the limits, and check that the robot can hold its home pose within them.

        Args:
            contract: The robot's, with `safety.torque`.
            dynamics: Its dynamics.
            dt: Period of the commands [s].

        Raises:
            SafetyError: If a joint needs more at rest at home.
        """
        torque = contract.safety.torque
        if torque is None:
            raise SafetyError('the contract has no safety.torque')
        self._dynamics, self._dt = dynamics, dt
        named = torque.groups or tuple(group.name for group in contract.groups)
        seen = {joint for name in named for joint in contract.group(name).joints}
        watched = np.array([joint in seen for joint in contract.joints])
        self.limit: Array = np.where(watched, torque.share * contract.limits.effort, np.inf)
        # The same velocity is looked at when it is asked for and when it is sent; and once the
        # inertia of a state is known, every other velocity there takes no more than a product.
        self._last: tuple[Array | None, Array | None, Array] = (None, None, np.zeros(contract.n))
        self._slope: tuple[Array | None, Array] = (None, np.zeros((contract.n, contract.n)))
        held = np.abs(self.held(contract.home)) / self.limit
        worst = int(held.argmax())
        if held[worst] > 1.0:
            raise SafetyError(
                f'safety.torque: at home "{contract.joints[worst]}" needs '
                f'{held[worst] * self.limit[worst]:.1f} to hold still, more than '
                f'{torque.share:g} of its limit, {self.limit[worst]:.1f}'
            )

    def needed(self, q: Array, v: Array, x: Array) -> Array:
        """Torque [Nm or N], shape (n,), to go from the velocity v to x at the positions q.

        Args:
            q: Last set-point [rad or m], shape (n,).
            v: Its velocity [rad/s or m/s], shape (n,).
            x: Next velocity [rad/s or m/s], shape (n,).
        """
        if x is self._last[0] and v is self._last[1]:
            return self._last[2]
        at, since, there = self._last
        if at is not None and v is since and q is self._slope[0]:
            found = there + self._slope[1] @ (x - at)
        else:
            found = self._dynamics.torque(q, v, (x - v) / self._dt)
        self._last = (x, v, found)
        return found

    def held(self, q: Array) -> Array:
        """Torque [Nm or N], shape (n,), to hold still at the positions q, shape (n,)."""
        return self._dynamics.gravity(q)

    def worst(self, tau: Array) -> tuple[int, float]:
        """The joint that a torque asks most of, and by which share of its limit it exceeds it."""
        excess = np.abs(tau) / self.limit - 1.0
        joint = int(excess.argmax())
        return joint, float(excess[joint])

    def constraints(
        self, q: Array, v: Array, bounds: VelocityBounds
    ) -> InequalityConstraints | None:
        """Constraints of the joints that can need too much within bounds; None if none can.

        In shares of the limit, for both signs: +-(M_i / (dt limit_i)) x +- c_i / limit_i <= 1,
        where c is the torque without the part that is linear in x. Braking comes first: where it
        needs more than the limit, or holding still here does, that much is allowed, and
        EXTRA_TORQUE_SHARE more, or no joint would get out of there.

        Args:
            q: Last set-point [rad or m], shape (n,).
            v: Its velocity [rad/s or m/s], shape (n,).
            bounds: The box, and full braking.
        """
        middle, half = 0.5 * (bounds.lower + bounds.upper), 0.5 * (bounds.upper - bounds.lower)
        self._slope = q, self._dynamics.inertia(q) / self._dt
        share = self.needed(q, v, middle) / self.limit
        slope = self._slope[1] / self.limit[:, None]
        spread = np.abs(slope) @ half
        above: Indices = np.flatnonzero(share + spread > 1.0)
        below: Indices = np.flatnonzero(share - spread < -1.0)
        if not len(above) and not len(below):
            return None
        G = np.vstack([slope[above], -slope[below]])
        rest = np.concatenate([share[above], -share[below]]) - G @ middle
        held = self.held(q) / self.limit
        needed = np.maximum(G @ bounds.brake + rest, np.concatenate([held[above], -held[below]]))
        allowed = np.where(needed > 1.0, (1.0 + EXTRA_TORQUE_SHARE) * needed, 1.0)
        return InequalityConstraints(G, allowed - rest, np.concatenate([above, below]))
