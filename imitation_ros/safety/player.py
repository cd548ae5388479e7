# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ProposalPlayer: plays proposals by time and decides which of them may be played at all."""

import numpy as np
from numpy.typing import NDArray

from ..contract import Contract
from ..data.frame import Array
from ..data.proposal import Proposal
from ..errors import unknown
from .constraints.limits import MAX_POSITION
from .curve import Curve, EASY_S, Fade
from .intervention import Intervention, Rule

NS = 1_000_000_000

MAX_TIME_S = 86_400
"""No point of a proposal is further from its stamp than a day [s]: nanoseconds stay apart."""

MAX_NS = 2**62
"""No time is beyond this [ns]: sums of two still fit into 64 bits."""


class ProposalPlayer:
    """Plays the newest accepted proposal by its own time stamps.

    Points that are past are dropped. What a proposal asks for is a smooth curve through its
    points. How far it disagrees with what was played before, in position and velocity, dies away
    over `blend_s`, or as long as the acceleration needs for it; so it never shows as a jump. After
    the last point its position holds for `proposal_timeout_s`.
    """

    def __init__(self, contract: Contract) -> None:
        """Start with nothing to play."""
        safety = contract.safety
        self._contract = contract
        self._columns = {joint: i for i, joint in enumerate(contract.joints)}
        self._groups = {joint: group.joints for group in contract.groups for joint in group.joints}
        self._timeout_ns = round(safety.proposal_timeout_s * NS)
        self._future_ns = round(safety.max_future_s * NS)
        self._blend_s = safety.blend_s
        self._period_ns = round(NS / contract.rates.command_hz)
        self._last_stamp_ns: int | None = None
        self._proposal: Proposal | None = None
        self._curve: Curve | None = None
        self._fade: Fade | None = None
        self._range = (contract.limits.lower, contract.limits.upper)
        self._until_ns = 0

    @property
    def proposal(self) -> Proposal | None:
        """The proposal being played, or None."""
        return self._proposal

    def clear(self) -> None:
        """Stop playing; the order of stamps is still kept."""
        self._proposal = self._curve = self._fade = None

    def restart(self) -> None:
        """Stop playing and forget all stamps, after the clock jumped back."""
        self.clear()
        self._last_stamp_ns = None

    def push(
        self, now_ns: int, proposal: Proposal, hold: Array, first_move: float | None = None
    ) -> Intervention | None:
        """Take a proposal, or say why not; a refused one changes nothing.

        Args:
            now_ns: Time on the clock of the stamps [ns].
            proposal: What is proposed.
            hold: Where joints that it does not name stay [rad or m], shape (n,).
            first_move: Largest distance from `hold` that its first point may ask for
                [rad or m], or None for any.

        Returns:
            None if the proposal is played from now on, else why it was refused.
        """
        refusal = self._check_names(proposal) or self._check_times(now_ns, proposal)
        if refusal is not None:
            return refusal
        columns = [self._columns[joint] for joint in proposal.joints]
        if not proposal.finite:
            row, column = np.argwhere(~np.isfinite(proposal.positions))[0]
            return Intervention(
                Rule.REJECTED_NON_FINITE,
                f'point {row} of the proposal is not finite',
                joint=proposal.joints[column],
                asked=float(proposal.positions[row, column]),
            )
        far = np.abs(proposal.positions) > MAX_POSITION
        if far.any():
            row, column = np.argwhere(far)[0]
            joint, asked = proposal.joints[column], float(proposal.positions[row, column])
            text = f'point {row} of the proposal asks for {asked:.3g}, which no joint can reach'
            return Intervention(Rule.REJECTED_OUT_OF_RANGE, text, joint=joint, asked=asked)
        positions = np.tile(hold, (len(proposal.times_ns), 1))
        positions[:, columns] = proposal.positions
        times = np.array(proposal.times_ns, dtype=np.int64)
        if first_move is not None:
            first = positions[max(0, int(np.searchsorted(times, now_ns, side='right')) - 1)]
            jump = np.abs(first - hold)
            worst = int(np.argmax(jump))
            if jump[worst] > first_move:
                return Intervention(
                    Rule.REJECTED_FIRST_MOVE,
                    f'the first proposal asks for a jump of {jump[worst]:.3f}, '
                    f'more than {first_move:.3f}',
                    joint=self._contract.joints[worst],
                    asked=float(first[worst]),
                    sent=float(hold[worst]),
                )
        self._take_over(now_ns, times, positions, hold)
        self._until_ns = int(times[-1]) + self._timeout_ns
        self._proposal = proposal
        self._last_stamp_ns = proposal.stamp_ns
        return None

    def target(self, now_ns: int) -> Array | None:
        """Asked positions at a time [rad or m], shape (n,), or None if nothing is asked."""
        if self._curve is None or now_ns > self._until_ns:
            return None
        result = self._curve.at(now_ns)
        if self._fade is not None:
            result = result + self._fade.at(now_ns)
        lower, upper = self._range
        clipped: Array = np.minimum(np.maximum(result, lower), upper)
        return clipped

    def _take_over(
        self, now_ns: int, times_ns: NDArray[np.int64], positions: Array, hold: Array
    ) -> None:
        """Go on from what would have been played, in position and velocity."""
        next_ns, limits = now_ns + self._period_ns, self._contract.limits
        here, there = self.target(now_ns), self.target(next_ns)
        here = hold if here is None else here
        there = here if there is None else there
        curve = Curve(times_ns, positions, limits)
        offset, later = here - curve.at(now_ns), there - curve.at(next_ns)
        # Over no sooner than at the first point, no later than at the end, if that is easy. Who
        # sends one point at a time means that time.
        shortest = ahead_s = (int(times_ns[0]) - now_ns) / NS
        exact = len(times_ns) == 1 and ahead_s > 0.0
        if not exact:
            shortest = max(self._blend_s, ahead_s)
        self._fade = Fade(
            now_ns,
            offset,
            (later - offset) * (NS / self._period_ns),
            limits.acceleration,
            (shortest, max(shortest, min(EASY_S, (curve.end_ns - now_ns) / NS))),
            exact,
        )
        self._curve = curve
        # Rounding and fading invent nothing outside the limits; what a point asks for stays.
        self._range = (
            np.minimum(limits.lower, positions.min(axis=0)),
            np.maximum(limits.upper, positions.max(axis=0)),
        )

    def _check_names(self, proposal: Proposal) -> Intervention | None:
        """Every joint known, and every group of the contract whole or absent."""
        named = set(proposal.joints)
        for joint in proposal.joints:
            if joint not in self._columns:
                text = unknown(joint, 'joint of the contract', self._columns)
                return Intervention(Rule.REJECTED_NAMES, text, joint=joint)
            missing = [other for other in self._groups[joint] if other not in named]
            if missing:
                text = f'"{joint}" is proposed without the rest of its group: {missing}'
                return Intervention(Rule.REJECTED_NAMES, text, joint=missing[0])
        return None

    def _check_times(self, now_ns: int, proposal: Proposal) -> Intervention | None:
        """The stamp neither from the future, nor too old, nor out of sequence."""
        stamp = proposal.stamp_ns
        if stamp > now_ns + self._future_ns:
            ahead = (stamp - now_ns) / NS
            return Intervention(
                Rule.REJECTED_FUTURE,
                f'the proposal is stamped {ahead:.3f} s in the future',
                asked=ahead,
                sent=self._future_ns / NS,
            )
        age = now_ns - stamp
        if age > self._timeout_ns:
            return Intervention(
                Rule.REJECTED_STALE,
                f'the proposal is {age / NS:.3f} s old',
                asked=age / NS,
                sent=self._timeout_ns / NS,
            )
        if self._last_stamp_ns is not None and stamp < self._last_stamp_ns:
            late = (self._last_stamp_ns - stamp) / NS
            return Intervention(
                Rule.REJECTED_SEQUENCE,
                f'the proposal is stamped {late:.3f} s before the last one',
                asked=late,
                sent=0.0,
            )
        ends = proposal.times_ns[0], proposal.times_ns[-1]
        if any(abs(end - stamp) > MAX_TIME_S * NS or abs(end) > MAX_NS for end in ends):
            away = max((end - stamp for end in ends), key=abs) / NS
            return Intervention(
                Rule.REJECTED_OUT_OF_RANGE,
                f'a point of the proposal is {away:.3g} s from its stamp; '
                f'at most {MAX_TIME_S} s are played',
                asked=away,
                sent=float(MAX_TIME_S),
            )
        return None
