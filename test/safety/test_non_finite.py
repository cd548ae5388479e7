# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Whatever comes in and whatever fails inside: every set-point is finite and inside the limits."""

from dataclasses import replace
from typing import Any

from hypothesis import given, HealthCheck, settings
from hypothesis import strategies as st
import numpy as np
import pytest
from safety_parts import Built

from imitation_ros.contract import Contract
from imitation_ros.data.proposal import Proposal
from imitation_ros.safety.constraints.limits import MAX_POSITION
from imitation_ros.safety.filter import SafetyFilter
from imitation_ros.safety.intervention import Intervention, Rule
from imitation_ros.safety.supervisor import SafetySupervisor
from imitation_ros.safety.verdict import State

MS = 1_000_000
HUGE = (1e154, 1e155, 1e300, 1e304, 1e306, 1e308, 1.7976931348623157e308)
ODD = [0.0, -0.0, 5e-324, 2.2e-308, np.inf, np.nan, *HUGE, MAX_POSITION, 2 * MAX_POSITION, 1e3]
NUMBERS = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True, allow_subnormal=True),
    st.sampled_from(ODD + [-value for value in ODD]),
)
INT64 = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from([-(2**63), 2**63 - 1, 2**62, -(2**62), 0, 1, -1]),
)
NEAR = st.integers(-50 * MS, 200 * MS)
EXAMPLES = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Run:
    """A supervisor whose every set-point is checked, on a robot that does as it is told."""

    def __init__(self, contract: Contract, safety_filter: SafetyFilter, now: int = 10**18) -> None:
        # One nonsense after the other is what this is about: it is not to latch at the tenth.
        safety = contract.safety.model_copy(update={'max_rejections': 0})
        self.contract = replace(contract, safety=safety)
        self.supervisor = SafetySupervisor(self.contract, safety_filter)
        self.now, self.steady = now, 77 * MS
        self.q = contract.home.copy()
        self.v = np.zeros(contract.n)
        self.notes: list[Intervention] = []
        self.track()
        self.supervisor.arm(self.now, self.steady)

    def track(self) -> None:
        self.supervisor.push_state(self.steady, self.now, self.q, np.zeros(self.contract.n))

    def tick(self) -> State:
        self.now, self.steady = self.now + 10 * MS, self.steady + 10 * MS
        self.track()
        verdict = self.supervisor.step(self.now, self.steady)
        self.notes += verdict.interventions
        if verdict.q is not None and verdict.v is not None:
            limits, dt = self.contract.limits, self.supervisor.filter.dt
            assert np.isfinite(verdict.q).all() and np.isfinite(verdict.v).all()
            assert (verdict.q >= limits.lower).all() and (verdict.q <= limits.upper).all()
            assert (np.abs(verdict.v) <= limits.velocity * (1 + 1e-9)).all()
            change = np.abs(verdict.v - self.v)
            assert (change <= limits.acceleration * dt * (1 + 1e-6) + 1e-9).all()
            assert verdict.q == pytest.approx(self.q + dt * verdict.v, abs=1e-9)
            self.q, self.v = verdict.q.copy(), verdict.v.copy()
        return verdict.state

    def move(self) -> 'Run':
        """In motion by a good proposal."""
        for _ in range(8):
            assert self.propose([0.3], [40 * MS]) == []
            self.tick()
        assert not self.supervisor.filter.at_rest
        return self

    def propose(self, values: list[float], times: list[int], stamp: int = 0) -> Any:
        """Points at which all joints are that far from home; times from the stamp."""
        at = self.now + stamp
        with np.errstate(over='ignore'):
            positions = self.contract.home + np.array(values)[:, None]
        rising = tuple(at + time for time in sorted(set(times)))
        proposal = Proposal(at, self.contract.joints, rising, positions[: len(rising)])
        return self.supervisor.push_proposal(self.now, self.steady, proposal)

    def stop_and_reset(self) -> None:
        """The e-stop comes to rest, and reset works."""
        self.supervisor.estop('test')
        for _ in range(60):
            assert self.tick() is State.ESTOP
        assert not self.v.any()
        self.supervisor.reset()
        self.v[:] = 0.0
        self.track()
        self.supervisor.arm(self.now, self.steady)
        assert self.tick() is State.HOLD

    def rules(self) -> set[Rule]:
        return {note.rule for note in self.notes}


@pytest.fixture
def safety_filter(contract: Contract, built: Built, backend: str) -> SafetyFilter:
    return SafetyFilter(contract, built('imi_humanoid', backend))


@EXAMPLES
@given(
    values=st.lists(NUMBERS, min_size=4, max_size=4),
    times=st.lists(NEAR, min_size=1, max_size=4, unique=True),
)
def test_any_positions(
    contract: Contract, safety_filter: SafetyFilter, values: list[float], times: list[int]
) -> None:
    run = Run(contract, safety_filter)
    # The first move is guarded; what comes after a good one is not.
    for moving in (False, True):
        if moving:
            run.move()
        run.propose(values, times)
        for _ in range(6):
            run.tick()
        run.stop_and_reset()
    assert Rule.INTERNAL_ERROR not in run.rules()


@EXAMPLES
@given(times=st.lists(st.one_of(INT64, NEAR), min_size=2, max_size=4, unique=True), now=INT64)
def test_any_times_and_stamps(
    contract: Contract, safety_filter: SafetyFilter, times: list[int], now: int
) -> None:
    for start in (10**18, now):
        run = Run(contract, safety_filter, start)
        for stamp in (0, times[0]):
            run.propose([0.1, 0.2, 0.3, 0.1], times, stamp)
            run.tick()
            run.tick()
        run.supervisor.push_state(run.steady, times[0], run.q, np.zeros(contract.n))
        run.stop_and_reset()
        assert Rule.INTERNAL_ERROR not in run.rules()


