# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pinned regression: where rows excluded each other the robot braked, for good."""

import numpy as np

from imitation_ros.contract import Contract
from imitation_ros.evaluation.safety.streams import all_streams
from imitation_ros.safety.backend import Backend
from imitation_ros.safety.constraints.inequality import InequalityConstraints
from imitation_ros.safety.filter import SafetyFilter
from imitation_ros.safety.intervention import Rule


def test_rows_that_exclude_each_other_are_met_by_braking() -> None:
    box = np.full(2, -1.0), np.full(2, 1.0)
    G, h = np.array([[1.0, 0.0], [-1.0, 0.0]]), np.array([-0.1, -0.1])
    rows = InequalityConstraints(G, h, np.array([0, 1]))
    brake = np.array([0.05, 0.0])
    assert rows.closest(np.array([0.5, 0.5]), *box) is None
    relaxed = rows.met_by(brake)
    assert (relaxed.excess(brake) <= 0.0).all()
    assert (relaxed.h >= rows.h).all()
    x = relaxed.closest(np.array([0.5, 0.5]), *box)
    assert x is not None
    np.testing.assert_allclose(x, [0.05, 0.5], atol=1e-9)


def test_a_robot_between_its_limits_and_itself_goes_on(
    contract: Contract, collisions: Backend
) -> None:
    robot = SafetyFilter(contract, collisions)
    robot.reset(contract.home)
    ask = all_streams(contract, collisions, 0)['edge']
    fallbacks, nearest, speed = 0, np.inf, 0.0
    for tick in range(400):
        step = robot.step(*ask(tick, robot.q))
        fallbacks += any(note.rule is Rule.QP_FALLBACK for note in step.interventions)
        speed = max(speed, float(np.abs(step.v).mean())) if tick >= 200 else speed
        if tick % 10 == 0:
            nearest = min(nearest, float(collisions.distances(step.q).min()))
    assert fallbacks == 0
    assert speed > 0.2
    assert nearest >= contract.safety.self_collision_distance
