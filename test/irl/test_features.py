# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Named features: what they measure, and what is said of their weights."""

import numpy as np
from numpy.typing import NDArray
import pytest

from imitation_ros.contract import Contract
from imitation_ros.data.observation import ObservationSpec
from imitation_ros.errors import TrainingError
from imitation_ros.irl.maxent.features import Feature, Features, Place, sentences
from imitation_ros.irl.reward import rank_correlation

STEPS = 12
Array = NDArray[np.float64]


@pytest.fixture(scope='module')
def spec(contract: Contract) -> ObservationSpec:
    joints = contract.group('right_arm').joints
    return ObservationSpec(joints, False, ('object',), (), 1, 25.0, 4, 4)


@pytest.fixture(scope='module')
def features(contract: Contract, spec: ObservationSpec) -> Features:
    return Features(contract, spec, Place(np.array([0.0, 0.0, 0.12]), relative=True))


def _states(spec: ObservationSpec, q: Array, pose: Array) -> Array:
    """State histories of joints (T, k) and poses x y z and quaternion (T, 7)."""
    rows = spec.states(q, np.zeros_like(q), {'object': pose})
    return np.asarray(rows, dtype=np.float64)[:, None]


def _value(features: Features, name: str, states: Array, actions: Array) -> Array:
    names = [feature.name for feature in features.names]
    return features(states, actions)[:, names.index(name)]


def _still(contract: Contract, spec: ObservationSpec) -> tuple[Array, Array]:
    home = contract.home[spec.indices(contract)]
    pose = np.array([0.4, 0.0, 0.08, 0.0, 0.0, 0.0, 1.0])
    return np.tile(home, (STEPS, 1)), np.tile(pose, (STEPS, 1))


def test_a_still_robot_has_no_effort_speed_or_jerk(
    features: Features, contract: Contract, spec: ObservationSpec
) -> None:
    q, pose = _still(contract, spec)
    states, none = _states(spec, q, pose), np.zeros_like(q)
    for name in ('effort', 'speed', 'jerkiness', 'tilt'):
        np.testing.assert_allclose(_value(features, name, states, none), 0.0, atol=1e-3)
    np.testing.assert_allclose(_value(features, 'goal', states, none), 0.12, atol=1e-6)
    np.testing.assert_allclose(_value(features, 'effort', states, none + 0.1), 0.1, atol=1e-6)


def test_motion_lift_and_tilt_are_measured_in_their_units(
    features: Features, contract: Contract, spec: ObservationSpec
) -> None:
    q, pose = _still(contract, spec)
    period = spec.execute / spec.policy_hz
    moving = q + 0.5 * period * np.arange(STEPS)[:, None]
    pose[:, 2] += np.linspace(0.0, 0.12, STEPS)
    angle = 0.3
    pose[:, 3], pose[:, 6] = np.sin(angle / 2), np.cos(angle / 2)
    states, none = _states(spec, moving, pose), np.zeros_like(q)
    np.testing.assert_allclose(_value(features, 'speed', states, none), 0.5, atol=1e-4)
    # A steady motion is no jerk; a command that alternates is one, of 4 a / period^2.
    np.testing.assert_allclose(_value(features, 'jerkiness', states, none), 0.0, atol=1e-3)
    sign = 0.01 * (-1.0) ** np.arange(STEPS)[:, None] * np.ones_like(q)
    jerky = _value(features, 'jerkiness', states, sign)[1:-1]
    np.testing.assert_allclose(jerky, 4 * 0.01 / period**2, rtol=1e-3)
    goal = _value(features, 'goal', states, none)
    np.testing.assert_allclose(goal, np.linspace(0.12, 0.0, STEPS), atol=1e-6)
    np.testing.assert_allclose(_value(features, 'tilt', states, none), angle, atol=1e-3)


def test_an_arm_near_the_body_is_close_and_one_at_home_is_not(
    features: Features, contract: Contract, spec: ObservationSpec
) -> None:
    q, pose = _still(contract, spec)
    none = np.zeros_like(q)
    home = _value(features, 'closeness', _states(spec, q, pose), none)
    np.testing.assert_array_equal(home, 0.0)
    joint = spec.joints.index('right_shoulder_roll_joint')
    inward = q.copy()
    inward[:, joint] += np.linspace(0.0, 1.2, STEPS)
    outward = q.copy()
    outward[:, joint] -= np.linspace(0.0, 0.3, STEPS)
    worst = [
        _value(features, 'closeness', _states(spec, way, pose), none).max()
        for way in (inward, outward)
    ]
    assert max(worst) > 0.5 > min(worst)


def test_where_an_object_is_left_is_told_from_the_demonstrations() -> None:
    rng = np.random.default_rng(0)
    begins = rng.uniform(-0.1, 0.1, (8, 3))
    lifted = Place.of(begins, begins + np.array([0.0, 0.0, 0.12]))
    assert lifted.relative
    np.testing.assert_allclose(lifted.position, (0.0, 0.0, 0.12), atol=1e-9)
    brought = Place.of(begins, np.tile([0.4, 0.0, 0.0], (8, 1)))
    assert not brought.relative
    way = np.array([[0.1, 0.0, 0.0], [0.4, 0.0, 0.0]])
    np.testing.assert_allclose(brought.distance(way), (0.3, 0.0), atol=1e-9)


def test_every_weight_gets_its_sentence() -> None:
    names = [
        Feature('effort', 'rad', 'commands far ahead of the joints'),
        Feature('speed', 'rad/s', 'fast joints'),
        Feature('closeness', '1', 'arms near the body'),
    ]
    found = sentences(
        names, np.array([-1.0, 0.7, 0.1]), np.array([0.1, 0.1, 0.3]), np.array([0.02, 0.5, 0.1])
    )
    assert 'effort: the operator avoids commands far ahead' in found[0]
    assert '0.02 rad more of it on average makes a motion 2.72 times rarer' in found[0]
    assert 'accepts or seeks fast joints' in found[1] and 'likelier' in found[1]
    assert 'no preference can be told about arms near the body' in found[2]


def test_objects_need_a_pose(contract: Contract, spec: ObservationSpec) -> None:
    blind = ObservationSpec(spec.joints, False, (), (), 1, 25.0, 4, 4)
    with pytest.raises(TrainingError, match='need a pose'):
        Features(contract, blind, Place(np.zeros(3), relative=False))
    names = [feature.name for feature in Features(contract, blind, None).names]
    assert names == ['effort', 'speed', 'jerkiness', 'closeness']


def test_rank_correlation_is_that_of_spearman() -> None:
    rng = np.random.default_rng(0)
    a = rng.standard_normal(20)
    assert rank_correlation(a, np.exp(a)) == pytest.approx(1.0)
    assert rank_correlation(a, -(a**3)) == pytest.approx(-1.0)
    # By hand: ranks 0 1 2 3 against 0.5 0.5 2.5 2.5.
    assert rank_correlation(np.arange(4.0), np.array([0.0, 0, 1, 1])) == pytest.approx(
        0.8944, abs=1e-4
    )
    assert rank_correlation(a, np.ones(20)) == 0.0
