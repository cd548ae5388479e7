# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The player: chunks by time, fades, holds, and what it refuses."""

import numpy as np
import pytest

from imitation_ros.contract import Contract
from imitation_ros.data.proposal import Proposal
from imitation_ros.safety.curve import Curve
from imitation_ros.safety.intervention import Rule
from imitation_ros.safety.player import ProposalPlayer

MS = 1_000_000
NOW = 5_000 * MS


def chunk(
    contract: Contract,
    stamp_ms: int,
    points: dict[int, float],
    joint: str = 'left_elbow_joint',
    joints: tuple[str, ...] | None = None,
) -> Proposal:
    """Proposal that moves one joint from home; points are {ms after NOW: offset}."""
    names = contract.joints if joints is None else joints
    home = np.array([contract.home[contract.index(name)] for name in names])
    positions = np.tile(home, (len(points), 1))
    positions[:, names.index(joint)] += list(points.values())
    return Proposal(NOW + stamp_ms * MS, names, tuple(NOW + ms * MS for ms in points), positions)


@pytest.fixture
def player(contract: Contract) -> ProposalPlayer:
    return ProposalPlayer(contract)


def offset(player: ProposalPlayer, contract: Contract, ms: float) -> float | None:
    target = player.target(NOW + round(ms * MS))
    if target is None:
        return None
    i = contract.index('left_elbow_joint')
    return float(target[i] - contract.home[i])


def test_nothing_to_play(player: ProposalPlayer) -> None:
    assert player.target(NOW) is None
    assert player.proposal is None


def test_a_first_proposal_starts_at_rest_and_arrives_in_time(
    player: ProposalPlayer, contract: Contract
) -> None:
    points = {40 * i: 0.02 * i for i in range(1, 15)}  # 0.5 rad/s from the start
    assert player.push(NOW, chunk(contract, 0, points), contract.home) is None
    path = np.array([offset(player, contract, ms) for ms in range(0, 521, 10)])
    assert path[0] == pytest.approx(0.0, abs=1e-9)
    assert path[1] < 0.002, 'from rest, where a straight line would have gone 0.005'
    assert path[40:] == pytest.approx(np.arange(400, 521, 10) * 5e-4)
    acceleration = np.diff(path, 2) / 1e-4
    assert np.abs(acceleration).max() < contract.limits.acceleration[0]


def test_a_lone_point_is_reached_at_its_time(player: ProposalPlayer, contract: Contract) -> None:
    assert player.push(NOW, chunk(contract, 0, {200: 0.1}), contract.home) is None
    path = np.array([offset(player, contract, ms) for ms in range(0, 301, 10)])
    assert path[20:] == pytest.approx(0.1)
    assert (np.diff(path) >= -1e-12).all()
    assert path[10] == pytest.approx(0.05)


def test_holds_the_last_point_until_the_timeout(
    player: ProposalPlayer, contract: Contract
) -> None:
    player.push(NOW, chunk(contract, 0, {80: 0.2}), contract.home)
    timeout = contract.safety.proposal_timeout_s * 1000
    assert offset(player, contract, 80 + timeout) == pytest.approx(0.2)
    assert offset(player, contract, 81 + timeout) is None


def test_drops_past_points_and_fades_in(player: ProposalPlayer, contract: Contract) -> None:
    # Made 100 ms ago: the points at -60 and -20 ms are past, and so is most of its way.
    late = chunk(contract, -100, {-60 + 40 * i: 0.01 * i for i in range(16)})
    assert player.push(NOW, late, contract.home) is None
    path = np.array([offset(player, contract, ms) for ms in range(0, 501, 10)])
    assert path[0] == pytest.approx(0.0, abs=1e-9)
    assert path[40:] == pytest.approx([2.5e-4 * (ms + 60) for ms in range(400, 501, 10)])
    assert np.abs(np.diff(path, 2)).max() / 1e-4 < contract.limits.acceleration[0]


def test_a_late_chunk_with_one_point_left_does_not_jump(
    player: ProposalPlayer, contract: Contract
) -> None:
    late = chunk(contract, -100, {-60: 0.3, -20: 0.3, 5: 0.3})
    assert player.push(NOW, late, contract.home) is None
    path = np.array([offset(player, contract, ms) for ms in range(0, 251, 10)])
    assert path[0] == pytest.approx(0.0, abs=1e-9)
    assert (np.diff(path) > 0.0).all()
    assert np.abs(np.diff(path, 2)).max() / 1e-4 < contract.limits.acceleration[0]


