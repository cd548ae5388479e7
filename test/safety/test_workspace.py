# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Workspace shapes and the cap on the tools' speed, under the same certificate."""

from dataclasses import replace
from typing import Any

from hypothesis import given, HealthCheck, settings
from hypothesis import strategies as st
import numpy as np
from pydantic import ValidationError
import pytest

from imitation_ros.contract import Contract, Obstacle
from imitation_ros.errors import SafetyError
from imitation_ros.evaluation.safety.streams import all_streams
from imitation_ros.kinematics.model import RobotModel
from imitation_ros.safety import backends
from imitation_ros.safety.backend import Backend
from imitation_ros.safety.filter import SafetyFilter
from imitation_ros.safety.intervention import Rule

WALL = Obstacle(name='wall', shape='plane', position=(0.45, 0.0, 0.0), normal=(-2.0, 0.0, 0.0))
TABLE = Obstacle(name='table', shape='box', position=(0.4, 0.0, -0.02), size=(0.3, 1.0, 0.04))
LAMP = Obstacle(name='lamp', shape='sphere', position=(0.3, 0.25, 0.75), radius=0.1)
CAP = 0.25


def changed(contract: Contract, **safety: Any) -> Contract:
    return replace(contract, safety=contract.safety.model_copy(update=safety))


@pytest.fixture(scope='module')
def furnished(contract: Contract, backend: str) -> Backend:
    model = RobotModel(changed(contract, workspace=(WALL, TABLE, LAMP)))
    return backends.build(model, backend)


def outside(obstacle: Obstacle, points: np.ndarray) -> np.ndarray:
    """Signed distance of points, shape (m, 3), to an obstacle: written down anew."""
    away = points - obstacle.position
    if obstacle.normal is not None:
        return away @ np.array(obstacle.normal) / np.linalg.norm(obstacle.normal)
    if obstacle.radius is not None:
        return np.linalg.norm(away, axis=1) - obstacle.radius
    beyond = np.abs(away) - 0.5 * np.array(obstacle.size)
    return np.linalg.norm(np.maximum(beyond, 0), axis=1) + np.minimum(beyond.max(axis=1), 0)


def test_distances_are_those_of_points_along_the_capsule(
    furnished: Backend, rng: np.random.Generator
) -> None:
    robot = furnished.robot
    limits, share = robot.contract.limits, np.linspace(0.0, 1.0, 400)[:, None]
    checked = 0
    for q in rng.uniform(limits.lower, limits.upper, (6, robot.contract.n)):
        distance = furnished.distances(q)
        for obstacle in (WALL, TABLE, LAMP):
            for link, capsules in furnished.geometry.capsules.links.items():
                numbers = [i for i, n in enumerate(furnished.links) if n == (link, obstacle.name)]
                if not numbers:
                    continue
                pose = robot.placement(q, link)
                for i, one in zip(numbers, capsules, strict=True):
                    start, end = pose.act(one.start), pose.act(one.end)
                    along = outside(obstacle, start + share * (end - start))
                    expected = along.min() - one.radius
                    if along.min() < 1e-3 and obstacle.size is not None:
                        # Inside a box back ends differ in depth, not in sign.
                        assert distance[i] < 1e-3 - one.radius + 1e-3
                    else:
                        assert distance[i] == pytest.approx(expected, abs=1e-3)
                    checked += 1
    assert checked > 100


def test_gradients_to_the_workspace_are_finite_differences(
    furnished: Backend, rng: np.random.Generator
) -> None:
    limits, h = furnished.robot.contract.limits, 1e-6
    numbers = np.array(
        [i for i, names in enumerate(furnished.links) if names[1] in ('wall', 'table', 'lamp')]
    )
    middle = 0.5 * (limits.lower + limits.upper)
    for q in rng.uniform(limits.lower, limits.upper, (4, len(middle))):
        near = furnished.distances(q)[numbers] > 1e-3
        gradient = furnished.gradients(q, numbers)
        for i in range(len(q)):
            step = np.zeros_like(q)
            step[i] = h
            ahead, behind = furnished.distances(q + step), furnished.distances(q - step)
            slope = (ahead - behind)[numbers] / (2 * h)
            # At the ends of a segment the closest point jumps; coal's boxes are approximate.
            close = np.abs(gradient[:, i] - slope)[near] < 2e-2
            assert close.mean() > 0.97


