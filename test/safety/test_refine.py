# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`safety.refine`: near links are judged by their hulls, the promises stay."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pinocchio as pin
import pytest
from safety_parts import BACKENDS, Built

from imitation_ros.contract import Contract, loads
from imitation_ros.errors import ContractError, SafetyError
from imitation_ros.evaluation.safety.streams import all_streams
from imitation_ros.evaluation.safety.trial import judge
from imitation_ros.kinematics.model import RobotModel
from imitation_ros.safety import backends
from imitation_ros.safety.backend import Backend
from imitation_ros.safety.certificate import BrakeCertificate
from imitation_ros.safety.filter import SafetyFilter
from imitation_ros.safety.geometry import shapes
from imitation_ros.safety.proximity import Proximity

Array = np.ndarray
Refined = Callable[[str, str], Backend]
ROBOTS = ['imi_humanoid', 'unitree_g1']
BOTH = [pytest.param(name, marks=BACKENDS[1].marks) for name in ROBOTS]


def with_refine(contract: Contract, refine: object = 'auto') -> Contract:
    return replace(contract, safety=contract.safety.model_copy(update={'refine': refine}))


@pytest.fixture(scope='module')
def refined(built: Built) -> Refined:
    """Distances of a robot whose near links are refined, each built once."""
    made: dict[tuple[str, str], Backend] = {}

    def build(name: str, backend: str) -> Backend:
        if (name, backend) not in made:
            contract = with_refine(built(name, backend).robot.contract)
            made[name, backend] = backends.build(RobotModel(contract), backend)
        return made[name, backend]

    return build


def poses(contract: Contract, rng: np.random.Generator, count: int, share: float = 0.35) -> Array:
    """Around home, within a share of the range."""
    limits = contract.limits
    half = 0.5 * share * (limits.upper - limits.lower)
    q = rng.uniform(contract.home - half, contract.home + half, (count, contract.n))
    return np.clip(q, limits.lower, limits.upper)


@pytest.mark.parametrize('name', ROBOTS)
def test_hulls_are_no_further_than_meshes(
    name: str, refined: Refined, rng: np.random.Generator
) -> None:
    collisions = refined(name, 'coal')
    robot, refine = collisions.robot, collisions.geometry.refinement
    meshes = shapes.read(robot.contract, robot.model)
    places: dict[str, list[int]] = {}
    for i, item in enumerate(meshes.geometryObjects):
        places.setdefault(robot.model.frames[item.parentFrame].name, []).append(i)
    data, checked = robot.model.createData(), 0
    for q in poses(robot.contract, rng, 4):
        distance = refine.some_distances(q[refine.order], np.arange(len(refine.links)))
        near = np.argsort(distance)[:6]
        pairs = [
            (number, pin.CollisionPair(i, k))
            for number in near
            for i in places[refine.links[number][0]]
            for k in places[refine.links[number][1]]
        ]
        for _, pair in pairs:
            meshes.addCollisionPair(pair)
        results = pin.GeometryData(meshes)
        pin.computeDistances(robot.model, data, meshes, results, q[refine.order])
        for (number, _), result in zip(pairs, results.distanceResults, strict=True):
            # Both are signed; meshes that cross have no depth.
            assert distance[number] <= max(result.min_distance, 0.0) + 1e-9
            checked += 1
        meshes.removeAllCollisionPairs()
    assert checked >= 24


@pytest.mark.parametrize('name', ROBOTS)
def test_fewer_poses_are_refused_wrongly(
    name: str, refined: Refined, rng: np.random.Generator
) -> None:
    collisions = refined(name, backends.choose('auto'))
    refine, contract = collisions.geometry.refinement, collisions.robot.contract
    needed = contract.safety.self_collision_distance + contract.safety.certificate_margin
    free = capsules = hulls = 0
    for q in poses(contract, rng, 150):
        distance = collisions.capsule_distances(q)
        every = refine.some_distances(q[refine.order], np.arange(len(refine.links)))
        best = np.maximum(distance, np.where(refine.pair >= 0, every[refine.pair], -np.inf))
        found = collisions.distances(q)
        assert (found <= best + 1e-6).all() and (found >= distance).all()
        if best.min() >= needed:
            free += 1
            capsules += distance.min() < needed
            hulls += found.min() < needed
    assert free > 40
    assert capsules > 0.1 * free
    assert hulls <= 0.05 * free


@pytest.mark.parametrize('name', ROBOTS)
def test_no_distance_falls_faster_than_its_reach(
    name: str, refined: Refined, rng: np.random.Generator
) -> None:
    collisions = refined(name, 'coal')
    refine, contract = collisions.geometry.refinement, collisions.robot.contract
    every = np.arange(len(refine.links))
    tightest = 0.0
    for q in poses(contract, rng, 10, 0.6):
        step = rng.normal(size=contract.n) * 0.02
        before = refine.some_distances(q[refine.order], every)
        after = refine.some_distances((q + step)[refine.order], every)
        apart = (before > 0.0) & (after > 0.0)
        ratio = np.abs(after - before)[apart] / (refine.rate_bounds @ np.abs(step))[apart]
        tightest = max(tightest, float(ratio.max()))
    assert 0.2 < tightest <= 1.0