def test_a_new_chunk_takes_over_without_a_jump(player: ProposalPlayer, contract: Contract) -> None:
    # On at 0.4 rad/s; then a chunk 8 mrad away that goes back at 0.1 rad/s.
    player.push(NOW, chunk(contract, 0, {40 * i: 0.016 * i for i in range(1, 13)}), contract.home)
    values = [offset(player, contract, ms) for ms in range(0, 200, 10)]
    back = {240 + 40 * i: 0.096 - 0.008 - 0.004 * i for i in range(18)}
    player.push(NOW + 200 * MS, chunk(contract, 190, back), contract.home)
    values += [offset(player, contract, ms) for ms in range(200, 860, 10)]
    path = np.array(values)
    assert np.abs(np.diff(path)).max() < 0.0055, 'no jump'
    assert np.abs(np.diff(path, 2))[40:].max() / 1e-4 < 3.0, 'and no stroke'
    assert values[-1] == pytest.approx(0.088 - 0.0001 * (850 - 240))


def test_corners_between_points_are_round(player: ProposalPlayer, contract: Contract) -> None:
    """Points of a motion within the limits ask for no more acceleration than the motion has."""
    times = np.arange(1, 20) * 0.04
    motion = 0.1 * (1.0 - np.cos(5.0 * times))  # 2.5 rad/s^2 at most
    points = dict(zip((1000 * times).round().astype(int).tolist(), motion, strict=True))
    player.push(NOW, chunk(contract, 0, points), contract.home)
    when = range(200, 721, 10)  # it has faded in
    path = np.array([offset(player, contract, ms) for ms in when])
    assert np.abs(np.diff(path, 2)).max() / 1e-4 < 2.5 * 1.01
    truth = 0.1 * (1.0 - np.cos(5e-3 * np.array(when)))
    assert np.abs(path - truth)[10:].max() < 1e-3


def test_nothing_is_invented_outside_the_limits(
    player: ProposalPlayer, contract: Contract
) -> None:
    gripper = 'left_gripper_joint'
    i = contract.index(gripper)
    lower, home = contract.limits.lower[i], contract.home[i]
    closing = {40 * k: max(lower, home - 0.004 * k) - home for k in range(1, 13)}
    player.push(NOW, chunk(contract, 0, closing, gripper), contract.home)
    for ms in range(0, 700, 10):
        target = player.target(NOW + ms * MS)
        assert target is not None
        assert target[i] >= lower
    far = chunk(contract, 1, {40: lower - home - 0.01, 80: lower - home - 0.01}, gripper)
    player.push(NOW + 480 * MS, far, contract.home)
    target = player.target(NOW + 800 * MS)
    assert target is None or target[i] == pytest.approx(lower - 0.01), 'what is asked for stays'


def test_a_curve_that_ends_in_motion_brakes(contract: Contract) -> None:
    """From 1 rad/s; what no robot can follow anyway stops dead."""
    i, n = contract.index('left_elbow_joint'), contract.n
    times = 40 * MS * np.arange(1, 13)
    for speed, beyond in ((1.0, 1.0 / (2 * 0.7 * 6.0)), (4.0, 0.5 * 0.04 * 4.0)):
        positions = np.zeros((12, n))
        positions[:, i] = speed * times / 1e9
        curve = Curve(times, positions, contract.limits)
        path = np.array([curve.at(ms * MS)[i] for ms in range(400, 731, 10)])
        assert path[-1] == path[-2], 'it stands'
        assert path[-1] == pytest.approx(positions[-1, i] - 0.02 * speed + beyond, abs=1e-3)
        if speed == 1.0:
            assert np.abs(np.diff(path, 2)).max() / 1e-4 < 0.75 * 6.0
            assert curve.end_ns == pytest.approx(460 * MS + 1e9 / (0.7 * 6.0), rel=1e-3)


def test_many_quick_proposals_follow_their_leader(
    player: ProposalPlayer, contract: Contract
) -> None:
    # 100 Hz, each one point 40 ms ahead on a ramp of 1 rad/s: the target stays on the ramp.
    errors = []
    for tick in range(100):
        ms = 10 * tick
        now = NOW + ms * MS
        player.push(now, chunk(contract, ms, {ms + 40: (ms + 40) / 1000}), contract.home)
        target = offset(player, contract, ms + 10)
        assert target is not None
        errors.append(abs(target - (ms + 10) / 1000))
    assert max(errors[20:]) < 0.025


