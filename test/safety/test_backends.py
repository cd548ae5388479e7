# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Two back ends, one verdict; and what happens without the extra one."""

from dataclasses import replace
import os
from pathlib import Path
import subprocess
import sys

import numpy as np
import pytest
from safety_parts import BACKENDS, Built, FEET

from imitation_ros.contract import Contract, Support, Torque
from imitation_ros.errors import SafetyError
from imitation_ros.evaluation.safety.streams import all_streams
from imitation_ros.safety import backends
from imitation_ros.safety.constraints.approach import PASSING
from imitation_ros.safety.constraints.inequality import InequalityConstraints
from imitation_ros.safety.filter import SafetyFilter

needs_numba = BACKENDS[1].marks
ROBOTS = ['imi_humanoid', 'unitree_g1']


@pytest.mark.parametrize('robot', [pytest.param(name, marks=needs_numba) for name in ROBOTS])
def test_distances_and_gradients_are_equal(
    robot: str, built: Built, rng: np.random.Generator
) -> None:
    one, other = built(robot, 'coal'), built(robot, 'numba')
    limits, everything = one.robot.contract.limits, np.arange(len(one))
    penetrating = 0
    for q in rng.uniform(limits.lower, limits.upper, (60, one.robot.contract.n)):
        expected, distance = one.distances(q), other.distances(q)
        scale = np.maximum(np.abs(expected), 0.1)
        assert (np.abs(distance - expected) / scale).max() < 1e-12
        gradient = one.gradients(q, everything)
        assert np.abs(other.gradients(q, everything) - gradient).max() < 1e-10
        penetrating += int((expected < -0.002).sum())
    assert penetrating > 10


@pytest.mark.parametrize('robot', [pytest.param(name, marks=needs_numba) for name in ROBOTS])
def test_the_verdicts_are_the_same(robot: str, built: Built) -> None:
    # Step by step from the same state: a long chaotic run would only amplify rounding.
    one, other = built(robot, 'coal'), built(robot, 'numba')
    contract = one.robot.contract
    counts: dict[str, int] = {}
    for name in ('random', 'attack', 'edge', 'garbage'):
        leader, follower = SafetyFilter(contract, one), SafetyFilter(contract, other)
        ask = all_streams(contract, one, 3)[name]
        for tick in range(120):
            follower.q, follower.v = leader.q, leader.v
            asked = ask(tick, leader.q)
            first, second = leader.step(*asked), follower.step(*asked)
            assert second.q == pytest.approx(first.q, abs=1e-9), (name, tick)
            assert [(n.rule, n.subject) for n in second.interventions] == [
                (n.rule, n.subject) for n in first.interventions
            ], (name, tick)
            for note in first.interventions:
                counts[note.rule.value] = counts.get(note.rule.value, 0) + 1
    assert counts['collision'] > 20


