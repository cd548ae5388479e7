# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The state machine: every row of the event table in docs/safety.md."""

from collections.abc import Callable

import numpy as np
import pytest

from imitation_ros.contract import Contract
from imitation_ros.data.proposal import Proposal
from imitation_ros.errors import SafetyError
from imitation_ros.safety.backend import Backend
from imitation_ros.safety.filter import SafetyFilter
from imitation_ros.safety.intervention import Intervention, Rule
from imitation_ros.safety.supervisor import SafetySupervisor
from imitation_ros.safety.verdict import State, Verdict

MS = 1_000_000
ELBOW = 'left_elbow_joint'


class Bench:
    """A supervisor on a robot that tracks perfectly, with both clocks in hand."""

    def __init__(self, contract: Contract, collisions: Backend) -> None:
        self.contract = contract
        self.supervisor = SafetySupervisor(contract, SafetyFilter(contract, collisions))
        self.now = 1_000_000 * MS
        self.steady = 77 * MS
        self.q = contract.home.copy()
        self.v = np.zeros(contract.n)
        self.alive = True
        self.track = True
        self.commands: list[np.ndarray] = []
        self.notes: list[Intervention] = []

    def tick(self, times: int = 1) -> Verdict:
        for _ in range(times):
            self.now += 10 * MS
            self.steady += 10 * MS
            if self.alive:
                self.supervisor.push_state(self.steady, self.now, self.q, self.v)
            verdict = self.supervisor.step(self.now, self.steady)
            self.notes.extend(verdict.interventions)
            if verdict.q is not None:
                self.commands.append(verdict.q.copy())
                if self.track:
                    self.q = verdict.q.copy()
        return verdict

    def arm(self) -> None:
        self.supervisor.arm(self.now, self.steady)

    def armed(self) -> 'Bench':
        self.tick()
        self.arm()
        return self

    def propose(self, offset: float = 0.1, stamp_ms: int = 0) -> list[Intervention]:
        goal = self.contract.home.copy()
        goal[self.contract.index(ELBOW)] += offset
        stamp = self.now + stamp_ms * MS
        proposal = Proposal(stamp, self.contract.joints, (stamp + 40 * MS,), goal[None])
        return self.supervisor.push_proposal(self.now, self.steady, proposal)

    def moving(self) -> 'Bench':
        self.armed()
        for _ in range(8):
            assert self.propose(0.3) == []
            self.tick()
        assert self.supervisor.state is State.ACTIVE
        assert not self.supervisor.filter.at_rest
        return self

    def rules(self) -> list[Rule]:
        return [note.rule for note in self.notes]

    def check_braking(self) -> None:
        """It came to rest within the acceleration limit and stays there."""
        path = np.array(self.commands)
        v = np.diff(path, axis=0) / 0.01
        a = np.diff(v, axis=0) / 0.01
        assert (np.abs(a) <= self.contract.limits.acceleration * (1 + 1e-6) + 1e-5).all()
        assert not v[-1].any()


@pytest.fixture
def bench(contract: Contract, collisions: Backend) -> Bench:
    return Bench(contract, collisions)


@pytest.fixture
def make(contract: Contract, collisions: Backend) -> Callable[..., Bench]:
    from dataclasses import replace

    def build(**safety: object) -> Bench:
        changed = replace(contract, safety=contract.safety.model_copy(update=safety))
        return Bench(changed, collisions)

    return build


def test_sends_nothing_before_it_is_armed(bench: Bench) -> None:
    bench.propose()
    verdict = bench.tick(20)
    assert (verdict.state, verdict.q, bench.commands) == (State.DISARMED, None, [])


def test_arms_at_the_measured_pose(bench: Bench) -> None:
    bench.q = bench.contract.home + 0.005
    bench.armed()
    verdict = bench.tick()
    assert verdict.state is State.HOLD
    assert np.array_equal(bench.commands[0], bench.contract.home + 0.005)
    assert verdict.v is not None and not verdict.v.any()


def test_follows_a_proposal(bench: Bench, contract: Contract) -> None:
    bench.armed()
    for _ in range(100):
        assert bench.propose() == []
        verdict = bench.tick()
    assert verdict.state is State.ACTIVE
    assert verdict.q is not None
    assert verdict.q[contract.index(ELBOW)] == pytest.approx(
        contract.home[contract.index(ELBOW)] + 0.1, abs=1e-4
    )
    assert verdict.observation_ns == bench.now - 10 * MS


def test_refuses_to_arm_without_a_state(bench: Bench) -> None:
    with pytest.raises(SafetyError, match='no joint state on /joint_states'):
        bench.arm()


