# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Graph and metadata of a policy.onnx belong together, and neither is trusted alone."""

from collections.abc import Callable
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper
from onnx_models import write_hold
import pytest

from imitation_ros.contract import Contract
from imitation_ros.errors import ModelError
from imitation_ros.runtime.bundle import check_against, KEY, load
from imitation_ros.runtime.seal import SEAL, seal


def edit(path: Path, change: Callable[[dict[str, Any]], Any], sealed: bool = True) -> None:
    """Change what a model says of itself, as any ONNX tool would."""
    model = onnx.load(path)
    for entry in list(model.metadata_props):
        if entry.key == KEY:
            values = json.loads(entry.value)
            changed = change(values)
            entry.value = changed if isinstance(changed, str) else json.dumps(values)
        elif entry.key == SEAL and not sealed:
            model.metadata_props.remove(entry)
    onnx.save(model, path)


def swap(values: dict[str, Any]) -> None:
    """Two joints change places."""
    joints = values['observation']['joints']
    joints[0], joints[3] = joints[3], joints[0]


def test_two_joints_that_change_places_are_refused(tmp_path: Path, contract: Contract) -> None:
    path = write_hold(tmp_path / 'policy.onnx', contract)
    assert load(path).sealed and check_against(load(path), contract) == ()
    edit(path, swap)
    with pytest.raises(ModelError, match=r'policy\.onnx: its graph and its metadata were not'):
        load(path)


def test_weights_that_change_are_refused(tmp_path: Path, contract: Contract) -> None:
    path = write_hold(tmp_path / 'policy.onnx', contract)
    model = onnx.load(path)
    for tensor in model.graph.initializer:
        if tensor.name == 'w0':
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) + 1, 'w0'))
    onnx.save(model, path)
    with pytest.raises(ModelError, match='were not exported together'):
        load(path)


def test_a_file_that_was_saved_again_still_loads(tmp_path: Path, contract: Contract) -> None:
    path = write_hold(tmp_path / 'policy.onnx', contract)
    model = onnx.load(path)
    entry = model.metadata_props.add()
    entry.key, entry.value = 'note', 'of somebody else'
    onnx.save(model, path)
    assert load(path).sealed


def test_a_file_without_the_hash_loads_with_a_word(tmp_path: Path, contract: Contract) -> None:
    path = write_hold(tmp_path / 'policy.onnx', contract)
    edit(path, lambda values: None, sealed=False)
    bundle = load(path)
    assert not bundle.sealed
    (warning,) = check_against(bundle, contract)
    assert 'did not bind graph and metadata' in warning and 'export it again' in warning


KINDS = {
    'bags': (lambda values: values.update(bags=5), '"bags" is 5, no list'),
    'tasks': (lambda values: values.update(tasks='x'), '"tasks" is'),
    'metrics': (lambda values: values.update(metrics=[]), r'"metrics" is \[\], no mapping'),
    'a contract': (lambda values: values.update(contract_text={}), '"contract_text" is {}'),
    'limits': (lambda values: values.update(joint_limits={'a': [1, 'x']}), 'damaged'),
    'history': (lambda v: v['observation'].update(history='x'), 'damaged'),
    'endless': (lambda v: v['observation'].update(history=1e400), 'damaged'),
    'cameras': (lambda v: v['observation'].update(cameras=[5]), 'damaged'),
    'nested': (lambda values: '[' * 500_000 + ']' * 500_000, 'nested deeper than'),
    'key twice': (lambda values: '{"format": 1, "format": 1}', 'stands twice'),
    'no JSON': (lambda values: '{"format": 1', 'damaged'),
}


@pytest.mark.parametrize(('change', 'reason'), KINDS.values(), ids=list(KINDS))
def test_metadata_of_the_wrong_kind(
    tmp_path: Path, contract: Contract, change: Any, reason: str
) -> None:
    path = write_hold(tmp_path / 'policy.onnx', contract)
    edit(path, change, sealed=False)
    with pytest.raises(ModelError, match=reason) as caught:
        load(path)
    assert str(caught.value).startswith(str(path)) and len(str(caught.value)) < 700


@pytest.mark.parametrize('data', [b'\xff' * 20, b'\x0a\xff\x01', b'\x0b', b'\x09\x01'])
def test_bytes_that_are_no_protobuf(data: bytes) -> None:
    with pytest.raises(ValueError, match='byte'):
        seal(data, '')


def test_the_hash_is_over_all_but_the_metadata(tmp_path: Path, contract: Contract) -> None:
    path = write_hold(tmp_path / 'policy.onnx', contract)
    model = onnx.load(path)
    text = next(entry.value for entry in model.metadata_props if entry.key == KEY)
    data = path.read_bytes()
    del model.metadata_props[:]
    bare = model.SerializeToString()
    assert seal(data, text) == seal(bare, text) != seal(bare, f'{text} ')
    rng = np.random.default_rng(0)
    for at in rng.integers(len(bare), size=20):
        other = bytearray(bare)
        other[at] ^= 1
        try:
            assert seal(bytes(other), text) != seal(bare, text)
        except ValueError:
            continue  # the byte was part of a length
