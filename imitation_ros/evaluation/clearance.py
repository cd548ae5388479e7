# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How close the links of the simulated robot come, whatever is asked of it.

The filter guarantees the commanded trajectory. Here the robot itself is looked at: physics and
servos follow the supervisor's commands, and the distances are those of the pose they reach.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..contract import Contract
from ..data.frame import Array
from ..data.proposal import Proposal
from ..errors import DataError
from ..rollout.command_filters import SafetyCommandFilter
from ..rollout.episode import Answer, ClosedLoop, Malformed, NS, Step
from ..safety.backend import Backend
from ..safety.filter import SafetyFilter
from ..safety.intervention import Rule
from ..sim.perturbations import Sensed
from ..sim.robot import SimRobot
from .safety.streams import Stream

BEGIN_TICKS = 3
"""Ticks that ask for the pose the robot is in, so that the first move is taken."""


@dataclass(frozen=True)
class Clearance:
    """What a run showed.

    Attributes:
        ticks: Command periods until the end, or until the supervisor latched.
        simulated_mm: Least distance of two links of the simulated robot [mm].
        commanded_mm: Least distance at the commands [mm].
        closest: The two links of `simulated_mm`.
        error: Largest |command - measured| of a joint [rad or m].
        tripped: Whether the supervisor latched TRACKING_LOST.
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


class StreamAgent:
    """Sends a stream as proposals of one point, a new one at every tick."""

    def __init__(self, contract: Contract, stream: Stream) -> None:
        """Begin with the first value of the stream.

        Args:
            contract: The robot.
            stream: What is asked.
        """
        self._contract, self._stream = contract, stream
        self._period_ns = round(NS / contract.rates.command_hz)

    def start(self, now_ns: int, seed: int, sim: Sensed) -> None:
        """Do nothing: a stream goes on where it was."""

    def step(self, now_ns: int, tick: int, sim: Sensed, command: Array) -> Answer:
        """Ask for one position, one period ahead."""
        asked = command if tick < BEGIN_TICKS else self._stream(tick, command)[0]
        if asked is None:
            return None
        at_ns = now_ns + self._period_ns
        try:
            return Proposal(now_ns, self._contract.joints, (at_ns,), asked[None])
        except DataError as error:
            return Malformed(str(error))


class ClearanceObserver:
    """Measures how close links come, commanded and simulated, at every command period."""

    def __init__(self, sim: SimRobot, backend: Backend) -> None:
        """Begin with nothing measured.

        Args:
            sim: The robot.
            backend: Distances of the same robot.
        """
        self._sim, self._backend = sim, backend
        safety = sim.contract.safety
        self._allowed = safety.self_collision_distance - safety.tracking_distance
        self._tracking_error = safety.tracking_error
        self._closest = self._commanded = np.inf
        self._error, self._pair = 0.0, 0
        self._ticks = self._off = self._most = 0
        self._tripped = False

    def before(self, tick: int, now_ns: int) -> None:
        """Wait for the command."""

    def after(self, step: Step) -> None:
        """Measure, unless the safety layer has latched: then the robot is no longer driven."""
        self._tripped = tripped(step)
        if self._tripped:
            return
        self._ticks += 1
        here = self._sim.q
        distances = self._backend.distances(here)
        apart, away = float(distances.min()), float(np.abs(step.command - here).max())
        if apart < self._closest:
            self._closest, self._pair = apart, int(distances.argmin())
        commanded = float(self._backend.distances(step.command).min())
        self._commanded = min(self._commanded, commanded)
        self._error = max(self._error, away)
        off = apart < self._allowed or away > self._tracking_error
        self._off = self._off + 1 if off else 0
        self._most = max(self._most, self._off)

    def clearance(self) -> Clearance:
        """What was measured so far."""
        return Clearance(
            self._ticks,
            1e3 * self._closest,
            1e3 * self._commanded,
            self._backend.links[self._pair],
            self._error,
            self._tripped,
            self._most,
        )


def tripped(step: Step) -> bool:
    """Whether the safety layer says that the robot does not follow."""
    return Rule.TRACKING_LOST.value in step.rules


def watch(sim: SimRobot, safety_filter: SafetyFilter, stream: Stream, ticks: int) -> Clearance:
    """Let a stream drive the simulated robot through the safety layer.

    Args:
        sim: The robot; reset here.
        safety_filter: The filter of the same robot.
        stream: What is asked, as a new proposal at every tick.
        ticks: How many command periods; fewer if tracking is lost.
    """
    contract = sim.contract
    observer = ClearanceObserver(sim, safety_filter.backend)
    loop = ClosedLoop(
        sim,
        StreamAgent(contract, stream),
        SafetyCommandFilter(contract, safety_filter),
        observers=[observer],
    )
    loop.reset(0)
    # Nonsense latches as well, and how the robot brakes then is worth to be seen.
    for _ in loop.steps(ticks, until=tripped):
        pass
    return observer.clearance()
