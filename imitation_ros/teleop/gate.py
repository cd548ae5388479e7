# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The dead-man gate: no proposal leaves unless somebody holds the switch.

Engaging is the dangerous moment: the leader may be anywhere. The gate refuses to engage far
from the robot, and lets a small gap fade at a bounded speed instead of jumping over it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from ..data.frame import Array

NS = 1_000_000_000


class GateState(Enum):
    """What the gate lets through."""

    RELEASED = 'released'
    REFUSED = 'refused'
    ENGAGED = 'engaged'


@dataclass(frozen=True)
class GateConfig:
    """Settings of the gate.

    Attributes:
        timeout_s: A dead-man silent for longer counts as released [s].
        first_move: Farthest a joint may be from the robot when engaging [rad or m].
        ramp_speed: Average speed at which the remaining gap fades [rad/s or m/s].
        relative: Clutch: the gap at engaging stays, so only the leader's motion is followed.
            For devices that are moved back while released, as a mouse is lifted.
    """

    timeout_s: float = 0.2
    first_move: float = 0.35
    ramp_speed: float = 0.5
    relative: bool = False

    def __post_init__(self) -> None:
        """Refuse values that would switch the gate off."""
        for name in ('timeout_s', 'first_move', 'ramp_speed'):
            value = getattr(self, name)
            if not 0 < value < np.inf:
                raise ValueError(f'{name} must be positive and finite, not {value}')


class Gate:
    """Dead-man switch, first-move check and ramp-in, as a state machine.

    Times are of a steady clock: a jump of the wall clock must not keep a dead-man alive.

    Attributes:
        state: What is let through now.
        reason: Why nothing is let through; empty while engaged.
    """

    def __init__(self, config: GateConfig) -> None:
        """Start released."""
        self.config = config
        self.state = GateState.RELEASED
        self.reason = 'the dead-man switch was never pressed'
        self._heard_ns: int | None = None
        self._held = False
        self._engaged_ns = 0
        self._ramp_ns = 0
        self._gap: Array = np.zeros(0)

    def deadman(self, now_ns: int, held: bool) -> None:
        """Tell the gate what the dead-man switch says.

        A release takes effect here, so that no press which follows can hide it.
        """
        self._heard_ns, self._held = now_ns, held
        if not held:
            self.release('the dead-man switch is released')

    def release(self, reason: str) -> None:
        """Let nothing through until the dead-man is pressed and the leader checked again."""
        self.state = GateState.RELEASED
        self.reason = reason

    @property
    def refused(self) -> bool:
        """Whether somebody holds the dead-man in vain."""
        return self.state is GateState.REFUSED

    def held(self, now_ns: int) -> bool:
        """Whether the dead-man switch is held, and said so recently."""
        if self._heard_ns is None or not self._held:
            return False
        if now_ns - self._heard_ns <= self.config.timeout_s * NS:
            return True
        # Forget the press: a switch that comes back after a silence engages anew.
        self._held = False
        silent_s = (now_ns - self._heard_ns) / NS
        self.release(f'the dead-man switch is silent for {silent_s:.2f} s')
        return False

    def step(
        self, now_ns: int, joints: Sequence[str], target: Array, robot: Array
    ) -> Array | None:
        """Let a target through, or not.

        Args:
            now_ns: Steady time [ns].
            joints: Names of the joints, the same from step to step; k of them.
            target: Where the device wants the joints [rad or m], shape (k,).
            robot: Where the robot is, or is commanded to be [rad or m], shape (k,).

        Returns:
            Positions to propose, shape (k,), or None; `reason` then says why.
        """
        if not (np.isfinite(target).all() and np.isfinite(robot).all()):
            # A device that says NaN once may be anywhere afterwards.
            self.release('the target or the robot state holds NaN or infinity')
            return None
        if not self.held(now_ns) or self.state is GateState.REFUSED:
            return None
        if self.state is GateState.RELEASED and not self._engage(now_ns, joints, target, robot):
            return None
        return target + self._gap * self._remaining(now_ns)

    def _engage(self, now_ns: int, joints: Sequence[str], target: Array, robot: Array) -> bool:
        gap = robot - target
        size = np.abs(gap)
        if not self.config.relative:
            worst = int(np.argmax(size))
            if size[worst] > self.config.first_move:
                self.state = GateState.REFUSED
                self.reason = (
                    f'"{joints[worst]}" is {size[worst]:.3f} from the robot, allowed '
                    f'{self.config.first_move:.3f}: release, bring it closer, press again'
                )
                return False
        self._gap, self._engaged_ns = gap, now_ns
        self._ramp_ns = round(float(size.max()) / self.config.ramp_speed * NS)
        self.state, self.reason = GateState.ENGAGED, ''
        return True

    def _remaining(self, now_ns: int) -> float:
        """Share of the gap that is left: falls from 1 to 0 with zero slope at both ends."""
        if self.config.relative:
            return 1.0
        if self._ramp_ns == 0 or now_ns - self._engaged_ns >= self._ramp_ns:
            return 0.0
        done = (now_ns - self._engaged_ns) / self._ramp_ns
        return 1.0 - done * done * (3.0 - 2.0 * done)
