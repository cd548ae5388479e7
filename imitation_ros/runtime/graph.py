# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""An ONNX file opened with onnxruntime: its tensors, threads and errors."""

from dataclasses import dataclass
from pathlib import Path

import onnxruntime as ort

from ..errors import ModelError

FLOAT = 'tensor(float)'
BYTES = 'tensor(uint8)'

ORT_ERRORS: tuple[type[Exception], ...] = tuple(
    error
    for error in vars(ort.capi.onnxruntime_pybind11_state).values()
    if isinstance(error, type) and issubclass(error, Exception)
)
"""onnxruntime's errors have no common root of their own."""


@dataclass(frozen=True)
class Tensor:
    """One input or output of the graph: element type and shape."""

    type: str
    shape: tuple[int | str | None, ...]

    def __str__(self) -> str:
        """Print as `tensor(float)[1, 2, 80]`."""
        return f'{self.type}[{", ".join(map(str, self.shape))}]'


def options(threads: int = 1) -> ort.SessionOptions:
    """Session options for a shared robot computer: few threads, none of them spinning.

    With onnxruntime's defaults its pool spins between calls: a whole core more for a policy
    that runs 25 times a second, taken from the safety node.
    """
    result = ort.SessionOptions()
    result.intra_op_num_threads = threads
    result.inter_op_num_threads = 1
    result.add_session_config_entry('session.intra_op.allow_spinning', '0')
    result.add_session_config_entry('session.inter_op.allow_spinning', '0')
    result.log_severity_level = 3
    return result


def open_model(path: Path, threads: int = 1, optimize: bool = True) -> ort.InferenceSession:
    """Open a model file with onnxruntime.

    Raises:
        ModelError: If there is no such file, or it is not a model onnxruntime can run.
    """
    if not path.is_file():
        raise ModelError(f'there is no model {path}')
    settings = options(threads)
    if not optimize:
        settings.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        return ort.InferenceSession(str(path), settings, providers=['CPUExecutionProvider'])
    except ORT_ERRORS as error:
        raise ModelError(f'{path} is not an ONNX model that can be run: {error}') from error
