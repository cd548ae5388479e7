# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The simulated task as IRL needs it: decisions of a policy, episodes of one length.

It is the loop of `evaluation.rollout` without ROS, cameras and onnxruntime: the same robot, the
same observation, the same player of chunks on the same ticks. One decision is one inference:
its chunk is played until the next one is due, `ObservationSpec.execute` policy steps later.

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
from ..runtime.chunks import smooth
from ..safety.filter import SafetyFilter
from ..safety.player import ProposalPlayer
from ..safety.supervisor import Governor
from ..sim.experts import OBJECT
from ..sim.perturbations import Disturbed, Setting
from ..sim.robot import SimRobot

NS = 1_000_000_000
Floats = NDArray[np.float32]


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
            filter: Whether the safety governor stands between proposals and commands, as in an
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
        self._contract = contract
        self._sim = SimRobot(contract, task, renderer=None, timestep_s=timestep_s)
        self._world = Disturbed(self._sim, perturb)
        self._columns = spec.indices(contract)
        limits = contract.limits
        self._limits = limits.lower[self._columns], limits.upper[self._columns]
        self._filter = SafetyFilter(contract) if filter else None
        self._ticks = round(contract.rates.command_hz / spec.policy_hz)
        self._tick_ns = round(NS / contract.rates.command_hz)
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

    def reset(self, seed: int, spread: float = 1.0) -> Floats:
        """Start an episode.

        Args:
            seed: Seed of the start and of what goes wrong.
            spread: Factor on the region of the starts.

        Returns:
            The policy's raw state history, shape (To, D).
        """
        self._world.reset(seed, spread)
        self._now_ns = NS
        self._command = self._sim.q
        self._player = ProposalPlayer(self._contract)
        if self._filter is not None:
            self._governor = Governor(self._contract, self._filter)
            self._governor.push_state(NS, NS, self._sim.q, self._sim.v)
            self._governor.arm(NS, NS)
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
        proposal: Proposal | None = Proposal(
            stamp_ns=self._now_ns,
            joints=spec.joints,
            times_ns=tuple(self._now_ns + (i + 1) * spec.step_ns for i in range(len(positions))),
            positions=positions,
        )
        success = False
        for tick in range(spec.execute * self._ticks):
            self._command = self._keep(proposal)
            proposal = None
            self._sim.command(self._command)
            self._world.advance(self._tick_ns / NS)
            self._now_ns += self._tick_ns
            success = success or self._sim.success
            if (tick + 1) % self._ticks == 0:
                command = self._command[self._columns].astype(np.float32)
                self._track.append((self._frames[-1], command))
                self._frames.append(self._look())
        return self._seen(), success

    def _keep(self, proposal: Proposal | None) -> Array:
        """Command of one period: through the governor, or what the player plays."""
        now = self._now_ns
        if self._filter is not None:
            governor = self._governor
            governor.push_state(now, now, self._sim.q, self._sim.v)
            if proposal is not None:
                governor.push_proposal(now, now, proposal)
            command = governor.step(now, now).q
        else:
            if proposal is not None:
                self._player.push(now, proposal, self._command)
            command = self._player.target(now + self._tick_ns)
        return self._command if command is None else command

    def _look(self) -> Floats:
        world = self._world
        poses = {OBJECT: world.object_pose[None]}
        columns = self._columns
        state: Floats = self.spec.states(world.q[None, columns], world.v[None, columns], poses)[0]
        return state

    def _seen(self) -> Floats:
        return np.stack(self._frames)
