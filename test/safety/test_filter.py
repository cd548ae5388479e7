# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The filter's promises, for any input (P1-P5 of docs/safety.md)."""

from dataclasses import replace
from functools import cache
from typing import Any

from hypothesis import given, HealthCheck, settings
from hypothesis import strategies as st
import numpy as np
import pytest
from safety_parts import Built

from imitation_ros.contract import Contract, Limits
from imitation_ros.safety.backend import Backend
from imitation_ros.safety.filter import SafetyFilter
from imitation_ros.safety.intervention import Rule

Array = np.ndarray

MODES = ('project', 'path')
KINDS = ('random', 'nan', 'inf', 'huge', 'short', 'none', 'attack', 'lower', 'upper', 'hold')
actions = st.lists(
    st.tuples(st.sampled_from(KINDS), st.integers(0, 2**31 - 1), st.integers(1, 30)),
    min_size=3,
    max_size=14,
)


def with_mode(contract: Contract, mode: str) -> Contract:
    return replace(contract, safety=contract.safety.model_copy(update={'mode': mode}))


def with_limits(contract: Contract, hz: float, velocity: float, acceleration: float) -> Contract:
    old = contract.limits
    return replace(
        contract,
        rates=contract.rates.model_copy(update={'command_hz': hz}),
        limits=Limits(
            old.lower.copy(),
            old.upper.copy(),
            np.full(contract.n, velocity),
            np.full(contract.n, acceleration),
            old.effort.copy(),
        ),
    )


def make_action(kind: str, seed: int, robot: SafetyFilter) -> Array | None:
    limits, q = robot.contract.limits, robot.q
    middle, half = 0.5 * (limits.lower + limits.upper), 0.65 * (limits.upper - limits.lower)
    rng = np.random.default_rng(seed)
    if kind == 'random':
        return rng.uniform(middle - half, middle + half)
    if kind in ('nan', 'inf'):
        bad = q.copy()
        bad[seed % len(q)] = np.nan if kind == 'nan' else np.inf
        return bad
    if kind == 'attack':
        nearest = np.array([int(robot.backend.distances(q).argmin())])
        return q - np.sign(robot.backend.gradients(q, nearest)[0]) * 1.5
    return {
        'huge': rng.normal(size=len(q)) * 1e12,
        'short': q[:7],
        'none': None,
        'lower': limits.lower - 1.0,
        'upper': limits.upper + 1.0,
        'hold': q.copy(),
    }[kind]


def check_invariants(robot: SafetyFilter, path: list[Array]) -> None:
    limits, dt = robot.contract.limits, robot.dt
    Q = np.array(path)
    V = np.diff(Q, axis=0) / dt
    A = np.diff(np.vstack([np.zeros(Q.shape[1]), V]), axis=0) / dt
    assert np.isfinite(Q).all()
    assert (Q <= limits.upper).all() and (Q >= limits.lower).all()
    assert (np.abs(V) <= limits.velocity * (1 + 1e-6) + 1e-9).all()
    assert (np.abs(A) <= limits.acceleration * (1 + 1e-6) + 1e-7 / dt).all()
    closest = min(float(robot.backend.distances(q).min()) for q in path)
    assert closest >= robot.contract.safety.self_collision_distance


@pytest.fixture(scope='module')
def collisions(built: Built, backend: str) -> Backend:
    """Our humanoid, by one back end after the other."""
    return built('imi_humanoid', backend)


@cache
def starts(collisions: Backend) -> list[Array]:
    """Poses all over the range that are clear of collision."""
    contract, rng = collisions.robot.contract, np.random.default_rng(11)
    middle = 0.5 * (contract.limits.lower + contract.limits.upper)
    half = 0.5 * (contract.limits.upper - contract.limits.lower)
    found = [contract.home]
    while len(found) < 16:
        q = rng.uniform(middle - 0.7 * half, middle + 0.7 * half)
        if collisions.distances(q).min() > 0.014:
            found.append(q)
    return found


def play(robot: SafetyFilter, start: Array, steps: list[tuple[str, int, int]]) -> list[Array]:
    robot.reset(start)
    path = [robot.q.copy()]
    for kind, seed, times in steps:
        for _ in range(times):
            path.append(robot.step(make_action(kind, seed, robot)).q.copy())
    return path


