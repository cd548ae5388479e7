# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Run: one adversarial training in one folder, laid out as that of a supervised one.

run/bc/                            the BC it begins with, unless another run is given
run/config.yaml versions.json      what was trained, with what
run/metrics.jsonl tensorboard/     how it went, iteration by iteration
run/curves.png                     the same as a picture
run/checkpoints/best.safetensors   the result; last.safetensors is what a resume goes on from
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
import time
from typing import Any

import numpy as np
from rich.console import Console
import torch

from ...data.store import Dataset
from ...errors import TrainingError
from ...sim.perturbations import parse as parse_setting
from ...training import checkpoint
from ...training.interrupt import Interrupt
from ...training.journal import Bar, CURVES, Journal
from ...training.loop import BEST, LAST
from ...training.run import train as train_bc
from ...training.run import versions, write_identity
from ...training.selection import contract_of, fingerprint, left_out
from ...training.state import load_trained, Trained
from ..config import PractisedConfig
from ..demonstrations import demonstrations, untrained
from ..environment import Environment
from ..methods import Begin, method_of
from ..model_selection import NEAR, Selection
from ..online import Setting
from ..rollouts import rollout
from .curves import draw_curves, figures, TAGS

BC_FOLDER = 'bc'
RESUMABLE = ('threads',)
"""Keys that may differ when a training is resumed."""