def test_any_stream_keeps_off_the_workspace(furnished: Backend) -> None:
    contract = furnished.robot.contract
    needed = contract.safety.self_collision_distance
    rules = set()
    for name, stream in all_streams(contract, furnished, 4).items():
        robot = SafetyFilter(contract, furnished)
        robot.reset(contract.home)
        for tick in range(150):
            step = robot.step(*stream(tick, robot.q))
            rules |= {note.rule for note in step.interventions}
            assert furnished.distances(step.q).min() >= needed, (name, tick)
    assert Rule.WORKSPACE in rules


def test_without_the_workspace_the_same_streams_cross_it(
    contract: Contract, furnished: Backend, collisions: Backend
) -> None:
    closest = np.inf
    for stream in all_streams(contract, furnished, 4).values():
        robot = SafetyFilter(contract, collisions)
        robot.reset(contract.home)
        path = [robot.step(*stream(tick, robot.q)).q for tick in range(150)]
        closest = min(closest, *(furnished.distances(q).min() for q in path))
    assert closest < 0.0


@pytest.mark.parametrize(
    'keys',
    [
        {'shape': 'plane'},
        {'shape': 'box', 'radius': 0.1},
        {'shape': 'sphere', 'radius': 0.1, 'size': (1.0, 1.0, 1.0)},
        {'shape': 'plane', 'normal': (0.0, 0.0, 0.0)},
        {'shape': 'cone', 'radius': 0.1},
        {'shape': 'sphere', 'radius': -0.1},
    ],
)
def test_a_shape_that_is_not_whole_is_refused(keys: Any) -> None:
    with pytest.raises(ValidationError):
        Obstacle(name='thing', **keys)


def fastest(robot: SafetyFilter, path: list[np.ndarray]) -> float:
    model = robot.backend.robot
    places = np.array(
        [[model.placement(q, tool).translation for tool in robot.contract.tools] for q in path]
    )
    return float(np.linalg.norm(np.diff(places, axis=0), axis=2).max() / robot.dt)


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 2**31 - 1),
    name=st.sampled_from(['random', 'attack', 'edge', 'garbage']),
    mode=st.sampled_from(['project', 'path']),
    ticks=st.integers(1, 90),
)
def test_tools_keep_their_speed_in_any_stream_and_while_braking(
    contract: Contract, collisions: Backend, seed: int, name: str, mode: str, ticks: int
) -> None:
    robot = SafetyFilter(changed(contract, tool_speed=CAP, mode=mode), collisions)
    robot.reset(contract.home)
    stream = all_streams(contract, collisions, seed)[name]
    path = [robot.q]
    for tick in range(ticks):
        path.append(robot.step(*stream(tick, robot.q)).q)
    while not robot.at_rest:
        path.append(robot.step(None).q)
    assert fastest(robot, path) <= CAP * (1 + 1e-9)
    assert min(collisions.distances(q).min() for q in path) >= 0.01


def test_tools_are_slowed_and_said_to_be_but_not_stopped(
    contract: Contract, collisions: Backend
) -> None:
    speeds, rules = {}, set()
    for cap in (None, CAP):
        robot = SafetyFilter(changed(contract, tool_speed=cap), collisions)
        robot.reset(contract.home)
        stream = all_streams(contract, collisions, 1)['random']
        path = [robot.q]
        for tick in range(200):
            step = robot.step(*stream(tick, robot.q))
            rules |= {note.rule for note in step.interventions} if cap else set()
            path.append(step.q)
        speeds[cap] = fastest(robot, path)
    assert speeds[None] > 2 * CAP
    assert 0.7 * CAP < speeds[CAP] <= CAP
    assert Rule.TOOL_SPEED in rules


def test_a_cap_without_tools_is_refused(contract: Contract, collisions: Backend) -> None:
    with pytest.raises(SafetyError, match='names no tools'):
        SafetyFilter(replace(changed(contract, tool_speed=CAP), tools=()), collisions)
