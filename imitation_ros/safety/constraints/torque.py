# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""TorqueLimit: what a command asks of the actuators, by inverse dynamics.

A velocity x after v needs the acceleration a = (x - v) / dt, and that the torque
tau = M(q) a + h(q, v), which is linear in x. M by the composite rigid body algorithm and tau by
recursive Newton-Euler (Featherstone 2008, chapters 5 and 6), at the command (q, v), for a robot
whose base is static and upright, and that touches nothing.
"""

from typing import NamedTuple

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


class TorqueState(NamedTuple):
    """The torque of one velocity; that of others in the same state follows from it.

    Attributes:
        x: The velocity [rad/s or m/s], shape (n,).
        tau: Torque that it needs [Nm or N], shape (n,).
        slope: d tau / d x, shape (n, n); None if the inertia was not computed.
    """

    x: Array
    tau: Array
    slope: Array | None = None


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
        held = np.abs(self.held(contract.home)) / self.limit
        worst = int(held.argmax())
        if held[worst] > 1.0:
            raise SafetyError(
                f'safety.torque: at home "{contract.joints[worst]}" needs '
                f'{held[worst] * self.limit[worst]:.1f} to hold still, more than '
                f'{torque.share:g} of its limit, {self.limit[worst]:.1f}'
            )

    def needed(
        self, q: Array, v: Array, x: Array, known: TorqueState | None = None
    ) -> TorqueState:
        """Torque to go from the velocity v to x at the positions q.

        Args:
            q: Last set-point [rad or m], shape (n,).
            v: Its velocity [rad/s or m/s], shape (n,).
            x: Next velocity [rad/s or m/s], shape (n,).
            known: Torque of another next velocity in the same state; it saves time, no more.
        """
        if known is not None:
            if (x == known.x).all():
                return known
            if known.slope is not None:
                return known._replace(x=x, tau=known.tau + known.slope @ (x - known.x))
        return TorqueState(x, self._dynamics.torque(q, v, (x - v) / self._dt))

    def held(self, q: Array) -> Array:
        """Torque [Nm or N], shape (n,), to hold still at the positions q, shape (n,)."""
        return self._dynamics.gravity(q)

    def worst(self, tau: Array) -> tuple[int, float]:
        """The joint that a torque asks most of, and by which share of its limit it exceeds it."""
        excess = np.abs(tau) / self.limit - 1.0
        joint = int(excess.argmax())
        return joint, float(excess[joint])

    def constraints(
        self, q: Array, v: Array, bounds: VelocityBounds, known: TorqueState
    ) -> tuple[InequalityConstraints | None, TorqueState]:
        """Constraints of the joints that can need too much within bounds; None if none can.

        In shares of the limit, for both signs: +-(M_i / (dt limit_i)) x +- c_i / limit_i <= 1,
        where c is the torque without the part that is linear in x. Braking comes first: where it
        needs more than the limit, or holding still here does, that much is allowed, and
        EXTRA_TORQUE_SHARE more, or no joint would get out of there.

        Args:
            q: Last set-point [rad or m], shape (n,).
            v: Its velocity [rad/s or m/s], shape (n,).
            bounds: The box, and full braking.
            known: Torque of a velocity in this state.

        Returns:
            The constraints, and the torque in the middle of the box, with its slope.
        """
        middle, half = 0.5 * (bounds.lower + bounds.upper), 0.5 * (bounds.upper - bounds.lower)
        inertia = self._dynamics.inertia(q) / self._dt
        central = self.needed(q, v, middle, known._replace(slope=inertia))
        share = central.tau / self.limit
        slope = inertia / self.limit[:, None]
        spread = np.abs(slope) @ half
        above: Indices = np.flatnonzero(share + spread > 1.0)
        below: Indices = np.flatnonzero(share - spread < -1.0)
        if not len(above) and not len(below):
            return None, central
        G = np.vstack([slope[above], -slope[below]])
        rest = np.concatenate([share[above], -share[below]]) - G @ middle
        held = self.held(q) / self.limit
        needed = np.maximum(G @ bounds.brake + rest, np.concatenate([held[above], -held[below]]))
        allowed = np.where(needed > 1.0, (1.0 + EXTRA_TORQUE_SHARE) * needed, 1.0)
        rows = InequalityConstraints(G, allowed - rest, np.concatenate([above, below]))
        return rows, central
