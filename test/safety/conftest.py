# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the safety tests: collision models are slow to build, so they are shared."""

import pytest
from safety_parts import BACKENDS, Built

from imitation_ros.contract import Contract, load
from imitation_ros.kinematics.model import RobotModel
from imitation_ros.safety import backends
from imitation_ros.safety.backend import Backend


@pytest.fixture(scope='session')
def g1() -> Contract:
    pytest.importorskip('pinocchio')
    from imitation_ros.errors import ContractError

    try:
        return load('unitree_g1')
    except ContractError as error:
        pytest.skip(f'example-robot-data is not installed: {error}')


@pytest.fixture(scope='session')
def built(request: pytest.FixtureRequest) -> Built:
    """Distances of a robot by a back end, each built once."""
    made: dict[tuple[str, str], Backend] = {}

    def build(robot: str, backend: str) -> Backend:
        if (robot, backend) not in made:
            fixture = 'contract' if robot == 'imi_humanoid' else 'g1'
            model = RobotModel(request.getfixturevalue(fixture))
            made[robot, backend] = backends.build(model, backend)
        return made[robot, backend]

    return build


@pytest.fixture(scope='session', params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope='session')
def collisions(built: Built) -> Backend:
    """Our humanoid, by the back end that `auto` means here."""
    return built('imi_humanoid', backends.choose('auto'))


@pytest.fixture(scope='session')
def g1_collisions(built: Built, g1: Contract) -> Backend:
    return built('unitree_g1', backends.choose('auto'))
