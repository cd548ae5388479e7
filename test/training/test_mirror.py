# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Learning from demonstrations and their mirror images."""

from pathlib import Path

import demonstrations
import numpy as np

from imitation_ros.contract import Contract
from imitation_ros.export.onnx import export
from imitation_ros.kinematics.symmetry import sagittal
from imitation_ros.training.config import load
from imitation_ros.training.run import train
from imitation_ros.training.state import load_trained


def test_demonstrations_of_one_arm_teach_the_other(contract: Contract, tmp_path: Path) -> None:
    """The right arm was shown with objects to the right; the left goes to those to the left."""
    shown = [demonstrations.demonstrate(contract, f'reach_{i:04d}', i) for i in range(50)]
    shown = [episode for episode in shown if episode.poses['object'][0, 1] < -0.02]
    unseen = shown.pop()
    data = demonstrations.write(tmp_path / 'data', contract, shown)
    config = load('bc', {'mirror': True, 'updates': 2000, 'network': {'width': 64, 'depth': 2}})
    train(data, config, tmp_path / 'run')
    trained = load_trained(tmp_path / 'run')
    mirror = sagittal(contract)
    errors = []
    for episode in (unseen, mirror.episode(unseen)):
        columns = [contract.index(joint) for joint in trained.spec.joints]
        state = trained.spec.states(episode.q[:, columns], episode.v[:, columns], episode.poses)
        moved = np.abs(episode.action - episode.q)[:20, columns].mean()
        said = trained.actor.predict(state[:20, None], {})[:, 0]
        errors.append(np.abs(said - episode.action[:20, columns]).mean() / moved)
    assert max(errors) < 0.5, errors
    assert export(tmp_path / 'run', tmp_path / 'policy.onnx', data).parity.holds
