# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One policy.onnx: raw observation in, joint positions within the limits out, metadata inside."""

from collections.abc import Iterator
import contextlib
from dataclasses import dataclass
import datetime
import json
import logging
import os
from pathlib import Path
import tempfile
from time import perf_counter
from typing import Any
import warnings

import numpy as np
from numpy.typing import NDArray
import onnx
import torch
from torch import nn, Tensor

from ..contract import Contract
from ..data.store import Dataset
from ..data.windows import Windows
from ..errors import DataError, MismatchError, TrainingError
from ..policies.actor import Actor
from ..runtime.bundle import ACTIONS, FORMAT, KEY, load, NOISE, STATE
from ..runtime.graph import open_model
from ..runtime.seal import SEAL, seal
from ..training.run import versions
from ..training.selection import contract_of
from ..training.state import load_trained, method_of, Trained
from .parity import compare, Inputs, Latency, measure_latency, Parity

OPSET = 20

MARGIN = 0.2
"""Without limits in the contract, actions are held to the range of the training data, and this
share of it beyond either end."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ExportResult:
    """What was exported.

    Attributes:
        path: The policy.onnx.
        parity: Difference from torch.
        latency: Duration of one inference here.
        seconds: How long the export took [s].
        size: Size of the file [bytes].
        unit: Unit of the actions, with a space before it; nothing where nobody told it.
    """

    path: Path
    parity: Parity
    latency: Latency
    seconds: float
    size: int
    unit: str


class Deployed(nn.Module):
    """What goes into the graph: the actor, and a clamp to the joint limits."""

    def __init__(self, actor: Actor, lower: NDArray[Any], upper: NDArray[Any]) -> None:
        """Put limits [rad or m], each of shape (k,), around an actor."""
        super().__init__()
        self.actor = actor
        self.cameras = tuple(camera.name for camera in actor.policy.spec.cameras)
        self.noisy = actor.policy.noisy
        self.register_buffer('lower', _inside(lower, np.inf), persistent=False)
        self.register_buffer('upper', _inside(upper, -np.inf), persistent=False)
        self.lower: Tensor
        self.upper: Tensor

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of what `forward` takes, in order."""
        return (STATE, *self.cameras, *((NOISE,) if self.noisy else ()))

    def forward(self, *values: Tensor) -> Tensor:
        """Joint positions [rad], shape (1, Ta, k)."""
        named = dict(zip(self.inputs, values, strict=True))
        images = {name: named[name] for name in self.cameras}
        actions: Tensor = self.actor(named[STATE], images, named.get(NOISE))
        return torch.minimum(torch.maximum(actions, self.lower), self.upper)


def _inside(limits: NDArray[Any], towards: float) -> Tensor:
    """Limits as float32, rounded towards the inside: the nearest float may lie beyond a limit."""
    near = limits.astype(np.float32)
    outside = near < limits if towards > 0 else near > limits
    return torch.from_numpy(np.where(outside, np.nextafter(near, np.float32(towards)), near))


def export(checkpoint: Path, out: Path, dataset: Dataset) -> ExportResult:
    """Export the policy of a checkpoint.

    The file appears only when onnxruntime gives what torch gives.

    Args:
        checkpoint: A checkpoint, or a run folder (its best checkpoint).
        out: The file to write.
        dataset: Dataset that the policy was trained on: its contract goes into the file, its
            frames prove the parity.

    Raises:
        TrainingError: If the checkpoint is damaged, or onnxruntime and torch differ.
        MismatchError: If the dataset is not the one of the training.
    """
    trained = load_trained(checkpoint)
    contract = contract_of(dataset)
    _check_same_data(trained, dataset, contract)
    limits = _limits(trained, contract)
    module = Deployed(trained.actor, *limits).eval()
    names = [meta.episode for meta in dataset.manifest.episodes]
    used = trained.values['episodes']
    windows = Windows(
        dataset,
        [names.index(name) for name in [*used['train'], *used['held_out']]],
        trained.spec,
    )
    learnt = set(used['train'])
    metas = [meta for meta in dataset.manifest.episodes if meta.episode in learnt]
    tasks = sorted({meta.task for meta in metas} - {''})
    out.parent.mkdir(parents=True, exist_ok=True)
    begin = perf_counter()
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f'.{out.name}.') as folder:
        temporary = Path(folder) / 'policy.onnx'
        model = _graph(module, windows)
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, temporary)
        session = open_model(temporary)
        rng = np.random.default_rng(0)
        noisy = module.noisy
        # Bare data may be in any unit: there the tolerance is a share of what the actions span.
        scale = float(trained.stats.action.std.max()) if contract.data_only else 1.0
        parity = compare(
            session, _torch(module), windows, trained.stats.state, rng, noisy, max(scale, 1.0)
        )
        if not parity.holds:
            raise TrainingError(
                f'{out} was not written: onnxruntime and torch differ by '
                f'{parity.max_abs_difference:.3g}{trained.spec.unit}, allowed {parity.tolerance:g}'
            )
        latency = measure_latency(session, _first(module, windows))
        values = _metadata(trained, contract, tasks, limits, parity, latency)
        text = json.dumps(values, allow_nan=False)
        bound = seal(model.SerializeToString(), text)
        onnx.helper.set_model_props(model, {KEY: text, SEAL: bound})
        onnx.save(model, temporary)
        # What the robot will do first: if it refuses the file, it must not leave this machine.
        load(temporary)
        os.replace(temporary, out)
    seconds = perf_counter() - begin
    return ExportResult(out, parity, latency, seconds, out.stat().st_size, trained.spec.unit)


