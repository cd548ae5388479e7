# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The simulated robot itself keeps its distances, or the supervisor latches at once."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from imitation_ros.contract import Contract
from imitation_ros.evaluation.clearance import free, watch
from imitation_ros.evaluation.safety.streams import all_streams
from imitation_ros.safety.filter import SafetyFilter
from imitation_ros.sim.robot import SimRobot

pytestmark = pytest.mark.sim


@pytest.fixture
def sim(contract: Contract) -> Iterator[SimRobot]:
    robot = SimRobot(contract, 'reach', renderer=None)
    yield robot
    robot.close()


@pytest.fixture(scope='module')
def safety_filter(contract: Contract) -> SafetyFilter:
    return SafetyFilter(contract)


@pytest.mark.parametrize('name', ['realistic', 'random', 'attack', 'edge', 'garbage'])
def test_a_robot_in_free_air_keeps_the_distance(
    contract: Contract, sim: SimRobot, safety_filter: SafetyFilter, name: str
) -> None:
    free(sim)
    stream = all_streams(contract, safety_filter.backend, 1)[name]
    found = watch(sim, safety_filter, stream, 250)
    safety = contract.safety
    allowed = safety.self_collision_distance - safety.tracking_distance
    assert (found.ticks, found.tripped, found.off_ticks) == (250, False, 0), found
    assert found.simulated_mm >= 1e3 * allowed, found
    assert found.error < safety.tracking_error


@pytest.mark.parametrize('seed', [1, 7])
def test_a_limb_that_is_held_back_trips_within_three_ticks(
    contract: Contract, sim: SimRobot, safety_filter: SafetyFilter, seed: int
) -> None:
    """The feet meet the floor and each other: no command does that."""
    stream = all_streams(contract, safety_filter.backend, seed)['attack']
    found = watch(sim, safety_filter, stream, 400)
    assert found.tripped, found
    assert found.off_ticks == contract.safety.tracking_error_ticks == 3
    assert found.commanded_mm >= 1e3 * contract.safety.self_collision_distance


def test_a_robot_that_does_not_follow_is_seen(
    contract: Contract, sim: SimRobot, safety_filter: SafetyFilter
) -> None:
    """Servos without strength: the proof above can fail."""
    free(sim)
    sim.scene.model.actuator_gainprm[:, 0] *= 0.02
    sim.scene.model.actuator_biasprm[:, 1] *= 0.02
    blind = contract.safety.model_copy(update={'tracking_error': 9.0, 'tracking_distance': 9.0})
    wide = replace(contract, safety=blind)
    stream = all_streams(contract, safety_filter.backend, 1)['random']
    weak = watch(sim, SafetyFilter(wide, safety_filter.backend), stream, 250)
    assert weak.error > contract.safety.tracking_error
    stream = all_streams(contract, safety_filter.backend, 1)['random']
    strict = watch(sim, safety_filter, stream, 250)
    assert strict.tripped
    assert strict.off_ticks == contract.safety.tracking_error_ticks
