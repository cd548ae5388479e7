# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The pairs that are watched are those that are said to be, on every robot at hand."""

from pathlib import Path
import re
from typing import Any
from xml.etree import ElementTree

import coal
import numpy as np
import pinocchio as pin
import pytest
from safety_parts import Built
import yaml

from imitation_ros import resources
from imitation_ros.contract import Contract, loads
from imitation_ros.errors import ImitationError
from imitation_ros.kinematics.model import RobotModel
from imitation_ros.safety import backends
from imitation_ros.safety.backend import Backend
from imitation_ros.safety.filter import SafetyFilter
from imitation_ros.safety.geometry import pairs

FOLDERS = [
    folder for folder in resources.share_folders() if folder.parent.name == 'example-robot-data'
]
URDFS = sorted({urdf for folder in FOLDERS for urdf in folder.glob('**/*.urdf')})


def generated(urdf: Path) -> Contract:
    """A contract of all joints of a URDF that turn or slide within limits."""
    joints = [
        str(joint.get('name'))
        for joint in ElementTree.parse(urdf).getroot().findall('joint')
        if joint.get('type') in ('revolute', 'prismatic') and joint.find('mimic') is None
    ]
    name = 'r_' + re.sub('[^a-z0-9]', '_', urdf.stem.lower())
    output = {'topic': '/all/joint_trajectory'}
    values: dict[str, Any] = {
        'name': name,
        'urdf': str(urdf),
        'rates': {'policy_hz': 25.0, 'command_hz': 100.0},
        'joint_states': {'topic': '/joint_states', 'rate_hz': 200.0, 'max_age_s': 0.06},
        'groups': [{'name': 'all', 'joints': joints, 'output': output}],
    }
    return loads(yaml.safe_dump(values), urdf.with_suffix('.yaml'))


def check(robot: RobotModel, model: Any, skipped: tuple[pairs.SkippedPair, ...]) -> int:
    """Watched is all that can be, less what is said not to be; how many pairs are left out."""
    items, left_out = model.geometryObjects, {frozenset(pair.links) for pair in skipped}
    watched = {(pair.first, pair.second) for pair in model.collisionPairs}
    wanted, dropped = set(), 0
    for i in range(len(items)):
        for k in range(i + 1, len(items)):
            one, other = items[i], items[k]
            chains = (pairs.chain(robot.model, each.parentJoint) for each in (one, other))
            near = len(set(next(chains)) ^ set(next(chains))) <= pairs.MAX_ADJACENT_JOINTS
            if one.parentJoint == other.parentJoint or (near and other.parentFrame):
                continue
            if {pairs.link(robot.model, one), pairs.link(robot.model, other)} in left_out:
                dropped += 1
            else:
                wanted.add((i, k))
    assert watched == wanted
    return dropped


@pytest.mark.parametrize('robot', ['imi_humanoid', 'unitree_g1'])
def test_shipped_robots_watch_what_they_say(built: Built, robot: str, g1: Contract) -> None:
    collisions = built(robot, backends.choose('auto'))
    check(collisions.robot, collisions.geometry.shapes, collisions.geometry.skipped)
    skipped = {frozenset(pair.links) for pair in collisions.geometry.skipped}
    assert not skipped & {frozenset(links) for links in collisions.links}


@pytest.mark.parametrize('urdf', URDFS, ids=lambda urdf: urdf.stem)
def test_other_robots_watch_what_they_say(urdf: Path) -> None:
    """With a ball at every link: many touch at home, on every robot."""
    try:
        robot = RobotModel(generated(urdf))
    except (ImitationError, ValueError) as error:
        pytest.skip(f'no contract can be made of it: {str(error).splitlines()[0]}')
    dropped = 0
    for radius in (0.02, 0.05, 0.1, 0.2):
        model = pin.GeometryModel()
        for number, frame in enumerate(robot.model.frames):
            if number and frame.type == pin.FrameType.BODY:
                ball = coal.Sphere(radius)
                model.addGeometryObject(
                    pin.GeometryObject(
                        frame.name, frame.parentJoint, number, frame.placement, ball
                    )
                )
        dropped += check(robot, model, pairs.choose(robot, model))
    if len(robot.model.names) > 8:
        assert dropped, 'a test in which nothing is left out tests nothing'


def returns_home(contract: Contract, collisions: Backend, poses: int) -> None:
    """From where the filter stops on its way to random poses, home is reached again."""
    safety_filter, rng = SafetyFilter(contract, collisions), np.random.default_rng(3)
    limits = contract.limits
    for _ in range(poses):
        goal = rng.uniform(limits.lower, limits.upper)
        for _ in range(300):
            safety_filter.step(goal)
        assert np.abs(safety_filter.q - contract.home).max() > 0.2
        for _ in range(1500):
            safety_filter.step(contract.home)
        assert safety_filter.q == pytest.approx(contract.home, abs=1e-3)


@pytest.mark.parametrize('robot', ['imi_humanoid', 'unitree_g1'])
def test_home_is_reached_again(built: Built, contract: Contract, g1: Contract, robot: str) -> None:
    collisions = built(robot, backends.choose('auto'))
    returns_home(contract if robot == 'imi_humanoid' else g1, collisions, 3)


@pytest.mark.slow
def test_a_hand_whose_links_touch_at_home_gets_home() -> None:
    found = [urdf for urdf in URDFS if urdf.stem == 'allegro_left_hand']
    if not found:
        pytest.skip('example-robot-data is not installed')
    contract = generated(found[0])
    collisions = backends.build(RobotModel(contract), 'coal')
    assert check(collisions.robot, collisions.geometry.shapes, collisions.geometry.skipped) > 10
    returns_home(contract, collisions, 2)
