# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Reasons: the words and numbers of every intervention of the filter."""

import numpy as np

from ..contract import Contract, Limits
from ..data.frame import Array
from .collisions import SelfCollision
from .intervention import Intervention, Rule
from .rows import Rows
from .tools import SHARE, ToolSpeed


class Reasons:
    """Says what the filter changed, joint by joint and pair by pair."""

    def __init__(self, contract: Contract, collisions: SelfCollision, dt: float) -> None:
        """Prepare the texts: making them at every step would cost more than the step."""
        self._contract = contract
        self._links = collisions.links
        self._obstacles = {obstacle.name for obstacle in contract.safety.workspace}
        self._dt = dt
        self._outside = outside(contract.limits)
        self._fastest: Array = contract.limits.velocity * dt * (1.0 + 1e-9)
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
                f'{a} and {b} start {distance[i]:.4f} m apart, less than {needed:.4f}',
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

    def malformed(self, q_des: Array, v_des: Array | None) -> Intervention | None:
        """Why what is asked cannot be a position of this robot: its shape; None if it can."""
        shape = (self._contract.n,)
        for asked in (q_des, v_des):
            if asked is not None and asked.shape != shape:
                return Intervention(
                    Rule.SHAPE, f'asked for shape {asked.shape}, the robot has {shape}'
                )
        return None

    def non_finite(self, q_des: Array, v_des: Array | None) -> Intervention:
        """Which joint is asked for a value that is not finite."""
        asked = q_des if v_des is None or not np.isfinite(q_des).all() else v_des
        i = int(np.argmax(~np.isfinite(asked)))
        return Intervention(
            Rule.NON_FINITE,
            'asked for a value that is not finite',
            joint=self._contract.joints[i],
            asked=float(asked[i]),
        )

    def matters(self, q: Array, q_des: Array, x: Array) -> bool:
        """Whether x leaves a joint more than `lag_tolerance` from where it was asked to be."""
        off = np.abs(q_des - (q + self._dt * x))
        return bool((off > self._contract.safety.lag_tolerance).any())

    def lags(self, q: Array, q_des: Array, x: Array) -> list[Intervention]:
        """Joints that a velocity x does not bring from q to where they were asked to be."""
        sent = q + self._dt * x
        lower, upper = self._outside
        late = np.abs(q_des - sent) > self._contract.safety.lag_tolerance
        beyond = (q_des > upper) | (q_des < lower)
        chosen = (beyond | late).nonzero()[0]
        fast = np.abs(q_des - q) > self._fastest
        kinds = np.where(beyond, 0, np.where(fast, 1, 2))[chosen].tolist()
        asked, got = q_des[chosen].tolist(), sent[chosen].tolist()
        texts = [self._texts[kind][i] for i, kind in zip(chosen.tolist(), kinds, strict=True)]
        # A third of the time that naming every field takes; at a limit there are dozens.
        fields = (
            (*text, None, far, near) for text, far, near in zip(texts, asked, got, strict=True)
        )
        return list(map(Intervention._make, fields))

    def approach(
        self, rows: Rows, asked: Array, x: Array | None, distance: Array
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
        row = int(np.argmax(excess))
        if not excess[row] > 0.0:
            return []
        one, other = self._links[rows.pairs[row]]
        now = float(distance[rows.pairs[row]])
        rule, text, sent = Rule.QP_FALLBACK, f'the QP has no solution near {one} and {other}', now
        if x is not None:
            text = f'{one} and {other} come close'
            rule = Rule.WORKSPACE if other in self._obstacles else Rule.COLLISION
            sent = float(rows.kept[row] - rows.excess(x)[row])
        there = float(rows.kept[row] - excess[row])
        return [Intervention(rule, text, pair=(one, other), asked=there, sent=sent)]

    def tool(self, tools: ToolSpeed, tool: int | None, speed: float) -> list[Intervention]:
        """Tool that the asked velocity would move too fast [m/s]; an empty list for None."""
        if tool is None:
            return []
        text, sent = f'{tools.names[tool]} may move at {tools.cap:.3f} m/s', SHARE * tools.cap
        return [Intervention(Rule.TOOL_SPEED, text, asked=speed, sent=sent)]

    def refusal(self, pair: int | None, distance: Array, threshold: Array) -> list[Intervention]:
        """Pair for which the certificate refused; an empty list for None."""
        if pair is None:
            return []
        if pair < 0:
            joint = self._contract.joints[pair]
            text = f'braking keeps "{joint}" where it can hold the robot'
            return [Intervention(Rule.BRAKING, text, joint=joint)]
        if pair >= len(self._links):
            tool = self._contract.tools[pair - len(self._links)]
            return [Intervention(Rule.BRAKING, f'braking keeps {tool} under its top speed')]
        one, other = self._links[pair]
        text, now = f'braking keeps {one} and {other} apart', float(distance[pair])
        kept = float(threshold[pair])
        return [Intervention(Rule.BRAKING, text, pair=(one, other), asked=now, sent=kept)]


def outside(limits: Limits) -> Array:
    """Positions [rad or m] beyond which one counts as outside the limits, shape (2, n)."""
    return np.array([limits.lower - 1e-9, limits.upper + 1e-9])


def _limit_texts(contract: Contract) -> tuple[list[tuple[Rule, str, str]], ...]:
    """Rule, what it says of each joint that a limit holds back, and that joint's name."""
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
    return (
        [
            (Rule.POSITION, f'"{j}" may be in [{low:.4f}, {up:.4f}]', j)
            for j, low, up, _, _ in rows
        ],
        [(Rule.VELOCITY, f'"{j}" may move at {v:.3f}', j) for j, _, _, v, _ in rows],
        [(Rule.ACCELERATION, f'"{j}" may accelerate at {a:.3f}', j) for j, _, _, _, a in rows],
    )
