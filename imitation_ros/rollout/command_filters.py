# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What stands between proposals and commands in a rollout: the safety governor, or nothing."""

from typing import Protocol

from ..contract import Contract
from ..data.frame import Array
from ..data.proposal import Proposal
from ..safety.filter import SafetyFilter
from ..safety.player import ProposalPlayer
from ..safety.supervisor import Governor
from ..sim.robot import SimRobot

NS = 1_000_000_000


class CommandFilter(Protocol):
    """What turns proposals into commands: the safety layer, or nothing at all."""

    def start(self, now_ns: int, sim: SimRobot) -> None:
        """Begin an episode."""

    def step(
        self, now_ns: int, sim: SimRobot, proposal: Proposal | None
    ) -> tuple[Array, list[str], str]:
        """One command period: the command, the rules that intervened, and the state."""


class SafetyCommandFilter:
    """The governor, armed at the start of every episode, as on the robot."""

    def __init__(self, contract: Contract) -> None:
        """Build the safety filter once; it is the same for all episodes."""
        self._contract = contract
        self._filter = SafetyFilter(contract)

    def start(self, now_ns: int, sim: SimRobot) -> None:
        """Arm from the measured pose."""
        self._governor = Governor(self._contract, self._filter)
        self._governor.push_state(now_ns, now_ns, sim.q, sim.v)
        self._governor.arm(now_ns, now_ns)
        self._command = sim.q

    def step(
        self, now_ns: int, sim: SimRobot, proposal: Proposal | None
    ) -> tuple[Array, list[str], str]:
        """Feed the governor and do what it says."""
        governor = self._governor
        governor.push_state(now_ns, now_ns, sim.q, sim.v)
        if proposal is not None:
            governor.push_proposal(now_ns, now_ns, proposal)
        verdict = governor.step(now_ns, now_ns)
        if verdict.q is not None:
            self._command = verdict.q
        rules = [intervention.rule.value for intervention in verdict.interventions]
        return self._command, rules, verdict.state.value


class PassThrough:
    """Plays proposals as they are, in simulation only: what does the filter change?"""

    def __init__(self, contract: Contract) -> None:
        """Make the player alone."""
        self._contract = contract
        self._ahead_ns = round(NS / contract.rates.command_hz)

    def start(self, now_ns: int, sim: SimRobot) -> None:
        """Begin where the robot is."""
        self._player = ProposalPlayer(self._contract)
        self._command = sim.q

    def step(
        self, now_ns: int, sim: SimRobot, proposal: Proposal | None
    ) -> tuple[Array, list[str], str]:
        """Play the newest proposal, or hold."""
        refusal = None
        if proposal is not None:
            refusal = self._player.push(now_ns, proposal, self._command)
        target = self._player.target(now_ns + self._ahead_ns)
        self._command = self._command if target is None else target
        return self._command, [] if refusal is None else [refusal.rule.value], 'UNFILTERED'
