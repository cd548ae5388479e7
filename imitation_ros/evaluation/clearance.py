# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How close the links of the simulated robot come, whatever is asked of it.

The filter guarantees the commanded trajectory. Here the robot itself is looked at: physics and
servos follow the governor's commands, and the distances are those of the pose they reach.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..contract import Contract
from ..data.frame import Array
from ..data.proposal import Proposal
from ..errors import DataError
from ..rollout.episode import NS
from ..safety.filter import SafetyFilter
from ..safety.intervention import Rule
from ..safety.supervisor import Governor
from ..sim.robot import SimRobot
from .safety.streams import Stream

BEGIN_TICKS = 3
"""Ticks that ask for the pose the robot is in, so that the first move is taken."""


@dataclass(frozen=True)
class Clearance:
    """What a run showed.

    Attributes:
        ticks: Command periods until the end, or until the governor latched.
        simulated_mm: Least distance of two links of the simulated robot [mm].
        commanded_mm: Least distance at the commands [mm].
        closest: The two links of `simulated_mm`.
        error: Largest |command - measured| of a joint [rad or m].
        tripped: Whether the governor latched TRACKING_LOST.
        off_ticks: Most ticks in a row, before that, with links closer than allowed or an error
            over `tracking_error`.
    """

    ticks: int
    simulated_mm: float
    commanded_mm: float
    closest: tuple[str, str]
    error: float
    tripped: bool
    off_ticks: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def free(sim: SimRobot) -> None:
    """Let the robot pass through everything but itself: floor, table and objects stop no limb."""
    model, body = sim.scene.model, sim.scene.base
    own = model.body_rootid == model.body_rootid[body]
    others = ~own[model.geom_bodyid]
    model.geom_contype[others] = model.geom_conaffinity[others] = 0


def watch(sim: SimRobot, safety_filter: SafetyFilter, stream: Stream, ticks: int) -> Clearance:
    """Let a stream drive the simulated robot through the governor.

    Args:
        sim: The robot; reset here.
        safety_filter: The filter of the same robot.
        stream: What is asked, as a new proposal at every tick.
        ticks: How many command periods; fewer if the governor latches.
    """
    contract, backend = sim.contract, safety_filter.backend
    safety = contract.safety
    allowed = safety.self_collision_distance - safety.tracking_distance
    sim.reset(0)
    governor = Governor(contract, safety_filter)
    closest, commanded, error, pair = np.inf, np.inf, 0.0, 0
    off = most = done = 0
    tripped = False
    for now in _times(contract, ticks):
        governor.push_state(now, now, sim.q, sim.v)
        if done == 0:
            governor.arm(now, now)
        here = governor.filter.q
        _propose(governor, now, here if done < BEGIN_TICKS else stream(done, here)[0])
        verdict = governor.step(now, now)
        tripped = any(each.rule is Rule.TRACKING_LOST for each in verdict.interventions)
        if tripped or verdict.q is None:
            break
        sim.command(verdict.q)
        sim.advance(1.0 / contract.rates.command_hz)
        done += 1
        distances = backend.distances(sim.q)
        apart, away = float(distances.min()), float(np.abs(verdict.q - sim.q).max())
        if apart < closest:
            closest, pair = apart, int(distances.argmin())
        commanded = min(commanded, float(backend.distances(verdict.q).min()))
        error = max(error, away)
        off = off + 1 if apart < allowed or away > safety.tracking_error else 0
        most = max(most, off)
    links = backend.links[pair]
    return Clearance(done, 1e3 * closest, 1e3 * commanded, links, error, tripped, most)


def _times(contract: Contract, ticks: int) -> Iterator[int]:
    """Time of every tick [ns]."""
    for tick in range(ticks):
        yield NS + round(tick * NS / contract.rates.command_hz)


def _propose(governor: Governor, now_ns: int, asked: Array | None) -> None:
    """Ask for one position, as a proposal of one point; what is no proposal is refused."""
    if asked is None:
        return
    contract = governor.contract
    at = now_ns + round(NS / contract.rates.command_hz)
    try:
        proposal = Proposal(now_ns, contract.joints, (at,), asked[None])
    except DataError as error:
        governor.reject(Rule.REJECTED_MALFORMED, str(error))
        return
    governor.push_proposal(now_ns, now_ns, proposal)
