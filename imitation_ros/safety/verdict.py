# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Verdict: the outcome of one command period."""

from dataclasses import dataclass
from enum import Enum

from ..data.frame import Array
from .intervention import Intervention


class State(str, Enum):
    """What the safety layer does; commands leave it in every state but DISARMED."""

    DISARMED = 'DISARMED'
    HOLD = 'HOLD'
    ACTIVE = 'ACTIVE'
    DISARMING = 'DISARMING'
    FAULT = 'FAULT'
    ESTOP = 'ESTOP'


@dataclass(frozen=True)
class Verdict:
    """Outcome of one tick.

    Attributes:
        state: State after the tick.
        q: Command [rad or m], shape (n,), in contract order; None if nothing may be sent.
        v: Velocity of the command [rad/s or m/s], shape (n,), or None.
        interventions: Everything that differs from what was asked, and why.
        observation_ns: Stamp of the proposal being played [ns], or None.
    """

    state: State
    q: Array | None
    v: Array | None
    interventions: tuple[Intervention, ...] = ()
    observation_ns: int | None = None
