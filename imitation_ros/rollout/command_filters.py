# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What stands between proposals and commands in a rollout: the safety supervisor, or nothing."""

from ..contract import Contract
from ..safety.filter import SafetyFilter
from ..safety.intervention import Rule
from ..safety.player import ProposalPlayer
from ..safety.supervisor import SafetySupervisor
from ..sim.perturbations import Sensed
from .episode import Answer, Filtered, Malformed, NS


class SafetyCommandFilter:
    """The safety supervisor, armed at the start of every episode, as on the robot."""

    def __init__(self, contract: Contract, safety_filter: SafetyFilter | None = None) -> None:
        """Build the safety filter once; it is the same for all episodes.

        Args:
            contract: The robot.
            safety_filter: The filter of the same robot, if there is one already.
        """
        self._contract = contract
        self._filter = SafetyFilter(contract) if safety_filter is None else safety_filter

    def start(self, now_ns: int, sim: Sensed) -> None:
        """Arm from the measured pose."""
        self._supervisor = SafetySupervisor(self._contract, self._filter)
        self._supervisor.push_state(now_ns, now_ns, sim.q, sim.v)
        self._supervisor.arm(now_ns, now_ns)
        self._command = sim.q

    def step(self, now_ns: int, sim: Sensed, proposal: Answer) -> Filtered:
        """Feed the supervisor and do what it says."""
        supervisor = self._supervisor
        supervisor.push_state(now_ns, now_ns, sim.q, sim.v)
        if isinstance(proposal, Malformed):
            supervisor.reject(Rule.REJECTED_MALFORMED, proposal.reason)
        elif proposal is not None:
            supervisor.push_proposal(now_ns, now_ns, proposal)
        verdict = supervisor.step(now_ns, now_ns)
        if verdict.q is not None:
            self._command = verdict.q
        rules = [intervention.rule.value for intervention in verdict.interventions]
        return Filtered(self._command, rules, verdict.state.value)


class PassThrough:
    """Plays proposals as they are, in simulation only: what does the filter change?"""

    def __init__(self, contract: Contract) -> None:
        """Make the player alone."""
        self._contract = contract
        self._ahead_ns = round(NS / contract.rates.command_hz)

    def start(self, now_ns: int, sim: Sensed) -> None:
        """Begin where the robot is."""
        self._player = ProposalPlayer(self._contract)
        self._command = sim.q

    def step(self, now_ns: int, sim: Sensed, proposal: Answer) -> Filtered:
        """Play the newest proposal, or hold."""
        rules: list[str] = []
        if isinstance(proposal, Malformed):
            rules = [Rule.REJECTED_MALFORMED.value]
        elif proposal is not None:
            refusal = self._player.push(now_ns, proposal, self._command)
            rules = [] if refusal is None else [refusal.rule.value]
        target = self._player.target(now_ns + self._ahead_ns)
        self._command = self._command if target is None else target
        return Filtered(self._command, rules, 'UNFILTERED')
