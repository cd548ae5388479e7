# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Distances, gradients and bounds: two robots, two back ends, one set of tests."""

import numpy as np
import pytest
from safety_parts import Built

from imitation_ros.contract import Contract
from imitation_ros.safety.backend import Backend


def poses(contract: Contract, rng: np.random.Generator, count: int) -> np.ndarray:
    return rng.uniform(contract.limits.lower, contract.limits.upper, (count, contract.n))


@pytest.fixture(params=['imi_humanoid', 'unitree_g1'])
def robot(request: pytest.FixtureRequest, built: Built, backend: str) -> Backend:
    return built(request.param, backend)


def test_watches_every_pair_of_links_that_is_not_adjacent(collisions: Backend) -> None:
    assert len(collisions) > 200
    assert ('torso_link', 'left_hand_link') in collisions.links
    assert ('left_hand_link', 'right_hand_link') in collisions.links
    assert collisions.geometry.skipped == ()


def test_reports_what_touches_at_home(g1_collisions: Backend) -> None:
    assert [
        (set(pair.links), 'at home' in pair.reason) for pair in g1_collisions.geometry.skipped
    ] == [({'pelvis_contour_link', 'torso_link'}, True)]


@pytest.mark.parametrize('name', ['imi_humanoid', 'unitree_g1'])
def test_views_equal_the_api_and_the_loop(
    name: str, built: Built, rng: np.random.Generator
) -> None:
    robot = built(name, 'coal')
    coal_backend = robot
    assert coal_backend.batched, 'the memory layout of coal changed: the loop is 3 times slower'
    view = coal_backend._view
    try:
        for q in poses(robot.robot.contract, rng, 20):
            fast = robot.distances(q)
            coal_backend._view = None
            slow = coal_backend._read()[:, 0]
            coal_backend._view = view
            assert np.array_equal(fast, slow)
            results = coal_backend._results.distanceResults
            api = np.array([results[i].min_distance for i in range(len(robot))])
            assert fast == pytest.approx(api, abs=1e-9)
            chosen = np.arange(0, len(robot), 7)
            some = coal_backend.some_distances(q[robot.geometry.order], chosen)
            assert some == pytest.approx(fast[chosen], abs=1e-12)
    finally:
        coal_backend._view = view


def test_gradients_are_finite_differences_with_the_sign_of_penetration(
    robot: Backend, rng: np.random.Generator
) -> None:
    h, everything = 3e-4, np.arange(len(robot))
    penetrating = 0
    for q in poses(robot.robot.contract, rng, 8):
        distance = robot.distances(q).copy()
        gradient = robot.gradients(q, everything)
        for i in range(robot.robot.contract.n):
            step = np.zeros_like(q)
            step[i] = h
            ahead, behind = robot.distances(q + step).copy(), robot.distances(q - step).copy()
            one_sided = (ahead - distance) / h, (distance - behind) / h
            # Where an edge gives way to a face the gradient jumps: it lies between the sides.
            low, high = np.minimum(*one_sided), np.maximum(*one_sided)
            assert (gradient[:, i] >= low - 0.03).all()
            assert (gradient[:, i] <= high + 0.03).all()
        penetrating += int((distance < -0.002).sum())
    assert penetrating > 4


def test_reach_bounds_every_change(robot: Backend, rng: np.random.Generator) -> None:
    contract = robot.robot.contract
    everything = np.arange(len(robot))
    for q, other in zip(poses(contract, rng, 40), poses(contract, rng, 40), strict=True):
        before = robot.distances(q).copy()
        assert (np.abs(robot.gradients(q, everything)) <= robot.geometry.rate_bounds + 1e-9).all()
        other = q + 0.3 * (other - q)
        change = np.abs(robot.distances(other) - before)
        assert (change <= robot.geometry.rate_bounds @ np.abs(other - q) + 1e-5).all()


def test_known_distance(built: Built, backend: str, contract: Contract) -> None:
    # Shoulders are spheres of radius 0.055 m, held as such: 0.4 m apart whatever the arms do.
    collisions = built('imi_humanoid', backend)
    pair = next(
        i
        for i, links in enumerate(collisions.links)
        if set(links) == {'left_shoulder_roll_link', 'right_shoulder_roll_link'}
    )
    robot = collisions.robot
    left, right = (
        robot.placement(contract.home, f'{side}_shoulder_roll_link').translation
        for side in ('left', 'right')
    )
    expected = np.linalg.norm(left - right) - 2 * 0.055
    assert collisions.distances(contract.home)[pair] == pytest.approx(expected, abs=1e-12)


def test_the_second_finger_follows_the_first(collisions: Backend, contract: Contract) -> None:
    pair = next(
        i
        for i, links in enumerate(collisions.links)
        if set(links) == {'left_finger2_link', 'right_finger2_link'}
    )
    gradient = collisions.gradients(contract.home, np.arange(len(collisions)))[pair]
    collisions.distances(contract.home)
    assert collisions.geometry.rate_bounds[pair][contract.index('left_gripper_joint')] == 1.0
    assert abs(gradient[contract.index('left_gripper_joint')]) <= 1.0
