# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Run: one training in one folder.

run/config.yaml versions.json      what was trained, with what
run/metrics.jsonl tensorboard/     how it went
run/curves.png                     the same as a picture
run/checkpoints/best.safetensors   the result; last.safetensors is what a resume goes on from
"""

from collections.abc import Mapping
from dataclasses import dataclass
import importlib.metadata
import json
from pathlib import Path
import platform
from typing import Any

from rich.console import Console
import torch
import yaml

from ..data.doubts import Doubts
from ..data.stats import measure
from ..data.store import Dataset
from ..data.windows import Windows
from ..errors import TrainingError
from . import checkpoint
from .config import parse, RESUMABLE, TrainConfig
from .interrupt import Interrupt
from .journal import Bar, CURVES, draw_curves, Journal
from .loop import BEST, fit, HeldOut, LAST
from .ranks import Ranks
from .selection import (
    contract_of,
    fingerprint,
    left_out,
    mirror_of,
    observation_spec,
    select_episodes,
)
from .state import TrainState

PACKAGES = ('numpy', 'torch', 'safetensors', 'onnx', 'onnxscript', 'onnxruntime')


@dataclass(frozen=True)
class TrainResult:
    """How a training ended.

    Attributes:
        folder: The run's folder.
        best_checkpoint: The policy; None if it was stopped before the first evaluation.
        finished: Whether all updates were made; if not, resume it.
        updates: Updates made.
        seconds: Time this call took [s].
        held_out: Held-out errors of the policy; None without held-out episodes.
        warnings: What is odd about the data.
        curves: Picture of the curves; None before the first evaluation.
    """

    folder: Path
    best_checkpoint: Path | None
    finished: bool
    updates: int
    seconds: float
    held_out: HeldOut | None
    warnings: tuple[str, ...]
    curves: Path | None

    @property
    def progress(self) -> str:
        """How far it came, in words."""
        return f'{self.updates} updates'

    @property
    def outcome(self) -> str:
        """What came of it, in words."""
        return str(self.best_checkpoint)

    @property
    def notes(self) -> tuple[str, ...]:
        """What to keep in mind of it, beside what was said while it ran."""
        return ()

    @property
    def metrics(self) -> dict[str, Any]:
        """Plain values for JSON."""
        found = self.held_out
        return {
            'updates': self.updates,
            'seconds': self.seconds,
            'held_out_loss': None if found is None else found.loss,
            'held_out_mae': None if found is None else found.mae,
            'hold_mae': None if found is None else found.hold_mae,
        }


def versions() -> dict[str, str]:
    """Versions of what makes a policy."""
    found = {'python': platform.python_version()}
    for package in ('imitation_ros', *PACKAGES):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            # A source tree on PYTHONPATH, or a part that this machine does without.
            found[package] = 'not installed'
    return found


def write_identity(folder: Path, config: Mapping[str, Any]) -> None:
    """Write what is trained, and with what, into the folder of a run; it is made."""
    folder.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(dict(config), sort_keys=False)
    (folder / 'config.yaml').write_text(text, encoding='utf-8')
    (folder / 'versions.json').write_text(json.dumps(versions(), indent=1), encoding='utf-8')


def train(
    dataset_path: Path | Dataset,
    config: TrainConfig,
    out_dir: Path,
    resume: bool = False,
    console: Console | None = None,
) -> TrainResult:
    """Train a policy.

    SIGTERM and Ctrl-C end it after the running update, with a checkpoint to resume from. A
    resumed training gives exactly the parameters of an uninterrupted one.

    Args:
        dataset_path: The dataset, as a folder or open.
        config: The configuration.
        out_dir: Folder of the run.
        resume: Go on with the run in that folder.
        console: Where progress is shown; None shows none.

    Raises:
        TrainingError: If the data is not fit, the folder holds another run, there is nothing to
            resume, or the loss is no longer finite.
        DataError: If the dataset is damaged.
    """
    dataset = dataset_path if isinstance(dataset_path, Dataset) else Dataset(dataset_path)
    checkpoints = out_dir / checkpoint.FOLDER
    ranks = Ranks.join()
    if not resume and checkpoints.is_dir() and any(checkpoints.glob(f'*{checkpoint.SUFFIX}')):
        raise TrainingError(f'{out_dir} holds a training; resume it, or choose another folder')
    threads = torch.get_num_threads()
    torch.set_num_threads(config.threads)
    try:
        result = _train(dataset, config, out_dir, checkpoints, resume, console, ranks)
        ranks.leave()
        return result
    finally:
        torch.set_num_threads(threads)


def _train(
    dataset: Dataset,
    config: TrainConfig,
    out_dir: Path,
    checkpoints: Path,
    resume: bool,
    console: Console | None,
    ranks: Ranks,
) -> TrainResult:
    contract = contract_of(dataset)
    episodes, held = select_episodes(dataset, config)
    mirror = mirror_of(contract, config)
    spec = observation_spec(dataset, contract, config, episodes, mirror)
    windows = Windows(dataset, episodes, spec, config.corrections, mirror)
    held_out = Windows(dataset, held, spec, config.corrections) if held else None
    stats = measure(windows, residual=config.action == 'residual')
    doubts = Doubts(contract)
    for index in episodes:
        doubts.add(dataset.episode(index))
    warnings = (*stats.warnings(spec), *doubts.found())
    state = TrainState(config, spec, stats, len(windows))
    identity = fingerprint(dataset)
    values = {
        'data': identity,
        'contract_hash': contract.hash,
        'episodes': {
            'train': [dataset.manifest.episodes[index].episode for index in episodes],
            'held_out': [] if held_out is None else list(held_out.names),
        },
        'corrections': {'weight': config.corrections, 'frames': windows.corrections},
        'versions': versions(),
    }
    if resume:
        _restore(state, checkpoints / LAST, identity)
    if ranks.first:
        write_identity(out_dir, config.to_dict())
    else:
        console = None
    if console is not None:
        if text := left_out(dataset, config.outcomes):
            console.print(text, highlight=False, soft_wrap=True)
        _introduce(console, state, windows, held_out, warnings)
    journal = Journal(out_dir, state.update) if ranks.first else None
    try:
        with Interrupt() as interrupt, Bar(console, state.update, state.updates) as bar:
            outcome = fit(
                state,
                windows,
                held_out,
                checkpoints,
                values,
                journal,
                bar,
                stop=lambda: interrupt.caught is not None,
                ranks=ranks,
            )
    finally:
        if journal is not None:
            journal.close()
    curves = None
    if journal is not None and journal.rows:
        curves = out_dir / CURVES
        draw_curves(journal.rows, curves, spec.bare)
    best = checkpoints / BEST
    return TrainResult(
        folder=out_dir,
        best_checkpoint=best if best.is_file() else None,
        finished=outcome.finished,
        updates=state.update,
        seconds=outcome.seconds,
        held_out=outcome.held_out,
        warnings=warnings,
        curves=curves,
    )


def _restore(state: TrainState, path: Path, identity: Mapping[str, object]) -> None:
    """Go on from a checkpoint, if it is of this configuration and data."""
    tensors, values = checkpoint.read(path)
    data = [
        f'{key} of the data' for key, value in identity.items() if values['data'].get(key) != value
    ]
    had = parse(values['config'], path).to_dict()
    checkpoint.refuse_another(path, state.config.to_dict(), had, RESUMABLE, data)
    state.restore(tensors, values)


def _introduce(
    console: Console,
    state: TrainState,
    windows: Windows,
    held_out: Windows | None,
    warnings: tuple[str, ...],
) -> None:
    spec = state.spec
    size = sum(p.numel() for p in state.actor.parameters())
    held = 'none' if held_out is None else f'{len(held_out.names)} episodes'
    console.print(
        f'{state.config.method}: {len(windows.names)} episodes ({len(windows)} frames), held out: '
        f'{held}; {spec.size} state entries, {len(spec.cameras)} cameras, {len(spec.actions)} '
        f'actions, chunk {spec.chunk}; {size / 1e3:.0f} k parameters',
        highlight=False,
    )
    if windows.corrections:
        console.print(
            f'{len(windows.corrections)} of them are corrections: '
            f'{sum(windows.corrections.values())} frames of the operator, each counted '
            f'{state.config.corrections} times',
            highlight=False,
        )
    for warning in warnings:
        console.print(f'[yellow]note:[/yellow] {warning}', highlight=False)
