# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`safety.torque`: commands that the actuators can follow, as far as braking lets them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pinocchio as pin
import pytest
from safety_parts import BACKENDS, Built, reshaped_alike

from imitation_ros.contract import Contract, Limits, loads, Torque
from imitation_ros.errors import ContractError, SafetyError
from imitation_ros.evaluation.safety.streams import all_streams
from imitation_ros.evaluation.safety.trial import judge
from imitation_ros.kinematics.model import RobotModel
from imitation_ros.safety.constraints.dynamics import PinocchioDynamics
from imitation_ros.safety.constraints.torque import TorqueLimit
from imitation_ros.safety.filter import SafetyFilter
from imitation_ros.safety.intervention import Rule
from imitation_ros.safety.velocity_bounds import VelocityBounds

Array = np.ndarray
ROBOTS = ['imi_humanoid', 'unitree_g1']
UPPER = {'imi_humanoid': ('torso', 'left_arm', 'right_arm'), 'unitree_g1': ()}
SLACK = 1.0 + 2e-6


def limited(contract: Contract, share: float, mode: str = 'project') -> Contract:
    """With torque limits, on a robot that may accelerate four times as hard."""
    old = contract.limits
    torque = Torque(share=share, groups=UPPER[contract.name])
    limits = (old.lower, old.upper, old.velocity, 4.0 * old.acceleration, old.effort)
    return replace(
        contract,
        safety=contract.safety.model_copy(update={'torque': torque, 'mode': mode}),
        limits=Limits(*(array.copy() for array in limits)),
    )


class Fresh(dict):
    def __missing__(self, robot: RobotModel) -> Any:
        self[robot] = robot.model.createData()
        return self[robot]


DATA = Fresh()


def shares(robot: RobotModel, limit: Array, q: Array, v: Array, a: Array) -> Array:
    """Torques as shares of a limit, by a model of its own."""
    order = [robot.model.joints[robot.model.getJointId(j)].idx_v for j in robot.contract.joints]
    sorted_by_tree = np.zeros((3, len(q)))
    sorted_by_tree[:, order] = q, v, a
    return pin.rnea(robot.model, DATA[robot], *sorted_by_tree)[order] / limit


@pytest.mark.parametrize('name', ROBOTS)
def test_the_rows_are_the_torques(name: str, built: Built, rng: np.random.Generator) -> None:
    robot, dt = built(name, 'coal').robot, 0.01
    contract = limited(robot.contract, 0.2)
    torque = TorqueLimit(contract, PinocchioDynamics(robot), dt)
    exact = relaxed = 0
    for _ in range(40):
        q = rng.uniform(contract.limits.lower, contract.limits.upper)
        v = rng.uniform(-1.0, 1.0, contract.n) * contract.limits.velocity
        step = dt * contract.limits.acceleration
        brake = np.sign(v) * np.maximum(np.abs(v) - step, 0.0)
        table = np.stack([brake, v - step, v + step, v, q, np.full(len(q), dt)])
        bounds = VelocityBounds.of(table)
        rows, _ = torque.constraints(q, v, bounds, torque.needed(q, v, v))
        assert rows is not None
        least = shares(robot, torque.limit, q, v, (brake - v) / dt)
        held = shares(robot, torque.limit, q, 0.0 * v, 0.0 * v)
        for x in rng.uniform(v - step, v + step, (5, contract.n)):
            share = shares(robot, torque.limit, q, v, (x - v) / dt)
            for row, joint, excess in zip(rows.G, rows.pairs, rows.excess(x), strict=True):
                sign = np.sign(row[joint])
                needed = max(sign * least[joint], sign * held[joint])
                allowed = 1.1 * needed if needed > 1.0 else 1.0
                assert excess == pytest.approx(sign * share[joint] - allowed, abs=1e-9)
                relaxed += allowed > 1.0
                exact += allowed == 1.0
            # Who has no row cannot need too much.
            assert set(np.flatnonzero(np.abs(share) > 1.0)) <= set(rows.pairs.tolist())
    assert min(exact, relaxed) > 100


