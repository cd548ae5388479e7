# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Proximity: which links are near, and whether what is wanted brings them too close."""

from typing import NamedTuple, Protocol

import numpy as np

from ..contract import Contract
from ..data.frame import Array
from .constraints.approach import ApproachConstraints, Measures
from .constraints.inequality import broken_bounds, InequalityConstraints
from .constraints.limits import MAX_POSITION, MAX_SPEED, ViabilityBox
from .geometry.model import Indices
from .geometry.self_collision import SelfCollision
from .lagging import LaggingJoints
from .velocity_bounds import VelocityBounds


class Proximity(NamedTuple):
    """What the wanted velocity meets.

    Attributes:
        clipped: The wanted velocity, clipped to the box [rad/s or m/s], shape (n,).
        distance: Distance of every pair [m], shape (pairs,); valid until the next query.
        ahead: The same where full braking comes to rest; infinite for a pair that no braking
            after this step can bring near, which is not looked at there.
        constraints: Of the QP; None if none can matter.
        close: Whether `clipped` breaks one of them.
        broken: Bounds of the box that the wanted velocity breaks, as
            `InequalityConstraints.closest` takes them.
        lagging: Joints that `clipped` leaves behind, shape (n,): `LaggingJoints.kinds`; None
            if there are none.
    """

    clipped: Array
    distance: Array
    ahead: Array
    constraints: InequalityConstraints | None
    close: bool
    broken: Indices
    lagging: Indices | None


class ProximityQuery(Protocol):
    """Looks at a state: what may be done, what is near. One of each at every step, in turn."""

    def velocity_bounds(
        self, q: Array, v: Array, q_des: Array, v_des: Array | None
    ) -> VelocityBounds | None:
        """What is wanted and what is allowed; None if what is asked for is not finite.

        Args:
            q: Last set-point [rad or m], shape (n,).
            v: Its velocity [rad/s or m/s], shape (n,).
            q_des: Positions that are asked for [rad or m], shape (n,).
            v_des: Their velocity [rad/s or m/s], shape (n,), or None: see `SafetyFilter.step`.
        """

    def proximity(
        self, q: Array, q_des: Array, bounds: VelocityBounds, threshold: Array
    ) -> Proximity:
        """What is near, and whether it matters.

        Args:
            q: Last set-point [rad or m], shape (n,).
            q_des: Positions that are asked for [rad or m], shape (n,).
            bounds: What `velocity_bounds` found for them.
            threshold: Distance every pair has to keep [m], shape (pairs,).

        Returns:
            What was found; its distances and constraints are valid until the next query.
        """


class NumpyProximityQuery:
    """`ProximityQuery` by numpy, from the distances of coal."""

    def __init__(
        self,
        contract: Contract,
        box: ViabilityBox,
        geometry: SelfCollision,
        measures: Measures,
    ) -> None:
        """Keep the box and prepare the approach constraints."""
        self._box, self._measures = box, measures
        self._lagging = LaggingJoints(contract, box.dt)
        self._approach = ApproachConstraints(contract.safety, box, geometry, measures)

    def velocity_bounds(
        self, q: Array, v: Array, q_des: Array, v_des: Array | None
    ) -> VelocityBounds | None:
        """See `ProximityQuery`."""
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
        return VelocityBounds.of(table)

    def proximity(
        self, q: Array, q_des: Array, bounds: VelocityBounds, threshold: Array
    ) -> Proximity:
        """See `ProximityQuery`."""
        lower, upper, wanted = bounds.lower, bounds.upper, bounds.wanted
        clipped: Array = np.minimum(np.maximum(wanted, lower), upper)
        distance = self._measures.capsule_distances(q)
        constraints, ahead = self._approach.constraints(q, distance, threshold, bounds)
        close = constraints is not None and bool((constraints.excess(clipped) > 0.0).any())
        lagging = self._lagging.kinds(q, q_des, clipped)
        broken = broken_bounds(wanted, lower, upper)
        behind = lagging if lagging.any() else None
        return Proximity(clipped, distance, ahead, constraints, close, broken, behind)
