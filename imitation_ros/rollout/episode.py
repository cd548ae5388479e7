# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The closed loop without ROS: one episode of robot, agent and command filter, tick by tick.

Whoever needs it (trials, demonstrations, corrections, training in simulation, clearances) brings
its own agent, command filter and observers. That all of them arm, time and command the robot alike
is decided here alone. No clock is read: a tick has the time that its number gives it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from ..data.frame import Array
from ..data.proposal import Proposal
from ..safety.verdict import State
from ..sim.perturbations import Sensed
from ..sim.robot import SimRobot

NS = 1_000_000_000
START_NS = NS
"""Time at the first tick [ns]: a stamp of 0 would mean that a driver does not stamp."""

LATCHED = (State.FAULT.value, State.ESTOP.value)
"""States of the safety layer that only a person ends."""


@dataclass(frozen=True)
class Malformed:
    """What an agent sent that cannot be read as a proposal.

    Attributes:
        reason: What is wrong with it.
    """

    reason: str


Answer = Proposal | Malformed | None
"""What an agent sends at a tick: mostly nothing, as it runs slower than the commands."""


class Agent(Protocol):
    """What proposes motions: a policy, or an expert in its stead."""

    def start(self, now_ns: int, seed: int, sim: Sensed) -> None:
        """Begin an episode at a time [ns]."""

    def step(self, now_ns: int, tick: int, sim: Sensed, command: Array) -> Answer:
        """Look at the robot, and propose if it is time to.

        Args:
            now_ns: The time [ns].
            tick: Command periods since the start.
            sim: The robot; only what its topics tell may be read.
            command: Newest command [rad or m], shape (n,).
        """


class Filtered(NamedTuple):
    """What a command filter made of one period.

    Attributes:
        command: Joint positions to send [rad or m], shape (n,), contract order.
        rules: Rules that intervened, one per joint or pair.
        state: State of the safety layer.
    """

    command: Array
    rules: list[str]
    state: str


class CommandFilter(Protocol):
    """What turns proposals into commands: the safety layer, or nothing at all."""

    def start(self, now_ns: int, sim: Sensed) -> None:
        """Begin an episode at rest, where the robot is, armed."""

    def step(self, now_ns: int, sim: Sensed, proposal: Answer) -> Filtered:
        """One command period; `sim` is the robot as it is, whatever the agent is shown."""


class World(Sensed, Protocol):
    """The simulated robot as the agent sees it, and as physics and perturbations move it."""

    def reset(self, seed: int, initial_state_range: float = 1.0) -> None:
        """Start an episode."""

    def advance(self, duration_s: float) -> None:
        """Run the physics for some time [s]."""


class ActionNoise(Protocol):
    """Noise between the command and the servos."""

    def step(self, command: Array, start: Array) -> Array:
        """Noise of the next period [rad or m], shape (n,)."""


@dataclass(frozen=True)
class Step:
    """One command period, after it.

    Attributes:
        tick: Its number, from 0.
        now_ns: Its time [ns].
        command: What the command filter sent [rad or m], shape (n,), contract order.
        applied: What the servos were given: the command with the action noise, shape (n,).
        rules: Rules of the safety layer that intervened, one per joint or pair.
        state: State of the safety layer.
        success: Whether the task is done at the end of the period.
    """

    tick: int
    now_ns: int
    command: Array
    applied: Array
    rules: tuple[str, ...]
    state: str
    success: bool

    @property
    def latched(self) -> bool:
        """Whether the safety layer has stopped the robot for good."""
        return self.state in LATCHED


class Observer(Protocol):
    """What looks on: a recorder, a camera, a measurement."""

    def before(self, tick: int, now_ns: int) -> None:
        """Look at the robot before the agent does."""

    def after(self, step: Step) -> None:
        """Take note of a period when it is over."""


def over(step: Step) -> bool:
    """Whether an attempt at the task ends here: done, or stopped for good."""
    return step.success or step.latched


class ClosedLoop:
    """A robot, an agent and a command filter, stepped on one simulated clock.

    Not thread-safe.

    Attributes:
        sim: The robot as it is; commands and the command filter see this one.
        world: The same as the agent sees it, and as it is disturbed.
        tick: Command periods since the reset.
        command: Newest command [rad or m], shape (n,), contract order.
    """

    def __init__(
        self,
        sim: SimRobot,
        agent: Agent,
        command_filter: CommandFilter,
        world: World | None = None,
        action_noise: ActionNoise | None = None,
        observers: Sequence[Observer] = (),
    ) -> None:
        """Put the parts together; `reset` begins.

        Args:
            sim: The robot.
            agent: What proposes.
            command_filter: What turns proposals into commands.
            world: The robot as it is shown and disturbed; as it is if None.
            action_noise: Noise on what the servos are given, unknown to the filter.
            observers: What looks on, in this order.
        """
        self.sim = sim
        self.world: World = sim if world is None else world
        self._agent = agent
        self._filter = command_filter
        self._noise = action_noise
        self._observers = tuple(observers)
        self._hz = sim.contract.rates.command_hz

    @property
    def now_ns(self) -> int:
        """Time of the next tick [ns]."""
        return START_NS + round(self.tick * NS / self._hz)

    def reset(self, seed: int, initial_state_range: float = 1.0) -> None:
        """Begin: the world from a seed, the filter armed at the measured pose, then the agent.

        Args:
            seed: Seed of the initial state, of the perturbations and of the agent.
            initial_state_range: Factor on the range of initial states.
        """
        self.world.reset(seed, initial_state_range)
        self.tick = 0
        self.command = self._initial = self.sim.q
        self._filter.start(self.now_ns, self.sim)
        self._agent.start(self.now_ns, seed, self.world)

    def step(self) -> Step:
        """One command period: look, propose, filter, command, then let the time pass."""
        tick, now_ns = self.tick, self.now_ns
        for observer in self._observers:
            observer.before(tick, now_ns)
        proposal = self._agent.step(now_ns, tick, self.world, self.command)
        self.command, rules, state = self._filter.step(now_ns, self.sim, proposal)
        applied = self.command
        if self._noise is not None:
            applied = applied + self._noise.step(self.command, self._initial)
        self.sim.command(applied)
        self.world.advance(1.0 / self._hz)
        self.tick += 1
        step = Step(tick, now_ns, self.command, applied, tuple(rules), state, self.sim.success)
        for observer in self._observers:
            observer.after(step)
        return step

    def steps(self, count: int, until: Callable[[Step], bool] = over) -> Iterator[Step]:
        """Go on for so many command periods, or until one of them ends it.

        Args:
            count: The most command periods.
            until: Says of each whether it is the last one.
        """
        for _ in range(count):
            step = self.step()
            yield step
            if until(step):
                return

    def attempt(self) -> Iterator[Step]:
        """Go on until the task is done, the safety layer has latched, or the time is over."""
        return self.steps(round(self.sim.scene.task.time_limit_s * self._hz))


def due(tick: int, rate_hz: float, tick_hz: float) -> bool:
    """Whether something that runs at `rate_hz` [Hz] runs at a tick of `tick_hz` [Hz]."""
    share = rate_hz / tick_hz
    return tick == 0 or int(tick * share + 1e-9) > int((tick - 1) * share + 1e-9)
