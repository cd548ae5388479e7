# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Rollouts in which things go wrong: by the seed, seen by the policy, and harmless at level 0."""

from pathlib import Path

import numpy as np
from onnx_models import hold_weights, make_metadata, make_spec, write_policy
import pytest

from imitation_ros.contract import Contract
from imitation_ros.data.frame import Array
from imitation_ros.rollout.rollout import expert_rollout, rollout
from imitation_ros.rollout.trials import Trial
from imitation_ros.sim.perturbations import parse, PERTURBATIONS
from imitation_ros.sim.robot import SimRobot

pytestmark = pytest.mark.sim


def reach(contract: Contract, *texts: str) -> tuple[Trial, ...]:
    settings = [parse(text) for text in texts]
    return expert_rollout(contract, 'reach', [4, 5], perturb=settings).trials.trials


def test_level_0_changes_no_trial(contract: Contract) -> None:
    assert reach(contract) == reach(contract, *(f'{name}:0' for name in PERTURBATIONS))


def test_a_disturbed_trial_repeats_itself(contract: Contract) -> None:
    plain, pushed = reach(contract), reach(contract, 'push:3', 'noise:1')
    assert pushed == reach(contract, 'push:3', 'noise:1')
    assert pushed != plain


def test_an_expert_goes_after_a_target_that_was_put_aside(contract: Contract) -> None:
    """It recovers, later than without, and later still if it sees it late."""
    trials = [reach(contract, *texts) for texts in ((), ('push:3',), ('push:3', 'delay:3'))]
    assert all(trial.success for each in trials for trial in each)
    plain, pushed, late = (sum(trial.duration_s for trial in each) for each in trials)
    assert plain < pushed < late


def test_the_policy_sees_what_it_is_shown(
    contract: Contract, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds where it believes the arm to be: with noise there, its commands are noisy."""
    spec = make_spec()
    path = write_policy(
        tmp_path / 'hold.onnx', spec, make_metadata(contract, spec), [hold_weights(spec)]
    )
    commands: list[Array] = []

    def listen(self: SimRobot, q: Array) -> None:
        commands.append(q)
        command(self, q)

    command = SimRobot.command
    monkeypatch.setattr(SimRobot, 'command', listen)
    spans = []
    for perturb in ((), (parse('noise:3'),)):
        commands.clear()
        rollout(contract, path, 'reach', [1], renderer=None, strips=0, perturb=perturb)
        spans.append(np.ptp(np.array(commands), axis=0).max())
    assert spans[0] < 0.005 < spans[1]


def test_noise_of_a_generative_policy_follows_from_the_seed_of_the_trial(
    contract: Contract, tmp_path: Path
) -> None:
    spec = make_spec()
    metadata = make_metadata(contract, spec) | {'noise': True}
    weights = [hold_weights(spec)]
    path = write_policy(tmp_path / 'noisy.onnx', spec, metadata, weights, noise=True)
    first = rollout(contract, path, 'reach', [1, 2], renderer=None, strips=0)
    alone = rollout(contract, path, 'reach', [2], renderer=None, strips=0)
    assert first.trials.trials[1] == alone.trials.trials[0]
    # With zeros this policy holds still, and nothing is there to be held back.
    zeros = rollout(contract, path, 'reach', [2], renderer=None, strips=0, draw_noise=False)
    assert sum(alone.trials.interventions.values()) > 0
    assert zeros.trials.interventions == {}
