# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""SafetyFilter: the QP proposes, a brake certificate disposes.

State is the last *command* (q, v), never the measurement. Every step decides the next velocity x
within the viability box. The QP keeps it close to what was asked and away from other links. Then
the certificate: braking fully from (q + dt x, x) keeps every pair of links at its distance until
rest. If not, half-way to braking is tried, then braking itself, which the certificate of the
previous step already covers. So, from a rest at a safe distance, for ANY input, every set-point
keeps position, velocity, acceleration and distance.

In the mode `path` the asked velocity itself is tried first, at growing slowness: the robot stays
on the way that was asked for, where the QP would leave it.
"""

from collections.abc import Callable
from dataclasses import dataclass
import math

import numpy as np

from ..contract import Contract
from ..data.frame import Array
from ..errors import SafetyError
from ..kinematics.model import RobotModel
from . import backends
from .backend import Backend
from .constraints.limits import ViabilityBox
from .constraints.optional import OptionalConstraints, OptionalInequalities
from .explain import Reasons
from .intervention import internal_error, Intervention, Rule
from .lagging import LaggingJoints
from .proximity import Proximity
from .velocity_bounds import VelocityBounds

SHARES = (1.0, 0.75, 0.5, 0.25)
"""Of the asked velocity, tried one after the other in the mode `path`."""

ON_THE_EDGE = 1e-9
"""A velocity this far outside the box is clipped, not slowed down [rad/s or m/s]."""

TOUCH = 1e-4
"""While it recovers from a contact, a pair may come this much closer [m]."""

OVERRUN = Intervention(Rule.BUDGET, 'the time for this step is used up: it brakes')


@dataclass(frozen=True)
class Step:
    """One set-point.

    Attributes:
        q: Position [rad or m], shape (n,), in contract order.
        v: Velocity that leads to it [rad/s or m/s], shape (n,).
        interventions: How it differs from what was asked, and why.
        failed: Whether it brakes because the filter itself failed.
    """

    q: Array
    v: Array
    interventions: tuple[Intervention, ...] = ()
    failed: bool = False


class SafetyFilter:
    """Turns any stream of asked positions into set-points that keep the envelope.

    Attributes:
        contract: The robot.
        dt: Period of the commands [s].
        box: Viability box.
        backend: What computes, distances between links among others.
        q: Last set-point [rad or m], shape (n,).
        v: Its velocity [rad/s or m/s], shape (n,).
    """

    def __init__(
        self,
        contract: Contract,
        backend: Backend | None = None,
        *,
        certify: bool = True,
    ) -> None:
        """Build the filter at rest at the home position.

        Args:
            contract: The robot.
            backend: Of the same robot, to share; built as the contract says if None.
            certify: False leaves the certificate out, to measure what it costs.
        """
        self.contract = contract
        self.dt = 1.0 / contract.rates.command_hz
        self.box = ViabilityBox(contract.limits, self.dt)
        self.backend = backends.build(RobotModel(contract)) if backend is None else backend
        self._certificate = self.backend.certificate(self.box) if certify else None
        safety = contract.safety
        self.needed = safety.self_collision_distance + safety.certificate_margin
        self._query = self.backend.proximity_query(contract, self.box)
        cap = safety.tool_speed
        if cap is not None and not contract.tools:
            raise SafetyError('safety.tool_speed: the contract names no tools')
        self._tools = None if cap is None else self.backend.tool_speed(self.box, cap)
        self._path = safety.mode == 'path'
        self._optionals = None
        if safety.torque is not None or safety.support is not None:
            self._optionals = OptionalConstraints(
                contract, self.backend.robot, self.backend.dynamics(), self.box
            )
        self._threshold: Array = np.full(len(self.backend), self.needed)
        self._recovers = False
        self._reasons = Reasons(contract, self.backend.links, self.dt)
        self._lagging = LaggingJoints(contract, self.dt)
        self._speeds = -self.box.velocity, self.box.velocity
        self.q: Array = contract.home.copy()
        self.v: Array = np.zeros(contract.n)

    @property
    def at_rest(self) -> bool:
        """Whether the last set-point stands still."""
        return not self.v.any()

    @property
    def rest(self) -> Array:
        """Where full braking would come to rest [rad or m], shape (n,)."""
        return self.box.stop(self.q, self.v)

    @property
    def threshold(self) -> Array:
        """Distance that is kept by every pair [m], shape (pairs,); less while one recovers."""
        return self._threshold

    def reset(self, q: Array) -> tuple[Intervention, ...]:
        """Start at rest at a pose; one outside the envelope is led back, never further out.

        Args:
            q: Measured positions [rad or m], shape (n,).

        Returns:
            What has to be recovered from.
        """
        self.q, self.v = np.array(q, dtype=np.float64), np.zeros(self.contract.n)
        distance = self.backend.distances(self.q)
        self._threshold = np.minimum(self.needed, distance - TOUCH)
        self._threshold[distance >= self.needed] = self.needed
        self._recovers = bool((distance < self.needed).any())
        inside = np.clip(self.q, self.box.lower, self.box.upper)
        notes = self._reasons.start(self.q, inside, distance, self.needed)
        return notes if self._optionals is None else (*notes, *self._optionals.start(self.q))

    def brake(self, why: Intervention) -> Step:
        """Brake after something failed: by the law alone, which the last certificate covers."""
        self.v = self.box.brake(self.v)
        self.q = self.q + self.dt * self.v
        return Step(self.q, self.v, (why,), failed=True)

    def step(
        self,
        q_des: Array | None,
        v_des: Array | None = None,
        late: Callable[[], bool] | None = None,
    ) -> Step:
        """Next set-point, finite whatever happens: it brakes where anything within fails.

        Args:
            q_des: Asked positions for the next set-point [rad or m], shape (n,); None brakes.
            v_des: Velocity of what is asked [rad/s or m/s], shape (n,). With it, a lag is made
                up without overshoot; without it, the whole way is asked for in one step.
            late: Whether the time for this step is used up: then it brakes, which needs no proof.

        Returns:
            The set-point, which is also the new state.
        """
        q, v, threshold, recovers = self.q, self.v, self._threshold, self._recovers
        try:
            step = self._step(q_des, v_des, late)
            # Not finite if any factor is not.
            if math.isfinite(self.q.dot(self.v)):
                return step
            text = 'the set-point is not finite'
        except Exception as error:  # noqa: BLE001  (whatever it is, the robot has to stop)
            text = f'{type(error).__name__}: {error}'
        self.q, self.v, self._threshold, self._recovers = q, v, threshold, recovers
        return self.brake(internal_error(text))

    def _step(
        self, q_des: Array | None, v_des: Array | None, late: Callable[[], bool] | None
    ) -> Step:
        """Next set-point, if nothing fails: see `step`."""
        if q_des is None:
            return self._move(self.box.brake(self.v), ())
        refusal = self._reasons.malformed(q_des, v_des)
        if refusal is not None:
            return self._move(self.box.brake(self.v), (refusal,))
        bounds = self._query.velocity_bounds(self.q, self.v, q_des, v_des)
        if bounds is None:
            refusal = self._reasons.non_finite(q_des, v_des)
            return self._move(self.box.brake(self.v), (refusal,))
        notes: list[Intervention] = []
        if self._tools is not None:
            bounds.wanted[:], tool, speed = self._tools.slowed(self.q, bounds.wanted)
            notes += self._reasons.tool(self._tools, tool, speed)
        proximity = self._look(q_des, bounds)
        if late is not None and late():
            return self._move(bounds.brake, (OVERRUN,))
        optional: OptionalInequalities | None = None
        if self._optionals is not None:
            whole = proximity.close or self._path
            optional = self._optionals.at(self.q, self.v, bounds, proximity.clipped, whole)
        if self._path:
            slowed = self._slow_down(q_des, bounds, proximity, optional)
            if slowed is not None:
                return self._move(slowed[0], (*notes, *slowed[1]))
        if proximity.lagging is not None:
            notes += self._reasons.lags(self.q, q_des, proximity.clipped, proximity.lagging)
        # With a diagonal weight, a clip that satisfies the rows is the optimum of the QP.
        reshape = proximity.close or (optional is not None and optional.broken)
        reshaped: list[Intervention] = []
        x = self._propose(bounds, proximity, optional, reshaped) if reshape else proximity.clipped
        if late is not None and late():
            return self._move(bounds.brake, (*notes, *reshaped, OVERRUN))
        refused: list[Intervention] = []
        x = bounds.brake if x is None else self._dispose(x, bounds, proximity, refused)
        if reshaped and (refused or self._lagging.any(self.q, q_des, x)):
            notes += reshaped
        return self._move(x, (*notes, *refused))

    def _look(self, q_des: Array, bounds: VelocityBounds) -> Proximity:
        """What is near; where capsules get in the way, hulls tell how near, if they may."""
        proximity = self._query.proximity(self.q, q_des, bounds, self._threshold)
        refinement = self.backend.geometry.refinement
        if refinement is None or not (proximity.close or self._path or self._recovers):
            return proximity
        if proximity.constraints is not None:
            pairs = proximity.constraints.pairs
            relaxed = refinement.relaxed(bounds.rest, proximity.ahead, pairs, self._threshold)
            if relaxed is not self._threshold:
                proximity = self._query.proximity(self.q, q_des, bounds, relaxed)
        return proximity._replace(distance=refinement.apply(self.q, proximity.distance))

    def _move(self, x: Array, notes: tuple[Intervention, ...]) -> Step:
        """Take a velocity as the new state."""
        if self._optionals is not None:
            notes = (*notes, *self._optionals.overload(self.q, self.v, x))
        self.v = x
        self.q = self.q + self.dt * x
        return Step(self.q, self.v, notes)

    def _slow_down(
        self,
        q_des: Array,
        bounds: VelocityBounds,
        proximity: Proximity,
        optional: OptionalInequalities | None,
    ) -> tuple[Array, list[Intervention]] | None:
        """The largest share of the wanted velocity that nothing speaks against; None: none."""
        lower, upper, rows = bounds.lower, bounds.upper, proximity.constraints
        refused: int | None = None
        for share in SHARES:
            tried = share * bounds.wanted
            if (tried < lower - ON_THE_EDGE).any() or (tried > upper + ON_THE_EDGE).any():
                continue
            tried = np.minimum(np.maximum(tried, lower), upper)
            if rows is not None and (rows.excess(tried) > 0.0).any():
                continue
            if optional is not None and optional.broken_by(tried):
                continue
            pair = self._refused(tried, bounds, proximity)
            if pair is not None:
                refused = pair if refused is None else refused
                continue
            late = self._lagging.kinds(self.q, q_des, tried)
            notes = self._reasons.lags(self.q, q_des, tried, late)
            if share < 1.0 and rows is not None:
                notes += self._reasons.approach(rows, bounds.wanted, tried, proximity.distance)
            if share < 1.0 and optional is not None and self._optionals is not None:
                notes += self._optionals.reshaped(
                    optional, self.q, self.v, proximity.clipped, tried
                )
            notes += self._reasons.refusal(refused, proximity.distance, self._threshold)
            return tried, notes
        return None

    def _propose(
        self,
        bounds: VelocityBounds,
        proximity: Proximity,
        optional: OptionalInequalities | None,
        notes: list[Intervention],
    ) -> Array | None:
        """Closest velocity to the wanted one that keeps away from other links; None: brake."""
        slowest, fastest = self._speeds
        wanted = np.minimum(np.maximum(bounds.wanted, slowest), fastest)
        if optional is not None and self._optionals is not None:
            x = optional.closest(proximity, wanted, bounds)
            if proximity.constraints is not None:
                notes += self._reasons.approach(
                    proximity.constraints, proximity.clipped, x, proximity.distance
                )
            notes += self._optionals.reshaped(optional, self.q, self.v, proximity.clipped, x)
            return x
        if proximity.constraints is None:
            return proximity.clipped
        x = proximity.constraints.closest(wanted, bounds.lower, bounds.upper, proximity.broken)
        if x is None:
            # In a tight spot rows exclude each other, and a robot that then only brakes never
            # leaves it. Braking breaks no row after this; the certificate decides as always.
            apart = proximity.constraints.met_by(bounds.brake)
            x = apart.closest(wanted, bounds.lower, bounds.upper, proximity.broken)
        notes += self._reasons.approach(
            proximity.constraints, proximity.clipped, x, proximity.distance
        )
        return x

    def _refused(self, x: Array, bounds: VelocityBounds, proximity: Proximity) -> int | None:
        """Pair for which the certificate refuses a velocity; None if it is certified.

        Numbers from len(backend) on are tools, and negative ones joints, counted from the end.
        """
        if self._certificate is None:
            return None
        if self._optionals is not None:
            joint = self._optionals.refused(self.q, self.v, x)
            if joint is not None:
                return joint - self.contract.n
        if self._tools is not None:
            tool = self._tools.refused(self.q, x)
            if tool is not None:
                return len(self.backend) + tool
        threshold = self._threshold
        if self._recovers:
            # While it recovers, a pair that opened may not close again: raise its threshold.
            raised = np.clip(proximity.distance - TOUCH, threshold, self.needed)
            if self._certificate.refused(self.q, x, bounds, proximity, raised) is None:
                self._threshold = raised
                self._recovers = bool((raised < self.needed).any())
                return None
        return self._certificate.refused(self.q, x, bounds, proximity, threshold)

    def _dispose(
        self, x: Array, bounds: VelocityBounds, proximity: Proximity, notes: list[Intervention]
    ) -> Array:
        """The velocity, half-way to braking, or braking: the first that is certified."""
        refused = self._refused(x, bounds, proximity)
        if refused is None:
            return x
        half = bounds.brake + 0.5 * (x - bounds.brake)
        chosen = bounds.brake if self._refused(half, bounds, proximity) is not None else half
        notes += self._reasons.refusal(refused, proximity.distance, self._threshold)
        return chosen