@pytest.mark.parametrize('robot', [pytest.param(name, marks=needs_numba) for name in ROBOTS])
@pytest.mark.parametrize('mode', ['project', 'path'])
def test_what_is_wanted_allowed_and_near_is_the_same(
    robot: str, mode: str, built: Built, rng: np.random.Generator
) -> None:
    one, other = built(robot, 'coal'), built(robot, 'numba')
    contract = one.robot.contract
    contract = replace(contract, safety=contract.safety.model_copy(update={'mode': mode}))
    first, second = SafetyFilter(contract, one), SafetyFilter(contract, other)
    limits, outside, close, many = contract.limits, 0, 0, 0
    for scale in np.repeat([0.001, 0.3, 3.0, 1e12, 1e307], 30):
        q = contract.home + rng.normal(size=contract.n) * rng.choice([0.02, 0.2])
        v = rng.uniform(-1.0, 1.0, contract.n) * limits.velocity
        q_des = q + scale * rng.normal(size=contract.n)
        v_des = None if rng.random() < 0.5 else scale * rng.normal(size=contract.n)
        with np.errstate(over='ignore', invalid='ignore'):
            bounds = first._query.velocity_bounds(q, v, q_des, v_des)
            same = second._query.velocity_bounds(q, v, q_des, v_des)
            near = first._query.proximity(q, q_des, bounds, first.threshold)
        assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(bounds, same, strict=True))
        again = second._query.proximity(q, q_des, same, second.threshold)
        assert np.array_equal(again.clipped, near.clipped, equal_nan=True)
        assert (again.lagging is None) == (near.lagging is None)
        assert near.lagging is None or np.array_equal(again.lagging, near.lagging)
        assert np.array_equal(again.broken, near.broken)
        # Braking meets its rows exactly, and only rounding says whether it breaks one.
        rows, others = near.constraints, again.constraints
        sure = rows is None or abs(rows.excess(near.clipped).max()) > 1e-12
        assert again.close == near.close or not sure
        assert (others is None) == (rows is None)
        if rows is not None:
            # Rows for the next set-point keep less: that tells two rows of one pair apart.
            order, one_by_one = (np.lexsort((r.kept, r.pairs)) for r in (others, rows))
            assert np.array_equal(others.pairs[order], rows.pairs[one_by_one])
            assert np.abs(others.h[order] - rows.h[one_by_one]).max() < 1e-9
            assert np.abs(others.kept[order] - rows.kept[one_by_one]).max() < 1e-9
            many += len(order) > 3
        outside += int(((q < limits.lower) | (q > limits.upper)).any())
        close += near.close
    assert min(outside, close, many) > 20


@pytest.mark.parametrize('robot', ROBOTS)
def test_a_row_that_is_left_out_could_not_matter(
    robot: str, built: Built, rng: np.random.Generator
) -> None:
    collisions = built(robot, backends.choose('auto'))
    contract = collisions.robot.contract
    robot_filter = SafetyFilter(contract, collisions)
    margin, everything = contract.safety.row_margin, np.arange(len(collisions))
    spared = 0
    for _ in range(60):
        q = contract.home + 0.05 * rng.normal(size=contract.n)
        v = rng.uniform(-0.5, 0.5, contract.n) * contract.limits.velocity
        asked = q + 0.1 * rng.normal(size=contract.n)
        bounds = robot_filter._query.velocity_bounds(q, v, asked, None)
        near = robot_filter._query.proximity(q, q, bounds, robot_filter.threshold)
        rows, now = near.constraints, near.distance.copy()
        kept = np.zeros(0, int) if rows is None else rows.pairs.copy()
        if len(kept) >= contract.safety.row_limit:
            continue
        # The box's most dangerous velocity for each pair, at rest and at the next set-point.
        here = -robot_filter.dt * collisions.gradients(q, everything)
        at_rest = collisions.distances(bounds.rest)
        there = -bounds.horizon * collisions.gradients(bounds.rest, everything)
        up, down = bounds.upper - bounds.brake, bounds.lower - bounds.brake
        final = at_rest - np.maximum(there * up, there * down).sum(axis=1)
        first = now - np.maximum(here * bounds.upper, here * bounds.lower).sum(axis=1)
        left_out = np.setdiff1d(everything, kept)
        least = robot_filter.threshold + margin - 1e-12
        assert (final >= least)[left_out].all()
        passing = now < at_rest
        assert (first >= least - (1.0 - PASSING) * margin)[left_out][passing[left_out]].all()
        spared += len(left_out)
    assert spared > 1000


