# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the tests of bags."""

from pathlib import Path
from typing import Any

from bag_maker import BagMaker, Entry, Messages, small_robot
import pytest

from imitation_ros.contract import Contract


@pytest.fixture(scope='session')
def robot(contract: Contract) -> Contract:
    """Our humanoid with one compressed camera and one raw one, so that bags stay small."""
    return small_robot(contract)


@pytest.fixture(scope='session')
def messages(robot: Contract) -> Messages:
    return Messages(robot)


@pytest.fixture(scope='session')
def maker(robot: Contract, messages: Messages) -> BagMaker:
    return BagMaker(robot, messages)


@pytest.fixture(scope='session')
def good_script(maker: BagMaker) -> list[Entry]:
    return maker.script()


@pytest.fixture(scope='session')
def good_bag(maker: BagMaker, good_script: list[Entry], tmp_path_factory: Any) -> Path:
    """A healthy bag of two seconds; copy it before changing it."""
    return maker(tmp_path_factory.mktemp('session') / 'pick_0001', good_script)