@pytest.mark.parametrize('mode', ['project', 'path'])
@pytest.mark.parametrize('name', ROBOTS)
def test_what_is_promised_and_what_is_said(
    name: str, mode: str, built: Built, backend: str
) -> None:
    collisions = built(name, backend)
    robot = collisions.robot
    contract = limited(robot.contract, 0.3, mode)
    free = replace(contract, safety=contract.safety.model_copy(update={'torque': None}))
    torque = TorqueLimit(contract, PinocchioDynamics(robot), 0.01)
    zero, over, said = np.zeros(contract.n), {}, 0
    for on in (True, False):
        over[on] = 0
        for stream in ('random', 'attack', 'garbage'):
            safety_filter = SafetyFilter(contract if on else free, collisions)
            safety_filter.reset(contract.home)
            ask = all_streams(contract, collisions, 5)[stream]
            path = [safety_filter.q]
            for tick in range(30):
                q, v = safety_filter.q, safety_filter.v
                step = safety_filter.step(*ask(tick, q))
                path.append(step.q)
                share = np.abs(shares(robot, torque.limit, q, v, (step.v - v) / 0.01))
                over[on] += bool(share.max() > SLACK)
                if not on:
                    continue
                # Certified: where it comes to rest, it can stay.
                stop = safety_filter.rest
                assert np.abs(shares(robot, torque.limit, stop, zero, zero)).max() < SLACK
                # Only asked for, and so every exception is told.
                told = [n for n in step.interventions if n.rule is Rule.OVERLOAD]
                assert bool(told) == bool(share.max() > SLACK)
                for note in told:
                    joint = contract.index(note.joint)
                    assert joint == share.argmax()
                    assert abs(note.sent) == pytest.approx(share[joint] * torque.limit[joint])
                said += sum(n.rule is Rule.TORQUE for n in step.interventions)
            assert judge(contract, collisions, path)[0].total == 0
    assert said > 15
    assert over[True] < 0.7 * over[False]


@pytest.mark.parametrize('name', ROBOTS)
def test_a_torque_that_is_too_high_is_reshaped_and_named(name: str, built: Built) -> None:
    collisions = built(name, 'coal')
    contract = limited(collisions.robot.contract, 0.2)
    robot = SafetyFilter(contract, collisions)
    robot.reset(contract.home)
    waist = contract.index('waist_pitch_joint')
    goal = contract.home.copy()
    goal[waist] += 0.2
    step = robot.step(goal)
    (note,) = [n for n in step.interventions if n.rule is Rule.TORQUE]
    torque = TorqueLimit(contract, collisions.dynamics(), robot.dt)
    assert note.joint == 'waist_pitch_joint'
    assert abs(note.asked) > torque.limit[waist] * 1.01
    assert abs(note.sent) == pytest.approx(torque.limit[waist])
    assert 0.0 < step.v[waist] < robot.box.step[waist] * 0.99
    # It goes there more softly, but it goes there.
    for _ in range(150):
        robot.step(goal)
    assert robot.q[waist] == pytest.approx(goal[waist], abs=1e-3)


@pytest.mark.parametrize('name', ROBOTS)
def test_a_robot_that_needs_no_more_is_not_altered(name: str, built: Built, backend: str) -> None:
    collisions = built(name, backend)
    contract = collisions.robot.contract
    torque = Torque(share=0.8)
    changed = replace(contract, safety=contract.safety.model_copy(update={'torque': torque}))
    one, other = SafetyFilter(contract, collisions), SafetyFilter(changed, collisions)
    ask = all_streams(contract, collisions, 1)['realistic']
    for tick in range(150):
        asked = ask(tick, one.q)
        first, second = one.step(*asked), other.step(*asked)
        assert np.array_equal(first.q, second.q)
        assert first.interventions == second.interventions


