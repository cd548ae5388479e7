# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Leader joints to robot joints: names, scale, offset, limits, whole groups."""

from pathlib import Path
from typing import Any

from hypothesis import given, HealthCheck, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from imitation_ros.contract import Contract
from imitation_ros.errors import ContractError, DataError
from imitation_ros.teleop.gate import GateConfig
from imitation_ros.teleop.leader import LeaderTeleop
from imitation_ros.teleop.mapping import JointMap, LeaderMap

MS = 1_000_000


def test_identity_in_any_order(contract: Contract) -> None:
    names = tuple(reversed(contract.joints))
    leader_map = LeaderMap.identity(contract, names)
    assert leader_map.joints == contract.joints
    np.testing.assert_allclose(
        leader_map.targets(names, contract.home[::-1]), contract.home, atol=1e-12
    )


def test_one_arm_is_a_leader_and_part_of_one_is_not(contract: Contract) -> None:
    arm = contract.group('left_arm').joints
    assert LeaderMap.identity(contract, arm).joints == arm
    with pytest.raises(DataError, match=r'"left_arm" in part; it lacks left_gripper_joint'):
        LeaderMap.identity(contract, arm[:-1])


def test_scale_offset_and_names(contract: Contract) -> None:
    arm = contract.group('left_arm').joints
    maps = {name: JointMap(leader=f'l{i}') for i, name in enumerate(arm)}
    maps[arm[3]] = JointMap(leader='l3', scale=-2.0, offset=-1.0)
    leader_map = LeaderMap.make(contract, maps)
    names = [*(f'l{i}' for i in range(len(arm))), 'trigger']
    values = np.zeros(len(names))
    values[3] = 0.25
    out = leader_map.targets(names, values)
    assert out[3] == pytest.approx(-1.5)


@pytest.mark.parametrize(
    ('names', 'message'),
    [
        (('left_elbow',), 'did you mean "left_elbow_joint"'),
        (('left_elbow_joint', 'left_elbow_joint'), 'stands twice'),
        ((), 'drives no joint'),
    ],
)
def test_wrong_leader_is_named(contract: Contract, names: tuple[str, ...], message: str) -> None:
    with pytest.raises(DataError, match=message):
        LeaderMap.identity(contract, names)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda n, p: (n, p[:-1]), '33 names and 32 positions'),
        (lambda n, p: (n[:-1], p[:-1]), 'missing from the leader: right_ankle_roll_joint'),
        (lambda n, p: ((*n[:-1], n[0]), p), 'stands twice'),
        (lambda n, p: (n, np.where(np.arange(33) == 8, np.nan, p)), '"left_elbow_joint" is nan'),
        (lambda n, p: (n, np.where(np.arange(33) == 8, -np.inf, p)), '"left_elbow_joint" is -inf'),
    ],
)
def test_wrong_message_is_refused(contract: Contract, change: Any, message: str) -> None:
    leader_map = LeaderMap.identity(contract, contract.joints)
    with pytest.raises(DataError, match=message):
        leader_map.targets(*change(contract.joints, contract.home))


def write(folder: Path, text: str) -> Path:
    path = folder / 'leader.yaml'
    path.write_text(text)
    return path


