# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Decision: one step of the filter as a value; `explain` turns it into interventions."""

from enum import Enum
from typing import NamedTuple

from ..data.frame import Array
from .constraints.optional import OptionalInequalities
from .proximity import Proximity
from .velocity_bounds import VelocityBounds


class Outcome(Enum):
    """How the velocity of a step was found."""

    NOTHING_ASKED = 'nothing is asked for: full braking'
    MALFORMED = 'what is asked has another shape: full braking'
    NON_FINITE = 'what is asked is not finite: full braking'
    OUT_OF_TIME = 'the time was up before anything was tried: full braking'
    SLOWED = 'a share of the wanted velocity'
    PROJECTED = 'the velocity closest to the wanted one, or nearer to braking'
    OUT_OF_TIME_AFTER_QP = 'the time was up before anything was certified: full braking'


PROJECTED = Outcome.PROJECTED
"""Of almost every step; Python 3.10 and 3.11 take as long to look a member up as for a call."""


class Subject(Enum):
    """What a certificate speaks of."""

    PAIR = 'pair of links'
    TOOL = 'tool'
    JOINT = 'joint'


class Refusal(NamedTuple):
    """Why a velocity was not certified.

    Attributes:
        subject: What would break its promise.
        number: Which of them: among the watched pairs, the contract's tools or its joints.
    """

    subject: Subject
    number: int


class SlowedTool(NamedTuple):
    """A tool that was asked to move too fast.

    Attributes:
        number: Which of the contract's tools.
        speed: Its speed as asked [m/s].
    """

    number: int
    speed: float


class Decision(NamedTuple):
    """What one step was asked for, what it knew, and which velocity it takes.

    A named tuple, as it is made at every step. Arrays of `proximity` are valid until the next
    step: explain it before that.

    Attributes:
        outcome: How the velocity was found.
        q: Last set-point [rad or m], shape (n,).
        v: Its velocity [rad/s or m/s], shape (n,).
        q_des: Positions asked for [rad or m], or None.
        v_des: Their velocity [rad/s or m/s], or None.
        x: The velocity to take [rad/s or m/s], shape (n,).
        threshold: Distance that every pair keeps from now on [m], shape (pairs,).
        bounds: What was wanted and allowed; None if that was not looked at.
        proximity: What was near; None if that was not looked at.
        optional: What torque and support asked for; None if the contract wants neither.
        tool: Tool that the wanted velocity was slowed down for, or None.
        share: Of the wanted velocity, that is taken where it is slowed down.
        reshaped: Whether a QP was solved.
        solution: What it found, shape (n,); None if it found nothing.
        refusal: Why the velocity, or a larger share, was not certified; None if it was.
    """

    outcome: Outcome
    q: Array
    v: Array
    q_des: Array | None
    v_des: Array | None
    x: Array
    threshold: Array
    bounds: VelocityBounds | None = None
    proximity: Proximity | None = None
    optional: OptionalInequalities | None = None
    tool: SlowedTool | None = None
    share: float = 1.0
    reshaped: bool = False
    solution: Array | None = None
    refusal: Refusal | None = None
