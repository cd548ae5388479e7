# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Who drives: the policy, or the operator who takes over from it.

While the operator holds the dead-man of a teleoperation device the policy is silent (HG-DAgger;
Kelly et al. 2019: the human decides when). The gate of the device says so again and again; once
that falls silent in the middle of a takeover, nobody drives until it is heard again.
"""

from enum import Enum

NS = 1_000_000_000

SILENCE_S = 0.3
"""A gate that is silent for this long in the middle of a takeover is lost [s]."""

RELEASED, REFUSED, ENGAGED = 'released', 'refused', 'engaged'
"""What the gate says: nobody holds the dead-man; it is held in vain; it is held."""


class Driver(Enum):
    """Who decides where the robot goes."""

    POLICY = 'policy'
    OPERATOR = 'operator'
    NOBODY = 'nobody'


class Handover:
    """Decides who drives from what the gate of the teleoperation says.

    Times are of a steady clock. Where nothing is ever heard of a gate, the policy drives.

    Attributes:
        takeovers: How often the operator took over.
    """

    def __init__(self) -> None:
        """Let the policy drive."""
        self.takeovers = 0
        self._gate = RELEASED
        self._heard_ns = 0

    def hear(self, now_ns: int, gate: str) -> None:
        """Take what the gate says; a word that is none of the three counts as held in vain."""
        gate = gate if gate in (RELEASED, ENGAGED) else REFUSED
        self.takeovers += gate == ENGAGED != self._gate
        self._gate, self._heard_ns = gate, now_ns

    def driver(self, now_ns: int) -> Driver:
        """Who drives now.

        A gate that falls silent while the dead-man is held may have died with a hand on it, so
        the robot holds: only a gate that says `released` gives it back to the policy.
        """
        if self._gate == RELEASED:
            return Driver.POLICY
        if self._gate == REFUSED or now_ns - self._heard_ns > SILENCE_S * NS:
            return Driver.NOBODY
        return Driver.OPERATOR

    def forget(self) -> None:
        """Let the policy drive, whatever was heard: somebody activates it by hand."""
        self._gate = RELEASED
