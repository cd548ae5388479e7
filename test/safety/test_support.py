# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`safety.support`: the capture point stays over what the robot stands on, as far as it can."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pinocchio as pin
import pytest
from safety_parts import BACKENDS, Built, FEET, reshaped_alike

from imitation_ros.contract import Contract, loads
from imitation_ros.contract import Support as Keys
from imitation_ros.errors import ContractError, SafetyError
from imitation_ros.evaluation.safety.streams import all_streams
from imitation_ros.evaluation.safety.trial import judge
from imitation_ros.safety.constraints.dynamics import PinocchioDynamics
from imitation_ros.safety.constraints.inequality import (
    closest_softly,
    InequalityConstraints,
    SLACK_PRICE,
)
from imitation_ros.safety.constraints.support import hull, Support
from imitation_ros.safety.filter import SafetyFilter
from imitation_ros.safety.intervention import Rule

Array = np.ndarray
ROBOTS = ['imi_humanoid', 'unitree_g1']


def standing(contract: Contract, mode: str = 'project', **keys: object) -> Contract:
    support = Keys(**(keys or {'feet': FEET[contract.name]}))
    update = {'support': support, 'mode': mode}
    return replace(contract, safety=contract.safety.model_copy(update=update))


def floating_center(contract: Contract, q: Array, frame: str) -> Array:
    """The centre of mass in a frame, by a model whose base is a body like all others."""
    model = pin.buildModelFromXML(contract.urdf_text, pin.JointModelFreeFlyer(), mimic=True)
    data = model.createData()
    full = np.clip(pin.neutral(model), model.lowerPositionLimit, model.upperPositionLimit)
    full[:7] = pin.neutral(model)[:7]
    for joint, value in zip(contract.joints, q, strict=True):
        full[model.joints[model.getJointId(joint)].idx_q] = value
    center = pin.centerOfMass(model, data, full).copy()
    pin.framesForwardKinematics(model, data, full)
    return data.oMf[model.getFrameId(frame)].actInv(center)


@pytest.mark.parametrize('on_feet', [True, False])
@pytest.mark.parametrize('name', ROBOTS)
def test_the_centre_of_mass_and_its_gradient(
    name: str, on_feet: bool, built: Built, rng: np.random.Generator
) -> None:
    robot = built(name, 'coal').robot
    square = ((1.0, 1.0), (-1.0, 1.0), (-1.0, -1.0), (1.0, -1.0))
    frame = FEET[name][0] if on_feet else 'torso_link'
    keys = {} if on_feet else {'frame': frame, 'polygon': square}
    contract = standing(robot.contract, **keys)
    try:
        support = Support(contract, robot, PinocchioDynamics(robot), 0.01)
    except SafetyError as error:
        # A plane above the centre of mass is refused; the sole is not.
        assert not on_feet and 'm below the plane of torso_link' in str(error)
        return
    for q in rng.uniform(contract.limits.lower, contract.limits.upper, (5, contract.n)):
        center, rate = support.center(q)
        expected = floating_center(contract, q, frame)
        assert center[:2] == pytest.approx(expected[:2], abs=1e-9)
        for i in range(contract.n):
            step = np.zeros(contract.n)
            step[i] = 1e-6
            slope = (support.center(q + step)[0] - support.center(q - step)[0]) / 2e-6
            assert rate[:, i] == pytest.approx(slope, abs=1e-8)


@pytest.mark.parametrize('name', ROBOTS)
def test_the_feet_span_the_polygon(name: str, built: Built) -> None:
    robot = built(name, 'coal').robot
    support = Support(standing(robot.contract), robot, PinocchioDynamics(robot), 0.01)
    length, width = np.ptp(support.corners, axis=0)
    assert 0.12 < length < 0.3 and 0.2 < width < 0.5
    # Wider apart, they span more; they stay where the robot was armed.
    wide = robot.contract.home.copy()
    roll = [robot.contract.index(f'{side}_hip_roll_joint') for side in ('left', 'right')]
    wide[roll] = 0.15, -0.15
    support.stand(wide)
    assert np.ptp(support.corners, axis=0)[1] > width + 0.05


@pytest.mark.parametrize('mode', ['project', 'path'])
@pytest.mark.parametrize('name', ROBOTS)
def test_the_capture_point_stays_inside_and_nothing_else_is_given_up(
    name: str, mode: str, built: Built, backend: str
) -> None:
    collisions = built(name, backend)
    contract = standing(collisions.robot.contract, mode)
    support = Support(contract, collisions.robot, collisions.dynamics(), 0.01)
    for stream in ('random', 'attack') if mode == 'project' else ('random',):
        worst = {}
        for used in (contract, collisions.robot.contract):
            robot = SafetyFilter(used, collisions)
            robot.reset(contract.home)
            ask = all_streams(contract, collisions, 4)[stream]
            path, least, said = [robot.q], np.inf, 0
            for tick in range(40):
                rows, room, ahead = support.edges(robot.q)
                step = robot.step(*ask(tick, robot.q))
                path.append(step.q)
                least = min(least, float((room - ahead * (rows.G @ step.v)).min()))
                for note in step.interventions:
                    assert note.rule is not Rule.QP_FALLBACK
                    said += note.rule is Rule.SUPPORT
            worst[used is contract] = least, said
            assert judge(contract, collisions, path)[0].total == 0
        assert worst[False][1] == 0
        # The margin is 2 cm: soft, but the polygon itself is not left.
        assert worst[True][0] > -0.02
        if stream == 'random':
            assert worst[False][0] < -0.05 and worst[True][1] > 2


