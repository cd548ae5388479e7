# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Small policies in the policy.onnx format whose answers the tests can compute by hand."""

from collections.abc import Sequence
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
import onnx
from onnx import helper, numpy_helper, TensorProto

from imitation_ros.contract import Contract
from imitation_ros.data.observation import CameraInput, ObservationSpec
from imitation_ros.runtime.seal import SEAL, seal

ARM = (
    'right_shoulder_pitch_joint',
    'right_shoulder_roll_joint',
    'right_shoulder_yaw_joint',
    'right_elbow_joint',
    'right_wrist_yaw_joint',
    'right_wrist_pitch_joint',
    'right_wrist_roll_joint',
    'right_gripper_joint',
)


def make_spec(**changes: Any) -> ObservationSpec:
    """Observation of a small policy that moves the right arm."""
    values: dict[str, Any] = {
        'joints': ARM,
        'velocity': True,
        'poses': ('object',),
        'cameras': (),
        'history': 2,
        'policy_hz': 25.0,
        'chunk': 8,
        'execute': 4,
    }
    return ObservationSpec(**(values | changes))


def make_metadata(contract: Contract, spec: ObservationSpec) -> dict[str, Any]:
    """Metadata as the exporter writes it."""
    limits = contract.limits
    return {
        'format': 1,
        'method': 'bc',
        'observation': spec.to_dict(),
        'contract_name': contract.name,
        'contract_text': contract.text,
        'contract_hash': contract.hash,
        'urdf_text': contract.urdf_text,
        'joint_limits': {
            joint: [
                float(limits.lower[contract.index(joint)]),
                float(limits.upper[contract.index(joint)]),
            ]
            for joint in spec.joints
            if joint in contract.joints
        },
        'statistics': {'state_mean': [0.0] * spec.size},
        'bags': ['reach_0001', 'reach_0002'],
        'metrics': {'held_out_mae': 0.01},
        'parity': {'max_abs': 1e-7, 'frames': 10},
        'versions': {'imitation_ros': '0.1.0'},
        'created': '2026-01-01T00:00:00+00:00',
    }


def linear_weights(spec: ObservationSpec, rng: np.random.Generator) -> NDArray[np.float32]:
    """Weights of a linear policy, shape (To * D, Ta * k)."""
    shape = (spec.history * spec.size, spec.chunk * len(spec.joints))
    return (0.1 * rng.standard_normal(shape)).astype(np.float32)


def hold_weights(spec: ObservationSpec) -> NDArray[np.float32]:
    """Weights of a policy that answers the newest joint positions, at every step."""
    k = len(spec.joints)
    weights = np.zeros((spec.history * spec.size, spec.chunk * k), dtype=np.float32)
    newest = (spec.history - 1) * spec.size
    for step in range(spec.chunk):
        weights[newest : newest + k, step * k : (step + 1) * k] = np.eye(k)
    return weights


def write_policy(
    path: Path,
    spec: ObservationSpec,
    metadata: dict[str, Any] | None,
    layers: Sequence[NDArray[np.float32]],
    nan_above: float | None = None,
    chunk: int | None = None,
    noise: bool = False,
) -> Path:
    """Write an MLP with ReLU between its layers; the mean of each camera is added to the answer.

    Args:
        path: File to write.
        spec: Observation; gives the shapes of the graph.
        metadata: Value of the `imitation_ros` metadata key; none is written if None.
        layers: Weight matrices, the first of To * D rows, the last of Ta * k columns.
        nan_above: Answer NaN while the first entry of the state is above this.
        chunk: Another length of the chunk than the observation says.
        noise: Take an input `noise` and add it to the answer.
    """
    k, steps = len(spec.joints), chunk or spec.chunk
    inputs = [
        helper.make_tensor_value_info('state', TensorProto.FLOAT, [1, spec.history, spec.size])
    ]
    constants = [
        numpy_helper.from_array(np.array([1, -1], dtype=np.int64), 'flat'),
        numpy_helper.from_array(np.array([1, steps, k], dtype=np.int64), 'chunk'),
    ]
    nodes = [helper.make_node('Reshape', ['state', 'flat'], ['h0'])]
    for i, layer in enumerate(layers):
        constants.append(numpy_helper.from_array(layer, f'w{i}'))
        last = i == len(layers) - 1
        nodes.append(helper.make_node('MatMul', [f'h{i}', f'w{i}'], [f'm{i}']))
        nodes.append(helper.make_node('Identity' if last else 'Relu', [f'm{i}'], [f'h{i + 1}']))
    value = f'h{len(layers)}'
    for camera in spec.cameras:
        shape = [1, spec.history, camera.height, camera.width, 3]
        inputs.append(helper.make_tensor_value_info(camera.name, TensorProto.UINT8, shape))
        name = camera.name
        nodes += [
            helper.make_node('Cast', [name], [f'{name}_f'], to=TensorProto.FLOAT),
            helper.make_node('ReduceMean', [f'{name}_f'], [f'{name}_m'], keepdims=0),
            helper.make_node('Add', [value, f'{name}_m'], [f'{name}_a']),
        ]
        value = f'{name}_a'
    if nan_above is not None:
        constants.append(numpy_helper.from_array(np.array([nan_above], np.float32), 'threshold'))
        constants.append(numpy_helper.from_array(np.array([0], np.int64), 'first'))
        nodes += [
            helper.make_node('Gather', ['h0', 'first'], ['x0'], axis=1),
            helper.make_node('Sub', ['threshold', 'x0'], ['room']),
            helper.make_node('Sqrt', ['room'], ['root']),
            helper.make_node('Sub', ['root', 'root'], ['zero']),
            helper.make_node('Add', [value, 'zero'], ['checked']),
        ]
        value = 'checked'
    nodes.append(helper.make_node('Reshape', [value, 'chunk'], ['quiet' if noise else 'actions']))
    if noise:
        inputs.append(helper.make_tensor_value_info('noise', TensorProto.FLOAT, [1, steps, k]))
        nodes.append(helper.make_node('Add', ['quiet', 'noise'], ['actions']))
    output = helper.make_tensor_value_info('actions', TensorProto.FLOAT, [1, steps, k])
    graph = helper.make_graph(nodes, 'policy', inputs, [output], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 18)])
    model.ir_version = 9
    if metadata is not None:
        text = json.dumps(metadata)
        bound = seal(model.SerializeToString(), text)
        helper.set_model_props(model, {'imitation_ros': text, SEAL: bound})
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def write_hold(path: Path, contract: Contract, **changes: Any) -> Path:
    """Write a policy for the right arm that answers where the arm is."""
    spec = make_spec(**changes)
    return write_policy(path, spec, make_metadata(contract, spec), [hold_weights(spec)])


def head_camera(height: int = 24, width: int = 32) -> CameraInput:
    """Head camera, shrunk."""
    return CameraInput('head_camera', height, width)