@pytest.mark.parametrize('name', [pytest.param(r, marks=BACKENDS[1].marks) for r in ROBOTS])
def test_both_back_ends_say_the_same(name: str, built: Built) -> None:
    one, other = built(name, 'coal'), built(name, 'numba')
    contract = limited(one.robot.contract, 0.3)
    assert reshaped_alike(contract, one, other, 120, Rule.TORQUE) > 20


def test_a_pose_that_cannot_be_held_is_led_out_of(built: Built) -> None:
    collisions = built('imi_humanoid', 'coal')
    contract = limited(collisions.robot.contract, 0.2)
    robot = SafetyFilter(contract, collisions)
    torque = TorqueLimit(contract, collisions.dynamics(), robot.dt)
    heavy = contract.home.copy()
    waist = contract.index('waist_pitch_joint')
    heavy[waist] = 0.5
    robot.reset(heavy)
    before = abs(torque.held(heavy)[waist])
    assert before > torque.limit[waist]
    # Further down it does not go; up it does, slowly, with the little torque that is left.
    for _ in range(30):
        assert abs(torque.held(robot.step(heavy + 0.1).q)[waist]) <= before * (1.0 + 1e-6)
    for _ in range(500):
        robot.step(contract.home, np.zeros(contract.n))
    assert robot.q == pytest.approx(contract.home, abs=1e-3)


def text_with(contract: Contract, keys: str) -> str:
    return contract.text.replace('safety:\n', f'safety:\n  torque: {keys}\n', 1)


@pytest.mark.parametrize(
    ('keys', 'words'),
    [
        ('{share: 0.8, groups: [left_amr]}', ['safety.torque.groups', 'did you mean "left_arm"']),
        ('{share: 0}', ['safety.torque.share', 'greater than 0']),
        ('{share: 1.5}', ['safety.torque.share', 'less than or equal to 1']),
        ('{shares: 0.5}', ['did you mean "share"']),
        ('{groups: [legs]}', ['safety.torque.share: this key is missing']),
    ],
)
def test_a_wrong_key_says_what_it_could_be(
    contract: Contract, keys: str, words: list[str]
) -> None:
    with pytest.raises(ContractError) as caught:
        loads(text_with(contract, keys), Path('robot.yaml'), contract.urdf_text)
    for word in words:
        assert word in str(caught.value)


def test_a_joint_without_an_effort_limit_is_refused(contract: Contract) -> None:
    effort = 'effort="90"'
    assert effort in contract.urdf_text
    urdf = contract.urdf_text.replace(effort, 'effort="0"', 1)
    with pytest.raises(ContractError, match=r'"waist_yaw_joint" of the group "torso" has the ef'):
        loads(text_with(contract, '{share: 0.5}'), Path('robot.yaml'), urdf)
    arms = text_with(contract, '{share: 0.5, groups: [left_arm, right_arm]}')
    assert loads(arms, Path('robot.yaml'), urdf).safety.torque.groups == ('left_arm', 'right_arm')


def test_a_home_that_cannot_be_held_is_refused(contract: Contract, built: Built) -> None:
    text = text_with(contract, '{share: 0.05, groups: [left_arm]}')
    weak = replace(loads(text, contract.path, contract.urdf_text), limits=contract.limits)
    with pytest.raises(SafetyError, match=r'at home "left_elbow_joint" needs 3\.8 to hold still'):
        SafetyFilter(weak, built('imi_humanoid', 'coal'))


def test_only_a_contract_with_torque_has_another_hash(contract: Contract) -> None:
    changed = loads(text_with(contract, '{share: 0.8}'), contract.path, contract.urdf_text)
    unset = loads(text_with(contract, 'null'), contract.path, contract.urdf_text)
    assert changed.hash != contract.hash
    assert unset.hash == contract.hash
