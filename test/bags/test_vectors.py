# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bags without a robot: contract, audit, alignment and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vectors

from imitation_ros.bags.audit.bag import audit
from imitation_ros.bags.reader import Bag
from imitation_ros.cli.contracts import contract_from_bag
from imitation_ros.contract import Contract, loads
from imitation_ros.conversion.convert import convert
from imitation_ros.conversion.describe import describe
from imitation_ros.data.store import Dataset
from imitation_ros.errors import ContractError, DataError
from imitation_ros.kinematics.model import RobotModel

NS = vectors.NS


def contract_of(bag: Path, **topics: str) -> Contract:
    return loads(describe(bag, **topics), bag / 'theirs.yaml')


def test_any_bag_becomes_a_dataset(tmp_path: Path) -> None:
    bag = vectors.demonstration(tmp_path / 'ep1', 0)
    contract = contract_of(bag)
    assert contract.joints == tuple(f'leg/{i}' for i in range(11))
    assert contract.actions == ('hip motor', 'knee motor', 'ankle motor')
    assert contract.rates.policy_hz == pytest.approx(50.0)
    with Bag(bag) as opened:
        found = audit(opened, contract)
    assert found.verdict == 'ok', found.reasons
    convert([bag], tmp_path / 'data', contract=contract)
    episode = Dataset(tmp_path / 'data').episode(0)
    assert len(episode) == 120
    # The action is the one that was taken on this very observation, not on the next.
    wanted = np.stack([vectors.expert(x) for x in np.asarray(episode.q, np.float64)])
    np.testing.assert_allclose(episode.action, wanted, atol=1e-5)


def test_all_three_arrays_are_seen_and_the_action_may_be_an_effort(tmp_path: Path) -> None:
    messages: list[tuple[str, str, int, Any]] = []
    for i in range(20):
        ns, x = 5 * NS + i * 10_000_000, np.arange(2.0) + i
        both = vectors.state(ns, ['b', 'a'], x, 10 * x, 100 * x)
        torque = vectors.state(ns, ['a', 'b'], vectors.EMPTY, vectors.EMPTY, -x)
        messages.append(('/robot/torque_cmd', vectors.STATE, ns, torque))
        messages.append(('/robot/state', vectors.STATE, ns, both))
    bag = vectors.write(tmp_path / 'ep', messages)
    contract = contract_of(bag)
    assert contract.joints == ('b', 'a', 'b.velocity', 'a.velocity', 'b.effort', 'a.effort')
    assert contract.acted is not None
    assert contract.acted.field == 'effort'
    convert([bag], tmp_path / 'data', contract=contract)
    episode = Dataset(tmp_path / 'data').episode(0)
    np.testing.assert_allclose(episode.q[3], [3, 4, 30, 40, 300, 400])
    # The action came first in the bag, with the same stamp: it still belongs to this step.
    np.testing.assert_allclose(episode.action[3], [-3, -4])


@pytest.mark.parametrize('kind', [vectors.BARE, vectors.SINGLE])
def test_bare_arrays_go_by_the_time_they_were_received(tmp_path: Path, kind: str) -> None:
    messages: list[tuple[str, str, int, Any]] = []
    for i in range(30):
        ns = 5 * NS + i * 20_000_000
        messages.append(('/x', kind, ns, vectors.bare(np.array([i, 2.0 * i]), kind)))
        messages.append(('/u', kind, ns + 1_000_000, vectors.bare(np.array([-1.0 * i]), kind)))
    bag = vectors.write(tmp_path / 'ep', messages)
    with pytest.raises(DataError, match=r'name it with --action: /u, /x'):
        describe(bag)
    contract = contract_of(bag, action='/u')
    assert contract.joints == ('observation_0', 'observation_1')
    convert([bag], tmp_path / 'data', contract=contract)
    episode = Dataset(tmp_path / 'data').episode(0)
    np.testing.assert_allclose(episode.action[:, 0], -episode.q[:, 0])


@pytest.mark.parametrize(
    ('old', 'new', 'words'),
    [
        ('names: [', 'names: [leg, leg, ', 'stands twice: leg'),
        ('position: [leg/0', 'position: [leg/1', 'stands twice'),
        ('field: position', 'limits: {hip: [0, 1]}', 'did you mean "hip motor"'),
        ('field: position', 'limits: {hip motor: [1, 0]}', '1.0 is not below 0.0'),
        ('rates:', 'urdf: robot.urdf\nrates:', 'urdf: a contract with observation and action'),
        ('action:', 'actions:', 'did you mean "action"'),
    ],
)
def test_a_wrong_contract_says_where(tmp_path: Path, old: str, new: str, words: str) -> None:
    text = describe(vectors.demonstration(tmp_path / 'ep', 0, 10))
    assert old in text
    with pytest.raises(ContractError) as error:
        loads(text.replace(old, new, 1), tmp_path / 'theirs.yaml')
    assert words in str(error.value)


