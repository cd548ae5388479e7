# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From a checkpoint to a policy.onnx that the runtime loads, and refusals on the way."""

from dataclasses import dataclass
import json
from pathlib import Path
from typing import Any

import demonstrations
import numpy as np
import onnx
import pytest

from imitation_ros.contract import Contract, loads
from imitation_ros.data.frame import Frame
from imitation_ros.data.store import Dataset
from imitation_ros.data.windows import Windows
from imitation_ros.errors import DataError, MismatchError, TrainingError
from imitation_ros.evaluation import offline
from imitation_ros.export import onnx as exporting
from imitation_ros.export import parity
from imitation_ros.runtime.bundle import load as load_bundle
from imitation_ros.runtime.session import Session
from imitation_ros.training.config import load
from imitation_ros.training.run import train
from imitation_ros.training.state import load_trained, Trained


@dataclass(frozen=True)
class Exported:
    dataset: Dataset
    run: Path
    trained: Trained
    result: exporting.ExportResult


@pytest.fixture(scope='module')
def exported(tmp_path_factory: pytest.TempPathFactory, contract: Contract) -> Exported:
    """A policy with a camera and a history, trained a little and exported."""
    root = tmp_path_factory.mktemp('export')
    dataset = demonstrations.dataset(root / 'dataset', contract, 30, 12, camera=True)
    config = load(
        'bc',
        {
            'updates': 150,
            'warmup': 10,
            'batch': 32,
            'lr': 3e-3,
            'eval_every': 50,
            'held_out': 0.2,
            'history': 2,
            'chunk': 6,
            'velocity': True,
            'cameras': [{'name': 'head_camera', 'height': 24, 'width': 32}],
            'network': {'width': 32, 'depth': 2, 'image_features': 8, 'keypoints': 8},
        },
    )
    train(dataset, config, root / 'run')
    result = exporting.export(root / 'run', root / 'out' / 'policy.onnx', dataset)
    return Exported(dataset, root / 'run', load_trained(root / 'run'), result)


def test_the_file_is_whole_and_equal_to_torch(exported: Exported) -> None:
    result = exported.result
    assert [path.name for path in result.path.parent.iterdir()] == ['policy.onnx']
    assert result.parity.max_abs_difference <= 1e-5
    assert (result.parity.recorded, result.parity.random, result.parity.extreme) == (256, 256, 6)
    assert result.latency.p50_ms <= result.latency.p99_ms
    onnx.checker.check_model(onnx.load(result.path), full_check=True)


def test_the_metadata_is_what_the_interface_promises(
    exported: Exported, contract: Contract
) -> None:
    model = onnx.load(exported.result.path)
    values = json.loads({p.key: p.value for p in model.metadata_props}['imitation_ros'])
    promised = (
        'format method observation contract_name contract_text contract_hash urdf_text '
        'joint_limits statistics bags metrics parity versions created'
    )
    assert set(promised.split()) <= set(values)
    bundle = load_bundle(exported.result.path)
    assert bundle.inputs == bundle.expected_inputs
    assert bundle.outputs == {'actions': bundle.expected_output}
    assert bundle.observation == exported.trained.spec
    assert loads(bundle.contract_text, exported.run, bundle.urdf_text).hash == contract.hash
    assert len(bundle.bags) == 24
    assert set(bundle.bags).isdisjoint(values['held_out_bags'])
    assert bundle.tasks == tuple({m.task for m in exported.dataset.manifest.episodes}) != ()
    assert bundle.metrics['held_out_mae'] < bundle.metrics['hold_mae']
    assert bundle.parity['max_abs_difference'] == exported.result.parity.max_abs_difference
    assert bundle.versions['torch'].startswith('2.')


def test_the_robot_gets_what_torch_would_give(exported: Exported, contract: Contract) -> None:
    """From frames, through the runtime, against the checkpoint: the whole path, both sides."""
    session = Session(load_bundle(exported.result.path), contract)
    episode = exported.dataset.episode(3)
    frames = [
        Frame(
            tick_ns=int(episode.tick_ns[t]),
            q=np.asarray(episode.q[t], np.float64),
            v=np.asarray(episode.v[t], np.float64),
            images={'head_camera': episode.images['head_camera'][t]},
            poses={'object': np.asarray(episode.poses['object'][t], np.float64)},
        )
        for t in (6, 7)
    ]
    batch = Windows(exported.dataset, [3], exported.trained.spec).batch(np.array([7]))
    expected = exported.trained.actor.predict(batch.state, batch.images)[0]
    np.testing.assert_allclose(session.infer(frames), expected, atol=1e-5)


def test_actions_never_leave_the_limits(exported: Exported, contract: Contract) -> None:
    spec = exported.trained.spec
    session = parity_session(exported)
    indices = spec.indices(contract)
    rng = np.random.default_rng(0)
    touched = 0
    for _ in range(50):
        feed = {
            'state': rng.normal(size=(1, 2, spec.size)).astype(np.float32) * 100,
            'head_camera': rng.integers(0, 256, (1, 2, 24, 32, 3), dtype=np.uint8),
        }
        actions = session.run(None, feed)[0].astype(np.float64)
        lower, upper = contract.limits.lower[indices], contract.limits.upper[indices]
        assert (actions >= lower).all()
        assert (actions <= upper).all()
        touched += int(((actions < lower + 1e-6) | (actions > upper - 1e-6)).any())
    assert touched


def parity_session(exported: Exported) -> Any:
    return exporting.open_model(exported.result.path)


