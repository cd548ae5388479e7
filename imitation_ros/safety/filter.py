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

A step first decides, which changes nothing; then it is explained; then its velocity is taken.
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
from .certification import Certification
from .constraints.limits import ViabilityBox
from .constraints.optional import OptionalConstraints, OptionalInequalities
from .decision import Decision, Outcome, PROJECTED, Refusal, SlowedTool
from .explain import Explainer
from .intervention import internal_error, Intervention
from .proximity import Proximity
from .velocity_bounds import VelocityBounds

SHARES = (1.0, 0.75, 0.5, 0.25)
"""Of the asked velocity, tried one after the other in the mode `path`."""

ON_THE_EDGE = 1e-9
"""A velocity this far outside the box is clipped, not slowed down [rad/s or m/s]."""


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

        >>> contract = imitation_ros.load_contract('imi_humanoid')
        >>> safety = imitation_ros.SafetyFilter(contract)
        >>> notes = safety.reset(contract.home)       # where the robot is, shape (n,)
        >>> step = safety.step(contract.home + 0.5)   # once each command period, `dt` seconds
        >>> bool((abs(step.v) <= contract.limits.velocity).all())
        True

    Attributes:
        contract: The robot.
        dt: Period of the commands [s].
        box: Viability box.
        backend: What computes, distances between links among others.
        needed: Distance that every pair keeps, but while it recovers [m].
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
        certificate = self.backend.certificate(self.box) if certify else None
        safety = contract.safety
        self.needed = safety.self_collision_distance + safety.certificate_margin
        self._query = self.backend.proximity_query(contract, self.box)
        cap = safety.tool_speed
        if cap is not None and not contract.tools:
            raise SafetyError('safety.tool_speed: the contract names no tools')
        self._tools = None if cap is None else self.backend.tool_speed(self.box, cap)
        self._path = safety.mode == 'path'
        self._optional = None
        if safety.torque is not None or safety.support is not None:
            self._optional = OptionalConstraints(
                contract, self.backend.robot, self.backend.dynamics(), self.box
            )
        self._certification = Certification(certificate, self._optional, self._tools, self.needed)
        self._explainer = Explainer(contract, self.backend.links, self.dt, self._optional)
        self._threshold: Array = np.full(len(self.backend), self.needed)
        self._recovers = False
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
        self._threshold = self._certification.start(distance)
        self._recovers = self._certification.recovers(self._threshold)
        inside = np.clip(self.q, self.box.lower, self.box.upper)
        notes = self._explainer.start(self.q, inside, distance, self.needed)
        return notes if self._optional is None else (*notes, *self._optional.start(self.q))

    def brake(self, why: Intervention) -> Step:
        """Brake after something failed: by the law alone, which the last certificate covers."""
        self.v = self.box.brake(self.v)
        self.q = self.q + self.dt * self.v
        return Step(self.q, self.v, (why,), failed=True)

    def step(
        self,
        q_des: Array | None,
        v_des: Array | None = None,
        deadline_exceeded: Callable[[], bool] | None = None,
    ) -> Step:
        """Next set-point, finite whatever happens: it brakes where anything within fails.

        Args:
            q_des: Asked positions for the next set-point [rad or m], shape (n,); None brakes.
            v_des: Velocity of what is asked [rad/s or m/s], shape (n,). With it, a lag is made
                up without overshoot; without it, the whole way is asked for in one step.
            deadline_exceeded: Whether the time for this step is used up: then it brakes, which
                needs no proof.

        Returns:
            The set-point, which is also the new state.
        """
        try:
            decision = self.decide(q_des, v_des, deadline_exceeded)
            q, v = self.q + self.dt * decision.x, decision.x
            # Not finite if any factor is not.
            if math.isfinite(q.dot(v)):
                interventions = self._explainer.explain(decision)
                self.q, self.v, self._threshold = q, v, decision.threshold
                if self._recovers:
                    self._recovers = self._certification.recovers(self._threshold)
                return Step(q, v, interventions)
            text = 'the set-point is not finite'
        except Exception as error:  # noqa: BLE001  (whatever it is, the robot has to stop)
            text = f'{type(error).__name__}: {error}'
        return self.brake(internal_error(text))

    def decide(
        self,
        q_des: Array | None,
        v_des: Array | None = None,
        deadline_exceeded: Callable[[], bool] | None = None,
    ) -> Decision:
        """The velocity of the next set-point, and why; nothing is changed: see `step`."""
        q, v, threshold = self.q, self.v, self._threshold
        asked = q, v, q_des, v_des
        if q_des is None:
            return Decision(Outcome.NOTHING_ASKED, *asked, self.box.brake(v), threshold)
        if q_des.shape != q.shape or (v_des is not None and v_des.shape != q.shape):
            return Decision(Outcome.MALFORMED, *asked, self.box.brake(v), threshold)
        bounds = self._query.velocity_bounds(q, v, q_des, v_des)
        if bounds is None:
            return Decision(Outcome.NON_FINITE, *asked, self.box.brake(v), threshold)
        tool: SlowedTool | None = None
        if self._tools is not None:
            wanted, number, speed = self._tools.slowed(q, bounds.wanted)
            bounds = bounds.wanting(wanted)
            tool = None if number is None else SlowedTool(number, speed)
        proximity = self._proximity(q_des, bounds)
        if deadline_exceeded is not None and deadline_exceeded():
            return Decision(Outcome.OUT_OF_TIME, *asked, bounds.brake, threshold)
        optional: OptionalInequalities | None = None
        if self._optional is not None:
            whole = proximity.close or self._path
            optional = self._optional.at(q, v, bounds, proximity.clipped, whole)
        known = bounds, proximity, optional, tool
        if self._path:
            slowed = self._slow_down(bounds, proximity, optional)
            if slowed is not None:
                x, threshold, share, refusal = slowed
                return Decision(
                    Outcome.SLOWED, *asked, x, threshold, *known, share, refusal=refusal
                )
        # With a diagonal weight, a clip that meets the constraints is the optimum of the QP.
        reshaped = proximity.close or (optional is not None and optional.broken)
        solution = self._solve(bounds, proximity, optional) if reshaped else proximity.clipped
        outcome, x, refusal = PROJECTED, bounds.brake, None
        if deadline_exceeded is not None and deadline_exceeded():
            outcome = Outcome.OUT_OF_TIME_AFTER_QP
        elif solution is not None:
            x, threshold, refusal = self._dispose(solution, bounds, proximity)
        # At almost every step; naming the fields would take five times as long.
        fields = outcome, *asked, x, threshold, *known, 1.0, reshaped, solution, refusal
        return tuple.__new__(Decision, fields)

    def _proximity(self, q_des: Array, bounds: VelocityBounds) -> Proximity:
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

    def _slow_down(
        self,
        bounds: VelocityBounds,
        proximity: Proximity,
        optional: OptionalInequalities | None,
    ) -> tuple[Array, Array, float, Refusal | None] | None:
        """The largest share of the wanted velocity that nothing speaks against; None: none.

        Returns:
            The velocity, the thresholds, the share, and why the first larger one was refused.
        """
        lower, upper, approach = bounds.lower, bounds.upper, proximity.constraints
        first: Refusal | None = None
        state = self._threshold, self._recovers
        for share in SHARES:
            x = share * bounds.wanted
            if (x < lower - ON_THE_EDGE).any() or (x > upper + ON_THE_EDGE).any():
                continue
            x = np.minimum(np.maximum(x, lower), upper)
            if approach is not None and (approach.excess(x) > 0.0).any():
                continue
            if optional is not None and optional.broken_by(x):
                continue
            refusal, threshold = self._certification.check(
                self.q, self.v, x, bounds, proximity, *state
            )
            if refusal is None:
                return x, threshold, share, first
            first = first or refusal
        return None

    def _solve(
        self,
        bounds: VelocityBounds,
        proximity: Proximity,
        optional: OptionalInequalities | None,
    ) -> Array | None:
        """Closest velocity to the wanted one that keeps away from other links; None: none."""
        slowest, fastest = self._speeds
        wanted = np.minimum(np.maximum(bounds.wanted, slowest), fastest)
        if optional is not None:
            return optional.closest(proximity, wanted, bounds)
        approach = proximity.constraints
        if approach is None:
            return proximity.clipped
        box = bounds.lower, bounds.upper, proximity.broken
        x = approach.closest(wanted, *box)
        if x is None:
            # In a tight spot they exclude each other, and a robot that then only brakes never
            # leaves it. Braking breaks none after this; the certificate decides as always.
            x = approach.met_by(bounds.brake).closest(wanted, *box)
        return x

    def _dispose(
        self, x: Array, bounds: VelocityBounds, proximity: Proximity
    ) -> tuple[Array, Array, Refusal | None]:
        """The velocity, half-way to braking, or braking: the first that is certified.

        Returns:
            The velocity, the thresholds, and why x was refused.
        """
        state = self._threshold, self._recovers
        check = self._certification.check
        refusal, threshold = check(self.q, self.v, x, bounds, proximity, *state)
        if refusal is None:
            return x, threshold, None
        half = bounds.brake + 0.5 * (x - bounds.brake)
        again, threshold = check(self.q, self.v, half, bounds, proximity, *state)
        return (half if again is None else bounds.brake), threshold, refusal
