# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Self-collision distances, gradients and bounds, on our humanoid and on the G1's meshes."""

import coal
import numpy as np
import pinocchio as pin
import pytest

from imitation_ros import resources
from imitation_ros.contract import Contract
from imitation_ros.safety import shapes
from imitation_ros.safety.capsules import Capsule
from imitation_ros.safety.collisions import SelfCollision


def poses(contract: Contract, rng: np.random.Generator, count: int) -> np.ndarray:
    return rng.uniform(contract.limits.lower, contract.limits.upper, (count, contract.n))


@pytest.fixture(params=['imi_humanoid', 'unitree_g1'])
def robot(request: pytest.FixtureRequest) -> SelfCollision:
    name = 'collisions' if request.param == 'imi_humanoid' else 'g1_collisions'
    return request.getfixturevalue(name)


def test_watches_every_pair_of_links_that_is_not_adjacent(collisions: SelfCollision) -> None:
    assert len(collisions) > 200
    assert ('torso_link', 'left_hand_link') in collisions.links
    assert ('left_hand_link', 'right_hand_link') in collisions.links
    assert collisions.skipped == ()


def test_reports_what_touches_at_home(g1_collisions: SelfCollision) -> None:
    assert [(set(pair.links), 'at home' in pair.reason) for pair in g1_collisions.skipped] == [
        ({'pelvis_contour_link', 'torso_link'}, True)
    ]


def test_views_equal_the_api_and_the_loop(robot: SelfCollision, rng: np.random.Generator) -> None:
    assert robot.batched, 'the memory layout of coal changed: the loop is 3 times slower'
    view = robot._view
    try:
        for q in poses(robot.robot.contract, rng, 20):
            fast = robot.distances(q).copy()
            robot._view = None
            slow = robot._signed(robot._read())
            robot._view = view
            assert np.array_equal(fast, slow)
            results = robot._results.distanceResults
            api = np.array([results[i].min_distance for i in range(len(robot))])
            assert fast == pytest.approx(api, abs=1e-5)
    finally:
        robot._view = view


def test_some_distances_equal_all(robot: SelfCollision, rng: np.random.Generator) -> None:
    chosen = np.arange(0, len(robot), 7)
    for q in poses(robot.robot.contract, rng, 20):
        every = robot.distances(q).copy()
        # coal's GJK starts from its last answer: equal to within its tolerance.
        assert robot.some_distances(q[robot.order], chosen) == pytest.approx(
            every[chosen], abs=1e-5
        )


def test_gradients_are_finite_differences_with_the_sign_of_penetration(
    robot: SelfCollision, rng: np.random.Generator
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


def test_reach_bounds_every_change(robot: SelfCollision, rng: np.random.Generator) -> None:
    contract = robot.robot.contract
    everything = np.arange(len(robot))
    for q, other in zip(poses(contract, rng, 40), poses(contract, rng, 40), strict=True):
        before = robot.distances(q).copy()
        assert (np.abs(robot.gradients(q, everything)) <= robot.reach + 1e-9).all()
        other = q + 0.3 * (other - q)
        change = np.abs(robot.distances(other) - before)
        assert (change <= robot.reach @ np.abs(other - q) + 1e-5).all()


def test_known_distance(collisions: SelfCollision, contract: Contract) -> None:
    # Thighs hang straight down at home: hips 2 x 0.11 m apart, cylinders of radius 0.06 m.
    pair = collisions.links.index(('left_thigh_link', 'right_thigh_link'))
    assert collisions.distances(contract.home)[pair] == pytest.approx(0.10, abs=1e-5)


def test_the_second_finger_follows_the_first(
    collisions: SelfCollision, contract: Contract
) -> None:
    pair = next(
        i
        for i, links in enumerate(collisions.links)
        if set(links) == {'left_finger2_link', 'right_finger2_link'}
    )
    gradient = collisions.gradients(contract.home, np.arange(len(collisions)))[pair]
    collisions.distances(contract.home)
    assert collisions.reach[pair][contract.index('left_gripper_joint')] == 1.0
    assert abs(gradient[contract.index('left_gripper_joint')]) <= 1.0


def test_capsules_contain_every_vertex_of_the_mesh(g1_collisions: SelfCollision) -> None:
    robot = g1_collisions.robot
    folders = [str(f) for f in resources.share_folders() if f.is_dir()]
    raw = pin.buildGeomFromUrdfString(
        robot.model, robot.contract.urdf_text, pin.GeometryType.COLLISION, package_dirs=folders
    )
    fitted = {item.name: item for item in g1_collisions.geometry.geometryObjects}
    meshes = 0
    for item in raw.geometryObjects:
        if isinstance(item.geometry, shapes.CONVEX):
            continue
        points, _ = shapes.mesh(item.geometry, item.name)
        points = points @ item.placement.rotation.T + item.placement.translation
        depths = []
        for number in range(3):
            own = fitted.get(f'{item.name}#{number}')
            if own is None:
                continue
            assert isinstance(own.geometry, coal.Capsule)
            tip = own.placement.rotation[:, 2] * own.geometry.halfLength
            center = own.placement.translation
            depths.append(Capsule(center - tip, center + tip, own.geometry.radius).depth(points))
        assert np.max(depths, axis=0).min() >= -1e-12, item.name
        meshes += 1
    assert meshes > 20
