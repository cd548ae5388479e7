# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A session gives what onnxruntime gives for the same observation, and only actions."""

from pathlib import Path

import numpy as np
from onnx_models import (
    head_camera,
    hold_weights,
    linear_weights,
    make_metadata,
    make_spec,
    write_hold,
    write_policy,
)
import onnxruntime
import pytest

from imitation_ros.contract import Contract, loads
from imitation_ros.data.frame import Frame
from imitation_ros.data.images import resize
from imitation_ros.errors import DataError, MismatchError, ModelError
from imitation_ros.runtime.bundle import load
from imitation_ros.runtime.session import Session


def make_frame(contract: Contract, rng: np.random.Generator, tick_ns: int) -> Frame:
    quaternion = rng.standard_normal(4)
    return Frame(
        tick_ns=tick_ns,
        q=rng.uniform(contract.limits.lower, contract.limits.upper),
        v=rng.standard_normal(contract.n),
        images={'head_camera': rng.integers(0, 256, (96, 128, 3), dtype=np.uint8)},
        poses={'object': np.concatenate([rng.standard_normal(3), quaternion])},
    )


def test_the_answer_is_onnxruntimes_own(
    tmp_path: Path, contract: Contract, rng: np.random.Generator
) -> None:
    spec = make_spec(cameras=(head_camera(),), history=3)
    weights = linear_weights(spec, rng)
    path = write_policy(tmp_path / 'p.onnx', spec, make_metadata(contract, spec), [weights])
    session = Session(load(path), contract)
    session.warm_up(3)
    direct = onnxruntime.InferenceSession(str(path), providers=['CPUExecutionProvider'])
    columns = [contract.joints.index(joint) for joint in spec.joints]
    for _ in range(5):
        frames = [make_frame(contract, rng, 40_000_000 * i) for i in range(3)]
        q = np.stack([frame.q[columns] for frame in frames])
        v = np.stack([frame.v[columns] for frame in frames])
        poses = {'object': np.stack([frame.poses['object'] for frame in frames])}
        images = np.stack([resize(frame.images['head_camera'], 24, 32) for frame in frames])
        (expected,) = direct.run(
            ['actions'], {'state': spec.states(q, v, poses)[None], 'head_camera': images[None]}
        )
        answer = session.infer(frames)
        assert answer.shape == (spec.chunk, len(spec.joints))
        assert answer.dtype == np.float64
        np.testing.assert_allclose(answer, expected[0], atol=1e-6)
        # And by hand, so that a mistake common to both sides would show.
        by_hand = spec.states(q, v, poses).reshape(-1) @ weights + images.mean()
        np.testing.assert_allclose(answer.reshape(-1), by_hand, rtol=1e-4, atol=1e-3)


def test_answers_do_not_share_memory(
    tmp_path: Path, contract: Contract, rng: np.random.Generator
) -> None:
    session = Session(load(write_hold(tmp_path / 'p.onnx', contract)), contract)
    first_frame, second_frame = (make_frame(contract, rng, i) for i in range(2))
    first = session.infer([first_frame, first_frame])
    kept = first.copy()
    session.infer([second_frame, second_frame])
    np.testing.assert_array_equal(first, kept)


def test_the_wrong_number_of_frames(
    tmp_path: Path, contract: Contract, rng: np.random.Generator
) -> None:
    session = Session(load(write_hold(tmp_path / 'p.onnx', contract)), contract)
    with pytest.raises(DataError, match='3 frames, the policy sees 2'):
        session.infer([make_frame(contract, rng, i) for i in range(3)])


def test_an_answer_that_is_not_finite_is_an_error(
    tmp_path: Path, contract: Contract, rng: np.random.Generator
) -> None:
    spec = make_spec(history=1)
    path = write_policy(
        tmp_path / 'p.onnx',
        spec,
        make_metadata(contract, spec),
        [hold_weights(spec)],
        nan_above=0.5,
    )
    session = Session(load(path), contract)
    session.warm_up()
    frame = make_frame(contract, rng, 0)
    frame.q[contract.index(spec.joints[0])] = 0.4
    session.infer([frame])
    frame.q[contract.index(spec.joints[0])] = 0.6
    with pytest.raises(ModelError, match='NaN or infinity'):
        session.infer([frame])


def test_warming_up_finds_a_model_that_is_broken_at_rest(
    tmp_path: Path, contract: Contract
) -> None:
    spec = make_spec(history=1)
    weights = hold_weights(spec)
    weights[0, 0] = np.nan
    path = write_policy(tmp_path / 'p.onnx', spec, make_metadata(contract, spec), [weights])
    with pytest.raises(ModelError, match='NaN'):
        Session(load(path), contract).warm_up(1)


def test_a_session_for_another_robot_cannot_be_made(tmp_path: Path, contract: Contract) -> None:
    bundle = load(write_hold(tmp_path / 'p.onnx', contract))
    text = contract.text.replace('policy_hz: 25.0', 'policy_hz: 10.0')
    with pytest.raises(MismatchError, match='policy rate'):
        Session(bundle, loads(text, Path('x.yaml'), contract.urdf_text))


def test_the_file_may_not_vanish_in_between(tmp_path: Path, contract: Contract) -> None:
    bundle = load(write_hold(tmp_path / 'p.onnx', contract))
    bundle.path.unlink()
    with pytest.raises(ModelError, match='there is no model'):
        Session(bundle, contract)


@pytest.fixture
def noisy(tmp_path: Path, contract: Contract) -> Path:
    """A policy that answers where the arm is, plus its noise."""
    spec = make_spec(history=1)
    metadata = make_metadata(contract, spec) | {'noise': True}
    return write_policy(tmp_path / 'noisy.onnx', spec, metadata, [hold_weights(spec)], noise=True)


def test_noise_is_drawn_anew_at_every_inference_from_the_seed(
    noisy: Path, contract: Contract, rng: np.random.Generator
) -> None:
    frame = make_frame(contract, rng, 0)
    still = frame.q[[contract.index(joint) for joint in make_spec().joints]]
    session = Session(load(noisy), contract)
    session.warm_up(3)
    first = [session.infer([frame]) - still for _ in range(200)]
    assert np.abs(first[0] - first[1]).max() > 0.1
    assert np.mean(first) == pytest.approx(0.0, abs=0.05)
    assert np.std(first) == pytest.approx(1.0, abs=0.05)
    session.seed_noise(0)
    np.testing.assert_array_equal(session.infer([frame]) - still, first[0])
    other = Session(load(noisy), contract, noise_seed=1)
    assert np.abs(other.infer([frame]) - still - first[0]).max() > 0.1


def test_noise_can_be_zeros(noisy: Path, contract: Contract, rng: np.random.Generator) -> None:
    frame = make_frame(contract, rng, 0)
    still = frame.q[[contract.index(joint) for joint in make_spec().joints]]
    session = Session(load(noisy), contract, noise_seed=None)
    np.testing.assert_allclose(session.infer([frame]), np.tile(still, (8, 1)), atol=1e-6)
    session.seed_noise(3)
    session.infer([frame])
    session.seed_noise(None)
    np.testing.assert_allclose(session.infer([frame]), np.tile(still, (8, 1)), atol=1e-6)
