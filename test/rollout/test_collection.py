# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Demonstrations without ROS: what they hold, that they repeat, what action noise does to them."""

from pathlib import Path
import signal
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pytest

from imitation_ros.contract import Contract
from imitation_ros.data.images import resize
from imitation_ros.data.observation import CameraInput
from imitation_ros.data.store import Dataset
from imitation_ros.errors import ContractError, DataError
from imitation_ros.rollout.collection import collect, go_on
from imitation_ros.sim.action_noise import CORRELATION_S, OrnsteinUhlenbeckNoise
from imitation_ros.sim.robot import SimRobot

pytestmark = pytest.mark.sim


@pytest.fixture(scope='module')
def plain(contract: Contract, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return collect(contract, 'reach', 3, tmp_path_factory.mktemp('plain') / 'data', seed=5)


@pytest.fixture(scope='module')
def noisy_set(contract: Contract, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp('noisy_set') / 'data'
    return collect(contract, 'reach', 3, folder, seed=5, noise=0.03)


def test_a_dataset_is_what_a_recording_would_give(plain: Dataset, contract: Contract) -> None:
    manifest = plain.manifest
    assert manifest.contract_hash == contract.hash
    assert [meta.episode for meta in manifest.episodes] == [
        'reach_0005',
        'reach_0006',
        'reach_0007',
    ]
    assert manifest.provenance.failed_seeds == ()
    for episode in plain.episodes():
        assert set(np.diff(episode.tick_ns)) == {40_000_000}
        assert 20 < len(episode) < 100
        # A command leads: the joints are where they were asked to be a little later.
        late = np.abs(episode.q[3:] - episode.action[:-3]).max()
        assert late < np.abs(episode.q[3:] - episode.action[3:]).max()
        assert np.abs(episode.action - episode.q).max() < 0.25


def test_the_same_seed_gives_the_same_demonstrations(
    noisy_set: Dataset, contract: Contract, tmp_path: Path
) -> None:
    again = collect(contract, 'reach', 2, tmp_path / 'data', seed=6, noise=0.03)
    for ours, theirs in zip(again.episodes(), list(noisy_set.episodes())[1:], strict=True):
        for name in ('q', 'action'):
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))


def test_action_noise_spreads_the_states_and_leaves_the_commands(
    plain: Dataset, noisy_set: Dataset, contract: Contract
) -> None:
    """The arm is off its way by what was asked for; the commands stay those of the way."""
    arm = [contract.index(joint) for joint in contract.group('right_arm').joints[:7]]
    still = [contract.index(joint) for joint in contract.group('torso').joints]
    off, commanded = [], []
    for clean, noisy in zip(plain.episodes(), noisy_set.episodes(), strict=True):
        steps = min(len(clean), len(noisy))
        off.append((noisy.q[:steps] - clean.q[:steps])[:, arm])
        commanded.append((noisy.action[:steps] - clean.action[:steps])[:, arm])
        assert np.abs(noisy.q[:, still] - contract.home[still]).max() < 5e-3
    assert 0.01 < np.concatenate(off).std() < 0.045
    assert np.abs(np.concatenate(commanded)).max() < 0.01


def test_the_noise_has_the_spread_and_the_memory_it_says(contract: Contract) -> None:
    scale = np.full(contract.n, 0.03)
    action_noise = OrnsteinUhlenbeckNoise(contract, scale, np.random.default_rng(0))
    start = np.array(contract.home)
    assert not action_noise.step(start, start).any()
    moved = start.copy()
    right = [contract.index(joint) for joint in contract.group('right_arm').joints]
    moved[right[0]] += 0.01
    values = np.array([action_noise.step(moved, start) for _ in range(20000)])
    assert not np.delete(values, right, axis=1).any()
    noise = values[200:, right]
    assert noise.std() == pytest.approx(0.03, rel=0.05)
    lag = round(CORRELATION_S * contract.rates.command_hz)
    kept = (noise[lag:] * noise[:-lag]).mean() / noise.var()
    assert kept == pytest.approx(np.exp(-1), abs=0.05)


def test_failed_attempts_are_kept_with_the_noise_in_their_commands(
    contract: Contract, tmp_path: Path
) -> None:
    """They are marked, the noise is in their commands and in none of the demonstrations."""
    data = collect(contract, 'reach', 1, tmp_path / 'data', failures=2, failure_noise=0.2)
    assert [meta.outcome for meta in data.manifest.episodes] == ['success', 'failure', 'failure']
    assert data.manifest.provenance.failures == 2
    good, *bad = (np.diff(episode.action, n=2, axis=0).std() for episode in data.episodes())
    assert min(bad) > 5 * good
    with pytest.raises(DataError, match='where it should fail; raise the noise'):
        collect(contract, 'reach', 1, tmp_path / 'other', failures=1, failure_noise=0.0)


