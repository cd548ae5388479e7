# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Experts solve their tasks, and the safety filter never has a reason to alter them."""

import numpy as np
import pytest

from imitation_ros.contract import Contract
from imitation_ros.data.frame import Array
from imitation_ros.safety.filter import SafetyFilter
from imitation_ros.sim.experts import EXPERTS
from imitation_ros.sim.robot import SimRobot
from imitation_ros.sim.tasks import TASKS
from imitation_ros.sim.tasks.expert import ACCELERATION, GRIPPER_ACCELERATION, VELOCITY

pytestmark = pytest.mark.sim

EXPERT_S, COMMAND_S = 0.02, 0.01
LONGEST_S = {
    'reach': 2.5,
    'lift': 4.5,
    'pick_place': 7.0,
    'two_bins': 7.0,
    'handover': 7.5,
    'tray_balance': 6.0,
    'stand': 11.0,
}
SEEDS = {'reach': 8, 'lift': 8, 'pick_place': 8}
"""Seeds of the cheap tasks; two of the others."""
CLEARANCE_M = 0.014
"""Between capsules, which are larger than the links; the certificate keeps 0.013."""


@pytest.fixture(scope='module')
def safety(contract: Contract) -> SafetyFilter:
    return SafetyFilter(contract)


def play(
    robot: SimRobot,
    expert,
    seed: int,
    safety: SafetyFilter | None = None,
    until_s: float = np.inf,
) -> Array:
    """One attempt at 50 Hz, commands at 100 Hz; returns what was asked, shape (steps, n)."""
    robot.reset(seed)
    q = robot.q
    expert.reset(q, np.random.default_rng(seed))
    asked = [q]
    if safety is not None:
        safety.reset(q)
    while robot.time_s < min(robot.scene.task.time_limit_s, until_s) and not expert.done:
        expert.observe(robot.q)
        target = expert.step(q, {'object': robot.object_pose}, EXPERT_S)
        for share in (0.5, 1.0):
            command = q + share * (target - q)
            if safety is not None:
                step = safety.step(command)
                assert not step.interventions, step.interventions
                assert np.abs(step.q - command).max() < 1e-3
                command = step.q
            robot.command(command)
            robot.advance(COMMAND_S)
        if safety is not None:
            assert safety.backend.distances(q).min() > CLEARANCE_M
        q = target
        asked.append(q)
    return np.array(asked)


def test_every_task_has_an_expert():
    assert set(EXPERTS) == set(TASKS)


# Who balances on its feet reckons with the delay of teleoperation: test_rollout.py has both.
@pytest.mark.parametrize('task', [task for task in TASKS if task != 'stand'])
def test_experts_succeed_through_the_safety_filter_untouched(
    contract: Contract, safety: SafetyFilter, task: str
):
    robot = SimRobot(contract, task, renderer=None)
    expert = EXPERTS[task](contract)
    for seed in range(SEEDS.get(task, 2)):
        asked = play(robot, expert, seed, safety)
        assert robot.success and expert.done, f'seed {seed} ended at {robot.object_pose}'
        assert robot.time_s <= LONGEST_S[task]
        grippers = ['gripper' in name for name in contract.joints]
        v = np.diff(asked, axis=0, prepend=asked[:1]) / EXPERT_S
        a = np.diff(v, axis=0) / EXPERT_S
        assert np.abs(v).max() <= VELOCITY + 1e-6
        assert np.abs(a).max() <= ACCELERATION + 1e-6
        assert np.abs(a[:, grippers]).max() <= GRIPPER_ACCELERATION + 1e-6


@pytest.mark.parametrize('task', TASKS)
def test_the_same_seed_gives_the_same_demonstration(contract: Contract, task: str):
    robot = SimRobot(contract, task, renderer=None)
    expert = EXPERTS[task](contract)
    first = play(robot, expert, 4, until_s=2.0)
    play(robot, expert, 5, until_s=2.0)
    assert (play(robot, expert, 4, until_s=2.0) == first).all()


def test_experts_do_not_stand_around(contract: Contract):
    """A pause looks the same at its start and at its end: BC cannot learn when to go on."""
    for task in TASKS:
        if task == 'stand':
            continue  # standing still is what it is for
        robot = SimRobot(contract, task, renderer=None)
        asked = play(robot, EXPERTS[task](contract), 0)
        speed = np.abs(np.diff(asked, axis=0)).max(axis=1) / EXPERT_S
        still = speed < 0.02
        longest = max(len(run) for run in ''.join('s' if s else ' ' for s in still).split(' '))
        assert longest * EXPERT_S <= 0.4, task


def test_pick_place_tries_again_when_the_cube_is_taken_away(contract: Contract):
    robot = SimRobot(contract, 'pick_place', renderer=None)
    expert = EXPERTS['pick_place'](contract)
    robot.reset(0)
    q = robot.q
    expert.reset(q, np.random.default_rng(0))
    taken = False
    while robot.time_s < 12.0 and not expert.done:
        if not taken and robot.object_pose[2] > 0.08:
            taken = True
            robot._write_object(np.array([0.36, -0.30, 0.02, 0.0, 0.0, 0.0, 1.0]))
        q = expert.step(q, {'object': robot.object_pose}, EXPERT_S)
        robot.command(q)
        robot.advance(EXPERT_S)
    assert taken
    assert robot.success


def test_an_expert_starts_anew_from_where_the_command_is(contract: Contract):
    expert = EXPERTS['reach'](contract)
    expert.reset(contract.home, np.random.default_rng(0))
    moved = np.array(contract.home)
    moved[contract.index('right_elbow_joint')] += 0.5
    target = np.array([0.4, -0.2, 0.2, 0.0, 0.0, 0.0, 1.0])
    q = expert.step(moved, {'object': target}, EXPERT_S)
    assert np.abs(q - moved).max() <= ACCELERATION * EXPERT_S**2 + 1e-9


def test_either_bin_is_drawn_and_reached(contract: Contract) -> None:
    """Of one start, seen alike, both ways are demonstrated."""
    robot = SimRobot(contract, 'two_bins', renderer=None)
    expert = EXPERTS['two_bins'](contract)
    found = {}
    for seed in (0, 1):
        robot.reset(7)
        q = robot.q
        # The draws of these two seeds differ.
        expert.reset(q, np.random.default_rng(seed))
        while robot.time_s < 7.0 and not robot.success:
            q = expert.step(q, {'object': robot.object_pose}, EXPERT_S)
            robot.command(q)
            robot.advance(EXPERT_S)
        assert robot.success
        found[seed] = robot.object_pose[1] > -0.26
    assert sorted(found.values()) == [False, True]
