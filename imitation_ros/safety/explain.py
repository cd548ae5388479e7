# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Reasons: the words and numbers of every intervention of the filter."""

import numpy as np

from ..contract import Contract
from ..data.frame import Array
from .constraints.inequality import InequalityConstraints
from .constraints.tools import SHARE, ToolSpeed
from .geometry.model import Indices
from .intervention import Intervention, Rule
from .lagging import BEYOND, FAST, SUDDEN


class Reasons:
    """Says what the filter changed, joint by joint and pair by pair."""

    def __init__(self, contract: Contract, links: tuple[tuple[str, str], ...], dt: float) -> None:
        """Prepare the texts: making them at every step would cost more than the step."""
        self._contract = contract
        self._links = links
        self._obstacles = {obstacle.name for obstacle in contract.safety.workspace}
        self._dt = dt
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

    def lags(self, q: Array, q_des: Array, x: Array, lagging: Indices) -> list[Intervention]:
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

    def approach(
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
