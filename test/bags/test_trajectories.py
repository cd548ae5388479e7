# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Commands as trajectories: the point that counts, stops, and actions that lead nowhere."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vectors

from imitation_ros.bags.audit.bag import audit
from imitation_ros.bags.reader import Bag
from imitation_ros.bags.vectors import arrays, StopError
from imitation_ros.contract import Contract, loads
from imitation_ros.conversion.convert import convert
from imitation_ros.conversion.describe import describe
from imitation_ros.data.store import Dataset

NS = vectors.NS
NAMES = ['a', 'b']
COUNT = 60


def pose(t: float) -> np.ndarray:
    return np.array([np.sin(3 * t), np.cos(2 * t)])


def trajectory(ns: int, points: list[tuple[float, np.ndarray]]) -> Any:
    types = vectors.STORE.types
    made = [
        types[f'{vectors.TRAJECTORY}Point'](
            positions,
            vectors.EMPTY,
            vectors.EMPTY,
            vectors.EMPTY,
            vectors.stamp('builtin_interfaces/msg/Duration', round(seconds * NS)),
        )
        for seconds, positions in points
    ]
    return types[vectors.TRAJECTORY](vectors.header(ns), NAMES, made)


def record(folder: Path, points: Any) -> tuple[Path, Contract]:
    """A bag at 50 Hz; points(i, t) tells those of each command."""
    messages: list[tuple[str, str, int, Any]] = []
    for i in range(COUNT):
        t, ns = i / 50, 5 * NS + i * 20_000_000
        seen = vectors.state(ns, NAMES, pose(t), vectors.EMPTY, vectors.EMPTY)
        messages.append(('/joint_states', vectors.STATE, ns, seen))
        messages.append(('/command', vectors.TRAJECTORY, ns + 1000, trajectory(ns, points(i, t))))
    bag = vectors.write(folder, messages)
    return bag, loads(describe(bag), folder / 'theirs.yaml')


@pytest.mark.parametrize(
    'points',
    [
        lambda i, t: [(0.1, pose(t + 0.1))],
        lambda i, t: [(0.0, pose(t)), (0.1, pose(t + 0.1))],
        lambda i, t: [(0.0, pose(t)), (0.1, pose(t + 0.1)), (0.2, pose(t + 0.2))],
        lambda i, t: [(0.0, pose(t + 0.1))],
    ],
    ids=['one ahead', 'begins where the robot is', 'three points', 'one without a time'],
)
def test_the_point_ahead_is_the_action(tmp_path: Path, points: Any) -> None:
    bag, contract = record(tmp_path / 'ep', points)
    manifest = convert([bag], tmp_path / 'data', contract=contract)
    episode = Dataset(tmp_path / 'data').episode(0)
    wanted = np.stack([pose(i / 50 + 0.1) for i in range(COUNT)])
    np.testing.assert_allclose(episode.action, wanted, atol=1e-6)
    assert manifest.provenance.notes == ()


@pytest.mark.parametrize(('late_ms', 'right'), [(0, 1), (150, 2), (450, 3), (5000, 1)])
def test_what_is_past_on_arrival_does_not_count(late_ms: int, right: int) -> None:
    """Five seconds are no delay: the clocks differ."""
    message = trajectory(5 * NS, [(k / 10, np.full(2, float(k))) for k in range(4)])
    found = arrays(vectors.TRAJECTORY, message, 5 * NS + late_ms * 1_000_000)
    assert found['position'][0] == right


@pytest.mark.parametrize('stops', [{30}, {0}, {10, 11, 40}])
def test_a_stop_rejects_nothing(tmp_path: Path, stops: set[int]) -> None:
    bag, contract = record(
        tmp_path / 'ep', lambda i, t: [] if i in stops else [(0.1, pose(t + 0.1))]
    )
    with Bag(bag) as opened:
        found = audit(opened, contract)
    assert found.verdict == 'ok', found.reasons
    convert([bag], tmp_path / 'data', contract=contract)
    episode = Dataset(tmp_path / 'data').episode(0)
    kept = [i for i in range(COUNT) if i not in stops]
    wanted = np.stack([pose(i / 50 + 0.1) for i in kept])
    np.testing.assert_allclose(episode.action, wanted, atol=1e-6)


def test_stops_have_no_arrays() -> None:
    with pytest.raises(StopError, match='without points is a stop'):
        arrays(vectors.TRAJECTORY, trajectory(NS, []))


@pytest.mark.parametrize('lag', [0, 1])
def test_actions_that_are_the_state_are_said(tmp_path: Path, lag: int) -> None:
    bag, contract = record(tmp_path / 'ep', lambda i, t: [(0.0, pose(max(t - lag / 50, 0.0)))])
    manifest = convert([bag], tmp_path / 'data', contract=contract)
    (note,) = manifest.provenance.notes
    assert note.startswith('in 1 of 1 episodes every action is the position it goes with')