# About 22,000 steps in all; `benchmarks/safety.py --steps` runs a million.
@pytest.mark.slow
@pytest.mark.parametrize('name', ['imi_humanoid', 'unitree_g1'])
@settings(
    max_examples=50, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
@given(
    hz=st.sampled_from([30.0, 50.0, 100.0, 250.0, 500.0]),
    velocity=st.floats(0.5, 10.0),
    acceleration=st.floats(2.0, 60.0),
    mode=st.sampled_from(MODES),
    start=st.integers(0, 15),
    steps=actions,
)
def test_any_stream_keeps_every_limit_and_the_distance(
    built: Built,
    backend: str,
    name: str,
    hz: float,
    velocity: float,
    acceleration: float,
    mode: str,
    start: int,
    steps: Any,
) -> None:
    collisions = built(name, backend)
    limited = with_limits(collisions.robot.contract, hz, velocity, acceleration)
    robot = SafetyFilter(with_mode(limited, mode), collisions)
    check_invariants(robot, play(robot, starts(collisions)[start], steps))


def test_without_the_certificate_the_same_stream_collides(
    contract: Contract, collisions: Backend
) -> None:
    # Shows that the tests above can fail: the box and the QP alone do not keep the distance.
    fast = with_limits(contract, 50.0, 10.0, 20.0)
    limits = fast.limits
    closest = {}
    for certify in (True, False):
        robot = SafetyFilter(fast, collisions, certify=certify)
        robot.reset(contract.home)
        rng = np.random.default_rng(5)
        distances = []
        for tick in range(600):
            if tick % 15 == 0:
                goal = rng.uniform(limits.lower, limits.upper)
            distances.append(collisions.distances(robot.step(goal).q).min())
        closest[certify] = min(distances)
    needed = contract.safety.self_collision_distance
    assert closest[True] >= needed
    assert closest[False] < needed - 0.002


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31 - 1), st.sampled_from(MODES))
def test_what_is_already_safe_is_left_unchanged(
    contract: Contract, collisions: Backend, seed: int, mode: str
) -> None:
    rng = np.random.default_rng(seed)
    contract = with_mode(contract, mode)
    robot, second = SafetyFilter(contract, collisions), SafetyFilter(contract, collisions)
    robot.reset(contract.home)
    second.reset(contract.home)
    v = np.zeros(contract.n)
    for _ in range(15):
        lower, upper = robot.box.bounds(robot.q, robot.v)
        v = np.clip(rng.normal(size=contract.n) * 0.3, lower, upper)
        asked = robot.q + robot.dt * v
        first = robot.step(asked)
        assert first.q == pytest.approx(asked, abs=1e-12)
        assert first.interventions == ()
        again = second.step(first.q)  # filter(filter(x)) = filter(x)
        assert again.q == pytest.approx(first.q, abs=1e-12)


@settings(max_examples=25, deadline=None)
@given(steps=actions, kind=st.sampled_from(['none', 'nan', 'short']))
def test_without_input_it_comes_to_rest_and_stays(
    contract: Contract, collisions: Backend, steps: Any, kind: str
) -> None:
    robot = SafetyFilter(contract, collisions)
    play(robot, contract.home, [(k, s, min(t, 8)) for k, s, t in steps])
    rest = robot.rest
    ticks = int(np.ceil((np.abs(robot.v) / robot.box.step).max()))
    for _ in range(ticks):
        robot.step(make_action(kind, 3, robot))
    assert robot.at_rest
    assert robot.q == pytest.approx(rest, abs=1e-9)
    assert np.array_equal(robot.step(None).q, robot.q)


def test_recovers_from_outside_the_limits(contract: Contract, collisions: Backend) -> None:
    robot = SafetyFilter(contract, collisions)
    start = contract.home.copy()
    elbow = contract.index('left_elbow_joint')
    start[elbow] = contract.limits.upper[elbow] + 0.04
    notes = robot.reset(start)
    assert [(n.rule, n.joint) for n in notes] == [(Rule.RECOVERING, 'left_elbow_joint')]
    excess = []
    for _ in range(200):
        q = robot.step(contract.limits.upper + 1.0).q
        excess.append(q[elbow] - contract.limits.upper[elbow])
    assert max(excess) <= 0.04 + 1e-9
    assert excess[-1] <= 0.0


def direction(x: Array) -> Array:
    return x / np.linalg.norm(x)


def test_on_the_path_it_slows_down_and_does_not_turn(
    contract: Contract, collisions: Backend
) -> None:
    # Twice as fast as two joints may turn, in a direction that clipping would change.
    way = np.zeros(contract.n)
    way[contract.index('neck_yaw_joint')] = 2.0 * contract.limits.velocity[0]
    way[contract.index('left_wrist_yaw_joint')] = 1.0
    turned = {}
    for mode in MODES:
        robot = SafetyFilter(with_mode(contract, mode), collisions)
        robot.reset(contract.home)
        for share in np.linspace(0.02, 0.5, 25):
            robot.step(robot.q + robot.dt * share * way)
        before = robot.v
        assert direction(before) == pytest.approx(direction(way), abs=1e-9)
        step = robot.step(robot.q + robot.dt * way)
        turned[mode] = float(np.abs(direction(step.v) - direction(way)).max())
        assert (np.abs(step.v) <= contract.limits.velocity + 1e-9).all()
    assert turned['path'] < 1e-9
    assert turned['project'] > 0.01


