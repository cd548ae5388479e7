# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Teleoperation by a leader: its joint states through the map and the gate."""

from collections.abc import Sequence

from ..contract import Contract
from ..data.frame import Array
from ..data.proposal import Proposal
from ..errors import DataError
from .gate import Gate, GateConfig, GateState
from .mapping import LeaderMap
from .spline import Spline

NS = 1_000_000_000
BRAKING_SHARE = 0.8
"""Share of the acceleration limits used for braking when the leader falls silent."""
DELAY_PERIODS = 3.0
"""How far the robot follows behind a leader: half is the spline's, half for late messages."""


class LeaderTeleop:
    """Makes a short chunk of each leader message, while the dead-man is held.

    Attributes:
        gate: The dead-man gate.
        reason: Why the last step proposed nothing; empty if it did.
    """

    def __init__(
        self,
        contract: Contract,
        config: GateConfig,
        period_s: float,
        delay_s: float,
        leader_map: LeaderMap | None = None,
    ) -> None:
        """Start released.

        Args:
            contract: The contract.
            config: Settings of the gate.
            period_s: Time between two proposals [s]; messages in between are left out.
            delay_s: How far the robot follows behind the leader's stamps [s].
            leader_map: The map; None takes the leader's names for the robot's.
        """
        self._contract = contract
        self._map = leader_map
        # A little under the period, or jitter would drop every other message.
        self._shortest_ns = round(0.8 * period_s * NS)
        self._spline = Spline(round(period_s * NS), round(delay_s * NS))
        # After a longer silence the curve has come to its end and cannot be continued: the
        # leader is checked anew, as if the dead-man had been released.
        self._silence_ns = round((2.0 * delay_s - period_s) * NS)
        self.gate = Gate(config)
        self.reason = 'nothing received from the leader'

    def deadman(self, now_ns: int, held: bool) -> None:
        """Tell what the dead-man switch says, at a steady time [ns]."""
        self.gate.deadman(now_ns, held)

    def release(self, reason: str) -> None:
        """Stop proposing until the leader is checked again."""
        self.gate.release(reason)

    def step(
        self,
        now_ns: int,
        stamp_ns: int,
        names: Sequence[str],
        positions: Sequence[float] | Array,
        robot: Array,
    ) -> Proposal | None:
        """Turn one leader message into a proposal.

        Args:
            now_ns: Steady time [ns].
            stamp_ns: Stamp of the leader's message [ns].
            names: Its joint names.
            positions: Its positions [rad or m].
            robot: Where the robot is, or is commanded to be [rad or m], shape (n,).

        Returns:
            The proposal, or None; `reason` then says why.

        Raises:
            DataError: If the message is wrong: names, lengths, NaN. The gate is released.
        """
        try:
            # Kept from the first good message on: two leaders on one topic must not take turns.
            leader_map = self._map or LeaderMap.identity(self._contract, names)
            target = leader_map.targets(names, positions)
        except DataError as error:
            self.reason = str(error)
            self.gate.release(self.reason)
            raise
        self._map = leader_map
        here = robot[leader_map.columns]
        newest = self._spline.newest_ns
        if newest is not None and self.gate.state is GateState.ENGAGED:
            gap = stamp_ns - newest
            if 0 <= gap < self._shortest_ns and self.gate.held(now_ns):
                self.reason = 'the leader is faster than needed'
                return None
            if not 0 <= gap <= self._silence_ns:
                self.gate.release(f'the stamps of the leader jump by {gap / NS:.2f} s')
        fresh = self.gate.state is not GateState.ENGAGED
        allowed = self.gate.step(now_ns, leader_map.joints, target, here)
        self.reason = self.gate.reason
        if allowed is None:
            return None
        if fresh:
            self._spline.restart(stamp_ns, leader_map.clip(here))
        braking = BRAKING_SHARE * self._contract.limits.acceleration[leader_map.columns]
        times, points = self._spline.push(stamp_ns, leader_map.clip(allowed), braking)
        return Proposal(stamp_ns, leader_map.joints, times, leader_map.clip(points))
