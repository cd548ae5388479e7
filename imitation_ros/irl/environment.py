# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The simulated task as IRL needs it: decisions of a policy, episodes of one length.

It steps the closed loop that judges policies, `rollout.episode`, without cameras and onnxruntime.
One decision is one inference: its chunk is played until the next one is due,
`ObservationSpec.execute` policy steps later.

Episodes have a fixed horizon, whatever happens in them: where an episode may end early, a reward
that is negative on the average teaches to end it, and a positive one teaches never to (Kostrikov
et al. 2019, "Discriminator-Actor-Critic", sec. 4.1).
"""

from collections import deque
from collections.abc import Iterable

import mujoco
import numpy as np
from numpy.typing import NDArray

from ..contract import Contract
from ..data.frame import Array
from ..data.observation import ObservationSpec
from ..data.proposal import Proposal
from ..errors import DataError
from ..rollout.command_filters import PassThrough, SafetyCommandFilter
from ..rollout.episode import ClosedLoop, CommandFilter
from ..runtime.chunks import smooth
from ..sim.experts import OBJECT
from ..sim.perturbations import Disturbed, Sensed, Setting
from ..sim.robot import SimRobot

Floats = NDArray[np.float32]


class _Decided:
    """The agent whose proposals are decided outside of the loop."""

    proposal: Proposal | None = None

    def start(self, now_ns: int, seed: int, sim: Sensed) -> None:
        """Forget what was not played."""
        self.proposal = None

    def step(self, now_ns: int, tick: int, sim: Sensed, command: Array) -> Proposal | None:
        """Send what was decided, once."""
        proposal, self.proposal = self.proposal, None
        return proposal


class Environment:
    """A task in simulation, one decision of a policy at a time.

    Not thread-safe; every process builds its own.

    Attributes:
        spec: What the policy sees and how its chunks are played.
        horizon: Decisions in an episode.
    """

    def __init__(
        self,
        contract: Contract,
        task: str,
        spec: ObservationSpec,
        horizon_s: float,
        perturb: Iterable[Setting] = (),
        filter: bool = False,
        timestep_s: float = 0.002,
    ) -> None:
        """Build the scene.

        Args:
            contract: The robot.
            task: Name of the task.
            spec: What the policy sees; no cameras.
            horizon_s: Length of every episode [s], rounded up to whole decisions.
            perturb: What goes wrong in every episode, by the episode's seed.
            filter: Whether the safety supervisor stands between proposals and commands, as in an
                evaluation; it doubles the time of a step.
            timestep_s: Step of the physics [s].

        Raises:
            DataError: If the policy sees a camera, or a pose that is not simulated.
            ContractError: If there is no such task.
        """
        if spec.cameras:
            names = ', '.join(camera.name for camera in spec.cameras)
            raise DataError(f'the policy sees {names}: IRL in simulation renders no images')
        strange = [name for name in spec.poses if name != OBJECT]
        if strange:
            raise DataError(f'the policy sees {", ".join(strange)}: only "{OBJECT}" is simulated')
        if spec.actions != spec.joints:
            raise DataError('the policy does not command the joints it sees: no robot to simulate')
        self.spec = spec
        self._sim = SimRobot(contract, task, renderer=None, timestep_s=timestep_s)
        self._world = Disturbed(self._sim, perturb)
        self._columns = spec.indices(contract)
        limits = contract.limits
        self._limits = limits.lower[self._columns], limits.upper[self._columns]
        self._agent = _Decided()
        kept: CommandFilter = SafetyCommandFilter(contract) if filter else PassThrough(contract)
        self._loop = ClosedLoop(self._sim, self._agent, kept, self._world)
        self._ticks = round(contract.rates.command_hz / spec.policy_hz)
        self.horizon = self.decisions(horizon_s)
        self._frames: deque[Floats] = deque(maxlen=spec.history)
        self._track: list[tuple[Floats, Floats]] = []

    def decisions(self, seconds: float) -> int:
        """Decisions that fill a time [s], rounded up."""
        spec = self.spec
        return max(1, int(np.ceil(seconds * spec.policy_hz / spec.execute - 1e-9)))

    @property
    def track(self) -> tuple[Floats, Floats]:
        """What was seen at every policy step since the reset, and the command one step later.

        States (T, D) and commands [rad or m] (T, k): an episode as a dataset has it.
        """
        states, commands = zip(*self._track, strict=True)
        return np.stack(states), np.stack(commands)

    @property
    def time_limit_s(self) -> float:
        """Time after which an attempt at the task has failed [s]."""
        return self._sim.scene.task.time_limit_s

    @property
    def slides(self) -> NDArray[np.bool_]:
        """Which of the policy's joints slide instead of turning, shape (k,)."""
        model = self._sim.scene.model
        kinds = [int(model.joint(name).type[0]) for name in self.spec.joints]
        result: NDArray[np.bool_] = np.array(kinds) == int(mujoco.mjtJoint.mjJNT_SLIDE)
        return result

    @property
    def time_s(self) -> float:
        """Simulated time since the reset [s]."""
        return self._sim.time_s

    @property
    def command(self) -> Array:
        """Newest command of the policy's joints [rad or m], shape (k,)."""
        result: Array = self._loop.command[self._columns]
        return result

    def reset(self, seed: int, initial_state_range: float = 1.0) -> Floats:
        """Start an episode.

        Args:
            seed: Seed of the initial state and of what goes wrong.
            initial_state_range: Factor on the range of initial states.

        Returns:
            The policy's raw state history, shape (To, D).
        """
        self._loop.reset(seed, initial_state_range)
        self._track = []
        self._frames.clear()
        self._frames.extend([self._look()] * self.spec.history)
        return self._seen()

    def step(self, chunk: NDArray[np.floating]) -> tuple[Floats, bool]:
        """Play a chunk until the next decision.

        Args:
            chunk: Asked positions of the policy's joints [rad or m], shape (Ta, k).

        Returns:
            The state history at the next decision, shape (To, D), and whether the task's rule
            was met for its time somewhere on the way.
        """
        spec = self.spec
        # Clipped in the graph, smoothed in the policy loop.
        positions = smooth(np.clip(np.asarray(chunk, dtype=np.float64), *self._limits))
        now_ns = self._loop.now_ns
        self._agent.proposal = Proposal(
            stamp_ns=now_ns,
            joints=spec.joints,
            times_ns=tuple(now_ns + (i + 1) * spec.step_ns for i in range(len(positions))),
            positions=positions,
        )
        success = False
        for tick in range(spec.execute * self._ticks):
            period = self._loop.step()
            success = success or period.success
            if (tick + 1) % self._ticks == 0:
                command = period.command[self._columns].astype(np.float32)
                self._track.append((self._frames[-1], command))
                self._frames.append(self._look())
        return self._seen(), success

    def _look(self) -> Floats:
        world = self._world
        poses = {OBJECT: world.object_pose[None]}
        columns = self._columns
        state: Floats = self.spec.states(world.q[None, columns], world.v[None, columns], poses)[0]
        return state

    def _seen(self) -> Floats:
        return np.stack(self._frames)