def test_map_from_yaml(contract: Contract, tmp_path: Path) -> None:
    lines = ''.join(
        f'  {name}: {{leader: l{i}, scale: -1}}\n'
        for i, name in enumerate(contract.group('left_arm').joints)
    )
    leader_map = LeaderMap.load(contract, write(tmp_path, 'joints:\n' + lines))
    assert leader_map.leaders[0] == 'l0' and leader_map.scale[0] == -1.0


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('joints: {left_elbow: {}}', 'did you mean "left_elbow_joint"'),
        ('joints: {left_elbow_joint: {scael: 2}}', 'did you mean "scale"'),
        ('joint: {left_elbow_joint: {}}', 'did you mean "joints"'),
        ('joints: {left_elbow_joint: {scale: .nan}}', 'joints.left_elbow_joint.scale'),
        ('joints: {left_elbow_joint: {}}', 'drives group "left_arm" in part'),
        ('joints: {', 'not YAML'),
    ],
)
def test_wrong_yaml_names_the_key(
    contract: Contract, tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(ContractError, match=message):
        LeaderMap.load(contract, write(tmp_path, text))


def test_missing_yaml(contract: Contract, tmp_path: Path) -> None:
    with pytest.raises(ContractError, match='cannot read the leader map'):
        LeaderMap.load(contract, tmp_path / 'none.yaml')


def test_proposal_carries_the_leaders_stamp_and_looks_ahead(contract: Contract) -> None:
    teleop = LeaderTeleop(contract, GateConfig(), 0.02, 0.06)
    teleop.deadman(0, True)
    proposal = teleop.step(0, 123 * MS, contract.joints, contract.home, contract.home)
    assert proposal is not None and teleop.reason == ''
    assert proposal.stamp_ns == 123 * MS
    assert 123 * MS <= proposal.times_ns[0] <= 128 * MS
    assert proposal.times_ns[-1] == (123 + 60 - 10) * MS
    np.testing.assert_allclose(
        proposal.positions, np.tile(contract.home, (12, 1))[: len(proposal.times_ns)]
    )


def test_fast_leader_is_thinned_out(contract: Contract) -> None:
    teleop = LeaderTeleop(contract, GateConfig(), 0.02, 0.06)
    made = 0
    for step in range(200):
        now = 5 * MS * step
        teleop.deadman(now, True)
        proposal = teleop.step(now, now + 1, contract.joints, contract.home, contract.home)
        made += proposal is not None
    assert made == 50


@pytest.mark.parametrize('jump_ms', [-500, 300])
def test_leader_after_a_silence_or_a_clock_step_is_checked_anew(
    contract: Contract, jump_ms: int
) -> None:
    teleop = LeaderTeleop(contract, GateConfig(), 0.02, 0.06)
    teleop.deadman(0, True)
    away = contract.home.copy()
    away[8] += 0.5
    start = 10_000 * MS
    assert teleop.step(0, start, contract.joints, contract.home, contract.home)
    teleop.deadman(20 * MS, True)
    assert teleop.step(20 * MS, start + 20 * MS, contract.joints, away, contract.home)
    stamp = start + 20 * MS + jump_ms * MS
    assert teleop.step(40 * MS, stamp, contract.joints, away, contract.home) is None
    assert '"left_elbow_joint" is 0.500 from the robot' in teleop.reason


def test_second_leader_with_other_joints_is_refused(contract: Contract) -> None:
    teleop = LeaderTeleop(contract, GateConfig(), 0.02, 0.06)
    teleop.deadman(0, True)
    columns = {group.name: [contract.index(j) for j in group.joints] for group in contract.groups}
    left, right = contract.group('left_arm').joints, contract.group('right_arm').joints
    assert teleop.step(0, 0, left, contract.home[columns['left_arm']], contract.home)
    with pytest.raises(DataError, match='missing from the leader'):
        teleop.step(MS, 0, right, contract.home[columns['right_arm']], contract.home)


VALUES = st.floats(allow_nan=True, allow_infinity=True) | st.floats(-3, 3)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(
    rows=st.lists(st.tuples(VALUES, st.integers(0, 32)), min_size=1, max_size=12),
    relative=st.booleans(),
    scale=st.sampled_from([1.0, -1.0, 5.0]),
)
def test_proposals_are_finite_and_inside_the_limits(
    contract: Contract, rows: list[tuple[float, int]], relative: bool, scale: float
) -> None:
    maps = {name: JointMap(scale=scale) for name in contract.joints}
    config = GateConfig(relative=relative)
    teleop = LeaderTeleop(contract, config, 0.02, 0.06, LeaderMap.make(contract, maps))
    position = contract.home / scale
    for i, (value, joint) in enumerate(rows):
        now = i * 20 * MS
        teleop.deadman(now, True)
        position[joint] = value
        try:
            proposal = teleop.step(now, now, contract.joints, position, contract.home)
        except DataError:
            assert not np.isfinite(value)
            position[joint] = 0.0
            continue
        if proposal is not None:
            assert proposal.finite
            assert (proposal.positions >= contract.limits.lower).all()
            assert (proposal.positions <= contract.limits.upper).all()