def test_refuses_to_arm_on_a_stale_state(bench: Bench) -> None:
    bench.tick()
    bench.alive = False
    bench.tick(10)
    with pytest.raises(SafetyError, match=r'0\.100 s old'):
        bench.arm()


def test_refuses_to_arm_while_moving(bench: Bench, contract: Contract) -> None:
    bench.v[contract.index(ELBOW)] = 0.2
    bench.tick()
    with pytest.raises(SafetyError, match=ELBOW):
        bench.arm()


def test_refuses_to_arm_far_outside_the_limits(bench: Bench, contract: Contract) -> None:
    bench.q[contract.index(ELBOW)] = contract.limits.upper[contract.index(ELBOW)] + 0.1
    bench.tick()
    with pytest.raises(SafetyError, match=ELBOW):
        bench.arm()


def test_arms_a_little_outside_the_limits_and_recovers(bench: Bench, contract: Contract) -> None:
    i = contract.index(ELBOW)
    bench.q[i] = contract.limits.upper[i] + 0.02
    bench.armed()
    bench.tick()
    assert bench.rules() == [Rule.RECOVERING]
    assert bench.commands[0][i] == bench.contract.limits.upper[i] + 0.02


def test_refuses_to_arm_twice(bench: Bench) -> None:
    bench.armed()
    with pytest.raises(SafetyError, match='already armed'):
        bench.arm()


def test_first_move_guard(bench: Bench, contract: Contract) -> None:
    bench.armed()
    (refusal,) = bench.propose(0.5)
    assert (refusal.rule, refusal.joint) == (Rule.REJECTED_FIRST_MOVE, ELBOW)
    assert refusal.asked == pytest.approx(contract.home[contract.index(ELBOW)] + 0.5)
    assert bench.tick().state is State.HOLD
    assert bench.rules() == [Rule.REJECTED_FIRST_MOVE]
    assert bench.propose(0.1) == []
    bench.tick()
    assert bench.propose(0.5) == [], 'later ones are limited by the box alone'


def test_another_driver_has_to_start_near_the_command(bench: Bench) -> None:
    """An operator takes over or a policy resumes: in the middle of a motion, not far from it."""
    bench.moving()
    bench.supervisor.hand_over()
    (refusal,) = bench.propose(1.2)
    assert refusal.rule is Rule.REJECTED_FIRST_MOVE
    assert bench.supervisor.state is State.ACTIVE, 'what was played goes on'
    assert bench.propose(0.3) == []
    assert bench.propose(1.2) == [], 'later ones are limited by the box alone'


def test_a_silent_source_ends_in_hold(bench: Bench) -> None:
    bench.moving()
    verdict = bench.tick(80)
    assert verdict.state is State.HOLD
    assert bench.rules().count(Rule.PROPOSAL_TIMEOUT) == 1
    bench.check_braking()
    (refusal,) = bench.propose(1.0)
    assert refusal.rule is Rule.REJECTED_FIRST_MOVE, 'after a hold the guard is back'


@pytest.mark.parametrize(
    ('stamp_ms', 'rule'),
    [
        (30, Rule.REJECTED_FUTURE),
        (-300, Rule.REJECTED_STALE),
        (-50, Rule.REJECTED_SEQUENCE),
    ],
)
def test_bad_stamps_change_nothing(bench: Bench, stamp_ms: int, rule: Rule) -> None:
    bench.moving()
    (refusal,) = bench.propose(-0.3, stamp_ms)
    assert refusal.rule is rule
    assert bench.tick().state is State.ACTIVE
    assert rule in bench.rules()


def test_a_message_that_cannot_be_read_is_reported(bench: Bench) -> None:
    bench.armed()
    bench.supervisor.reject(Rule.REJECTED_MALFORMED, '3 joint names but points of [2] positions')
    bench.tick()
    assert bench.rules() == [Rule.REJECTED_MALFORMED]


def test_a_source_of_nothing_but_nonsense_latches(make: Callable[..., Bench]) -> None:
    bench = make(max_rejections=5).moving()
    for _ in range(4):
        assert bench.propose(np.nan)[0].rule is Rule.REJECTED_NON_FINITE
        bench.tick()
    assert bench.propose(0.3) == [], 'one good one begins the count anew'
    for _ in range(3):
        bench.propose(np.nan)
        bench.supervisor.reject(Rule.REJECTED_MALFORMED, '3 joint names but 2 positions')
    assert bench.tick().state is State.FAULT
    note = next(note for note in bench.notes if note.rule is Rule.REJECTIONS)
    assert note.text.startswith('5 proposals in a row')
    bench.tick(60)
    bench.check_braking()
    assert bench.propose(0.3) == []
    assert bench.tick().state is State.FAULT, 'it stays latched'
    bench.supervisor.reset()
    bench.arm()
    assert bench.propose(0.1) == []


