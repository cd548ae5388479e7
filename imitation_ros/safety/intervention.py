# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Intervention: what the safety layer changed, and why."""

from enum import Enum
from typing import NamedTuple


class Rule(str, Enum):
    """Why a command differs from the proposal, or why a message was refused."""

    POSITION = 'position'
    VELOCITY = 'velocity'
    ACCELERATION = 'acceleration'
    COLLISION = 'collision'
    BRAKING = 'braking'
    BUDGET = 'budget'
    WORKSPACE = 'workspace'
    TOOL_SPEED = 'tool_speed'
    TORQUE = 'torque'
    OVERLOAD = 'overload'
    SUPPORT = 'support'
    QP_FALLBACK = 'qp_fallback'
    RECOVERING = 'recovering'
    NON_FINITE = 'non_finite'
    SHAPE = 'shape'
    REJECTED_NON_FINITE = 'rejected_non_finite'
    REJECTED_OUT_OF_RANGE = 'rejected_out_of_range'
    REJECTED_NAMES = 'rejected_names'
    REJECTED_MALFORMED = 'rejected_malformed'
    REJECTED_STALE = 'rejected_stale'
    REJECTED_FUTURE = 'rejected_future'
    REJECTED_SEQUENCE = 'rejected_sequence'
    REJECTED_FIRST_MOVE = 'rejected_first_move'
    REJECTED_STATE = 'rejected_state'
    REJECTIONS = 'rejections'
    PROPOSAL_TIMEOUT = 'proposal_timeout'
    STATE_STALE = 'state_stale'
    CLOCK_JUMP = 'clock_jump'
    TRACKING_LOST = 'tracking_lost'
    REBASED = 'rebased'
    INTERNAL_ERROR = 'internal_error'
    ESTOP = 'estop'


class Intervention(NamedTuple):
    """One difference between what was asked and what is sent.

    A named tuple: a hostile step has one for every joint, and a frozen dataclass takes three
    times as long to make.

    Attributes:
        rule: Why.
        text: One sentence for the operator.
        joint: Joint it concerns, or None.
        pair: Links it concerns, or None.
        asked: What was asked: position [rad or m], or distance [m] for a pair.
        sent: What is sent instead, in the same unit.
    """

    rule: Rule
    text: str
    joint: str | None = None
    pair: tuple[str, str] | None = None
    asked: float | None = None
    sent: float | None = None

    @property
    def subject(self) -> str:
        """Joint or pair as one word, or an empty one."""
        return self.joint or ('/'.join(self.pair) if self.pair else '')


def internal_error(text: str) -> Intervention:
    """Something of ours failed (text: what): the robot brakes."""
    return Intervention(Rule.INTERNAL_ERROR, f'internal error, the robot brakes: {text}')