def test_a_difference_is_not_written(
    exported: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The graph is exported from slightly other weights than those it is compared with."""
    original = exporting._torch

    def shifted(module: Any) -> Any:
        actions = original(module)
        return lambda feed: actions(feed) + np.float32(3e-5)

    # The graph is at hand; tracing it again would only cost time.
    monkeypatch.setattr(exporting, '_graph', lambda *_: onnx.load(exported.result.path))
    monkeypatch.setattr(exporting, '_torch', shifted)
    with pytest.raises(TrainingError, match=r'differ by 3\.\d+e-05 rad, allowed 1e-05'):
        exporting.export(exported.run, tmp_path / 'out' / 'policy.onnx', exported.dataset)
    assert list((tmp_path / 'out').iterdir()) == []


def test_nan_is_no_parity() -> None:
    assert not parity.Parity(float('nan'), 1e-5, 1, 1, 1).holds
    assert parity.Parity(1e-6, 1e-5, 1, 1, 1).holds


def test_another_dataset_is_refused(
    exported: Exported, contract: Contract, tmp_path: Path
) -> None:
    other = demonstrations.dataset(tmp_path / 'other', contract, 3, 12, camera=True)
    with pytest.raises(MismatchError, match=r'27 episodes are missing: reach_.* and 22 more'):
        exporting.export(exported.run, tmp_path / 'policy.onnx', other)
    assert not (tmp_path / 'policy.onnx').exists()


def test_a_damaged_checkpoint_is_refused(exported: Exported, tmp_path: Path) -> None:
    path = tmp_path / 'checkpoints' / 'best.safetensors'
    path.parent.mkdir()
    data = (exported.run / 'checkpoints' / 'best.safetensors').read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(TrainingError, match='damaged'):
        exporting.export(tmp_path, tmp_path / 'policy.onnx', exported.dataset)


@pytest.mark.parametrize('method', ['act', 'diffusion'])
def test_every_method_becomes_a_file_with_its_whole_sampler(
    tmp_path: Path, contract: Contract, method: str
) -> None:
    """With the same noise the robot does what torch does, whatever noise that is."""
    dataset = demonstrations.dataset(tmp_path / 'dataset', contract, 6, 20)
    changes = {'updates': 20, 'warmup': 5, 'batch': 16, 'network': {'width': 32, 'depth': 1}}
    train(dataset, load(method, changes), tmp_path / 'run')
    result = exporting.export(tmp_path / 'run', tmp_path / 'policy.onnx', dataset)
    assert result.parity.max_abs_difference <= 1e-5
    trained, bundle = load_trained(tmp_path / 'run'), load_bundle(result.path)
    noisy = method != 'act'
    assert bundle.noise is noisy
    assert bundle.inputs == bundle.expected_inputs
    assert ('noise' in bundle.inputs) is noisy
    episode = dataset.episode(0)
    q, v = (np.asarray(values[5], np.float64) for values in (episode.q, episode.v))
    pose = np.asarray(episode.poses['object'][5], np.float64)
    frame = Frame(tick_ns=0, q=q, v=v, poses={'object': pose})
    state = Windows(dataset, [0], trained.spec).batch(np.array([5])).state
    session = Session(bundle, contract, noise_seed=7)
    found = [session.infer([frame]) for _ in range(2)]
    indices = trained.spec.indices(contract)
    lower, upper = contract.limits.lower[indices], contract.limits.upper[indices]
    rng = np.random.default_rng(7)
    for actions in found:
        noise = rng.standard_normal((1, *actions.shape), np.float32) if noisy else None
        expected = np.clip(trained.actor.predict(state, {}, noise)[0], lower, upper)
        np.testing.assert_allclose(actions, expected, atol=1e-5)
    assert (np.abs(found[0] - found[1]).max() > 1e-3) is np.bool_(noisy)
    error = offline.measure_model(result.path, dataset)
    metrics = trained.values['metrics']
    assert error.mean_mae == pytest.approx(metrics['held_out_mae'], rel=1e-3)


def test_the_open_loop_error_of_the_file_is_that_of_the_checkpoint(exported: Exported) -> None:
    found = offline.measure_model(exported.result.path, exported.dataset)
    held_out = exported.trained.values['episodes']['held_out']
    assert list(found.episodes) == held_out
    names = [meta.episode for meta in exported.dataset.manifest.episodes]
    windows = Windows(
        exported.dataset, [names.index(name) for name in held_out], exported.trained.spec
    )
    same = offline.measure(exported.trained.actor.predict, windows)
    np.testing.assert_allclose(found.mae, same.mae, atol=1e-6)
    metrics = exported.trained.values['metrics']
    assert found.mean_mae == pytest.approx(metrics['held_out_mae'], rel=1e-3)
    assert found.hold_mae == pytest.approx(metrics['hold_mae'], rel=1e-3)
    assert found.hold_ratio < 0.6
    with pytest.raises(DataError, match='is not an episode of the data'):
        offline.measure_model(exported.result.path, exported.dataset, ['reach_9999'])


def test_open_loop_error_by_hand(exported: Exported) -> None:
    """A policy that holds still, and one that knows the answer but for a constant."""
    spec = exported.trained.spec
    windows = Windows(exported.dataset, [0, 1], spec)
    k = len(spec.joints)
    still = offline.measure(lambda s, _: np.repeat(s[:, -1:, :k], spec.chunk, axis=1), windows)
    assert still.hold_ratio == pytest.approx(1.0)
    blocks = iter(windows.blocks(256))
    near = offline.measure(lambda *_: next(blocks).action + 0.01, windows)
    np.testing.assert_allclose(near.mae, 0.01, rtol=1e-3)
    np.testing.assert_allclose(near.mse, 1e-4, rtol=1e-3)
    np.testing.assert_allclose(near.step_mae, 0.01, rtol=1e-3)
    assert json.loads(json.dumps(near.to_dict()))['mean_mae'] == pytest.approx(0.01, rel=1e-3)