@pytest.mark.parametrize('robot', ROBOTS)
def test_braking_meets_every_row_and_rows_are_first_order(
    robot: str, built: Built, rng: np.random.Generator
) -> None:
    collisions = built(robot, backends.choose('auto'))
    contract = collisions.robot.contract
    robot_filter = SafetyFilter(contract, collisions)
    robot_filter.reset(contract.home)
    ask = all_streams(contract, collisions, 0)['random']
    back = contract.safety.row_return_rate * robot_filter.dt * contract.safety.row_margin
    at_rest = 0
    for tick in range(250):
        q, v = robot_filter.q, robot_filter.v
        bounds = robot_filter._query.velocity_bounds(q, v, *ask(tick, q))
        near = robot_filter._query.proximity(q, q, bounds, robot_filter.threshold)
        rows, now = near.constraints, near.distance.copy()
        if rows is not None:
            rows = InequalityConstraints(*(array.copy() for array in rows))
            # A pair inside the margin is asked to open again, by a share of what is missing.
            assert (rows.excess(bounds.brake) <= back + 1e-12).all()
            x = rng.uniform(bounds.lower, bounds.upper)
            told = rows.kept - rows.excess(x)
            next_pose = collisions.distances(q + robot_filter.dt * x)[rows.pairs]
            rest = collisions.distances(robot_filter.box.stop(q + robot_filter.dt * x, x))
            off = np.minimum(np.abs(told - next_pose), np.abs(told - rest[rows.pairs]))
            assert off.max() < 0.003, (tick, off.max())
            at_rest += int((np.abs(now[rows.pairs] - told) > 0.002).sum())
        robot_filter.step(*ask(tick, q))
    assert at_rest > 20


@pytest.mark.parametrize('name', [pytest.param(n, marks=needs_numba) for n in ROBOTS])
def test_nothing_is_compiled_in_the_loop(name: str, built: Built) -> None:
    from imitation_ros.safety.compiled import bounds, braking, distance, dynamics, motion

    kernels = (
        *(bounds.velocity_bounds, bounds.proximity, braking.refused),
        *(distance.measure, distance.gradients),
        *(dynamics.inverse, dynamics.composite, dynamics.over, motion.speeds, motion.too_fast),
    )
    collisions = built(name, 'numba')
    contract = collisions.robot.contract
    features = {'torque': Torque(share=1.0), 'support': Support(feet=FEET[name])}
    if contract.tools:
        features |= {'tool_speed': 0.5}
    contract = replace(contract, safety=contract.safety.model_copy(update=features))
    robot = SafetyFilter(contract, collisions)
    before = [len(kernel.signatures) for kernel in kernels]
    robot.reset(contract.home)  # a read-only array
    ask = all_streams(contract, collisions, 0)['random']
    for tick in range(60):
        robot.step(*ask(tick, robot.q))
    assert [len(kernel.signatures) for kernel in kernels] == before


def test_an_unknown_back_end_is_refused() -> None:
    with pytest.raises(SafetyError, match='auto, coal, numba'):
        backends.choose('fcl')


def test_without_numba_everything_works_and_auto_says_coal(contract: Contract) -> None:
    probe = (
        'import sys; sys.modules["numba"] = None\n'
        'from imitation_ros.contract import load\n'
        'from imitation_ros.safety import backends\n'
        'from imitation_ros.safety.filter import SafetyFilter\n'
        'robot = SafetyFilter(load("imi_humanoid"))\n'
        'robot.step(robot.q + 0.1)\n'
        'print(robot.backend.name, robot.at_rest)\n'
        'try: backends.choose("numba")\n'
        'except Exception as error: print(error)\n'
    )
    done = subprocess.run(
        [sys.executable, '-c', probe], capture_output=True, text=True, check=True
    )
    used, refused = done.stdout.splitlines()
    assert used == 'coal False'
    assert 'imitation_ros[fast]' in refused


@pytest.mark.skipif(backends.choose('auto') != 'numba', reason='the extra "fast" is missing')
def test_a_kernel_older_than_any_source_is_compiled_anew(tmp_path: Path) -> None:
    from imitation_ros.safety.compiled.jit import forget_stale

    cache = tmp_path / '__pycache__'
    cache.mkdir()
    index, callee = cache / 'bounds.proximity-1.py311.nbi', tmp_path / 'approach.py'
    for path, stamp in ((tmp_path / 'bounds.py', 10), (callee, 20), (index, 30)):
        path.write_text('')
        os.utime(path, (stamp, stamp))
    assert forget_stale(tmp_path) == 0 and index.exists()
    os.utime(callee, (40, 40))  # what the kernel calls has changed, its own file has not
    assert forget_stale(tmp_path) == 1 and not index.exists()