@dataclass(frozen=True)
class IrlResult:
    """How an adversarial training ended.

    Attributes:
        folder: The run's folder.
        finished: Whether it came to its end; if not, resume it.
        iterations: Iterations made.
        best_iteration: The one that is the result; 0 is the policy it began with.
        began: Success of the policy it began with, from the guard's starts.
        success: Success of the result from the same starts.
        cpu_seconds: Processor time of the IRL, without BC [s].
        steps: Policy steps simulated for practice.
        curves: Picture of the curves; None if it was stopped before there were any.
    """

    folder: Path
    finished: bool
    iterations: int = 0
    best_iteration: int = 0
    began: float | None = None
    success: float | None = None
    cpu_seconds: float = 0.0
    steps: int = 0
    curves: Path | None = None

    @property
    def progress(self) -> str:
        """How far it came, in words."""
        return f'{self.iterations} iterations'

    @property
    def outcome(self) -> str:
        """What came of it, in words."""
        return (
            f'success {self.began:.2f} -> {self.success:.2f} from the starts it was chosen by '
            f'(iteration {self.best_iteration} of {self.iterations}, {self.steps} steps '
            f'practised, {self.cpu_seconds:.0f} CPU-s); {self.folder}'
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What to keep in mind of it."""
        if self.best_iteration:
            return ()
        return ('practice made it no better: the result is BC',)

    @property
    def best_checkpoint(self) -> Path | None:
        """The policy; None if there was none to judge yet."""
        best = self.folder / checkpoint.FOLDER / BEST
        return best if best.is_file() else None


def train(
    dataset_path: Path | Dataset,
    config: PractisedConfig,
    out_dir: Path,
    init: Path | None = None,
    resume: bool = False,
    console: Console | None = None,
) -> IrlResult:
    """Train a policy: BC, unless one is given, then adversarial practice from there.

    SIGTERM and Ctrl-C end it after the running iteration (or update, while BC is trained), with a
    checkpoint to resume from. A resumed training gives exactly the uninterrupted one.

    Args:
        dataset_path: The demonstrations, as a folder or open.
        config: The configuration.
        out_dir: Folder of the run.
        init: Run or checkpoint of BC to begin with; it is read, never changed.
        resume: Go on with the run in that folder.
        console: Where progress is shown; None shows none.

    Raises:
        TrainingError: If data, configuration and beginning do not fit together, the folder holds
            another run, or there is nothing to resume.
        DataError: If the dataset is damaged.
    """
    begin = method_of(config).learner
    if begin is None:
        raise TrainingError(f'{config.method} does not learn in simulation')
    dataset = dataset_path if isinstance(dataset_path, Dataset) else Dataset(dataset_path)
    there = (out_dir / checkpoint.FOLDER / LAST).is_file()
    bc = out_dir / BC_FOLDER
    if not resume and (there or (bc / checkpoint.FOLDER).is_dir()):
        raise TrainingError(f'{out_dir} holds a training; resume it, or choose another folder')
    if init is not None and config.start != 'bc':
        raise TrainingError(f'start: {config.start} takes no policy to begin with ({init})')
    if (
        resume
        and not there
        and (init is not None or not (bc / checkpoint.FOLDER / LAST).is_file())
    ):
        raise TrainingError(f'there is nothing to resume in {out_dir}')
    threads = torch.get_num_threads()
    torch.set_num_threads(config.threads)
    try:
        bc_tells = config.start == 'bc' and init is None and not there
        if console is not None and not bc_tells and (text := left_out(dataset, config.outcomes)):
            console.print(text, highlight=False, soft_wrap=True)
        if there:
            trained = load_trained(out_dir / checkpoint.FOLDER / LAST)
        elif config.start == 'untrained':
            trained = untrained(dataset, config)
        elif init is not None:
            trained = load_trained(init)
        else:
            if console is not None:
                console.print('first BC, then IRL from there', highlight=False)
            own = config.bc.model_copy(update={'seed': config.seed, 'threads': config.threads})
            if not train_bc(dataset, own, bc, resume=resume, console=console).finished:
                return IrlResult(out_dir, finished=False)
            trained = load_trained(bc)
        return _Run(dataset, config, out_dir, trained, begin).train(there, console)
    finally:
        torch.set_num_threads(threads)


class _Run:
    """Everything between the configuration and the loop."""

    def __init__(
        self,
        dataset: Dataset,
        config: PractisedConfig,
        out_dir: Path,
        trained: Trained,
        begin: Begin,
    ) -> None:
        if trained.config.method != 'bc' or trained.spec.cameras:
            raise TrainingError(
                f'IRL begins with a policy of method bc without cameras, not with '
                f'{trained.config.method} and {len(trained.spec.cameras)} cameras'
            )
        contract = contract_of(dataset)
        windows, self.task = demonstrations(dataset, config, trained)
        self.config, self.folder, self.trained = config, out_dir, trained
        self.windows = windows
        longest = float(np.bincount(windows.episode).max()) / trained.spec.policy_hz
        perturb = tuple(parse_setting(text) for text in config.perturb)
        practice = Environment(
            contract,
            self.task,
            trained.spec,
            config.horizon_s or longest,
            perturb,
            config.filter,
            config.timestep_s,
        )
        self.practice = practice
        # Whatever practice does without, the result will run behind the supervisor.
        self.judge = Environment(
            contract, self.task, trained.spec, practice.time_limit_s, perturb, filter=True
        )
        self.learner = begin(config, Setting(contract, trained, windows, practice))
        self.selection = Selection()
        self.checkpoints = out_dir / checkpoint.FOLDER
        self.values = {
            'method': config.method,
            'irl': config.to_dict(),
            'config': trained.config.to_dict(),
            'observation': trained.spec.to_dict(),
            'statistics': trained.stats.to_dict(),
            'data': fingerprint(dataset),
            'contract_hash': contract.hash,
            'episodes': dict(trained.values['episodes']),
            'versions': versions(),
        }

    def train(self, resume: bool, console: Console | None) -> IrlResult:
        """Practise until the end, a signal, or the guard says so."""
        config, learner = self.config, self.learner
        if resume:
            self._restore()
        write_identity(self.folder, config.to_dict())
        if console is not None:
            console.print(
                f'{config.method}: {self.task}, {len(self.windows.names)} episodes; '
                f'{learner.episodes} episodes of {self.practice.horizon} decisions an iteration, '
                f'starts spread by {config.spread:g}; judged from {config.guard.episodes} starts, '
                f'two thirds of them spread by {config.guard.spread:g}',
                highlight=False,
            )
            for text in learner.notes:
                console.print(text, highlight=False)
        journal = Journal(self.folder, learner.iteration, TAGS)
        if not resume:
            journal.rows.clear()
        begin, clock = time.process_time(), time.perf_counter()
        spent = float(journal.rows[-1]['cpu_seconds']) if journal.rows else 0.0
        earlier = float(journal.rows[-1]['seconds']) if journal.rows else 0.0
        stopped = False
        try:
            with (
                Interrupt() as interrupt,
                Bar(console, learner.iteration, config.iterations, figures, 'iteration') as bar,
            ):

                def note(found: Mapping[str, Any], judged: float | None) -> None:
                    row = {
                        'update': learner.iteration,
                        **found,
                        'held_out_success': judged,
                        'steps': learner.steps,
                        'cpu_seconds': round(spent + time.process_time() - begin, 3),
                        'seconds': round(earlier + time.perf_counter() - clock, 3),
                    }
                    journal.write(row)
                    bar.show(row)
                    bar.line(row)

                if not journal.rows:
                    note({}, self._judge())
                while learner.iteration < config.iterations and not self.over:
                    if interrupt.caught is not None:
                        stopped = True
                        break
                    found = asdict(learner.step())
                    last = learner.iteration >= config.iterations
                    due = last or learner.iteration % config.guard.every == 0
                    note(found, self._judge() if due else None)
        finally:
            journal.close()
        self._write(LAST, journal.rows[-1])
        curves = self.folder / CURVES
        draw_curves(journal.rows, self.selection.iteration, curves)
        return IrlResult(
            self.folder,
            not stopped,
            learner.iteration,
            self.selection.iteration,
            journal.rows[0]['held_out_success'],
            self.selection.best,
            journal.rows[-1]['cpu_seconds'],
            learner.steps,
            curves,
        )

    @property
    def over(self) -> bool:
        """Whether the guard ends the training."""
        return self.selection.over(self.config.guard)

    def _judge(self) -> float:
        """Try the policy from the guard's starts, and keep it if it is the best so far."""
        guard, learner = self.config.guard, self.learner
        seeds = range(guard.seed, guard.seed + guard.episodes)
        decide = learner.policy.decide(None)
        wide = [seed for i, seed in enumerate(seeds) if i % NEAR != NEAR - 1]
        first, *near = (
            rollout(self.judge, decide, part, spread, stop_on_success=True).success
            for part, spread in ((wide, guard.spread), (seeds[NEAR - 1 :: NEAR], 1.0))
            if part
        )
        rate = float(np.concatenate([first, *near]).mean())
        shown = float(near[0].mean()) if near else 1.0
        if self.selection.see(learner.iteration, rate, guard.margin, shown):
            self._write(BEST, {'held_out_success': rate})
        elif learner.takes_back and rate < self.selection.best:
            learner.take_back(checkpoint.read(self.checkpoints / BEST)[0])
        self._write(LAST, {'held_out_success': rate})
        return rate

    def _write(self, name: str, metrics: Mapping[str, Any]) -> None:
        checkpoint.write(
            self.checkpoints / name,
            self.learner.tensors(),
            {
                **self.values,
                **self.learner.values,
                'update': self.learner.iteration,
                'selection': asdict(self.selection),
                'metrics': dict(metrics),
            },
        )

    def _restore(self) -> None:
        """Go on from the last checkpoint, if it is of this configuration and data."""
        path = self.checkpoints / LAST
        tensors, values = checkpoint.read(path)
        checkpoint.refuse_another(path, self.config.to_dict(), values['irl'], RESUMABLE)
        self.learner.restore(tensors, int(values['update']))
        self.selection = replace(self.selection, **values['selection'])
