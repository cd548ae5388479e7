# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Who drove in a bag: the policy, or the operator who took over from it.

Only a running policy says so (see `nodes/policy`). In a bag of an ordinary demonstration nobody
does, and the operator drove throughout.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..contract import Contract
from ..messages.definitions import decode
from .reader import Bag, header_stamp_ns
from .topics import DRIVER

OPERATOR = 'operator'
STALE_PERIODS = 3
"""A word on who drives holds for this many periods of the policy."""


@dataclass
class Drivers:
    """Who drove when, gathered message by message.

    Attributes:
        stamp_ns: Ticks of the policy [ns].
        names: Who drove from each on: `policy`, `operator` or `nobody`.
    """

    stamp_ns: list[int] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def push(self, data: bytes) -> int:
        """Take one serialized message; returns its stamp [ns]."""
        stamp = header_stamp_ns(data)
        self.stamp_ns.append(stamp)
        self.names.append(str(decode(DRIVER, data).frame_id))
        return stamp

    @property
    def by_operator(self) -> NDArray[np.bool_]:
        """Whether the operator drove, tick by tick, shape (T,)."""
        return np.array([name == OPERATOR for name in self.names], dtype=bool)

    @property
    def takeovers(self) -> int:
        """How often the operator took over."""
        return int((np.diff(self.by_operator.astype(np.int8), prepend=0) == 1).sum())

    @property
    def share(self) -> float | None:
        """Share of the ticks at which the operator drove; None if no policy ran."""
        return float(self.by_operator.mean()) if self.names else None

    def at(self, times_ns: NDArray[np.int64], stale_ns: int) -> NDArray[np.bool_]:
        """Whether the operator drove at each time [ns], shape (T,)."""
        order = np.argsort(self.stamp_ns, kind='stable')
        stamps = np.array(self.stamp_ns, np.int64)[order]
        place = np.searchsorted(stamps, times_ns, side='right') - 1
        fresh = (place >= 0) & (times_ns - stamps[place] <= stale_ns)
        result: NDArray[np.bool_] = fresh & self.by_operator[order][place]
        return result


def by_operator(
    bag: Bag, contract: Contract, tick_ns: NDArray[np.int64]
) -> NDArray[np.bool_] | None:
    """Whether the operator drove from each tick on, until its action: one step.

    Args:
        bag: The open bag.
        contract: Names the topic and the rate.
        tick_ns: Ticks [ns], shape (T,).

    Returns:
        Shape (T,); None if no policy ran, so that all of it is demonstrated.
    """
    topic = contract.topics.driver
    if bag.types.get(topic) != DRIVER or not bag.counts.get(topic):
        return None
    drivers = Drivers()
    for message in bag.messages([topic]):
        drivers.push(message.data)
    step_ns = round(1e9 / contract.rates.policy_hz)
    stale_ns = STALE_PERIODS * step_ns
    now, later = (drivers.at(tick_ns + after, stale_ns) for after in (0, step_ns))
    result: NDArray[np.bool_] = now & later
    return result
