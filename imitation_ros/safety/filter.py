# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""SafetyFilter: the QP proposes, a brake certificate disposes.

State is the last *command* (q, v), never the measurement. Every step decides the next velocity x
within the viability box. The QP keeps it close to what was asked and away from other links. Then
the certificate: braking fully from (q + dt x, x) keeps every pair of links at its distance until
rest. If not, half-way to braking is tried, then braking itself, which the certificate of the
previous step already covers. So, from a rest at a safe distance, for ANY input, every set-point
keeps position, velocity, acceleration and distance.
"""

from dataclasses import dataclass

import daqp
import numpy as np

from ..contract import Contract
from ..data.frame import Array
from ..kinematics.model import RobotModel
from .certificate import BrakeCertificate
from .collisions import SelfCollision
from .intervention import Intervention, Rule
from .limits import stoppable_speed, ViabilityBox

RELAXATION = 0.1
"""A row asks for no more than this share, from the most cautious end, of what the box allows."""

TOUCH = 1e-4
"""While it recovers from a contact, a pair may come this much closer [m]."""


@dataclass(frozen=True)
class Step:
    """One set-point.

    Attributes:
        q: Position [rad or m], shape (n,), in contract order.
        v: Velocity that leads to it [rad/s or m/s], shape (n,).
        interventions: How it differs from what was asked, and why.
    """

    q: Array
    v: Array
    interventions: tuple[Intervention, ...] = ()


class SafetyFilter:
    """Turns any stream of asked positions into set-points that keep the envelope.

    Attributes:
        contract: The robot.
        dt: Period of the commands [s].
        box: Viability box.
        collisions: Distances between links.
        q: Last set-point [rad or m], shape (n,).
        v: Its velocity [rad/s or m/s], shape (n,).
    """

    def __init__(
        self,
        contract: Contract,
        collisions: SelfCollision | None = None,
        *,
        certify: bool = True,
    ) -> None:
        """Build the filter at rest at the home position.

        Args:
            contract: The robot.
            collisions: Distances of the same robot, to share; built if None.
            certify: False leaves the certificate out, to measure what it costs.
        """
        self.contract = contract
        self.dt = 1.0 / contract.rates.command_hz
        self.box = ViabilityBox(contract.limits, self.dt)
        self.collisions = SelfCollision(RobotModel(contract)) if collisions is None else collisions
        self._certificate = BrakeCertificate(self.box, self.collisions) if certify else None
        safety = contract.safety
        self.needed = safety.self_collision_distance + safety.certificate_margin
        self._near = safety.self_collision_distance + safety.row_distance
        self._threshold: Array = np.full(len(self.collisions), self.needed)
        self._identity = np.eye(contract.n)
        self._texts = _limit_texts(contract)
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

    def reset(self, q: Array) -> tuple[Intervention, ...]:
        """Start at rest at a pose; one outside the envelope is led back, never further out.

        Args:
            q: Measured positions [rad or m], shape (n,).

        Returns:
            What has to be recovered from.
        """
        self.q, self.v = np.array(q, dtype=np.float64), np.zeros(self.contract.n)
        distance = self.collisions.distances(self.q)
        self._threshold = np.minimum(self.needed, distance - TOUCH)
        found = [
            Intervention(
                Rule.RECOVERING,
                f'{a} and {b} start {distance[i]:.4f} m apart, less than {self.needed:.4f}',
                pair=(a, b),
                asked=float(distance[i]),
                sent=self.needed,
            )
            for i, (a, b) in enumerate(self.collisions.links)
            if distance[i] < self.needed
        ]
        self._threshold[distance >= self.needed] = self.needed
        for i, joint in enumerate(self.contract.joints):
            inside = float(np.clip(self.q[i], self.box.lower[i], self.box.upper[i]))
            if abs(inside - self.q[i]) > 1e-8:
                found.append(
                    Intervention(
                        Rule.RECOVERING,
                        f'"{joint}" starts outside its limits',
                        joint=joint,
                        asked=float(self.q[i]),
                        sent=inside,
                    )
                )
        return tuple(found)

    def step(self, q_des: Array | None, v_des: Array | None = None) -> Step:
        """Next set-point.

        Args:
            q_des: Asked positions for the next set-point [rad or m], shape (n,); None brakes.
            v_des: Velocity of what is asked [rad/s or m/s], shape (n,). With it, a lag is made
                up without overshoot; without it, the whole way is asked for in one step.

        Returns:
            The set-point, which is also the new state.
        """
        brake = self.box.brake(self.v)
        if q_des is None:
            return self._move(brake, ())
        refusal = self._check(q_des, v_des)
        if refusal is not None:
            return self._move(brake, (refusal,))
        lower, upper = self.box.bounds(self.q, self.v)
        if v_des is None:
            wanted = (q_des - self.q) / self.dt
        else:
            wanted = v_des + self.box.approach(q_des - v_des * self.dt - self.q)
        clipped: Array = np.minimum(np.maximum(wanted, lower), upper)
        notes = self._lags(q_des, clipped)
        distance = self.collisions.distances(self.q)
        x = self._propose(wanted, clipped, lower, upper, distance, notes)
        if x is None:
            x = brake
        elif self._certificate is not None:
            x = self._dispose(self._certificate, x, brake, distance, notes)
        return self._move(x, tuple(notes))

    def _move(self, x: Array, notes: tuple[Intervention, ...]) -> Step:
        """Take a velocity as the new state."""
        self.v = x
        self.q = self.q + self.dt * x
        return Step(self.q, self.v, notes)

    def _check(self, q_des: Array, v_des: Array | None) -> Intervention | None:
        """Refuse what is no position of this robot; a non-finite value is never clipped."""
        for asked in (q_des, v_des):
            if asked is None:
                continue
            if asked.shape != self.q.shape:
                return Intervention(
                    Rule.SHAPE, f'asked for shape {asked.shape}, the robot has {self.q.shape}'
                )
            if not np.isfinite(asked).all():
                i = int(np.argmax(~np.isfinite(asked)))
                return Intervention(
                    Rule.NON_FINITE,
                    'asked for a value that is not finite',
                    joint=self.contract.joints[i],
                    asked=float(asked[i]),
                )
        return None

    def _lags(self, q_des: Array, clipped: Array) -> list[Intervention]:
        """Joints that the box keeps from where they were asked to be."""
        sent = self.q + self.dt * clipped
        limits = self.contract.limits
        outside = (q_des > limits.upper + 1e-9) | (q_des < limits.lower - 1e-9)
        late = np.abs(q_des - sent) > self.contract.safety.lag_tolerance
        if not (outside.any() or late.any()):
            return []
        fast = np.abs(q_des - self.q) > limits.velocity * self.dt * (1.0 + 1e-9)
        notes = []
        for i in np.flatnonzero(outside | late).tolist():
            rule = Rule.ACCELERATION
            if outside[i]:
                rule = Rule.POSITION
            elif fast[i]:
                rule = Rule.VELOCITY
            text, joint = self._texts[rule][i], self.contract.joints[i]
            asked, got = float(q_des[i]), float(sent[i])
            notes.append(Intervention(rule, text, joint=joint, asked=asked, sent=got))
        return notes

    def _propose(
        self,
        wanted: Array,
        clipped: Array,
        lower: Array,
        upper: Array,
        distance: Array,
        notes: list[Intervention],
    ) -> Array | None:
        """Closest velocity to the wanted one that keeps away from other links; None: brake."""
        chosen = np.flatnonzero(distance < self._near)
        if not len(chosen):
            return clipped
        safety = self.contract.safety
        if len(chosen) > safety.row_limit:
            order = np.argpartition(distance[chosen], safety.row_limit - 1)
            chosen = chosen[order[: safety.row_limit]]
        rows = -self.collisions.gradients(self.q, chosen)
        # Approach no faster than what a deceleration a_n can stop before the margin, leave it
        # again when inside ...
        unit = safety.row_acceleration * self.dt
        gap = distance[chosen] - self._threshold[chosen] - safety.row_margin
        bound = unit * stoppable_speed(gap / (unit * self.dt))
        bound = np.where(gap < 0.0, safety.row_return_rate * gap, bound)
        # ... but ask for nothing that the box cannot reach: a row alone is never infeasible.
        at_lower, at_upper = rows * lower, rows * upper
        least = np.minimum(at_lower, at_upper).sum(axis=1)
        most = np.maximum(at_lower, at_upper).sum(axis=1)
        bound = np.maximum(bound, least + RELAXATION * (most - least))
        keep = most > bound
        rows, bound, chosen = rows[keep], bound[keep], chosen[keep]
        excess = rows @ clipped - bound
        if not len(chosen) or not (excess > 0.0).any():
            # With a diagonal weight, a clip that satisfies the rows is the optimum.
            return clipped
        x = self._solve(wanted, rows, bound, lower, upper)
        pair = int(np.argmax(excess))
        links, now = self.collisions.links[chosen[pair]], float(distance[chosen[pair]])
        asked = now - self.dt * float(rows[pair] @ clipped)
        if x is None:
            text = f'the QP has no solution near {links[0]} and {links[1]}'
            notes.append(Intervention(Rule.QP_FALLBACK, text, pair=links, asked=asked, sent=now))
            return None
        sent = now - self.dt * float(rows[pair] @ x)
        text = f'{links[0]} and {links[1]} come close'
        notes.append(Intervention(Rule.COLLISION, text, pair=links, asked=asked, sent=sent))
        return x

    def _solve(
        self, wanted: Array, rows: Array, bound: Array, lower: Array, upper: Array
    ) -> Array | None:
        """Solve min |x - wanted|^2 in the box with rows @ x <= bound; None without a solution."""
        top = self.box.velocity
        linear = -np.minimum(np.maximum(wanted, -top), top)
        x, _, flag, _ = daqp.solve(
            self._identity,
            linear,
            np.ascontiguousarray(rows),
            np.concatenate([upper, bound]),
            np.concatenate([lower, np.full(len(bound), -1e30)]),
        )
        solution: Array = np.asarray(x)
        if flag != 1 or not np.isfinite(solution).all():
            return None
        return np.minimum(np.maximum(solution, lower), upper)

    def _dispose(
        self,
        certificate: BrakeCertificate,
        x: Array,
        brake: Array,
        distance: Array,
        notes: list[Intervention],
    ) -> Array:
        """The velocity, half-way to braking, or braking: the first that is certified."""
        threshold = self._threshold
        recovering = bool((threshold < self.needed).any())
        refused: int | None = None
        for share in (1.0, 0.5):
            tried = x if share == 1.0 else brake + 0.5 * (x - brake)
            if recovering:
                # A pair that opened may not close again: raise its threshold with it.
                raised = np.clip(distance - TOUCH, threshold, self.needed)
                if certificate.refused(self.q, tried, distance, raised) is None:
                    self._threshold = raised
                    return self._disposed(tried, refused, distance, notes)
            pair = certificate.refused(self.q, tried, distance, threshold)
            if pair is None:
                return self._disposed(tried, refused, distance, notes)
            refused = pair if refused is None else refused
        return self._disposed(brake, refused, distance, notes)

    def _disposed(
        self, x: Array, refused: int | None, distance: Array, notes: list[Intervention]
    ) -> Array:
        """Note which pair made the certificate refuse, if one did."""
        if refused is not None:
            links = self.collisions.links[refused]
            notes.append(
                Intervention(
                    Rule.BRAKING,
                    f'braking keeps {links[0]} and {links[1]} apart',
                    pair=links,
                    asked=float(distance[refused]),
                    sent=float(self._threshold[refused]),
                )
            )
        return x


def _limit_texts(contract: Contract) -> dict[Rule, list[str]]:
    """What to say when a limit of a joint holds it back, by rule and joint."""
    limits = contract.limits
    rows = list(
        zip(
            contract.joints,
            limits.lower,
            limits.upper,
            limits.velocity,
            limits.acceleration,
            strict=True,
        )
    )
    return {
        Rule.POSITION: [f'"{j}" may be in [{low:.4f}, {up:.4f}]' for j, low, up, _, _ in rows],
        Rule.VELOCITY: [f'"{j}" may move at {v:.3f}' for j, _, _, v, _ in rows],
        Rule.ACCELERATION: [f'"{j}" may accelerate at {a:.3f}' for j, _, _, _, a in rows],
    }