def test_joints_of_other_groups_hold(player: ProposalPlayer, contract: Contract) -> None:
    arm = contract.group('left_arm').joints
    hold = contract.home + 0.01
    proposal = chunk(contract, 0, {100: 0.2}, joints=arm)
    assert player.push(NOW, proposal, hold) is None
    target = player.target(NOW + 100 * MS)
    assert target is not None
    moved = [contract.index(joint) for joint in arm]
    assert np.delete(target, moved) == pytest.approx(np.delete(hold, moved))
    assert target[contract.index('left_elbow_joint')] == pytest.approx(
        contract.home[contract.index('left_elbow_joint')] + 0.2
    )


def test_permuted_names_mean_the_same(player: ProposalPlayer, contract: Contract) -> None:
    rng = np.random.default_rng(3)
    order = rng.permutation(contract.n)
    names = tuple(contract.joints[i] for i in order)
    positions = (contract.home + 0.001 * np.arange(contract.n))[order][None]
    assert player.push(NOW, Proposal(NOW, names, (NOW,), positions), contract.home) is None
    target = player.target(NOW + 250 * MS)
    expected = contract.home + 0.001 * np.arange(contract.n)
    assert target == pytest.approx(expected, abs=3e-4)


@pytest.mark.parametrize(
    ('names', 'said'),
    [
        (lambda joints: ('left_elbow', *joints[1:]), 'did you mean "left_elbow_joint"'),
        (lambda joints: joints[:-1], 'without the rest of its group'),
        (lambda joints: joints[5:9], 'without the rest of its group'),
    ],
)
def test_refuses_wrong_names(
    player: ProposalPlayer, contract: Contract, names: object, said: str
) -> None:
    chosen = names(contract.joints)  # type: ignore[operator]
    proposal = Proposal(NOW, chosen, (NOW,), np.zeros((1, len(chosen))))
    refusal = player.push(NOW, proposal, contract.home)
    assert refusal is not None
    assert refusal.rule is Rule.REJECTED_NAMES
    assert said in refusal.text
    assert player.target(NOW) is None


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
def test_refuses_a_non_finite_value_as_a_whole(
    player: ProposalPlayer, contract: Contract, value: float
) -> None:
    player.push(NOW, chunk(contract, 0, {40: 0.1}), contract.home)
    refusal = player.push(NOW, chunk(contract, 1, {40: 0.1, 80: value}), contract.home)
    assert refusal is not None
    assert (refusal.rule, refusal.joint) == (Rule.REJECTED_NON_FINITE, 'left_elbow_joint')
    assert offset(player, contract, 100) == pytest.approx(0.1), 'the last good one plays on'


@pytest.mark.parametrize(
    ('stamp_ms', 'rule'),
    [(25, Rule.REJECTED_FUTURE), (-260, Rule.REJECTED_STALE), (19, None), (-249, None)],
)
def test_refuses_stamps_from_the_future_and_the_past(
    player: ProposalPlayer, contract: Contract, stamp_ms: int, rule: Rule | None
) -> None:
    refusal = player.push(NOW, chunk(contract, stamp_ms, {40: 0.1}), contract.home)
    assert (refusal.rule if refusal else None) is rule


def test_refuses_what_is_out_of_sequence(player: ProposalPlayer, contract: Contract) -> None:
    assert player.push(NOW, chunk(contract, 0, {40: 0.1}), contract.home) is None
    assert player.push(NOW, chunk(contract, 0, {40: 0.1}), contract.home) is None
    refusal = player.push(NOW, chunk(contract, -1, {40: 0.1}), contract.home)
    assert refusal is not None
    assert refusal.rule is Rule.REJECTED_SEQUENCE
    player.restart()
    assert player.push(NOW, chunk(contract, -1, {40: 0.1}), contract.home) is None


def test_refuses_a_first_move_that_jumps(player: ProposalPlayer, contract: Contract) -> None:
    refusal = player.push(NOW, chunk(contract, 0, {40: 0.36, 80: 0.0}), contract.home, 0.35)
    assert refusal is not None
    i = contract.index('left_elbow_joint')
    assert refusal.rule is Rule.REJECTED_FIRST_MOVE
    assert refusal.joint == 'left_elbow_joint'
    assert refusal.asked == pytest.approx(contract.home[i] + 0.36)
    assert refusal.sent == pytest.approx(contract.home[i])
    assert player.push(NOW, chunk(contract, 0, {40: 0.34}), contract.home, 0.35) is None