@pytest.mark.parametrize('mode', ['project', 'path'])
@pytest.mark.parametrize('name', ROBOTS)
def test_any_stream_keeps_its_distance_by_hulls(
    name: str, mode: str, refined: Refined, backend: str
) -> None:
    collisions = refined(name, backend)
    contract = collisions.robot.contract
    contract = replace(contract, safety=contract.safety.model_copy(update={'mode': mode}))
    for stream in ('random', 'attack', 'garbage') if mode == 'project' else ('attack',):
        robot = SafetyFilter(contract, collisions)
        robot.reset(contract.home)
        ask = all_streams(contract, collisions, 6)[stream]
        path = [robot.q]
        for tick in range(60):
            path.append(robot.step(*ask(tick, robot.q)).q)
        # Wherever it stops braking, too: what is certified is the whole way.
        path.append(robot.rest)
        assert judge(contract, collisions, path[:-1])[0].total == 0
        assert collisions.distances(path[-1]).min() >= contract.safety.self_collision_distance


@pytest.mark.parametrize('name', BOTH)
def test_both_back_ends_judge_by_the_same_hulls(name: str, refined: Refined) -> None:
    one, other = refined(name, 'coal'), refined(name, 'numba')
    contract = one.robot.contract
    leader, follower = SafetyFilter(contract, one), SafetyFilter(contract, other)
    for stream in ('random', 'attack'):
        ask = all_streams(contract, one, 2)[stream]
        for tick in range(60):
            follower.q, follower.v = leader.q, leader.v
            asked = ask(tick, leader.q)
            first, second = leader.step(*asked), follower.step(*asked)
            assert second.q == pytest.approx(first.q, abs=1e-7), (stream, tick)
            assert [(n.rule, n.subject) for n in second.interventions] == [
                (n.rule, n.subject) for n in first.interventions
            ], (stream, tick)


def test_hulls_stand_in_for_capsules_all_along_the_braking(
    refined: Refined, built: Built, rng: np.random.Generator
) -> None:
    # Brute force: at every set-point of the braking either hulls or capsules are far enough.
    collisions, plain = refined('unitree_g1', 'coal'), built('unitree_g1', 'coal')
    contract, refine = collisions.robot.contract, collisions.geometry.refinement
    robot = SafetyFilter(contract, collisions)
    capsules = BrakeCertificate(robot.box, plain.geometry, plain)
    certificate = collisions.certificate(robot.box)
    needed = np.full(len(collisions), robot.needed)
    helped = refused = 0
    for q in poses(contract, rng, 250, 0.5):
        if collisions.distances(q).min() < robot.needed or (helped > 8 and refused > 8):
            continue
        x = rng.uniform(-1.0, 1.0, contract.n) * contract.limits.velocity
        bounds = robot._query.velocity_bounds(q, 0.0 * x, q, None)
        unknown = np.full(len(collisions), np.inf)
        distance, none = collisions.distances(q), np.zeros(0, np.intp)
        proximity = Proximity(x, distance, unknown, None, False, none, None)
        bare = proximity._replace(distance=plain.distances(q))
        verdict = certificate.refused(q, x, bounds, proximity, needed)
        helped += verdict is None and capsules.refused(q, x, bounds, bare, needed) is not None
        refused += verdict is not None
        if verdict is not None:
            continue
        while x.any():
            q = q + robot.dt * x
            distance = collisions.capsule_distances(q)
            near = np.unique(refine.pair[distance < robot.needed])
            assert (near >= 0).all()
            assert (refine.some_distances(q[refine.order], near) >= robot.needed).all()
            x = robot.box.brake(x)
    assert helped > 5 and refused > 5


def test_only_the_pairs_that_are_named_are_refined(built: Built) -> None:
    contract = built('imi_humanoid', 'coal').robot.contract
    links = built('imi_humanoid', 'coal').links[0]
    collisions = backends.build(RobotModel(with_refine(contract, (links,))), 'coal')
    assert collisions.geometry.refinement.links == (tuple(sorted(links)),)
    mine = np.array([set(pair) == set(links) for pair in collisions.links])
    assert np.array_equal(collisions.geometry.refinement.pair >= 0, mine)
    unknown = (('left_hand_link', 'left_hand_link'),)
    with pytest.raises(SafetyError, match='left_hand_link is no watched pair of links'):
        backends.build(RobotModel(with_refine(contract, unknown)), 'coal')


@pytest.mark.parametrize(
    ('keys', 'words'),
    [
        ('[[left_hnd_link, pelvis]]', ['safety.refine', 'did you mean "left_hand_link"']),
        ('always', ['safety.refine', "'auto'"]),
    ],
)
def test_a_wrong_pair_to_refine_says_what_it_could_be(
    contract: Contract, keys: str, words: list[str]
) -> None:
    text = contract.text.replace('safety:\n', f'safety:\n  refine: {keys}\n', 1)
    with pytest.raises(ContractError) as caught:
        loads(text, Path('robot.yaml'), contract.urdf_text)
    for word in words:
        assert word in str(caught.value)
