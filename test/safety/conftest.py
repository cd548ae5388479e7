# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the safety tests: collision models are slow to build, so they are shared."""

import pytest

from imitation_ros.contract import Contract, load
from imitation_ros.kinematics.model import RobotModel
from imitation_ros.safety.collisions import SelfCollision


@pytest.fixture(scope='session')
def collisions(contract: Contract) -> SelfCollision:
    return SelfCollision(RobotModel(contract))


@pytest.fixture(scope='session')
def g1() -> Contract:
    pytest.importorskip('pinocchio')
    from imitation_ros.errors import ContractError

    try:
        return load('unitree_g1')
    except ContractError as error:
        pytest.skip(f'example-robot-data is not installed: {error}')


@pytest.fixture(scope='session')
def g1_collisions(g1: Contract) -> SelfCollision:
    return SelfCollision(RobotModel(g1))
