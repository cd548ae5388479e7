# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Closed loops without ROS: experts pass, a policy that holds fails, and all of it repeats."""

from pathlib import Path
from typing import Any

import numpy as np
from onnx_models import head_camera, hold_weights, make_metadata, make_spec, write_policy
import pytest
from typer.testing import CliRunner

from imitation_ros.cli.app import app
from imitation_ros.contract import Contract
from imitation_ros.errors import DataError, MismatchError
from imitation_ros.rollout.agents import due
from imitation_ros.rollout.rollout import expert_rollout, rollout
from imitation_ros.rollout.trials import Trials
from imitation_ros.sim.tasks import TASKS

pytestmark = pytest.mark.sim


def policy(path: Path, contract: Contract, **changes: Any) -> Path:
    """A policy that asks the right arm to stay where it is."""
    spec = make_spec(**changes)
    return write_policy(path, spec, make_metadata(contract, spec), [hold_weights(spec)])


@pytest.mark.parametrize(('rate', 'expected'), [(25.0, 4), (50.0, 2), (100.0, 1), (200.0, 1)])
def test_rates_are_kept_on_the_grid(rate: float, expected: int) -> None:
    ticks = [tick for tick in range(400) if due(tick, rate, 100.0)]
    assert ticks[0] == 0
    assert set(np.diff(ticks)) == {expected}


def test_an_uneven_rate_is_kept_on_average() -> None:
    assert sum(due(tick, 30.0, 100.0) for tick in range(1000)) == 300


@pytest.mark.parametrize('task', TASKS)
def test_experts_succeed_and_never_trip_the_filter(contract: Contract, task: str) -> None:
    count = {'handover': 1, 'tray_balance': 1, 'stand': 1}.get(task, 3)
    results = expert_rollout(contract, task, range(count))
    assert results.trials.successes == count, results.trials
    assert results.trials.interventions == {}, results.trials


def test_a_rollout_repeats_itself_whatever_came_before(contract: Contract) -> None:
    alone = expert_rollout(contract, 'reach', [1]).trials.trials[0]
    after = expert_rollout(contract, 'reach', [0, 1]).trials.trials[1]
    assert alone == after


def test_a_policy_that_holds_fails_without_an_intervention(
    contract: Contract, tmp_path: Path
) -> None:
    seen = []
    results = rollout(
        contract,
        policy(tmp_path / 'hold.onnx', contract),
        'reach',
        [1000, 1001],
        progress=lambda trial: seen.append(trial.seed),
    )
    assert seen == [1000, 1001]
    assert results.trials.successes == 0
    assert results.trials.interventions == {}
    trial = results.trials.trials[0]
    assert (trial.state, trial.note) == ('ACTIVE', 'time over')
    assert trial.duration_s == pytest.approx(TASKS['reach'].time_limit_s)
    assert results.rate.high == pytest.approx(0.6576, abs=1e-4)
    assert results.to_dict()['trials'][1]['seed'] == 1001
    assert [strip.failed for strip in results.strips] == [True, True]
    assert results.strips[0].camera == 'head_camera'
    assert results.strips[0].times_s[-1] == pytest.approx(TASKS['reach'].time_limit_s)


def test_a_policy_of_another_task_is_warned_of(contract: Contract, tmp_path: Path) -> None:
    """By the file's own word or by the names of its bags, in the terminal and in the JSON."""
    spec = make_spec()
    metadata = make_metadata(contract, spec)
    model, out = tmp_path / 'hold.onnx', tmp_path / 'trials.json'
    words = ['evaluate', str(model), '--task', 'reach', '--trials', '1', '--out', str(out)]
    for changes, warned in (
        ({'tasks': ['lift', 'mine']}, 'was trained for lift and is tried on reach'),
        ({'bags': ['pick_place_corrected_0003', 'x']}, 'was trained for pick_place and is tried'),
        ({'tasks': ['lift', 'reach']}, ''),
        ({'tasks': ['my own task']}, ''),
        ({}, ''),
    ):
        write_policy(model, spec, metadata | changes, [hold_weights(spec)])
        done = CliRunner().invoke(app, words, catch_exceptions=False)
        told = ' '.join(done.output.split())
        warnings = Trials.read(out).warnings
        assert (warned in told, 'warning' in told) == (True, bool(warned)), told
        assert len(warnings) == bool(warned)
        assert warned in ''.join(warnings)


def test_the_filter_is_what_stands_between(contract: Contract, tmp_path: Path) -> None:
    """A policy that asks for the impossible is held back with the filter, not without."""
    spec = make_spec()
    weights = 1.5 * hold_weights(spec)
    path = write_policy(tmp_path / 'wild.onnx', spec, make_metadata(contract, spec), [weights])
    guarded = rollout(contract, path, 'reach', [5], strips=0)
    bare = rollout(contract, path, 'reach', [5], strips=0, filter=False)
    assert sum(guarded.trials.interventions.values()) > 0
    assert bare.trials.interventions == {}
    assert bare.trials.trials[0].state == 'UNFILTERED'


def test_a_policy_with_a_camera_gets_its_images(contract: Contract, tmp_path: Path) -> None:
    """Its answer is the pose plus the mean brightness, far outside: so it must have seen one."""
    path = policy(tmp_path / 'camera.onnx', contract, cameras=(head_camera(),))
    results = rollout(contract, path, 'reach', [3], strips=0)
    assert 'rejected_first_move' in results.trials.interventions
    with pytest.raises(DataError, match='head_camera'):
        rollout(contract, path, 'reach', [3], renderer=None)


def test_a_policy_of_another_robot_is_refused(contract: Contract, tmp_path: Path) -> None:
    path = policy(tmp_path / 'fast.onnx', contract, policy_hz=50.0)
    with pytest.raises(MismatchError, match='50 Hz'):
        rollout(contract, path, 'reach', [1])


def test_a_rollout_needs_no_torch() -> None:
    import subprocess
    import sys

    code = 'import sys, imitation_ros.rollout.rollout; sys.exit("torch" in sys.modules)'
    assert subprocess.run([sys.executable, '-c', code], check=False).returncode == 0
