# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Offline training: inverse RL from a dataset alone, in the run folder of any other training.

The checkpoint holds the policy as Behavioural Cloning writes it, so that export, evaluation and
the robot need to know nothing of how it was found; what the method adds stands beside it.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
import time
from typing import Any

from matplotlib.figure import Figure
from rich.console import Console
import torch

from ..data.outcomes import is_wanted
from ..data.store import Dataset
from ..data.windows import Windows
from ..errors import TrainingError
from ..training import checkpoint
from ..training.config import load as load_training
from ..training.interrupt import Interrupt
from ..training.journal import Bar, CURVES, Journal
from ..training.loop import BEST, evaluate, LAST
from ..training.run import train, TrainResult, versions, write_identity
from ..training.selection import contract_of, fingerprint, left_out, refuse_corrections
from ..training.state import load_trained, Trained
from .config import IqConfig
from .iq.iq_learn import IqLearner
from .transitions import attempted, demonstrated, Memory, remember

METHOD = 'irl'
"""Key of a checkpoint's values that holds the configuration of the IRL method."""

RESUMABLE = ('threads', 'eval_every')
"""Keys that may differ when a training is resumed."""


def beginning(
    dataset: Dataset,
    start: Path | None,
    out_dir: Path,
    seed: int,
    console: Console | None,
    changes: Mapping[str, Any] | None = None,
) -> Trained | None:
    """The cloned policy that everything begins from.

    Args:
        dataset: The dataset.
        start: Run of `train`, or a checkpoint; None trains one into `out_dir/bc`.
        out_dir: Folder of the run.
        seed: Seed of that training.
        console: Where progress is shown.
        changes: What replaces BC's own configuration in that training.

    Returns:
        The policy; None if its training was interrupted.

    Raises:
        TrainingError: If it is of another robot, or sees cameras.
    """
    if start is None:
        start = out_dir / 'bc'
        begun = (start / checkpoint.FOLDER / LAST).is_file()
        asked = {**(changes or {}), 'seed': seed}
        config = load_training('bc', asked, bare=contract_of(dataset).data_only)
        if not train(dataset, config, start, begun, console).finished:
            return None
    trained = load_trained(start)
    if trained.values['contract_hash'] != dataset.manifest.contract_hash:
        raise TrainingError(f'{start} was trained for another robot than {dataset.root} is of')
    if trained.spec.cameras:
        names = ', '.join(camera.name for camera in trained.spec.cameras)
        raise TrainingError(f'{start} sees {names}: inverse RL here is for states alone')
    return trained


def memories(
    dataset: Dataset, trained: Trained, config: IqConfig
) -> tuple[Memory, Memory | None, dict[str, list[str]]]:
    """Demonstrations and other episodes of a dataset, as a cloned policy sees them.

    The demonstrations are those the policy was trained on: what was held out stays held out.

    Returns:
        Demonstrations, other episodes if there are any, and the names of both.
    """
    metas = dataset.manifest.episodes
    known = set(trained.values['episodes']['train'])
    ours = [i for i, m in enumerate(metas) if m.episode in known and is_wanted(m, config.outcomes)]
    others = [
        i for i, m in enumerate(metas) if m.outcome in config.extra and m.verdict != 'reject'
    ]
    if not ours:
        raise TrainingError(
            f'{dataset.root} holds none of the {len(known)} demonstrations that the policy to '
            f'begin from was trained on, of outcome {" or ".join(config.outcomes)}; '
            f'{left_out(dataset, config.outcomes)}'
        )
    refuse_corrections(dataset, ours)
    windows = Windows(dataset, ours, trained.spec)
    memory = remember(trained.actor, windows, demonstrated(windows))
    names = {'train': list(windows.names), 'extra': []}
    if not others:
        return memory, None, names
    extra = Windows(dataset, others, trained.spec)
    names['extra'] = list(extra.names)
    return memory, remember(trained.actor, extra, attempted(extra)), names


def train_offline(
    dataset_path: Path | Dataset,
    config: IqConfig,
    out_dir: Path,
    start: Path | None = None,
    resume: bool = False,
    console: Console | None = None,
) -> TrainResult:
    """Train IQ-Learn from bags alone.

    SIGTERM and Ctrl-C end it after the running update, with a checkpoint; a resumed training
    gives exactly the parameters of an uninterrupted one.

    Args:
        dataset_path: The dataset, as a folder or open.
        config: The configuration.
        out_dir: Folder of the run.
        start: Cloned policy to begin from; None trains one first.
        resume: Go on with the run in that folder.
        console: Where progress is shown; None shows none.

    Raises:
        TrainingError: If the data is not fit, or the folder holds another run.
    """
    dataset = dataset_path if isinstance(dataset_path, Dataset) else Dataset(dataset_path)
    last = out_dir / checkpoint.FOLDER / LAST
    if last.is_file() and not resume:
        raise TrainingError(f'{out_dir} holds a training; resume it, or choose another folder')
    threads = torch.get_num_threads()
    torch.set_num_threads(config.threads)
    try:
        changes = config.bc.model_dump(exclude_unset=True)
        trained = beginning(dataset, start, out_dir, config.seed, console, changes)
        if trained is None:
            return TrainResult(out_dir, None, False, 0, 0.0, None, (), None)
        return _train(dataset, config, trained, out_dir, last if last.is_file() else None, console)
    finally:
        torch.set_num_threads(threads)