@pytest.mark.parametrize('name', ROBOTS)
def test_a_robot_outside_its_support_goes_no_further_and_is_not_pushed(
    name: str, built: Built
) -> None:
    collisions = built(name, 'coal')
    contract = standing(collisions.robot.contract)
    robot = SafetyFilter(contract, collisions)
    pitch = [contract.index(f'{side}_ankle_pitch_joint') for side in ('left', 'right')]
    support = Support(contract, collisions.robot, collisions.dynamics(), robot.dt)
    # It leans on its ankles: the feet turn under it, as a fixed base has it.
    out = contract.home.copy()
    out[pitch] = 0.25
    notes = [note for note in robot.reset(out) if note.rule is Rule.SUPPORT]
    support.stand(out)
    before = float(support.edges(out)[1].min())
    assert before < 0.0
    assert [note.asked for note in notes] == [pytest.approx(before)]
    for _ in range(20):
        assert np.array_equal(robot.step(out).q, out)
    out[pitch] = 0.5
    for _ in range(100):
        step = robot.step(out)
        assert float(support.edges(step.q)[1].min()) > before - 2e-3
    assert any(note.rule is Rule.SUPPORT for note in step.interventions)
    for _ in range(200):
        robot.step(contract.home, np.zeros(contract.n))
    assert robot.q == pytest.approx(contract.home, abs=1e-3)


def test_a_soft_row_gives_way_at_its_price() -> None:
    # min (x - 3)^2 + P s^2 with x <= 1 + s, |x| <= 10: x = (3 + P) / (1 + P).
    soft = InequalityConstraints(np.array([[1.0]]), np.array([1.0]), np.zeros(1, np.intp))
    wide = np.array([10.0])
    x = closest_softly(None, soft, np.array([3.0]), -wide, wide)
    assert x[0] == pytest.approx((3.0 + SLACK_PRICE) / (1.0 + SLACK_PRICE), rel=1e-9)
    # A hard row that excludes it, and a box that does: there is a solution all the same.
    hard = InequalityConstraints(np.array([[-1.0]]), np.array([-2.0]), np.zeros(1, np.intp))
    assert closest_softly(hard, soft, np.array([3.0]), -wide, wide)[0] == pytest.approx(2.0)
    box = np.array([5.0]), np.array([6.0])
    assert closest_softly(None, soft, np.array([5.5]), *box)[0] == pytest.approx(5.0)
    assert closest_softly(hard, soft, np.array([0.0]), -wide, np.array([1.0])) is None


@pytest.mark.parametrize('name', [pytest.param(r, marks=BACKENDS[1].marks) for r in ROBOTS])
def test_both_back_ends_reshape_the_same(name: str, built: Built) -> None:
    one, other = built(name, 'coal'), built(name, 'numba')
    contract = standing(one.robot.contract)
    assert reshaped_alike(contract, one, other, 100, Rule.SUPPORT) > 20


def test_the_hull_of_points() -> None:
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0.5, 0.5], [0.5, 0.0], [1, 1]], float)
    assert hull(square).tolist() == [[0, 0], [1, 0], [1, 1], [0, 1]]
    with pytest.raises(SafetyError, match='2 points span no polygon'):
        hull(square[:2])


@pytest.mark.parametrize(
    ('keys', 'words'),
    [
        ('{feet: [left_fot_link]}', ['safety.support', 'did you mean "left_foot_link"']),
        ('{margin: 0.01}', ['either feet, or a frame with a polygon']),
        ('{feet: [left_foot_link], frame: pelvis}', ['either feet, or a frame with a polygon']),
        ('{frame: pelvis}', ['either feet, or a frame with a polygon']),
        ('{frame: pelvis, polygon: [[0, 0], [1, 0]]}', ['three corners or more']),
        ('{feet: [left_foot_link], margin: -1}', ['safety.support.margin']),
        ('{foot: [left_foot_link]}', ['did you mean "feet"']),
    ],
)
def test_a_wrong_key_of_the_support_says_what_it_could_be(
    contract: Contract, keys: str, words: list[str]
) -> None:
    text = contract.text.replace('safety:\n', f'safety:\n  support: {keys}\n', 1)
    with pytest.raises(ContractError) as caught:
        loads(text, Path('robot.yaml'), contract.urdf_text)
    for word in words:
        assert word in str(caught.value)


def test_a_foot_without_a_shape_is_refused(contract: Contract, built: Built) -> None:
    collisions = built('imi_humanoid', 'coal')
    with pytest.raises(SafetyError, match='"left_tool_link" has no <collision> element'):
        SafetyFilter(standing(contract, feet=('left_foot_link', 'left_tool_link')), collisions)
