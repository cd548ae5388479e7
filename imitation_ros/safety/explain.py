# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Explainer: turns a decision of the filter into interventions, in words and numbers."""

import numpy as np

from ..contract import Contract
from ..data.frame import Array
from .constraints.inequality import InequalityConstraints
from .constraints.optional import OptionalConstraints
from .constraints.tools import SHARE
from .constraints.torque import TorqueState
from .decision import Decision, Outcome, PROJECTED, SlowedTool, Subject
from .geometry.model import Indices
from .intervention import Intervention, Rule
from .lagging import BEYOND, FAST, LaggingJoints, SUDDEN

OVERRUN = Intervention(Rule.BUDGET, 'this step ran out of time: the robot brakes')


class Explainer:
    """Says what the filter changed, joint by joint and pair by pair."""

    def __init__(
        self,
        contract: Contract,
        links: tuple[tuple[str, str], ...],
        dt: float,
        optional: OptionalConstraints | None,
    ) -> None:
        """Prepare the texts: making them at every step would cost more than the step."""
        self._contract = contract
        self._links = links
        self._obstacles = {obstacle.name for obstacle in contract.safety.workspace}
        self._dt = dt
        self._optional = optional
        self._lagging = LaggingJoints(contract, dt)
        self._texts = _limit_texts(contract)

    def start(
        self, q: Array, inside: Array, distance: Array, needed: float
    ) -> tuple[Intervention, ...]:
        """What a start has to be recovered from: links too close, joints outside their limits.

        Args:
            q: Positions at the start [rad or m], shape (n,).
            inside: The same, within the limits.
            distance: Distance of every pair [m], shape (pairs,).
            needed: Distance that is to be kept [m].
        """
        found = [
            Intervention(
                Rule.RECOVERING,
                f'{a} and {b} start {distance[i]:.4f} m apart; minimum is {needed:.4f} m',
                pair=(a, b),
                asked=float(distance[i]),
                sent=needed,
            )
            for i, (a, b) in enumerate(self._links)
            if distance[i] < needed
        ]
        for i in np.flatnonzero(np.abs(inside - q) > 1e-8).tolist():
            joint = self._contract.joints[i]
            text, asked, sent = f'"{joint}" starts outside its limits', float(q[i]), inside[i]
            found.append(
                Intervention(Rule.RECOVERING, text, joint=joint, asked=asked, sent=float(sent))
            )
        return tuple(found)

    def explain(self, decision: Decision) -> tuple[Intervention, ...]:
        """How what is sent differs from what was asked, and why; empty if it does not."""
        d = decision
        known = None if d.optional is None else d.optional.needed
        notes: list[Intervention] = []
        near = d.proximity
        if d.outcome is PROJECTED and near is not None and near.lagging is None:
            if d.reshaped or d.tool is not None or d.refusal is not None:
                notes, known = self._projected(d, known)
        elif d.outcome is PROJECTED or d.outcome is Outcome.OUT_OF_TIME_AFTER_QP:
            notes, known = self._projected(d, known)
        elif d.outcome is Outcome.SLOWED:
            notes, known = self._slowed(d, known)
        elif d.outcome is Outcome.OUT_OF_TIME:
            notes = [OVERRUN]
        elif d.outcome is Outcome.MALFORMED:
            notes = self._malformed(d.q_des, d.v_des)
        elif d.outcome is Outcome.NON_FINITE:
            notes = self._non_finite(d.q_des, d.v_des)
        if self._optional is not None:
            notes += self._optional.overload(d.q, d.v, d.x, known)
        return tuple(notes)

    def _projected(
        self, d: Decision, known: TorqueState | None
    ) -> tuple[list[Intervention], TorqueState | None]:
        """The velocity closest to the wanted one; and the torque looked at last."""
        if d.q_des is None or d.proximity is None:
            return [], known
        clipped = d.proximity.clipped
        notes = [] if d.tool is None else self._tool(d.tool)
        reshaped: list[Intervention] = []
        if d.proximity.lagging is not None:
            notes += self._lags(d.q, d.q_des, clipped, d.proximity.lagging)
        if d.reshaped:
            reshaped, known = self._reshaped(d, clipped, d.solution, known)
        if d.outcome is not PROJECTED:
            return [*notes, *reshaped, OVERRUN], known
        refused = [] if d.refusal is None else self._refusal(d)
        # A QP that brings every joint where it was asked to be changed nothing.
        if reshaped and (refused or self._lagging.any(d.q, d.q_des, d.x)):
            notes += reshaped
        return notes + refused, known

    def _slowed(
        self, d: Decision, known: TorqueState | None
    ) -> tuple[list[Intervention], TorqueState | None]:
        """A share of the wanted velocity; and the torque looked at last."""
        if d.q_des is None or d.proximity is None or d.bounds is None:
            return [], known
        notes, late = self._tool(d.tool), self._lagging.kinds(d.q, d.q_des, d.x)
        notes += self._lags(d.q, d.q_des, d.x, late)
        approach = d.proximity.constraints
        if d.share < 1.0 and approach is not None:
            notes += self._approach(approach, d.bounds.wanted, d.x, d.proximity.distance)
        if d.share < 1.0 and d.optional is not None and self._optional is not None:
            clipped = d.proximity.clipped
            found, known = self._optional.reshaped(d.optional, d.q, d.v, clipped, d.x)
            notes += found
        return notes + self._refusal(d), known

    def _reshaped(
        self, d: Decision, clipped: Array, x: Array | None, known: TorqueState | None
    ) -> tuple[list[Intervention], TorqueState | None]:
        """What kept the QP from the clipped velocity; and the torque looked at last."""
        notes: list[Intervention] = []
        if d.proximity is not None and d.proximity.constraints is not None:
            approach, distance = d.proximity.constraints, d.proximity.distance
            notes += self._approach(approach, clipped, x, distance)
        if d.optional is not None and self._optional is not None:
            found, known = self._optional.reshaped(d.optional, d.q, d.v, clipped, x)
            notes += found
        return notes, known

    def _malformed(self, *asked: Array | None) -> list[Intervention]:
        """Why what is asked cannot be a position of this robot: its shape."""
        shape = (self._contract.n,)
        wrong = [array.shape for array in asked if array is not None and array.shape != shape]
        return [Intervention(Rule.SHAPE, f'asked for shape {wrong[0]}, the robot has {shape}')]

    def _non_finite(self, *asked: Array | None) -> list[Intervention]:
        """Which joint is asked for a value that is not finite."""
        for array in asked:
            if array is not None and not np.isfinite(array).all():
                i, text = (
                    int(np.argmin(np.isfinite(array))),
                    'asked for a value that is not finite',
                )
                joint, value = self._contract.joints[i], float(array[i])
                return [Intervention(Rule.NON_FINITE, text, joint=joint, asked=value)]
        return []

    def _lags(self, q: Array, q_des: Array, x: Array, lagging: Indices) -> list[Intervention]:
        """Joints that a velocity x does not bring from q to where they were asked to be.

        Args:
            q: Last set-point [rad or m], shape (n,).
            q_des: Positions that are asked for [rad or m], shape (n,).
            x: Velocity [rad/s or m/s], shape (n,).
            lagging: Which, and why: `LaggingJoints.kinds`, shape (n,).
        """
        chosen = lagging.nonzero()[0]
        numbers, kinds = chosen.tolist(), lagging[chosen].tolist()
        asked, got = q_des[chosen].tolist(), (q + self._dt * x)[chosen].tolist()
        # At a limit there are dozens, and naming every field would take four times as long.
        rows = zip(kinds, numbers, asked, got, strict=True)
        made, texts = tuple.__new__, self._texts
        return [made(Intervention, (*texts[k][i], None, far, near)) for k, i, far, near in rows]

    def _approach(
        self, rows: InequalityConstraints, asked: Array, x: Array | None, distance: Array
    ) -> list[Intervention]:
        """Pair that the asked velocity would bring too close, and what x does with it.

        Asked and sent are the distances, to first order, at the pose that the row looks at.

        Args:
            rows: The rows.
            asked: Velocity asked for, shape (n,).
            x: Velocity instead, shape (n,), or None if the QP has no solution.
            distance: Distance of every pair [m], shape (pairs,).
        """
        excess = rows.excess(asked)
        row = int(excess.argmax())
        broken, pair, kept = float(excess[row]), int(rows.pairs[row]), float(rows.kept[row])
        if not broken > 0.0:
            return []
        one, other = self._links[pair]
        if x is None:
            text, sent = f'the QP has no solution near {one} and {other}', float(distance[pair])
            return [Intervention(Rule.QP_FALLBACK, text, None, (one, other), kept - broken, sent)]
        text, sent = f'{one} and {other} come close', kept - float(rows.excess(x)[row])
        rule = Rule.WORKSPACE if other in self._obstacles else Rule.COLLISION
        return [Intervention(rule, text, None, (one, other), kept - broken, sent)]

    def _tool(self, slowed: SlowedTool | None) -> list[Intervention]:
        """Tool that the asked velocity would move too fast [m/s]; an empty list for None."""
        cap = self._contract.safety.tool_speed
        if slowed is None or cap is None:
            return []
        text = f'{self._contract.tools[slowed.number]} may move at {cap:.3f} m/s'
        return [Intervention(Rule.TOOL_SPEED, text, asked=slowed.speed, sent=SHARE * cap)]

    def _refusal(self, d: Decision) -> list[Intervention]:
        """What the certificate refused for; an empty list if it did not."""
        if d.refusal is None or d.proximity is None:
            return []
        subject, number = d.refusal
        if subject is Subject.JOINT:
            joint = self._contract.joints[number]
            text = f'braking keeps "{joint}" where it can hold the robot'
            return [Intervention(Rule.BRAKING, text, joint=joint)]
        if subject is Subject.TOOL:
            tool = self._contract.tools[number]
            return [Intervention(Rule.BRAKING, f'braking keeps {tool} under its top speed')]
        one, other = self._links[number]
        text, now = f'braking keeps {one} and {other} apart', float(d.proximity.distance[number])
        kept = float(d.threshold[number])
        return [Intervention(Rule.BRAKING, text, pair=(one, other), asked=now, sent=kept)]


def _limit_texts(contract: Contract) -> dict[int, list[tuple[Rule, str, str]]]:
    """Rule, what it says of each joint that lags, and that joint's name: by kind, by joint."""
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
        BEYOND: [
            (Rule.POSITION, f'"{j}" may be in [{low:.4f}, {up:.4f}]', j)
            for j, low, up, _, _ in rows
        ],
        FAST: [(Rule.VELOCITY, f'"{j}" may move at {v:.3f}', j) for j, _, _, v, _ in rows],
        SUDDEN: [
            (Rule.ACCELERATION, f'"{j}" may accelerate at {a:.3f}', j) for j, _, _, _, a in rows
        ],
    }