def test_late_or_far_proposals_do_not_latch(make: Callable[..., Bench]) -> None:
    bench = make(max_rejections=3).armed()
    for _ in range(10):
        assert bench.propose(0.5)[0].rule is Rule.REJECTED_FIRST_MOVE
        assert bench.propose(0.1, -300)[0].rule is Rule.REJECTED_STALE
        assert bench.tick().state is State.HOLD


@pytest.mark.parametrize('mode', ['project', 'path'])
def test_a_step_that_takes_too_long_brakes(
    contract: Contract, collisions: Backend, mode: str
) -> None:
    from dataclasses import replace

    changed = replace(contract, safety=contract.safety.model_copy(update={'mode': mode}))
    bench = Bench(changed, collisions)
    ticking, slow = [0], 0

    def timer() -> int:
        ticking[0] += slow
        return ticking[0]

    bench.supervisor = SafetySupervisor(changed, SafetyFilter(changed, collisions), timer)
    bench.moving()
    assert Rule.BUDGET not in bench.rules()
    slow = 11 * MS
    for _ in range(60):
        bench.propose(0.3)
        verdict = bench.tick()
    assert verdict.state is State.ACTIVE, 'it is no fault of the source'
    assert bench.rules().count(Rule.BUDGET) == 60
    bench.check_braking()
    slow = 0
    bench.propose(0.3)
    bench.tick()
    assert not bench.supervisor.filter.at_rest, 'it goes on as soon as there is time'


def test_a_stale_state_brakes_and_holds_and_comes_back(bench: Bench) -> None:
    bench.moving()
    bench.alive = False
    for _ in range(60):
        bench.propose(0.3)
        verdict = bench.tick()
    assert verdict.state is State.HOLD
    bench.check_braking()
    assert Rule.STATE_STALE in bench.rules()
    (refusal,) = bench.propose(0.3)
    assert refusal.rule is Rule.STATE_STALE
    bench.alive = True
    bench.tick()
    assert bench.propose(0.3) == []
    assert bench.tick().state is State.ACTIVE


def test_a_frozen_driver_is_stale(bench: Bench) -> None:
    bench.moving()
    stamp = bench.now
    bench.alive = False
    for _ in range(60):
        bench.supervisor.push_state(bench.steady, stamp, bench.q, bench.v)
        bench.propose(0.3)
        bench.tick()
    assert bench.supervisor.state is State.HOLD


def test_frozen_simulation_time_does_not_stop_the_watchdog(bench: Bench) -> None:
    bench.moving()
    bench.alive = False
    for _ in range(60):
        bench.now -= 10 * MS  # tick() adds it again: the clock stands still
        verdict = bench.tick()
    assert verdict.state is State.HOLD
    bench.check_braking()


def test_a_clock_that_jumps_back_holds_and_starts_again(bench: Bench) -> None:
    bench.moving()
    bench.now -= 100_000 * MS
    assert bench.tick().state is State.HOLD
    assert Rule.CLOCK_JUMP in bench.rules()
    assert bench.propose(0.3) == [], 'stamps of the new time are taken'
    assert bench.tick().state is State.ACTIVE


@pytest.mark.parametrize('value', [np.nan, np.inf])
def test_a_non_finite_state_is_refused(bench: Bench, contract: Contract, value: float) -> None:
    bench.armed()
    bad = contract.home.copy()
    bad[contract.index(ELBOW)] = value
    (refusal,) = bench.supervisor.push_state(bench.steady, bench.now + 1, bad, bench.v)
    assert (refusal.rule, refusal.joint) == (Rule.REJECTED_STATE, ELBOW)
    (refusal,) = bench.supervisor.push_state(bench.steady, bench.now + 2, bench.q, bad)
    assert refusal.rule is Rule.REJECTED_STATE
    (refusal,) = bench.supervisor.push_state(bench.steady, bench.now + 3, bad[:4], bench.v)
    assert refusal.rule is Rule.REJECTED_STATE
    assert np.isfinite(bench.supervisor.measured).all()


def test_only_non_finite_states_are_no_state(bench: Bench, contract: Contract) -> None:
    bench.moving()
    bench.alive = False
    for _ in range(60):
        bench.supervisor.push_state(
            bench.steady, bench.now + 1, np.full(contract.n, np.nan), bench.v
        )
        bench.tick()
    assert bench.supervisor.state is State.HOLD
    bench.check_braking()


