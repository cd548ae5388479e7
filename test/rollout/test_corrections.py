# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The expert takes over from a policy that stands still, in simulation, and what is kept of it."""

from pathlib import Path

import numpy as np
from onnx_models import write_hold
import pytest

from imitation_ros.contract import Contract
from imitation_ros.data.store import Dataset
from imitation_ros.errors import DataError
from imitation_ros.rollout.collection import collect, go_on
from imitation_ros.rollout.corrections import correct, CorrectionRule

pytestmark = pytest.mark.sim


@pytest.fixture(scope='module')
def hold(contract: Contract, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A policy that stays where it is: it makes no progress."""
    return write_hold(tmp_path_factory.mktemp('model') / 'policy.onnx', contract)


@pytest.fixture(scope='module')
def corrected(contract: Contract, hold: Path, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp('corrected')
    shown = collect(contract, 'reach', 1, folder / 'shown', seed=3)
    return correct(contract, hold, 'reach', 2, folder / 'data', onto=shown, seed=3)


def test_the_expert_takes_over_once_and_finishes(corrected: Dataset, contract: Contract) -> None:
    shown, *episodes = corrected.episodes()
    assert shown.by_operator is None
    assert [e.meta.episode for e in episodes] == ['reach_corrected_0003', 'reach_corrected_0004']
    for episode in episodes:
        assert episode.meta.outcome == 'success'
        # After a window in which the policy stood still, and then to the end.
        first = int(np.argmax(episode.by_operator))
        assert 0.6 <= first / 25.0 <= 0.8
        assert episode.by_operator[first:].all()
        step = np.abs(np.diff(episode.action, axis=0))
        assert not step[: first - 1].max() > 2e-3
        # No jump: the expert is engaged from the present command.
        assert (step <= contract.limits.velocity / 25.0 + 1e-6).all()
    origin = corrected.manifest.provenance
    assert (origin.corrected, origin.corrections, origin.alone) == (2, 2, 0)
    assert origin.frames == sum(int(e.by_operator.sum()) for e in episodes)


def test_stopped_corrections_are_a_dataset_and_say_how_to_go_on(
    corrected: Dataset, contract: Contract, hold: Path, tmp_path: Path
) -> None:
    seen: list[int] = []
    shown, out = Dataset(corrected.root.parent / 'shown'), tmp_path / 'data'
    stopped = correct(
        contract, hold, 'reach', 2, out, onto=shown, seed=3, progress=seen.append, stop=seen.copy
    )
    assert [m.episode for m in stopped.manifest.episodes] == [
        m.episode for m in corrected.manifest.episodes
    ][:2]
    assert go_on(stopped) == f'go on in a new folder with --onto {out} --seed 4 -n 1'
    with pytest.raises(DataError, match=f'holds 2 of 3 episodes .* --onto {out} --seed 4'):
        correct(contract, hold, 'reach', 2, out, seed=3)


def test_the_expert_gives_back_and_takes_over_again(
    contract: Contract, hold: Path, tmp_path: Path
) -> None:
    data = correct(
        contract, hold, 'reach', 1, tmp_path / 'data', CorrectionRule(hold_s=0.4), seed=3
    )
    episode = data.episode(0)
    assert episode.by_operator is not None
    begins = int((np.diff(episode.by_operator.astype(int)) == 1).sum())
    assert begins == data.manifest.provenance.corrections >= 2
    assert not episode.by_operator.all()


def test_a_rule_that_always_or_never_holds_is_refused() -> None:
    with pytest.raises(DataError, match=r'least 1\.5 must be in'):
        CorrectionRule(least=1.5)
    with pytest.raises(DataError, match='hold_s 0'):
        CorrectionRule(hold_s=0)


def test_demonstrations_of_another_robot_are_refused(
    corrected: Dataset, contract: Contract, hold: Path, tmp_path: Path
) -> None:
    from imitation_ros.contract import loads

    text = contract.text.replace('policy_hz: 25.0', 'policy_hz: 20.0')
    other = loads(text, Path('other.yaml'), contract.urdf_text)
    with pytest.raises(DataError, match='was recorded with another contract'):
        correct(other, hold, 'reach', 1, tmp_path / 'data', onto=corrected)
