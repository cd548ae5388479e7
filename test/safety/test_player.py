# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The player: chunks by time, fades, holds, and what it refuses."""

import numpy as np
import pytest

from imitation_ros.contract import Contract
from imitation_ros.data.proposal import Proposal
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


def test_interpolates_linearly_from_the_current_target(
    player: ProposalPlayer, contract: Contract
) -> None:
    assert player.push(NOW, chunk(contract, 0, {80: 0.2, 120: 0.3}), contract.home) is None
    for ms, expected in ((0, 0.0), (20, 0.05), (40, 0.1), (80, 0.2), (100, 0.25), (120, 0.3)):
        assert offset(player, contract, ms) == pytest.approx(expected, abs=1e-9)


def test_holds_the_last_point_until_the_timeout(
    player: ProposalPlayer, contract: Contract
) -> None:
    player.push(NOW, chunk(contract, 0, {80: 0.2}), contract.home)
    timeout = contract.safety.proposal_timeout_s * 1000
    assert offset(player, contract, 80 + timeout) == pytest.approx(0.2)
    assert offset(player, contract, 81 + timeout) is None


def test_drops_past_points_and_fades_in(player: ProposalPlayer, contract: Contract) -> None:
    # Made 100 ms ago: the points at -60 and -20 ms are past, the line between -20 and 20 is on.
    late = chunk(contract, -100, {-60: 0.0, -20: 0.1, 20: 0.2, 60: 0.3, 140: 0.3})
    assert player.push(NOW, late, contract.home) is None
    blend = contract.safety.blend_s * 1000
    assert offset(player, contract, 0) == pytest.approx(0.0, abs=1e-9)
    assert offset(player, contract, blend / 2) == pytest.approx(0.25 / 2, abs=1e-9)
    assert offset(player, contract, blend) == pytest.approx(0.3, abs=1e-9)


def test_a_late_chunk_with_one_point_left_does_not_jump(
    player: ProposalPlayer, contract: Contract
) -> None:
    late = chunk(contract, -100, {-60: 0.3, -20: 0.3, 5: 0.3})
    assert player.push(NOW, late, contract.home) is None
    values = [offset(player, contract, ms) for ms in range(0, 120)]
    assert values[0] == pytest.approx(0.0, abs=1e-9)
    assert np.abs(np.diff(values)).max() < 0.3 / 80 + 1e-3
    assert values[-1] == pytest.approx(0.3)


def test_a_new_chunk_takes_over_without_a_jump(player: ProposalPlayer, contract: Contract) -> None:
    player.push(NOW, chunk(contract, 0, {40 * i: 0.1 * i for i in range(1, 6)}), contract.home)
    values = [offset(player, contract, ms) for ms in range(0, 100)]
    player.push(
        NOW + 100 * MS,
        chunk(contract, 90, {100 + 40 * i: -0.1 for i in range(1, 6)}),
        contract.home,
    )
    values += [offset(player, contract, ms) for ms in range(100, 300)]
    steps = np.abs(np.diff(values))
    assert steps.max() < 0.012  # a jump would be 0.35
    assert values[-1] == pytest.approx(-0.1)


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
    assert max(errors[20:]) < 0.012


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
    target = player.target(NOW + 200 * MS)
    assert target == pytest.approx(contract.home + 0.001 * np.arange(contract.n))


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