def test_tracking_lost_latches(bench: Bench, contract: Contract) -> None:
    bench.moving()
    bench.track = False
    bench.q = bench.commands[-1].copy()
    bench.q[contract.index(ELBOW)] -= 0.26
    ticks = contract.safety.tracking_error_ticks
    assert bench.tick(ticks - 1).state is State.ACTIVE
    assert bench.tick().state is State.FAULT
    note = next(note for note in bench.notes if note.rule is Rule.TRACKING_LOST)
    assert note.joint == ELBOW
    bench.tick(60)
    bench.check_braking()
    bench.q = bench.commands[-1].copy()
    bench.tick(5)
    assert bench.propose() == []
    assert bench.tick().state is State.FAULT, 'it stays latched'
    with pytest.raises(SafetyError, match='FAULT is latched'):
        bench.arm()
    bench.supervisor.reset()
    assert bench.tick().state is State.DISARMED
    bench.arm()
    assert bench.tick().state is State.HOLD


def test_links_of_the_robot_that_come_too_close_latch(
    make: Callable[..., Bench], collisions: Backend
) -> None:
    bench = make(tracking_error=9.0).armed()
    bench.tick()
    bench.track = False
    q = bench.q.copy()
    pair = np.array([int(collisions.distances(q).argmin())])
    while collisions.distances(q)[pair[0]] > 0.0:
        gradient = collisions.gradients(q, pair)[0]
        q -= 0.01 * gradient / np.abs(gradient).max()
    bench.q = q
    ticks = bench.contract.safety.tracking_error_ticks
    assert bench.tick(ticks - 1).state is State.HOLD
    assert bench.tick().state is State.FAULT
    note = bench.notes[-1]
    worst = collisions.links[int(collisions.distances(q).argmin())]
    assert (note.rule, note.pair) == (Rule.TRACKING_LOST, worst)
    assert note.asked == bench.contract.safety.self_collision_distance
    assert note.sent is not None and note.sent <= 0.0


def test_one_late_tick_is_no_tracking_loss(bench: Bench, contract: Contract) -> None:
    bench.moving()
    good = bench.q.copy()
    for _ in range(contract.safety.tracking_error_ticks - 1):
        bench.q = good - 0.3
        bench.tick()
    bench.tick()
    assert bench.supervisor.state is State.ACTIVE


def test_estop_brakes_holds_and_latches(bench: Bench) -> None:
    bench.moving()
    bench.supervisor.push_estop(bench.steady, True)
    assert bench.tick().state is State.ESTOP
    verdict = bench.tick(60)
    bench.check_braking()
    assert verdict.q is not None, 'it holds the last command: a humanoid must not go limp'
    bench.supervisor.push_estop(bench.steady, False)
    assert bench.propose() == []
    assert bench.tick().state is State.ESTOP, 'false does not release it'
    with pytest.raises(SafetyError, match='ESTOP is latched'):
        bench.arm()
    bench.supervisor.reset()
    assert bench.tick().state is State.DISARMED
    assert bench.tick().q is None
    bench.arm()
    before = bench.q.copy()
    assert np.array_equal(bench.tick().q, before), 'no jump after the release'


def test_reset_is_refused_while_pressed_or_braking(bench: Bench) -> None:
    bench.moving()
    bench.supervisor.push_estop(bench.steady, True)
    bench.tick()
    with pytest.raises(SafetyError, match='still pressed'):
        bench.supervisor.reset()
    bench.supervisor.push_estop(bench.steady, False)
    with pytest.raises(SafetyError, match='still braking'):
        bench.supervisor.reset()


def test_estop_works_before_arming(bench: Bench) -> None:
    bench.tick()
    bench.supervisor.estop('button')
    with pytest.raises(SafetyError, match='latched'):
        bench.arm()
    assert bench.tick().q is None


def test_lost_heartbeat_is_an_estop(make: Callable[..., Bench]) -> None:
    bench = make(estop_heartbeat_s=0.1)
    bench.tick()
    with pytest.raises(SafetyError, match='heartbeat'):
        bench.arm()
    bench.supervisor.push_estop(bench.steady, False)
    bench.arm()
    for _ in range(30):
        bench.supervisor.push_estop(bench.steady, False)
        assert bench.tick().state is State.HOLD
    assert bench.tick(12).state is State.ESTOP
    assert 'heartbeat' in bench.notes[-1].text


def test_disarm_brakes_then_sends_nothing(bench: Bench) -> None:
    bench.moving()
    bench.supervisor.disarm()
    assert bench.tick().state is State.DISARMING
    assert bench.propose() == []
    verdict = bench.tick(60)
    assert (verdict.state, verdict.q) == (State.DISARMED, None)
    v = np.diff(np.array(bench.commands), axis=0) / 0.01
    assert (np.abs(v[-1]) <= bench.contract.limits.acceleration * 0.01 + 1e-9).all()


def test_disarm_does_not_release_an_estop(bench: Bench) -> None:
    bench.moving()
    bench.supervisor.estop('button')
    bench.supervisor.disarm()
    assert bench.tick(100).state is State.ESTOP
