# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ProposalPlayer: plays proposals by time and decides which of them may be played at all."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..contract import Contract
from ..data.frame import Array
from ..data.proposal import Proposal
from ..errors import unknown
from .intervention import Intervention, Rule

NS = 1_000_000_000
FADE_SAMPLES = 9
"""Points that stand for the old trajectory while the new one fades in."""


@dataclass(frozen=True)
class _Chunk:
    """A trajectory of all joints that holds before its first and after its last point."""

    times_ns: NDArray[np.int64]
    positions: Array

    def at(self, time_ns: int) -> Array:
        """Linear interpolation, shape (n,)."""
        times = self.times_ns
        if len(times) == 1 or time_ns <= times[0]:
            first: Array = self.positions[0]
            return first
        if time_ns >= times[-1]:
            last: Array = self.positions[-1]
            return last
        i = int(np.searchsorted(times, time_ns, side='right'))
        share = (time_ns - int(times[i - 1])) / int(times[i] - times[i - 1])
        result: Array = (1.0 - share) * self.positions[i - 1] + share * self.positions[i]
        return result


class ProposalPlayer:
    """Plays the newest accepted proposal by its own time stamps.

    Points that are past are dropped. The way to the first point is a straight line from the
    current target. A chunk with several points ahead, or one that comes late, fades in over
    `blend_s`, so its disagreement with the old one never shows as a jump. After the last point
    its position holds for `proposal_timeout_s`.
    """

    def __init__(self, contract: Contract) -> None:
        """Start with nothing to play."""
        safety = contract.safety
        self._contract = contract
        self._columns = {joint: i for i, joint in enumerate(contract.joints)}
        self._groups = {joint: group.joints for group in contract.groups for joint in group.joints}
        self._timeout_ns = round(safety.proposal_timeout_s * NS)
        self._future_ns = round(safety.max_future_s * NS)
        self._blend_ns = round(safety.blend_s * NS)
        self._last_stamp_ns: int | None = None
        self._proposal: Proposal | None = None
        self._new: _Chunk | None = None
        self._old: _Chunk | None = None
        self._fade_ns = (0, 1)

    @property
    def proposal(self) -> Proposal | None:
        """The proposal being played, or None."""
        return self._proposal

    def clear(self) -> None:
        """Stop playing; the order of stamps is still kept."""
        self._proposal = self._new = self._old = None

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
        positions = np.tile(hold, (len(proposal.times_ns), 1))
        positions[:, columns] = proposal.positions
        new = _Chunk(np.array(proposal.times_ns, dtype=np.int64), positions)
        if first_move is not None:
            jump = np.abs(new.at(now_ns) - hold)
            worst = int(np.argmax(jump))
            if jump[worst] > first_move:
                return Intervention(
                    Rule.REJECTED_FIRST_MOVE,
                    f'the first proposal asks for a jump of {jump[worst]:.3f}, '
                    f'more than {first_move:.3f}',
                    joint=self._contract.joints[worst],
                    asked=float(new.at(now_ns)[worst]),
                    sent=float(hold[worst]),
                )
        self._fade_in(now_ns, new, hold)
        self._proposal = proposal
        self._last_stamp_ns = proposal.stamp_ns
        return None

    def target(self, now_ns: int) -> Array | None:
        """Asked positions at a time [rad or m], shape (n,), or None if nothing is asked."""
        new = self._new
        if new is None or now_ns > int(new.times_ns[-1]) + self._timeout_ns:
            return None
        start, end = self._fade_ns
        if self._old is None or now_ns >= end:
            return new.at(now_ns)
        weight = max(0.0, (now_ns - start) / (end - start))
        result: Array = (1.0 - weight) * self._old.at(now_ns) + weight * new.at(now_ns)
        return result

    def _fade_in(self, now_ns: int, new: _Chunk, hold: Array) -> None:
        """Take over from what would have been played, without a jump."""
        current = self.target(now_ns)
        ahead = int((new.times_ns > now_ns).sum())
        late = ahead < len(new.times_ns)
        end = now_ns + self._blend_ns
        if not late:
            end = min(end, int(new.times_ns[-1]))
        fades = end > now_ns and (late or (ahead > 1 and current is not None))
        old = self._sample(now_ns, end, hold) if fades else None
        if not late:
            start = hold if current is None else current
            new = _Chunk(
                np.concatenate([[now_ns], new.times_ns]), np.vstack([start, new.positions])
            )
        self._old, self._new, self._fade_ns = old, new, (now_ns, end)

    def _sample(self, start_ns: int, end_ns: int, hold: Array) -> _Chunk:
        """What is being played, as a few points; `hold` if it is nothing."""
        times = np.unique(np.linspace(start_ns, end_ns, FADE_SAMPLES).astype(np.int64))
        after = hold if self._new is None else self._new.positions[-1]
        rows = [self.target(int(time)) for time in times]
        return _Chunk(times, np.array([after if row is None else row for row in rows]))

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
        return None
