# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Demands: what is asked of a velocity besides the distances, where the contract wants it.

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
from ..velocity_bounds import Aim, Look
from .approach import closest_softly, join, Rows
from .dynamics import Dynamics
from .limits import ViabilityBox
from .support import Support
from .torque import TorqueLimit

TOLERANCE = 1e-6
"""Share of a limit by which a command may exceed it without a word: rounding."""


class Demand(NamedTuple):
    """What is asked of the velocity of one step.

    Attributes:
        torque: Rows of the torque; None if none can matter.
        support: Rows of the support; None if none can matter.
        broken: Whether the clipped velocity breaks one.
    """

    torque: Rows | None
    support: Rows | None
    broken: bool

    def broken_by(self, x: Array) -> bool:
        """Whether a velocity breaks a demand, shape (n,)."""
        return breaks(self.torque, x) or breaks(self.support, x)

    def closest(self, look: Look, wanted: Array, aim: Aim) -> Array | None:
        """Velocity that is closest to the wanted one and meets what can be met; None: brake.

        Args:
            look: Rows of the distances.
            wanted: Finite velocity, shape (n,).
            aim: The box, and full braking.
        """
        apart = None if look.rows is None else look.rows.met_by(aim.brake)
        box = aim.lower, aim.upper, look.broken
        for distances in (look.rows, apart):
            given = join(distances, self.torque)
            if self.support is not None:
                x = closest_softly(given, self.support, wanted, *box)
            elif given is not None:
                x = given.closest(wanted, *box)
            else:
                x = np.minimum(np.maximum(wanted, aim.lower), aim.upper)
            if x is not None:
                return x
        return None


def breaks(rows: Rows | None, x: Array) -> bool:
    """Whether a velocity breaks one of the rows, shape (n,)."""
    return rows is not None and bool((rows.excess(x) > TOLERANCE).any())


class Demands:
    """Looks at every step for what the contract demands."""

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
        _, room, _ = self._support.rows(q)
        if room.min() >= 0.0:
            return ()
        text = f'the centre of mass starts less than {self._margin:.3f} m inside the support'
        return (Intervention(Rule.SUPPORT, text, asked=float(room.min()), sent=0.0),)

    def look(self, q: Array, v: Array, aim: Aim, clipped: Array, whole: bool) -> Demand | None:
        """What is asked of the next velocity; None if nothing that is asked can matter.

        Args:
            q: Last set-point [rad or m], shape (n,).
            v: Its velocity [rad/s or m/s], shape (n,).
            aim: The box.
            clipped: The wanted velocity, clipped to it, shape (n,).
            whole: Whether another velocity than the clipped one may be taken in any case.
        """
        torque = support = None
        if self._torque is not None:
            _, excess = self._torque.worst(self._torque.needed(q, v, clipped))
            if excess > TOLERANCE or whole:
                torque = self._torque.rows(q, v, aim)
        if self._support is not None:
            support = self._support.rows(q)[0].within(aim.lower, aim.upper)
        broken = breaks(torque, clipped) or breaks(support, clipped)
        return Demand(torque, support, broken) if broken or whole else None

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
        self, demand: Demand, q: Array, v: Array, asked: Array, x: Array | None
    ) -> list[Intervention]:
        """Joint that would need too much torque as asked, or edge of the support that is crossed.

        Args:
            demand: What is asked of the velocity.
            q: Last set-point [rad or m], shape (n,).
            v: Its velocity [rad/s or m/s], shape (n,).
            asked: Velocity asked for, shape (n,).
            x: Velocity instead, shape (n,); None if there is none.
        """
        notes = []
        if self._support is not None and breaks(demand.support, asked):
            rows, room, ahead = self._support.rows(q)
            edge = int(rows.excess(asked).argmax())
            there = float(room[edge] - ahead * (rows.matrix[edge] @ asked))
            kept = None if x is None else float(room[edge] - ahead * (rows.matrix[edge] @ x))
            text = (
                f'the capture point would come less than {self._margin:.3f} m inside the support'
            )
            notes.append(Intervention(Rule.SUPPORT, text, asked=there, sent=kept))
        if self._torque is None or demand.torque is None or not breaks(demand.torque, asked):
            return notes
        joint = int(demand.torque.pairs[demand.torque.excess(asked).argmax()])
        needs = float(self._torque.needed(q, v, asked)[joint])
        sent = None if x is None else float(self._torque.needed(q, v, x)[joint])
        name, limit = self._joints[joint], self._torque.limit[joint]
        text = f'"{name}" may use {limit:.1f} Nm or N'
        return [*notes, Intervention(Rule.TORQUE, text, joint=name, asked=needs, sent=sent)]

    def overload(self, q: Array, v: Array, x: Array) -> tuple[Intervention, ...]:
        """Joint that needs too much torque for what is sent, which had to be sent all the same."""
        if self._torque is None:
            return ()
        tau = self._torque.needed(q, v, x)
        joint, excess = self._torque.worst(tau)
        if not excess > TOLERANCE:
            return ()
        name, limit = self._joints[joint], float(self._torque.limit[joint])
        text = f'"{name}" needs more than {limit:.1f} Nm or N: limits and distances come first'
        return (Intervention(Rule.OVERLOAD, text, joint=name, sent=float(tau[joint])),)
