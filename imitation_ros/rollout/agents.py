# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Who asks for motions in a rollout: a policy or an expert, through the objects of their nodes."""

import numpy as np

from ..contract import Contract
from ..data.frame import Array
from ..data.proposal import Proposal
from ..runtime.loop import PolicyLoop
from ..runtime.session import Inference
from ..sim.experts import EXPERTS, OBJECT
from ..sim.perturbations import Sensed
from ..teleop.gate import GateConfig
from ..teleop.leader import DELAY_PERIODS, LeaderTeleop
from .episode import due

EXPERT_HZ = 50.0
"""Rate of a leader, as the scripted operator and the teleop node have it [Hz]."""


class PolicyAgent:
    """A policy.onnx in the loop the policy node runs."""

    def __init__(self, contract: Contract, session: Inference, draw: bool = True) -> None:
        """Put a warm session into a loop.

        Args:
            contract: The robot.
            session: The policy.
            draw: Whether a generative policy draws its noise, from the seed of each episode;
                else it begins with zeros.
        """
        self._contract = contract
        self._session = session
        self._draw = draw

    def start(self, now_ns: int, seed: int, sim: Sensed) -> None:
        """Begin with an empty timeline."""
        self._session.seed_noise(seed if self._draw else None)
        self._loop = PolicyLoop(self._contract, self._session)
        self._loop.start(now_ns)

    def step(self, now_ns: int, tick: int, sim: Sensed, command: Array) -> Proposal | None:
        """Push what is due on each topic, then step the loop."""
        self.feed(now_ns, tick, sim)
        return self.ask(now_ns)

    def feed(self, now_ns: int, tick: int, sim: Sensed) -> None:
        """Push what is due on each topic."""
        contract, loop = self._contract, self._loop
        hz = contract.rates.command_hz
        if due(tick, contract.joint_states.rate_hz, hz):
            loop.push_state(now_ns, sim.q, sim.v)
        for pose in contract.poses:
            if pose.name == OBJECT and due(tick, pose.rate_hz, hz):
                loop.push_pose(pose.name, now_ns, sim.object_pose)
        for camera in loop.spec.cameras:
            if due(tick, contract.camera(camera.name).rate_hz, hz):
                loop.push_image(camera.name, now_ns, sim.render(camera.name))

    def ask(self, now_ns: int) -> Proposal | None:
        """Step the loop."""
        answer = self._loop.step(now_ns)
        return answer if isinstance(answer, Proposal) else None

    def resume(self, now_ns: int) -> None:
        """Begin again from where the robot is, after somebody else drove."""
        self._loop.start(now_ns)


class ExpertAgent:
    """A scripted expert who moves a leader with the dead-man pressed."""

    def __init__(self, contract: Contract, task: str) -> None:
        """Set up the expert of a task."""
        self._contract = contract
        self._expert = EXPERTS.find(task)(contract)

    def start(self, now_ns: int, seed: int, sim: Sensed, command: Array | None = None) -> None:
        """Bring the leader to where the robot is, or is commanded to be."""
        gate = GateConfig(first_move=self._contract.safety.first_move)
        self._leader = LeaderTeleop(
            self._contract, gate, 1.0 / EXPERT_HZ, DELAY_PERIODS / EXPERT_HZ
        )
        q = sim.q if command is None else command
        self._expert.reset(q, np.random.default_rng(seed))

    def step(self, now_ns: int, tick: int, sim: Sensed, command: Array) -> Proposal | None:
        """Move the leader on, and let teleoperation make the proposal."""
        if not due(tick, EXPERT_HZ, self._contract.rates.command_hz):
            return None
        self._expert.observe(sim.q)
        q = self._expert.step(command, {OBJECT: sim.object_pose}, 1.0 / EXPERT_HZ)
        self._leader.deadman(now_ns, True)
        return self._leader.step(now_ns, now_ns, self._contract.joints, q, command)

    def wish(self, sim: Sensed, command: Array) -> Array:
        """Where the expert would go from here in one period, while another one drives.

        Args:
            sim: The robot.
            command: Newest command [rad or m], shape (n,).

        Returns:
            Change of the command [rad or m], shape (n,).
        """
        self._expert.observe(sim.q)
        self._expert.watch(command)
        asked = self._expert.step(command, {OBJECT: sim.object_pose}, 1.0 / EXPERT_HZ)
        change: Array = asked - command
        return change