def _train(
    dataset: Dataset,
    config: IqConfig,
    trained: Trained,
    out_dir: Path,
    resume: Path | None,
    console: Console | None,
) -> TrainResult:
    ours, others, names = memories(dataset, trained, config)
    held = [
        i
        for i, meta in enumerate(dataset.manifest.episodes)
        if meta.episode in trained.values['episodes']['held_out']
    ]
    held_out = Windows(dataset, held, trained.spec) if held else None
    learner = IqLearner(trained.actor, config, config.seed)
    values = {
        **{key: trained.values[key] for key in ('config', 'observation', 'statistics')},
        'contract_hash': contract_of(dataset).hash,
        'data': fingerprint(dataset),
        'episodes': {**trained.values['episodes'], 'extra': names['extra']},
        'versions': versions(),
        'method': config.method,
        METHOD: config.to_dict(),
    }
    if resume is not None:
        _restore(learner, resume, values)
    write_identity(out_dir, config.to_dict())
    warnings = _warnings(names)
    if console is not None:
        console.print(
            f'{config.method}, offline: {len(names["train"])} demonstrations, '
            f'{len(names["extra"])} other episodes',
            highlight=False,
        )
        if text := left_out(dataset, (*config.outcomes, *config.extra)):
            console.print(text, highlight=False, soft_wrap=True)
        for warning in warnings:
            console.print(f'[yellow]note:[/yellow] {warning}', highlight=False)
    journal = Journal(out_dir, learner.updates)

    def line(row: dict[str, Any]) -> dict[str, Any]:
        found = None if held_out is None else evaluate(learner.average, held_out)
        row['held_out_loss'] = None if found is None else found.loss
        row['held_out_mae'] = None if found is None else found.mae
        row['hold_mae'] = None if found is None else found.hold_mae
        state = {**values, 'update': learner.updates, 'metrics': row}
        checkpoint.write(out_dir / checkpoint.FOLDER / LAST, learner.tensors(), state)
        checkpoint.write(out_dir / checkpoint.FOLDER / BEST, learner.tensors(), state)
        return row

    try:
        with Interrupt() as interrupt, Bar(console, learner.updates, config.updates) as bar:
            seconds = _fit(
                learner,
                ours,
                others,
                journal,
                bar,
                line,
                lambda: interrupt.caught is not None,
            )
    finally:
        journal.close()
    draw(journal.rows, out_dir / CURVES)
    return TrainResult(
        folder=out_dir,
        best_checkpoint=out_dir / checkpoint.FOLDER / BEST,
        finished=learner.updates >= config.updates,
        updates=learner.updates,
        seconds=seconds,
        held_out=None,
        warnings=warnings,
        curves=out_dir / CURVES,
    )


def _fit(
    learner: IqLearner,
    ours: Memory,
    others: Memory | None,
    journal: Journal,
    bar: Bar,
    line: Callable[[dict[str, Any]], dict[str, Any]],
    stop: Callable[[], bool],
) -> float:
    """Update until the planned length or until `stop`; the time it took [s]."""
    config = learner.config
    start = time.perf_counter()
    while learner.updates < config.updates:
        figures = learner.update(ours, others)
        ends = learner.updates >= config.updates or stop()
        if learner.updates % config.eval_every and not ends:
            continue
        seconds = time.perf_counter() - start
        row = {
            'update': learner.updates,
            'seconds': round(seconds, 3),
            'loss': figures['imitation'],
            'lr': config.lr,
            'data_ms': 0.0,
            'step_ms': 1e3 * seconds / learner.updates,
            **figures,
        }
        journal.write(line(row))
        bar.show(row)
        bar.line(row)
        if ends:
            break
    return time.perf_counter() - start


def _restore(learner: IqLearner, path: Path, values: dict[str, Any]) -> None:
    tensors, had = checkpoint.read(path)
    if METHOD not in had:
        raise TrainingError(f'{path} is no run of an IRL method')
    further = [key for key in ('data', 'episodes') if had[key] != values[key]]
    checkpoint.refuse_another(path, values[METHOD], had[METHOD], RESUMABLE, further)
    learner.restore(tensors, int(had['update']))


def _warnings(names: dict[str, list[str]]) -> tuple[str, ...]:
    if names['extra']:
        return ()
    return (
        'there are no failed and no play episodes: from demonstrations alone, without dynamics, '
        'no method knows more than cloning about states that were not visited',
    )


def draw(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw what is imitated and what is rewarded over the updates into a PNG."""
    figure = Figure(figsize=(9, 3.4), layout='constrained')
    left, right = figure.subplots(1, 2)
    updates = [row['update'] for row in rows]
    for axes, names in (
        (left, {'imitation': 'demonstrations', 'recovery': 'other episodes, weighted'}),
        (right, {'reward_demonstrations': 'demonstrations', 'reward_other': 'other episodes'}),
    ):
        for key, label in names.items():
            if rows and key in rows[-1]:
                axes.plot(updates, [row.get(key) for row in rows], label=label)
        axes.legend(frameon=False)
    if rows and rows[-1]['held_out_loss'] is not None:
        left.plot(updates, [row['held_out_loss'] for row in rows], label='held out')
        left.legend(frameon=False)
    left.set(xlabel='update', ylabel='imitation loss', yscale='log')
    right.set(xlabel='update', ylabel='implied reward')
    figure.savefig(path, dpi=110)
