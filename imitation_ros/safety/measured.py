# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""MeasuredState: the newest pose the robot reported, its age, and whether to arm there."""

import numpy as np

from ..contract import Contract
from ..data.frame import Array
from ..errors import SafetyError
from .constraints.limits import MAX_POSITION, MAX_SPEED
from .intervention import Intervention, Rule
from .player import NS


class MeasuredState:
    """Takes measured states, and refuses those that are none.

    Attributes:
        q: Last valid positions [rad or m], shape (n,), or None.
        v: Their velocities [rad/s or m/s], shape (n,), or None.
    """

    def __init__(self, contract: Contract) -> None:
        """Start without one."""
        self._contract = contract
        self._max_age_ns = round(contract.joint_states.max_age_s * NS)
        self._steady_ns: int | None = None
        self._stamp_ns: int | None = None
        self.q: Array | None = None
        self.v: Array | None = None

    def push(self, steady_ns: int, stamp_ns: int, q: Array, v: Array) -> Intervention | None:
        """Take a state; one that repeats its stamp does not count as fresh.

        Args:
            steady_ns: When it arrived, on the steady clock [ns].
            stamp_ns: Its stamp [ns]; 0 for a driver that does not stamp.
            q: Measured positions [rad or m], shape (n,), in contract order.
            v: Measured velocities [rad/s or m/s], shape (n,).

        Returns:
            Why it was refused; None if it was taken.
        """
        n = self._contract.n
        if q.shape != (n,) or v.shape != (n,):
            text = f'the state has shapes {q.shape} and {v.shape}, not ({n},)'
            return Intervention(Rule.REJECTED_STATE, text)
        # NaN is not within them either.
        bad = ~((np.abs(q) <= MAX_POSITION) & (np.abs(v) <= MAX_SPEED))
        if bad.any():
            i = int(np.argmax(bad))
            finite = np.isfinite(q[i]) and np.isfinite(v[i])
            text = f'the measured state is {"out of every range" if finite else "not finite"}'
            joint = self._contract.joints[i]
            return Intervention(Rule.REJECTED_STATE, text, joint=joint, asked=float(q[i]))
        if stamp_ns and stamp_ns == self._stamp_ns:
            return None
        self._steady_ns, self._stamp_ns = steady_ns, stamp_ns
        self.q, self.v = q.copy(), v.copy()
        return None

    def stale(self, steady_ns: int) -> bool:
        """Whether it is missing or too old."""
        return self._steady_ns is None or steady_ns - self._steady_ns > self._max_age_ns

    def startable(self, steady_ns: int, moving: bool) -> Array:
        """The positions [rad or m], shape (n,), if the robot may be armed there.

        Args:
            steady_ns: Time on the steady clock [ns].
            moving: Whether it may move faster than `safety.arm_velocity`.

        Raises:
            SafetyError: If they are unknown or stale, outside the limits, or the robot moves.
        """
        safety, limits = self._contract.safety, self._contract.limits
        joints = self._contract.joints
        if self.q is None or self.v is None or self._steady_ns is None:
            raise SafetyError(f'no joint state on {self._contract.joint_states.topic} yet')
        if self.stale(steady_ns):
            age = (steady_ns - self._steady_ns) / NS
            raise SafetyError(f'the last joint state is {age:.3f} s old')
        fastest = int(np.argmax(np.abs(self.v)))
        if abs(self.v[fastest]) > safety.arm_velocity and not moving:
            raise SafetyError(
                f'"{joints[fastest]}" moves at {self.v[fastest]:.3f}, '
                f'more than {safety.arm_velocity}'
            )
        outside = np.maximum(limits.lower - self.q, self.q - limits.upper)
        excess = outside - safety.limit_tolerance * (limits.upper - limits.lower)
        worst = int(np.argmax(excess))
        if excess[worst] > 0.0:
            raise SafetyError(
                f'"{joints[worst]}" is at {self.q[worst]:.4f}, outside '
                f'[{limits.lower[worst]:.4f}, {limits.upper[worst]:.4f}]'
            )
        return self.q