def test_on_the_path_a_near_link_first_slows_the_robot_down(
    contract: Contract, collisions: Backend
) -> None:
    shares = set()
    robot = SafetyFilter(with_mode(contract, 'path'), collisions)
    robot.reset(contract.home)
    goal = find_contact(contract, collisions)
    for _ in range(900):
        # Slow enough that no limit of a joint is met on the way.
        asked = np.clip(goal - robot.q, -0.1 * robot.dt, 0.1 * robot.dt)
        step = robot.step(robot.q + asked)
        if any(note.rule is Rule.COLLISION for note in step.interventions):
            v, wanted = step.v, asked / robot.dt
            if np.abs(direction(v) - direction(wanted)).max() < 1e-6:
                shares.add(round(float(np.linalg.norm(v) / np.linalg.norm(wanted)), 3))
    assert shares and shares <= {0.75, 0.5, 0.25}
    needed = contract.safety.self_collision_distance
    assert collisions.distances(robot.q).min() >= needed


def find_contact(contract: Contract, collisions: Backend) -> Array:
    """The left hand slowly into the torso, until 4 mm are left."""
    q = contract.home.copy()
    for roll in np.linspace(0.2, -0.3, 200):
        q[contract.index('left_shoulder_roll_joint')] = roll
        for yaw in np.linspace(0.0, -2.4, 60):
            q[contract.index('left_shoulder_yaw_joint')] = yaw
            if -0.02 < collisions.distances(q).min() < 0.004:
                return q
    raise AssertionError('no contact pose found')


def test_recovers_from_contact(contract: Contract, collisions: Backend) -> None:
    robot = SafetyFilter(contract, collisions)
    start = find_contact(contract, collisions)
    notes = robot.reset(start)
    assert notes and all(note.rule is Rule.RECOVERING and note.pair for note in notes)
    worst = collisions.distances(start).min()
    # Pushed further in, it does not go; led out, it goes, and then it may not return.
    for _ in range(50):
        nearest = np.array([int(collisions.distances(robot.q).argmin())])
        robot.step(robot.q - np.sign(collisions.gradients(robot.q, nearest)[0]))
        assert collisions.distances(robot.q).min() >= worst - 2e-4
    for _ in range(400):
        before = collisions.distances(robot.q).min()
        robot.step(contract.home)
        assert collisions.distances(robot.q).min() >= min(before, robot.needed) - 2e-3
    needed = contract.safety.self_collision_distance
    assert collisions.distances(robot.q).min() >= needed
    for _ in range(200):
        robot.step(start)
        assert collisions.distances(robot.q).min() >= needed


def test_interventions_say_joint_asked_and_sent(contract: Contract, collisions: Backend) -> None:
    robot = SafetyFilter(contract, collisions)
    robot.reset(contract.home)
    asked = contract.home.copy()
    neck, elbow = contract.index('neck_yaw_joint'), contract.index('left_elbow_joint')
    asked[neck], asked[elbow] = 5.0, contract.home[elbow] + 0.5
    step = robot.step(asked)
    notes = {note.joint: note for note in step.interventions}
    assert notes['neck_yaw_joint'].rule is Rule.POSITION
    assert notes['left_elbow_joint'].rule is Rule.VELOCITY
    assert notes['left_elbow_joint'].asked == asked[elbow]
    assert notes['left_elbow_joint'].sent == step.q[elbow]
    assert len(notes) == 2
    bad = contract.home.copy()
    bad[elbow] = np.nan
    (note,) = robot.step(bad).interventions
    assert (note.rule, note.joint) == (Rule.NON_FINITE, 'left_elbow_joint')
    (note,) = robot.step(bad[:5]).interventions
    assert note.rule is Rule.SHAPE


def test_asking_for_exactly_the_limit_is_no_intervention(
    contract: Contract, collisions: Backend
) -> None:
    robot = SafetyFilter(contract, collisions)
    start = contract.home.copy()
    neck = contract.index('neck_yaw_joint')
    start[neck] = contract.limits.upper[neck]
    assert robot.reset(start) == ()
    assert robot.step(start).interventions == ()


