# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Optional constraints: torque and support, asked of a velocity where the contract wants them.

They are asked for by the QP. Where not everything can be had, braking comes first, then distances:
torque gives way as far as full braking needs more, and position, velocity, acceleration and the
certificate never do. What is certified of the torque is that of holding still: see `refused`. The
support is soft: a slack on its rows is as dear as it can be without a QP that has no solution.
"""

from typing import NamedTuple

import numpy as np

from ...contract import Contract
from ...data.frame import Array
from ...kinematics.model import RobotModel
from ..intervention import Intervention, Rule
from ..proximity import Proximity
from ..velocity_bounds import VelocityBounds
from .dynamics import Dynamics
from .inequality import closest_softly, InequalityConstraints, join
from .limits import ViabilityBox
from .support import Support, SupportEdges
from .torque import TorqueLimit, TorqueState

TOLERANCE = 1e-6
"""Share of a limit by which a command may exceed it and no one is told: rounding."""


class OptionalInequalities(NamedTuple):
    """What is asked of the velocity of one step.

    Attributes:
        torque: Constraints of the torque; None if none can matter.
        support: Constraints of the support; None if none can matter.
        broken: Whether the clipped velocity breaks one.
        needed: Torque of a velocity in this state; None if torque is not asked for.
        edges: Of the support, in this state; None if it is not asked for.
    """

    torque: InequalityConstraints | None
    support: InequalityConstraints | None
    broken: bool
    needed: TorqueState | None
    edges: SupportEdges | None

    def broken_by(self, x: Array) -> bool:
        """Whether a velocity breaks one of them, shape (n,)."""
        return breaks(self.torque, x) or breaks(self.support, x)

    def closest(self, proximity: Proximity, wanted: Array, bounds: VelocityBounds) -> Array | None:
        """Velocity that is closest to the wanted one and meets what can be met; None: brake.

        Args:
            proximity: Constraints of the distances.
            wanted: Finite velocity, shape (n,).
            bounds: The box, and full braking.
        """
        apart = (
            None if proximity.constraints is None else proximity.constraints.met_by(bounds.brake)
        )
        box = bounds.lower, bounds.upper, proximity.broken
        for distances in (proximity.constraints, apart):
            given = join(distances, self.torque)
            if self.support is not None:
                x = closest_softly(given, self.support, wanted, *box)
            elif given is not None:
                x = given.closest(wanted, *box)
            else:
                x = np.minimum(np.maximum(wanted, bounds.lower), bounds.upper)
            if x is not None:
                return x
        return None


def breaks(rows: InequalityConstraints | None, x: Array) -> bool:
    """Whether a velocity breaks one of the rows, shape (n,)."""
    return rows is not None and bool((rows.excess(x) > TOLERANCE).any())


class OptionalConstraints:
    """Torque and support, where the contract asks for them."""

    def __init__(
        self, contract: Contract, robot: RobotModel, dynamics: Dynamics, box: ViabilityBox
    ) -> None:
        """Build what the contract asks for.

        Args:
            contract: The robot's.
            robot: Its model.
            dynamics: Its dynamics.
            box: The braking law.
        """
        self._joints, self._box = contract.joints, box
        torque = contract.safety.torque
        self._torque = None if torque is None else TorqueLimit(contract, dynamics, box.dt)
        support = contract.safety.support
        self._support = None if support is None else Support(contract, robot, dynamics, box.dt)
        self._margin = 0.0 if support is None else support.margin

    def start(self, q: Array) -> tuple[Intervention, ...]:
        """Stand on the feet as they are at a start, shape (n,); what is wrong there."""
        if self._support is None:
            return ()
        self._support.stand(q)
        room = self._support.edges(q).room
        if room.min() >= 0.0:
            return ()
        text = f'the centre of mass starts less than {self._margin:.3f} m inside the support'
        return (Intervention(Rule.SUPPORT, text, asked=float(room.min()), sent=0.0),)

    def at(
        self, q: Array, v: Array, bounds: VelocityBounds, clipped: Array, whole: bool
    ) -> OptionalInequalities:
        """What is asked of the next velocity.

        Args:
            q: Last set-point [rad or m], shape (n,).
            v: Its velocity [rad/s or m/s], shape (n,).
            bounds: The box.
            clipped: The wanted velocity, clipped to it, shape (n,).
            whole: Whether another velocity than the clipped one may be taken in any case.
        """
        torque = support = needed = edges = None
        if self._torque is not None:
            needed = self._torque.needed(q, v, clipped)
            _, excess = self._torque.worst(needed.tau)
            if excess > TOLERANCE or whole:
                torque, needed = self._torque.constraints(q, v, bounds, needed)
        if self._support is not None:
            edges = self._support.edges(q)
            support = edges.constraints.within(bounds.lower, bounds.upper)
        broken = breaks(torque, clipped) or breaks(support, clipped)
        return OptionalInequalities(torque, support, broken, needed, edges)

    def refused(self, q: Array, v: Array, x: Array) -> int | None:
        """Joint that cannot hold the pose in which full braking after x comes to rest; or None.

        Full braking leads where it led before, so what was refused can be braked instead. Where
        the robot cannot hold the pose it is about to reach anyhow, no joint may need more there.

        Args:
            q: Last set-point [rad or m], shape (n,).
            v: Its velocity [rad/s or m/s], shape (n,).
            x: Velocity under test [rad/s or m/s], shape (n,).
        """
        if self._torque is None:
            return None
        limit = self._torque.limit * (1.0 + TOLERANCE)
        there = np.abs(self._torque.held(self._box.stop(q + self._box.dt * x, x)))
        if (there <= limit).all():
            return None
        now = np.abs(self._torque.held(self._box.stop(q, v)))
        worse = there - np.maximum(limit, now * (1.0 + 1e-9))
        joint = int(worse.argmax())
        return None if worse[joint] <= 0.0 else joint

    def reshaped(
        self, optional: OptionalInequalities, q: Array, v: Array, asked: Array, x: Array | None
    ) -> tuple[list[Intervention], TorqueState | None]:
        """Joint that would need too much torque as asked, or edge of the support that is crossed.

        Args:
            optional: What is asked of the velocity.
            q: Last set-point [rad or m], shape (n,).
            v: Its velocity [rad/s or m/s], shape (n,).
            asked: Velocity asked for, shape (n,).
            x: Velocity instead, shape (n,); None if there is none.

        Returns:
            What was found, and the torque that was looked at last, for `overload`.
        """
        notes, known = [], optional.needed
        if optional.edges is not None and breaks(optional.support, asked):
            rows, room, ahead = optional.edges
            edge = int(rows.excess(asked).argmax())
            there = float(room[edge] - ahead * (rows.G[edge] @ asked))
            kept = None if x is None else float(room[edge] - ahead * (rows.G[edge] @ x))
            text = (
                f'the capture point would come less than {self._margin:.3f} m inside the support'
            )
            notes.append(Intervention(Rule.SUPPORT, text, asked=there, sent=kept))
        torque = optional.torque
        if self._torque is None or torque is None or not breaks(torque, asked):
            return notes, known
        joint = int(torque.pairs[torque.excess(asked).argmax()])
        known = self._torque.needed(q, v, asked, known)
        needs, sent = float(known.tau[joint]), None
        if x is not None:
            known = self._torque.needed(q, v, x, known)
            sent = float(known.tau[joint])
        name, limit = self._joints[joint], self._torque.limit[joint]
        text = f'"{name}" may use {limit:.1f} Nm or N'
        notes.append(Intervention(Rule.TORQUE, text, joint=name, asked=needs, sent=sent))
        return notes, known

    def overload(
        self, q: Array, v: Array, x: Array, known: TorqueState | None
    ) -> list[Intervention]:
        """Joint that needs too much torque for what is sent, which had to be sent all the same."""
        if self._torque is None:
            return []
        tau = self._torque.needed(q, v, x, known).tau
        joint, excess = self._torque.worst(tau)
        if not excess > TOLERANCE:
            return []
        name, limit = self._joints[joint], float(self._torque.limit[joint])
        text = f'"{name}" needs more than {limit:.1f} Nm or N: limits and distances come first'
        return [Intervention(Rule.OVERLOAD, text, joint=name, sent=float(tau[joint]))]
