# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from imitation_ros.contract import Contract
from imitation_ros.errors import DataError
from imitation_ros.sim.setpoints import Setpoints


def test_home_is_held_until_something_comes(contract: Contract):
    assert (Setpoints(contract).at(5.0) == contract.home).all()


def test_a_point_is_approached_in_a_straight_line_and_held(contract: Contract):
    group = contract.group('left_arm')
    columns = [contract.index(name) for name in group.joints]
    start = contract.home[columns]
    setpoints = Setpoints(contract)
    setpoints.follow(group, 1.0, np.array([0.1]), start[None] + 0.2)
    for now, share in ((1.0, 0.0), (1.025, 0.25), (1.05, 0.5), (1.1, 1.0), (9.0, 1.0)):
        assert setpoints.at(now)[columns] == pytest.approx(start + 0.2 * share)
    others = np.setdiff1d(np.arange(contract.n), columns)
    assert (setpoints.at(9.0)[others] == contract.home[others]).all()


def test_many_points_are_played_by_time(contract: Contract):
    group = contract.group('torso')
    columns = [contract.index(name) for name in group.joints]
    setpoints = Setpoints(contract)
    rows = np.outer([0.1, 0.3, 0.2], np.ones(len(columns)))
    setpoints.follow(group, 0.0, np.array([0.0, 0.1, 0.2]), rows)
    for now, value in ((0.0, 0.1), (0.05, 0.2), (0.1, 0.3), (0.15, 0.25), (0.2, 0.2), (1.0, 0.2)):
        assert setpoints.at(now)[columns] == pytest.approx(value), now


def test_a_new_trajectory_starts_where_the_old_one_is(contract: Contract):
    group = contract.group('torso')
    column = contract.index(group.joints[0])
    setpoints = Setpoints(contract)
    ones = np.ones((1, len(group.joints)))
    setpoints.follow(group, 0.0, np.array([1.0]), 0.4 * ones)
    setpoints.follow(group, 0.5, np.array([1.0]), 0.0 * ones)
    assert setpoints.at(0.5)[column] == pytest.approx(0.2, abs=1e-9)
    assert setpoints.at(1.0)[column] == pytest.approx(0.1)
    assert setpoints.at(1.5)[column] == pytest.approx(0.0)


@pytest.mark.parametrize(
    ('times', 'shape', 'value'),
    [
        ([0.1], (1, 3), 0.0),
        ([0.1], (1, 5), np.nan),
        ([np.inf], (1, 5), 0.0),
        ([0.2, 0.1], (2, 5), 0.0),
        ([-0.1], (1, 5), 0.0),
        ([], (0, 5), 0.0),
    ],
    ids=['short', 'nan', 'never', 'backwards', 'negative', 'empty'],
)
def test_a_malformed_trajectory_changes_nothing(contract: Contract, times, shape, value):
    setpoints = Setpoints(contract)
    with pytest.raises(DataError, match='torso'):
        setpoints.follow(
            contract.group('torso'), 0.0, np.array(times, dtype=float), np.full(shape, value)
        )
    assert (setpoints.at(1.0) == contract.home).all()