def test_a_stopped_collection_is_a_dataset_and_goes_on_bit_for_bit(
    contract: Contract, tmp_path: Path
) -> None:
    """Stopped, killed in the middle of an episode, resumed: as if nothing had happened."""
    once = collect(contract, 'reach', 2, tmp_path / 'once', noise=0.03, failures=2)
    out, seen = tmp_path / 'data', []
    asked: dict[str, Any] = {'noise': 0.03, 'failures': 2}
    stopped = collect(
        contract, 'reach', 2, out, **asked, progress=seen.append, stop=lambda: len(seen) == 1
    )
    assert len(stopped) == 1
    assert go_on(stopped) == 'go on with the same command and --resume'
    with pytest.raises(DataError, match='holds 1 of 4 episodes of a collection that was stopped'):
        collect(contract, 'reach', 2, out, **asked)
    with pytest.raises(
        DataError, match=r'another collection: noise: 0\.03 then, 0\.0 now; wanted'
    ):
        collect(contract, 'reach', 2, out, resume=True)

    def kill(done: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        collect(contract, 'reach', 2, out, **asked, progress=kill, resume=True)
    assert len(Dataset(out)) == 3
    rest = once.manifest.episodes[3].episode
    (out / rest).mkdir()
    (out / rest / 'q.npy').write_bytes(b'half')
    whole = collect(contract, 'reach', 2, out, **asked, resume=True)
    assert whole.manifest == once.manifest
    for ours, theirs in zip(whole.episodes(), once.episodes(), strict=True):
        for name in ('tick_ns', 'q', 'action'):
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
    assert go_on(whole) == ''
    with pytest.raises(DataError, match='is not empty; choose a new folder'):
        collect(contract, 'reach', 2, out, **asked)
    assert collect(contract, 'reach', 2, out, **asked, resume=True).manifest == whole.manifest


def test_nothing_collected_leaves_nothing_behind(contract: Contract, tmp_path: Path) -> None:
    with pytest.raises(DataError, match='stopped before any episode was done'):
        collect(contract, 'reach', 1, tmp_path / 'data', stop=lambda: True)
    with pytest.raises(DataError, match='no collection to go on with; leave --resume out'):
        collect(contract, 'reach', 1, tmp_path / 'data', resume=True)
    first = collect(contract, 'reach', 1, tmp_path / 'data')
    more = collect(contract, 'reach', 2, tmp_path / 'data', resume=True)
    assert [len(first), len(more)] == [1, 2]


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_keeps_what_was_collected(tmp_path: Path, number: signal.Signals) -> None:
    out = tmp_path / 'data'
    words = ['collect', '--task', 'reach', '-n', '500', '--out', str(out)]
    made = subprocess.Popen(
        [sys.executable, '-m', 'imitation_ros', *words], stdout=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not (out / 'manifest.json').is_file() and time.monotonic() < deadline:
        time.sleep(0.05)
    made.send_signal(number)
    told = ' '.join(made.communicate(timeout=60)[0].split())
    assert made.returncode == 130
    done = len(Dataset(out))
    assert f'stopped after {done} of 500 episodes, which are a dataset; go on' in told
    assert sorted(p.name for p in out.iterdir() if p.is_dir()) == [
        f'reach_{seed:04d}' for seed in range(done)
    ]


def test_an_expert_that_cannot_do_it_is_an_error(contract: Contract, tmp_path: Path) -> None:
    with pytest.raises(DataError, match='the expert failed from 11 starts and succeeded from 0'):
        collect(contract, 'lift', 1, tmp_path / 'data', noise=0.3)
    with pytest.raises(DataError, match='noise is -1'):
        collect(contract, 'reach', 1, tmp_path / 'other', noise=-1.0)


def test_cameras_are_kept_as_a_policy_sees_them(contract: Contract, tmp_path: Path) -> None:
    camera = CameraInput('head_camera', 48, 64)
    data = collect(
        contract, 'reach', 1, tmp_path / 'data', seed=5, cameras=[camera], renderer='ray'
    )
    episode = data.episode(0)
    assert data.manifest.episodes[0].episode == 'reach_0005'
    assert set(episode.images) == {'head_camera'}
    images = np.asarray(episode.images['head_camera'])
    assert images.shape == (len(episode), 48, 64, 3)
    # At 30 Hz, an image is no older than a period at any tick, and the pictures move on.
    assert 0 <= episode.age_ns['head_camera'].min() <= episode.age_ns['head_camera'].max() < 40e6
    assert (np.diff(images.astype(int), axis=0) != 0).any(axis=(1, 2, 3)).sum() > 10
    sim = SimRobot(contract, 'reach', renderer='ray')
    sim.reset(5)
    np.testing.assert_array_equal(images[0], resize(sim.render('head_camera'), 48, 64))
    sim.close()


def test_a_camera_that_the_robot_has_not_is_refused(contract: Contract, tmp_path: Path) -> None:
    with pytest.raises(ContractError, match='chest_camera'):
        collect(
            contract, 'reach', 1, tmp_path / 'data', cameras=[CameraInput('chest_camera', 48, 64)]
        )
    assert not (tmp_path / 'data').exists()