def _limits(trained: Trained, contract: Contract) -> tuple[Array, Array]:
    """Limits of the policy's actions; the range seen in training where the contract has none."""
    spec, stats = trained.spec, trained.stats
    indices = np.array([contract.action_index(name) for name in spec.actions], dtype=np.intp)
    lower, upper = contract.limits.lower[indices], contract.limits.upper[indices]
    low, high = stats.action.min.min(axis=0), stats.action.max.max(axis=0)
    if stats.residual:
        seen = list(spec.measured or ())
        low, high = low + stats.state.min[seen], high + stats.state.max[seen]
    margin = np.maximum(MARGIN * (high - low), 1e-3)
    low, high = low - margin, high + margin
    return np.where(np.isfinite(lower), lower, low), np.where(np.isfinite(upper), upper, high)


def _check_same_data(trained: Trained, dataset: Dataset, contract: Contract) -> None:
    """Refuse a dataset of another robot or of other episodes."""
    differences = []
    if trained.values['contract_hash'] != contract.hash:
        differences.append(
            f'contract {trained.values["contract_hash"][:12]} then, {contract.hash[:12]} now'
        )
    there = {meta.episode for meta in dataset.manifest.episodes}
    used = trained.values['episodes']
    gone = [name for name in [*used['train'], *used['held_out']] if name not in there]
    if gone:
        more = f' and {len(gone) - 5} more' if len(gone) > 5 else ''
        differences.append(f'{len(gone)} episodes are missing: {", ".join(gone[:5])}{more}')
    if differences:
        raise MismatchError(
            f'{dataset.root} is not the dataset this policy was trained on:', differences
        )


def _torch(module: Deployed) -> Any:
    @torch.no_grad()
    def actions(feed: Inputs) -> NDArray[np.float32]:
        result: NDArray[np.float32] = module(*_tensors(module, feed)).numpy()
        return result

    return actions


def _tensors(module: Deployed, feed: Inputs) -> tuple[Tensor, ...]:
    """Inputs in the order `forward` takes them."""
    return tuple(torch.from_numpy(feed[name]) for name in module.inputs)


def _first(module: Deployed, windows: Windows) -> Inputs:
    """Inputs of the first recorded observation."""
    batch = windows.batch(np.array([0]))
    feed: Inputs = {STATE: batch.state, **batch.images}
    if module.noisy:
        feed[NOISE] = np.zeros_like(batch.action)
    return feed


def _graph(module: Deployed, windows: Windows) -> onnx.ModelProto:
    """Trace the module into an ONNX graph with a batch of one."""
    with _quiet():
        program = torch.onnx.export(
            module,
            _tensors(module, _first(module, windows)),
            input_names=list(module.inputs),
            output_names=[ACTIONS],
            dynamo=True,
            opset_version=OPSET,
            external_data=False,
            verbose=False,
        )
    if program is None:
        raise TrainingError('torch exported nothing')
    model = program.model_proto
    if [opset.version for opset in model.opset_import if opset.domain == ''] != [OPSET]:
        raise DataError(f'the graph has opsets {list(model.opset_import)}, not {OPSET}')
    return model


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence the exporter's notes on its own inner workings; errors are still raised."""
    loggers = [logging.getLogger(name) for name in ('torch.onnx', 'onnxscript', 'onnx_ir')]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _metadata(
    trained: Trained,
    contract: Contract,
    tasks: list[str],
    limits: tuple[Array, Array],
    parity: Parity,
    latency: Latency,
) -> dict[str, Any]:
    """What the file says of itself; docs/interfaces.md lists it."""
    spec, values = trained.spec, trained.values
    return {
        'format': FORMAT,
        'method': method_of(values),
        'noise': trained.actor.policy.noisy,
        'observation': spec.to_dict(),
        'layout': list(spec.layout),
        'contract_name': contract.name,
        'contract_text': contract.text,
        'contract_hash': contract.hash,
        'urdf_text': contract.urdf_text,
        'joint_limits': {
            name: [float(low), float(high)]
            for name, low, high in zip(spec.actions, *limits, strict=True)
        },
        'statistics': trained.stats.to_dict(),
        'bags': values['episodes']['train'],
        'held_out_bags': values['episodes']['held_out'],
        'tasks': tasks,
        'corrections': values.get('corrections'),
        'config': trained.config.to_dict(),
        'irl': values.get('irl'),
        'metrics': {'update': values['update'], **values['metrics']},
        'parity': parity.to_dict(),
        'latency': latency.to_dict(),
        'versions': {**versions(), 'opset': str(OPSET)},
        'created': datetime.datetime.now(datetime.timezone.utc).isoformat(timespec='seconds'),
    }