def test_a_hand_sent_into_the_torso_is_refused_before_contact(
    contract: Contract, collisions: Backend
) -> None:
    robot = SafetyFilter(contract, collisions)
    robot.reset(contract.home)
    goal = find_contact(contract, collisions)
    rules = set()
    for _ in range(600):
        step = robot.step(goal)
        for note in step.interventions:
            if note.pair:
                rules.add(note.rule)
                assert note.asked is not None and note.sent is not None
        assert collisions.distances(step.q).min() >= contract.safety.self_collision_distance
    assert rules & {Rule.COLLISION, Rule.BRAKING}


def test_pressing_lightly_on_a_margin_keeps_it_without_a_word(
    contract: Contract, collisions: Backend
) -> None:
    """Less than `lag_tolerance` is asked too much, for ever: no word, but the distance stays."""
    robot = SafetyFilter(contract, collisions)
    robot.reset(contract.home)
    roll = contract.index('right_shoulder_roll_joint')
    quiet, moved = 0, []
    for press in (0.008, 0.05):
        told = set()
        for _ in range(150):
            asked = contract.home.copy()
            asked[roll] = robot.q[roll] + press
            step = robot.step(asked)
            told = {note.rule for note in step.interventions}
        assert collisions.distances(robot.q).min() >= robot.needed
        assert robot.at_rest or np.abs(robot.v).max() < 1e-3
        quiet += not told
        moved.append(robot.q[roll])
    assert quiet == 1
    assert Rule.COLLISION in told
    assert abs(moved[1] - moved[0]) < 2e-3, 'the word changes, the command does not'


def test_a_moving_target_is_followed_without_lag(contract: Contract, collisions: Backend) -> None:
    robot = SafetyFilter(contract, collisions)
    robot.reset(contract.home)
    elbow = contract.index('left_elbow_joint')
    goal, error = contract.home.copy(), []
    for tick in range(300):
        before = goal.copy()
        goal[elbow] = contract.home[elbow] + 0.4 * (1 - np.cos(0.02 * tick))
        q = robot.step(goal, (goal - before) / robot.dt).q
        error.append(abs(q[elbow] - goal[elbow]))
    assert max(error) < 1e-9


def test_a_far_target_is_reached_without_overshoot(
    contract: Contract, collisions: Backend
) -> None:
    robot = SafetyFilter(contract, collisions)
    robot.reset(contract.home)
    goal = contract.home.copy()
    neck = contract.index('neck_yaw_joint')
    goal[neck] = 1.0
    path = [robot.step(goal, np.zeros(contract.n)).q[neck] for _ in range(200)]
    assert max(path) <= 1.0 + 1e-9
    assert path[-1] == pytest.approx(1.0, abs=1e-6)


def test_a_lag_from_the_acceleration_limit_is_named_so(
    contract: Contract, collisions: Backend
) -> None:
    robot = SafetyFilter(contract, collisions)
    robot.reset(contract.home)
    asked = contract.home.copy()
    asked[contract.index('neck_yaw_joint')] += 0.014  # 1.4 rad/s: allowed, but not at once
    (note,) = robot.step(asked).interventions
    assert (note.rule, note.joint) == (Rule.ACCELERATION, 'neck_yaw_joint')


def test_the_qp_and_the_certificate_each_say_what_they_did(
    contract: Contract, collisions: Backend
) -> None:
    robot = SafetyFilter(contract, collisions)
    robot.reset(contract.home)
    rng = np.random.default_rng(0)
    found = {}
    for tick in range(1000):
        if tick % 30 == 0:
            goal = rng.uniform(contract.limits.lower, contract.limits.upper)
        for note in robot.step(goal).interventions:
            found.setdefault(note.rule, note)
    for rule in (Rule.COLLISION, Rule.BRAKING):
        assert found[rule].pair in collisions.links
        assert found[rule].asked is not None and found[rule].sent is not None


def test_a_qp_without_a_solution_brakes(
    contract: Contract, collisions: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    import daqp

    robot = SafetyFilter(contract, collisions)
    robot.reset(contract.home)
    goal = find_contact(contract, collisions)
    while robot.at_rest or not any(
        note.rule is Rule.COLLISION for note in robot.step(goal).interventions
    ):
        robot.step(goal)
    infeasible = (np.full(contract.n, np.nan), 0.0, -1, {})
    monkeypatch.setattr(daqp, 'solve', lambda *_: infeasible)
    rules = set()
    for _ in range(40):
        before = robot.v
        step = robot.step(goal)
        new = {note.rule for note in step.interventions}
        if Rule.QP_FALLBACK in new:
            assert np.array_equal(step.v, robot.box.brake(before))
        rules |= new
        assert collisions.distances(step.q).min() >= contract.safety.self_collision_distance
    assert Rule.QP_FALLBACK in rules