@EXAMPLES
@given(asked=NUMBERS, speed=st.one_of(st.none(), NUMBERS), data=st.data())
def test_the_filter_alone(
    contract: Contract,
    safety_filter: SafetyFilter,
    asked: float,
    speed: float | None,
    data: st.DataObject,
) -> None:
    n, limits = contract.n, contract.limits
    safety_filter.reset(contract.home)
    for _ in range(4):
        q = contract.home.copy()
        q[data.draw(st.integers(0, n - 1))] = asked
        v = None
        if speed is not None:
            v = np.zeros(n)
            v[data.draw(st.integers(0, n - 1))] = speed
        step = safety_filter.step(q, v)
        assert not step.failed
        assert np.isfinite(step.q).all()
        assert (step.q >= limits.lower).all() and (step.q <= limits.upper).all()
        assert (np.abs(step.v) <= limits.velocity * (1 + 1e-9)).all()
    for _ in range(30):
        safety_filter.step(None)
    assert safety_filter.at_rest


@EXAMPLES
@given(position=NUMBERS, speed=NUMBERS)
def test_any_measured_state(
    contract: Contract, safety_filter: SafetyFilter, position: float, speed: float
) -> None:
    run = Run(contract, safety_filter).move()
    for k in range(6):
        q, v = contract.home.copy(), np.zeros(contract.n)
        q[k], v[k] = position, speed
        run.supervisor.push_state(run.steady + 5 * MS, run.now + 5 * MS, q, v)
        run.tick()
    run.stop_and_reset()
    assert Rule.INTERNAL_ERROR not in run.rules()


@pytest.mark.parametrize('value', [2 * MAX_POSITION, *HUGE])
def test_a_huge_value_is_refused_and_named(
    contract: Contract, safety_filter: SafetyFilter, value: float
) -> None:
    run = Run(contract, safety_filter).move()
    for sign in (1.0, -1.0):
        (note,) = run.propose([sign * value], [40 * MS])
        assert note.rule is Rule.REJECTED_OUT_OF_RANGE
        assert note.joint == contract.joints[0] and note.asked == pytest.approx(sign * value)
        assert len(note.text) < 120
        assert run.tick() is State.ACTIVE, 'the last good one plays on'


def test_a_time_out_of_range_is_refused_and_named(
    contract: Contract, safety_filter: SafetyFilter
) -> None:
    run = Run(contract, safety_filter).move()
    for time in (86_400_000 * MS + 1, 2**63 - 1, -(2**63)):
        (note,) = run.propose([0.1, 0.2], [40 * MS, time])
        assert note.rule is Rule.REJECTED_OUT_OF_RANGE
    assert run.propose([0.1, 0.2], [40 * MS, 86_400_000 * MS]) == []


def test_a_huge_state_is_refused(contract: Contract, safety_filter: SafetyFilter) -> None:
    run = Run(contract, safety_filter)
    for q, v in ((1e308, 0.0), (0.0, 1e308)):
        state = np.full(contract.n, q), np.full(contract.n, v)
        (note,) = run.supervisor.push_state(run.steady, run.now + 1, *state)
        assert note.rule is Rule.REJECTED_STATE
        assert note.text == 'the measured state is out of every range'
    assert run.supervisor.measured is not None and run.supervisor.measured.max() < 10.0


def test_the_largest_values_accepted_do_as_any_out_of_range(
    contract: Contract, built: Built, backend: str
) -> None:
    collisions = built('imi_humanoid', backend)
    near, far, huge = (SafetyFilter(contract, collisions) for _ in range(3))
    for _ in range(60):
        one = near.step(contract.home + 1e3)
        assert np.array_equal(one.q, far.step(contract.home + 0.5 * MAX_POSITION).q)
        assert np.array_equal(one.q, huge.step(np.full(contract.n, 1e308)).q)


@pytest.mark.parametrize('where', ['bounds', 'nan', 'target', 'tracking', 'push'])
def test_a_failure_within_brakes_and_latches(
    contract: Contract, safety_filter: SafetyFilter, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    run = Run(contract, safety_filter).move()

    def broken(*_: object) -> Any:
        raise ZeroDivisionError('made to fail')

    def poisoned(x: np.ndarray, *_: object) -> np.ndarray:
        return np.full_like(x, np.nan)

    supervisor = run.supervisor
    with monkeypatch.context() as patch:
        if where == 'bounds':
            patch.setattr(safety_filter._query, 'velocity_bounds', broken)
        elif where == 'nan':
            patch.setattr(safety_filter, '_dispose', poisoned)
        elif where == 'target':
            patch.setattr(supervisor.player, 'target', broken)
        elif where == 'tracking':
            patch.setattr(supervisor._tracking, 'lost', broken)
        else:
            patch.setattr(supervisor.player, 'push', broken)
            run.propose([0.3], [40 * MS])
        before = np.abs(run.v)
        assert run.tick() is State.FAULT
        slower = np.maximum(before - contract.limits.acceleration * safety_filter.dt, 0.0)
        assert np.abs(run.v) == pytest.approx(slower, abs=1e-12), 'full braking'
        assert Rule.INTERNAL_ERROR in run.rules()
        for _ in range(60):
            assert run.tick() is State.FAULT
        assert not run.v.any()
        supervisor.push_estop(run.steady, True)
        assert run.tick() is State.ESTOP
        supervisor.push_estop(run.steady, False)
        supervisor.reset()
    run.stop_and_reset()
