# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The package as a library: its names, when they are imported, and what they say of themselves."""

import doctest
import importlib
import inspect
from pathlib import Path
import subprocess
import sys
from typing import Any

import numpy as np
import onnx_models
import pytest
from workshop import Workshop

import imitation_ros
from imitation_ros.contract import Contract
from imitation_ros.contract.schema import ContractFile
from imitation_ros.data.frame import Frame
from imitation_ros.errors import ContractError, DataError, MismatchError

ROOT = Path(__file__).parent.parent
HEAVY = ('torch', 'rclpy', 'pinocchio', 'onnxruntime', 'mujoco', 'matplotlib', 'numba')
DOCUMENTED = [name for name in imitation_ros.__all__ if name not in ('__version__', 'errors')]


def imported(program: str) -> list[str]:
    """Heavy modules that a program has imported at its end."""
    probe = (
        f'import sys, imitation_ros\n{program}\nprint([m for m in {HEAVY} if m in sys.modules])'
    )
    done = subprocess.run(
        [sys.executable, '-c', probe], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return list(eval(done.stdout.splitlines()[-1]))


def test_importing_it_imports_nothing_heavy() -> None:
    assert imported('numpy = "numpy" in sys.modules; assert not numpy') == []


@pytest.mark.parametrize(
    ('program', 'wanted'),
    [
        ('[getattr(imitation_ros, n) for n in ("train", "export", "collect", "compare")]', []),
        ('imitation_ros.load_contract("imi_humanoid"); imitation_ros.Bag', []),
        ('imitation_ros.Dataset, imitation_ros.audit, imitation_ros.convert', []),
        ('imitation_ros.Policy', ['onnxruntime']),
        ('dir(imitation_ros), imitation_ros.errors, imitation_ros.__version__', []),
    ],
)
def test_a_name_imports_what_it_needs_and_no_more(program: str, wanted: list[str]) -> None:
    assert imported(program) == wanted


def test_the_safety_filter_needs_neither_torch_nor_ros() -> None:
    found = imported('imitation_ros.SafetyFilter(imitation_ros.load_contract("imi_humanoid"))')
    assert 'pinocchio' in found
    assert not {'torch', 'rclpy', 'onnxruntime', 'mujoco'} & set(found)


def test_every_public_name_is_there_and_listed() -> None:
    for name in imitation_ros.__all__:
        assert getattr(imitation_ros, name) is not None
    assert set(imitation_ros.__all__) <= set(dir(imitation_ros))
    with pytest.raises(AttributeError, match="no attribute 'polices'"):
        _ = imitation_ros.polices  # type: ignore[attr-defined]


def test_a_room_does_not_hide_the_function_of_its_name() -> None:
    for name in ('export', 'rollout'):
        importlib.import_module(f'imitation_ros.{name}')
        importlib.reload(sys.modules[f'imitation_ros.{name}'])
        assert inspect.isfunction(getattr(imitation_ros, name))
    program = (
        'import imitation_ros.export.parity, imitation_ros.rollout.trials\n'
        'from imitation_ros.rollout.trials import Trials\n'
        'assert callable(imitation_ros.export) and callable(imitation_ros.rollout)'
    )
    imported(program)


@pytest.mark.parametrize('name', DOCUMENTED)
def test_every_public_name_is_typed_and_documented(name: str) -> None:
    value = getattr(imitation_ros, name)
    text = inspect.getdoc(value) or ''
    assert '>>> ' in text or name in ('Contract',), 'no example'
    functions = (
        [value]
        if inspect.isfunction(value)
        else [
            member
            for key, member in vars(value).items()
            if inspect.isfunction(member) and not key.startswith('_')
        ]
    )
    for function in functions:
        told = inspect.getdoc(function) or ''
        assert told, function
        parameters = inspect.signature(function).parameters
        for parameter in list(parameters.values())[0 if value is function else 1 :]:
            assert parameter.annotation is not inspect.Parameter.empty, (function, parameter)
            if value is function:
                assert f'    {parameter.name}:' in told or f'*{parameter.name}:' in told, parameter
        if value is function:
            assert '\nReturns:\n' in told and '\nRaises:\n' in told


@pytest.mark.slow
@pytest.mark.parametrize('name', [name for name in DOCUMENTED if name != 'Contract'])
def test_the_example_in_its_docstring_runs(
    name: str, workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in workshop.root.iterdir():
        (tmp_path / path.name).symlink_to(path)
    monkeypatch.chdir(tmp_path)
    value = getattr(imitation_ros, name)
    found = doctest.DocTestFinder(recurse=False).find(
        value, name, globs={'imitation_ros': imitation_ros, name: value}
    )
    examples = [test for test in found if test.examples]
    assert examples
    for test in examples:
        told: list[str] = []
        result = doctest.DocTestRunner(verbose=False).run(test, out=told.append)
        assert result.failed == 0, ''.join(told)


@pytest.fixture
def hold(tmp_path: Path, contract: Contract) -> 'imitation_ros.Policy':
    """A policy that answers where the right arm is; it sees two frames and an object."""
    return imitation_ros.Policy.load(onnx_models.write_hold(tmp_path / 'hold.onnx', contract))


OBJECT = [0.4, -0.2, 0.2, 0.0, 0.0, 0.0, 1.0]


def test_a_policy_is_a_function_of_names_and_arrays(
    hold: 'imitation_ros.Policy', contract: Contract
) -> None:
    arm = [contract.index(joint) for joint in hold.action_names]
    q = contract.home + 0.01
    chunk = hold({'q': q, 'v': np.zeros(contract.n), 'object': OBJECT})
    assert chunk.shape == (8, 8) == (hold.chunk, len(hold.action_names))
    np.testing.assert_allclose(chunk, np.tile(q[arm], (8, 1)), atol=1e-6)
    frame = Frame(0, q, np.zeros(contract.n), poses={'object': np.array(OBJECT)})
    np.testing.assert_array_equal(hold(frame), chunk)
    state = hold._spec.state(frame, hold._indices)
    np.testing.assert_array_equal(hold(state), chunk)


def test_a_policy_keeps_its_history_until_it_is_reset(
    tmp_path: Path, contract: Contract, rng: np.random.Generator
) -> None:
    spec = onnx_models.make_spec()
    oldest = np.zeros((spec.history * spec.size, spec.chunk * len(spec.joints)), np.float32)
    k = len(spec.joints)
    for step in range(spec.chunk):
        oldest[:k, step * k : (step + 1) * k] = np.eye(k)
    metadata = onnx_models.make_metadata(contract, spec)
    path = onnx_models.write_policy(tmp_path / 'old.onnx', spec, metadata, [oldest])
    policy = imitation_ros.Policy.load(path)
    first, second, third = rng.standard_normal((3, spec.size)).astype(np.float32)
    np.testing.assert_allclose(policy(first)[0], first[:k], rtol=1e-6)
    policy.observe(second)
    np.testing.assert_allclose(policy(third)[0], second[:k], rtol=1e-6)
    policy.reset()
    np.testing.assert_allclose(policy(third)[0], third[:k], rtol=1e-6)


def test_a_policy_acts_step_by_step_through_its_chunk(
    hold: 'imitation_ros.Policy', contract: Contract
) -> None:
    def seen(offset: float) -> dict[str, Any]:
        q = contract.home + offset
        return {'q': q, 'v': np.zeros(contract.n), 'object': OBJECT}

    acted = [hold.act(seen(0.01 * i))[0] for i in range(5)]
    # Four of a chunk are played, then the next one is asked for.
    assert acted[0] == acted[1] == acted[2] == acted[3] != acted[4]
    hold.reset()
    assert hold.act(seen(0.02))[0] == pytest.approx(acted[0] + 0.02, abs=1e-6)


@pytest.mark.parametrize(
    ('change', 'sentence'),
    [
        ({'q': None}, r'lacks "q"; the policy sees q \(\d+,\), v \(\d+,\), object \(7,\)'),
        ({'object': None}, r'lacks "object"; the policy sees'),
        ({'q': [0.0, 1.0]}, r'"q" has shape \(2,\), not \(\d+,\) \(all joints'),
        ({'object': [0.0, 1.0]}, r'"object" has shape \(2,\), not \(7,\)'),
        ({'obejct': OBJECT}, r'"obejct" is not a part of an observation; did you mean "object"'),
        ({'v': 'fast'}, '"v" is no array of numbers'),
        ({'object': [np.nan] * 7}, 'not finite: object.x is nan'),
    ],
)
def test_a_wrong_observation_is_told_with_shapes(
    hold: 'imitation_ros.Policy', contract: Contract, change: dict[str, Any], sentence: str
) -> None:
    good = {'q': contract.home, 'v': np.zeros(contract.n), 'object': OBJECT}
    changed = {key: value for key, value in {**good, **change}.items() if value is not None}
    with pytest.raises(DataError, match=sentence):
        hold(changed)
    with pytest.raises(DataError, match=r'an observation of shape \(3,\); the policy sees'):
        hold([0.0, 1.0, 2.0])


def test_a_policy_sees_cameras_of_any_size_and_no_vector(
    tmp_path: Path, contract: Contract
) -> None:
    camera = onnx_models.head_camera()
    path = onnx_models.write_hold(tmp_path / 'cam.onnx', contract, cameras=(camera,), poses=())
    policy = imitation_ros.Policy.load(path)
    seen: dict[str, Any] = {'q': contract.home, 'v': np.zeros(contract.n)}
    dark, bright = (
        policy({**seen, 'head_camera': np.full((48, 64, 3), value, np.uint8)}) for value in (0, 9)
    )
    # The mean of the images is added to where the arm is; the first frame was a dark one.
    np.testing.assert_allclose(bright - dark, 4.5, atol=1e-4)
    for image in (np.zeros((48, 64), np.uint8), np.zeros((48, 64, 3))):
        with pytest.raises(DataError, match=r'"head_camera" is .* of shape .*; an image is RGB'):
            policy({**seen, 'head_camera': image})
    with pytest.raises(DataError, match='sees head_camera: a vector is not enough'):
        policy(np.zeros(3))


def test_a_policy_of_another_robot_is_refused(tmp_path: Path, contract: Contract) -> None:
    path = onnx_models.write_hold(tmp_path / 'hold.onnx', contract)
    with pytest.raises(MismatchError, match='does not fit "unitree_g1"'):
        imitation_ros.Policy.load(path, imitation_ros.load_contract('unitree_g1'))


def test_a_contract_can_be_written_in_python(contract: Contract) -> None:
    import yaml

    values = yaml.safe_load(contract.text)
    written = imitation_ros.load_contract(values)
    assert written.hash == contract.hash
    assert imitation_ros.load_contract(ContractFile.model_validate(values)).hash == contract.hash
    assert imitation_ros.load_contract(written) is written
    with pytest.raises(ContractError, match='groups'):
        imitation_ros.load_contract({**values, 'groups': []})
    with pytest.raises(ContractError, match='plain values alone'):
        imitation_ros.load_contract({**values, 'name': object()})


def test_evaluate_wants_a_task_or_data(workshop: Workshop) -> None:
    with pytest.raises(DataError, match='give one of the two'):
        imitation_ros.evaluate(workshop.policy)  # type: ignore[call-overload]
    with pytest.raises(DataError, match='filter means nothing'):
        imitation_ros.evaluate(workshop.policy, data=workshop.data, filter=False)  # type: ignore[call-overload]


def test_evaluating_against_data_takes_successes_alone(workshop: Workshop) -> None:
    error = imitation_ros.evaluate(workshop.policy, data=workshop.data)
    assert isinstance(error.episodes, tuple)
    metas = imitation_ros.Dataset(workshop.data).manifest.episodes
    known = {meta.episode for meta in metas if meta.outcome == 'success'}
    assert set(error.episodes) <= known


def test_a_loaded_policy_can_be_tried(workshop: Workshop) -> None:
    policy = imitation_ros.Policy.load(workshop.policy)
    one = imitation_ros.rollout(policy, 'reach', range(1))
    other = imitation_ros.rollout(str(workshop.policy), 'reach', range(1))
    assert one.trials.to_dict() == other.trials.to_dict()


def test_bags_are_found_wherever_they_are_named(workshop: Workshop, tmp_path: Path) -> None:
    both = imitation_ros.audit(str(workshop.bags))
    assert both == imitation_ros.audit(sorted(workshop.bags.iterdir()))
    broken = tmp_path / 'broken.mcap'
    broken.write_bytes(b'nothing')
    (found,) = imitation_ros.audit(broken)
    assert found.verdict == 'reject'
    assert found.reasons
    with pytest.raises(DataError, match='no bags'):
        imitation_ros.convert([], tmp_path / 'data')


def test_a_program_registers_what_it_adds(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from imitation_ros.errors import PluginError
    from imitation_ros.sim.tasks import TASKS

    monkeypatch.setattr(TASKS, 'built_in', dict(TASKS.built_in))
    near = replace(TASKS['reach'], name='near')
    TASKS.register('near', near)
    assert TASKS['near'] is near
    with pytest.raises(PluginError, match='there is a task "near" already'):
        TASKS.register('near', near)
    with pytest.raises(PluginError, match='it is no Task, but a str'):
        TASKS.register('other', 'lift')  # type: ignore[arg-type]
    assert 'other' not in TASKS