def test_what_does_not_fit_is_told_with_its_time(tmp_path: Path) -> None:
    contract = contract_of(vectors.demonstration(tmp_path / 'ep', 0, 10))
    names = [f'leg/{i}' for i in range(10)]
    messages: list[tuple[str, str, int, Any]] = [
        ('/joint_states', vectors.STATE, NS, vectors.state(NS, names, np.zeros(10))),
        ('/action', vectors.TRAJECTORY, NS, vectors.trajectory(NS, ['hip motor'], np.zeros(1))),
    ]
    other = vectors.write(tmp_path / 'other', messages)
    with pytest.raises(DataError, match=r'joints missing from the message: leg/10'):
        convert([other], tmp_path / 'data', contract=contract)
    with pytest.raises(DataError, match='contract-from-bag'):
        convert([other], tmp_path / 'data2')


@pytest.mark.parametrize(
    ('seen', 'done'),
    [('/robot/obs', '/robot/act'), ('/observations', '/u'), ('/control/state', '/control/input')],
)
def test_topics_are_told_apart_by_what_they_are_called(
    tmp_path: Path, seen: str, done: str
) -> None:
    messages: list[tuple[str, str, int, Any]] = []
    for i in range(4):
        messages.append((seen, vectors.BARE, i * NS, vectors.bare(np.zeros(3))))
        messages.append((done, vectors.BARE, i * NS, vectors.bare(np.ones(2))))
    contract = contract_of(vectors.write(tmp_path / 'ep', messages))
    assert (contract.joint_states.topic, contract.topics.command) == (seen, done)


def test_a_slow_simulation_with_pauses_that_begins_at_zero_is_fit(tmp_path: Path) -> None:
    messages: list[tuple[str, str, int, Any]] = []
    for i in range(60):
        # Half a hertz of simulated time, computed in real time with a pause now and then.
        ns, log = 2 * i * NS, NS + i * 1_000_000 + (i // 10) * 2 * NS
        x = np.array([1.0 * i, -i])
        both = vectors.state(ns, ['a', 'b'], x)
        # Filled up with zeros, as some drivers do: what moves is the effort.
        effort = vectors.state(ns, ['m'], np.zeros(1), np.zeros(1), x[:1])
        messages.append(('/joint_states', vectors.STATE, log, both))
        messages.append(('/action', vectors.STATE, log, effort))
    del messages[40:60]
    bag = vectors.write(tmp_path / 'ep', messages)
    contract = contract_of(bag)
    assert contract.acted is not None
    assert contract.acted.field == 'effort'
    assert contract.rates.policy_hz == pytest.approx(0.5)
    with Bag(bag) as opened:
        found = audit(opened, contract)
    assert found.verdict == 'warn', found.reasons
    assert any('gap' in reason for reason in found.reasons)
    convert([bag], tmp_path / 'data', contract=contract)
    episode = Dataset(tmp_path / 'data').episode(0)
    assert len(episode) == 50
    np.testing.assert_allclose(episode.action[:, 0], episode.q[:, 0])


def test_no_robot_is_moved_by_it(tmp_path: Path) -> None:
    contract = contract_of(vectors.demonstration(tmp_path / 'ep', 0, 10))
    with pytest.raises(ContractError, match='names no urdf'):
        RobotModel(contract)


def test_a_bag_that_holds_a_contract_is_not_sent_to_be_refused(
    good_bag: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Convert goes by the contract in the bag, so another must not be what comes next."""
    topics = {'observation': '/joint_states', 'action': '/safety/command'}
    contract_from_bag(good_bag, tmp_path / 'theirs.yaml', name=None, **topics)
    told = ' '.join(capsys.readouterr().out.split())
    assert 'next:' not in told
    assert 'holds the contract of imi_humanoid' in told
    other = vectors.demonstration(tmp_path / 'ep', 0, 10)
    contract_from_bag(other, tmp_path / 'others.yaml')
    assert 'next: imitation_ros convert' in capsys.readouterr().out
