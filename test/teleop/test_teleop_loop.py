# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Expert, teleoperation, safety and physics together, without ROS and without its delays."""

from collections import Counter

import numpy as np
import pytest

from imitation_ros.contract import Contract
from imitation_ros.data.frame import Array
from imitation_ros.safety.supervisor import SafetySupervisor
from imitation_ros.sim.experts import EXPERTS
from imitation_ros.sim.robot import SimRobot
from imitation_ros.teleop.gate import GateConfig
from imitation_ros.teleop.leader import LeaderTeleop

pytestmark = pytest.mark.sim
MS = 1_000_000


class Loop:
    """One operator, teleop at 50 Hz, safety at 100 Hz, physics at 200 Hz, late messages."""

    def __init__(self, contract: Contract, task: str, seed: int) -> None:
        self.contract = contract
        self.robot = SimRobot(contract, task, renderer=None)
        self.robot.reset(seed)
        self.supervisor = SafetySupervisor(contract)
        self.teleop = LeaderTeleop(contract, GateConfig(), 0.02, 0.06)
        self.expert = EXPERTS[task](contract)
        self.expert.reset(self.robot.q, np.random.default_rng(seed))
        self.rng = np.random.default_rng(seed)
        self.rules: Counter[str] = Counter()
        self.command: Array = self.robot.q
        self.speeds: list[Array] = []
        self.now = 10**12
        self.supervisor.push_state(self.now, self.now, self.robot.q, self.robot.v)
        self.supervisor.arm(self.now, self.now)
        self._mail: list[tuple[int, int, Array]] = []
        self._poses = [self.robot.object_pose] * 5

    def step(self, count: int, held: bool = True) -> None:
        """One period of the physics, 5 ms."""
        robot, now = self.robot, self.now
        self._poses = [*self._poses[1:], robot.object_pose]  # the tracker is 20 ms late
        if count % 4 == 0 and held:
            q = self.expert.step(self.command, {'object': self._poses[0]}, 0.02)
            late = int((1.0 + self.rng.exponential(3.0)) * MS)
            self._mail.append((now + late, now, q))
        self.teleop.deadman(now, held)
        while self._mail and self._mail[0][0] <= now:
            _, stamp, q = self._mail.pop(0)
            proposal = self.teleop.step(now, stamp, self.contract.joints, q, self.command)
            if proposal is not None:
                self.supervisor.push_proposal(now, now, proposal)
        self.supervisor.push_state(now, now, robot.q, robot.v)
        if count % 2 == 0:
            verdict = self.supervisor.step(now, now)
            self.rules.update(found.rule.value for found in verdict.interventions)
            if verdict.q is not None and verdict.v is not None:
                self.command = verdict.q
                self.speeds.append(verdict.v)
                robot.command(verdict.q)
        robot.advance(0.005)
        self.now += 5 * MS


@pytest.mark.parametrize(('task', 'seed'), [('reach', 0), ('lift', 0), ('pick_place', 1)])
def test_demonstration_succeeds_without_an_intervention(
    contract: Contract, task: str, seed: int
) -> None:
    loop = Loop(contract, task, seed)
    for count in range(1200):
        loop.step(count)
        if loop.robot.success:
            break
    assert loop.robot.success
    assert not loop.rules


def test_release_in_full_motion_brakes_once_and_does_not_swing_back(contract: Contract) -> None:
    loop = Loop(contract, 'lift', 0)
    for count in range(1000):
        loop.step(count)
        if np.abs(loop.speeds[-1]).max() > 0.9:
            break
    moving = loop.speeds[-1]
    joint = int(np.argmax(np.abs(moving)))
    before = len(loop.speeds)
    for later in range(200):
        loop.step(count + 1 + later, held=False)
    after = np.array(loop.speeds[before:])[:, joint] * np.sign(moving[joint])
    assert np.abs(loop.speeds[-1]).max() < 1e-3
    assert after.min() > -0.02
    assert set(loop.rules) <= {'proposal_timeout'}
