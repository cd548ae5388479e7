# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The front of a step: what is wanted, what the box allows, what is near."""

from typing import NamedTuple, TYPE_CHECKING

import numpy as np

from ..contract import Contract
from ..data.frame import Array
from .coal_backend import CoalBackend
from .constraints.approach import Approach, broken_bounds, Rows
from .constraints.limits import MAX_POSITION, MAX_SPEED, ViabilityBox
from .geometry.model import Indices
from .lagging import Late

if TYPE_CHECKING:
    from .geometry.distances import SelfCollision


class Aim(NamedTuple):
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
    def of(cls, table: Array) -> 'Aim':
        """The six, by name."""
        brake, lower, upper, wanted, rest, horizon = table
        return cls(brake, lower, upper, wanted, rest, horizon, table)


class Look(NamedTuple):
    """What the wanted velocity meets.

    Attributes:
        clipped: The wanted velocity, clipped to the box [rad/s or m/s], shape (n,).
        distance: Distance of every pair [m], shape (pairs,); valid until the next look.
        ahead: The same where full braking comes to rest; infinite for a pair that no braking
            after this step can bring near, which is not looked at there.
        rows: Rows of the QP; None if none can matter.
        close: Whether `clipped` breaks one of them.
        broken: Bounds of the box that the wanted velocity breaks, as `Rows.closest` takes them.
        late: Joints that `clipped` leaves behind, shape (n,): `Late.joints`; None if there are
            none.
    """

    clipped: Array
    distance: Array
    ahead: Array
    rows: Rows | None
    close: bool
    broken: Indices
    late: Indices | None


class Front:
    """Computes it with numpy, from the distances of coal."""

    def __init__(
        self,
        contract: Contract,
        box: ViabilityBox,
        collisions: 'SelfCollision',
        backend: CoalBackend,
    ) -> None:
        """Keep the box and prepare the rows."""
        self._box = box
        self._collisions = collisions
        self._late = Late(contract, box.dt)
        self._approach = Approach(contract.safety, box, collisions, backend)

    def aim(self, q: Array, v: Array, q_des: Array, v_des: Array | None) -> Aim | None:
        """What is wanted and what is allowed; None if what is asked for is not finite.

        Args:
            q: Last set-point [rad or m], shape (n,).
            v: Its velocity [rad/s or m/s], shape (n,).
            q_des: Positions that are asked for [rad or m], shape (n,).
            v_des: Their velocity [rad/s or m/s], shape (n,), or None: see `SafetyFilter.step`.
        """
        for asked, most in ((q_des, MAX_POSITION), (v_des, MAX_SPEED)):
            # NaN is not within it either.
            if asked is not None and np.count_nonzero(np.abs(asked) <= most) < len(asked):
                if np.count_nonzero(np.isfinite(asked)) < len(asked):
                    return None
                # Out of every range: as far, for a robot, as the largest there is.
                q_des = np.clip(q_des, -MAX_POSITION, MAX_POSITION)
                v_des = None if v_des is None else np.clip(v_des, -MAX_SPEED, MAX_SPEED)
        box = self._box
        brake = box.brake(v)
        lower, upper = box.bounds(q, v, brake)
        if v_des is None:
            wanted = (q_des - q) / box.dt
        else:
            wanted = v_des + box.approach(q_des - v_des * box.dt - q)
        table = np.stack([brake, lower, upper, wanted, box.stop(q, v), box.horizon(v)])
        return Aim.of(table)

    def look(self, q: Array, q_des: Array, aim: Aim, threshold: Array) -> Look:
        """What is near, and whether it matters.

        Args:
            q: Last set-point [rad or m], shape (n,).
            q_des: Positions that are asked for [rad or m], shape (n,).
            aim: What `aim` found.
            threshold: Distance every pair has to keep [m], shape (pairs,).
        """
        lower, upper, wanted = aim.lower, aim.upper, aim.wanted
        clipped: Array = np.minimum(np.maximum(wanted, lower), upper)
        distance = self._collisions.backend.distances(q)
        rows, ahead = self._approach.rows(q, distance, threshold, aim)
        close = rows is not None and bool((rows.excess(clipped) > 0.0).any())
        late = self._late.joints(q, q_des, clipped)
        broken = broken_bounds(wanted, lower, upper)
        return Look(clipped, distance, ahead, rows, close, broken, late if late.any() else None)
