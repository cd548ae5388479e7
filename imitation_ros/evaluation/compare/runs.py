# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Run the cells of a plan: demonstrate, train, export, try; each cell is kept when it is done.

Cells run in worker processes, one after the other, so that imports and compiled code are loaded
once; CPU time and peak memory are those of the cell alone. A killed
comparison goes on with the cells that are missing, and a killed training from its checkpoint.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
import json
import multiprocessing
from pathlib import Path
import shutil
import time
from typing import Any

import numpy as np

from ...contract import Contract, load
from ...data.frame import Array
from ...data.provenance import Demonstrations
from ...data.store import Dataset, MANIFEST
from ...documents import read_json_mapping
from ...errors import DataError, ImitationError
from ...export.onnx import export
from ...files import replace_text
from ...irl.adversarial.run import IrlResult
from ...irl.methods import load as load_irl
from ...learning import is_irl, Result, train
from ...rollout.collection import collect, go_on
from ...rollout.rollout import rollout
from ...sim.perturbations import Sensed
from ...sim.tasks import TASKS
from ...training import checkpoint
from ...training.loop import LAST
from .plan import BC, Cell, DEMO_SEEDS, KNOCK, Plan, settings
from .support import back_s, Tube

RESULT = 'cell.json'

LONGER = {'bc': 3}
"""Of a plan that sets the length in updates: how many times as long a method is trained, since its
updates cost a third or less of what those of the others cost."""

UPDATES_PER_ITERATION = 100
"""Of such a plan: updates for each iteration of practice."""

SHORT_GUARD = 12
"""Of such a plan: starts that practice is judged by."""

SHORT_REPAIR = 16
"""Of such a plan: starts of a round of repairs."""

BALANCE = 'bc+irl-balance'
"""Configuration of practice where speeds matter, since something is balanced."""

CLEAR_PEAK = Path('/proc/self/clear_refs')
"""Writing a 5 into it makes the memory that is used now the peak (Linux, proc(5))."""

Progress = Callable[[Cell, dict[str, Any]], None]


def run(plan: Plan, out: Path, workers: int, progress: Progress) -> None:
    """Run every cell of a plan that is not there yet.

    Args:
        plan: What is compared.
        out: Folder of the comparison.
        workers: Processes at a time.
        progress: Called with each cell when it is done, those of before first.

    Raises:
        DataError: If the folder holds another comparison, or a cell fails.
    """
    load(plan.robot)  # told before the folder is this comparison's
    plan.keep(out)
    todo = []
    for cell in plan.cells():
        done = read(out, cell)
        if done is None:
            todo.append(cell)
        else:
            progress(cell, done)
    if not todo:
        return
    demonstrate(plan, out)
    context = multiprocessing.get_context('spawn')
    # Practice comes last: it begins with the BC of another cell.
    for practised in (False, True):
        jobs = [(plan, out, cell) for cell in todo if is_irl(cell.method) == practised]
        if not jobs:
            continue
        with context.Pool(min(workers, len(jobs))) as pool:
            for cell, result in pool.imap_unordered(_job, jobs):
                if 'error' in result:
                    raise DataError(f'{cell.name}: {result["error"]}')
                progress(cell, result)


def read(out: Path, cell: Cell) -> dict[str, Any] | None:
    """Result of a cell; None if it is not done."""
    path = out / 'cells' / cell.name / RESULT
    if not path.is_file():
        return None
    return read_json_mapping(path)


def results(plan: Plan, out: Path) -> Iterator[tuple[Cell, dict[str, Any]]]:
    """Every cell that is done."""
    for cell in plan.cells():
        done = read(out, cell)
        if done is not None:
            yield cell, done


def demonstrate(plan: Plan, out: Path) -> None:
    """Demonstrations of every seed, as many as the largest cell needs."""
    contract = load(plan.robot)
    for seed in range(plan.seeds):
        folder = out / 'demos' / str(seed)
        there = (folder / MANIFEST).is_file()
        if there and not go_on(Dataset(folder)):
            continue
        if not there:
            shutil.rmtree(folder, ignore_errors=True)
        collect(contract, plan.task, plan.demos[-1], folder, seed=DEMO_SEEDS * seed, resume=there)


def first(dataset: Dataset, count: int) -> Dataset:
    """The first episodes of a dataset, as a dataset."""
    view = Dataset(dataset.root)
    view.manifest = replace(view.manifest, episodes=view.manifest.episodes[:count])
    return view


def _job(job: tuple[Plan, Path, Cell]) -> tuple[Cell, dict[str, Any]]:
    plan, out, cell = job
    try:
        return cell, _cell(plan, out, cell)
    except ImitationError as error:
        return cell, {'error': str(error)}


def _cell(plan: Plan, out: Path, cell: Cell) -> dict[str, Any]:
    """Train, export and try one policy; write and return what came of it."""
    folder = out / 'cells' / cell.name
    folder.mkdir(parents=True, exist_ok=True)
    contract = load(plan.robot)
    CLEAR_PEAK.write_text('5')
    everything = Dataset(out / 'demos' / str(cell.seed))
    dataset = first(everything, cell.demos)
    cost = _train(plan, cell, dataset, folder)
    exported = export(folder / 'run', folder / 'policy.onnx', dataset)
    tried: dict[str, Any] = {}
    recovery: dict[str, Any] = {}
    for condition in plan.conditions_of(cell):
        watch = _Watch(Tube(dataset, contract), contract) if condition == KNOCK else None
        tried[condition] = _try(contract, plan, folder, condition, watch)
        if watch is not None:
            recovery = watch.result()
    values = {
        **cost,
        'parity': exported.parity.max_abs_difference,
        'p50_ms': exported.latency.p50_ms,
        'p99_ms': exported.latency.p99_ms,
        'peak_mb': peak_mb(),
        'expert': 1.0 - _failed(everything),
        'conditions': tried,
        'recovery': recovery,
    }
    replace_text(folder / RESULT, json.dumps(values, indent=1))
    return values


def peak_mb() -> float:
    """Peak memory of this process since its peak was last cleared [MB]."""
    status = Path('/proc/self/status').read_text(encoding='ascii').split()
    return float(status[status.index('VmHWM:') + 1]) / 1024.0


def _failed(dataset: Dataset) -> float:
    """Share of the expert's attempts that failed."""
    failed = len(dataset.manifest.provenance_as(Demonstrations).failed_seeds)
    return failed / (failed + len(dataset))


def _train(plan: Plan, cell: Cell, dataset: Dataset, folder: Path) -> dict[str, Any]:
    """Train one policy, or go on with it; returns its cost."""
    run_folder = folder / 'run'
    spent_path = folder / 'spent.json'
    resume = any(run_folder.rglob(f'{checkpoint.FOLDER}/{LAST}'))
    if not resume:
        shutil.rmtree(run_folder, ignore_errors=True)
        spent_path.unlink(missing_ok=True)
    before = float(spent_path.read_text()) if spent_path.is_file() else 0.0
    begin = time.process_time()
    shared = 0.0
    parent = None
    method, changes = cell.method, {'seed': cell.seed, **_changes(plan, cell.method)}
    if is_irl(cell.method):
        parent, shared = _parent(plan, cell, folder.parent)
        method, changes = _inverse(plan, cell)
    result = train(dataset, run_folder, method, changes=changes, init=parent, resume=resume)
    spent = before + time.process_time() - begin
    spent_path.write_text(json.dumps(spent))
    if not result.finished:
        raise DataError('the training was stopped; run it again to go on')
    return {'cpu_s': spent + shared, **_figures(result)}


def _parent(plan: Plan, cell: Cell, cells: Path) -> tuple[Path | None, float]:
    """Run of BC on the same data with the same seed, and its CPU time; None if none is planned."""
    if BC not in plan.known:
        return None, 0.0
    folder = cells / replace(cell, method=BC).name
    values = read_json_mapping(folder / RESULT)
    return folder / 'run', float(values['cpu_s'])


def _lengths(plan: Plan, method: str) -> dict[str, int]:
    """Keys of a training whose length the plan sets."""
    if plan.updates is None:
        return {}
    updates = plan.updates * LONGER.get(method, 1)
    return {'updates': updates, 'warmup': min(200, updates // 5), 'eval_every': updates}


def _changes(plan: Plan, method: str) -> dict[str, int]:
    """What differs from the YAML of a method: its length, and the frames that the task takes."""
    return {'history': TASKS[plan.task].history, **_lengths(plan, method)}


def _inverse(plan: Plan, cell: Cell) -> tuple[str, dict[str, Any]]:
    """The configuration that a cell's inverse RL is trained by, and what differs from it."""
    gentle = cell.method == 'bc+irl' and TASKS[plan.task].history > 1
    source = BALANCE if gentle else cell.method
    changes: dict[str, Any] = {'seed': cell.seed, 'bc': _changes(plan, BC)}
    config = load_irl(source)
    if config.in_simulation:
        changes['task'] = plan.task
    if plan.updates is not None and config.in_simulation:
        short = max(2, plan.updates // UPDATES_PER_ITERATION)
        guard: dict[str, Any] = {'episodes': SHORT_GUARD}
        guard |= {'spread': 1.0} if gentle else {}
        changes |= {'iterations': short, 'guard': guard}
        if cell.method == 'bc+irl':
            changes['repair'] = {'rounds': short // 2, 'starts': SHORT_REPAIR}
            changes['repair'] |= {'spread': 1.0} if gentle else {}
    elif plan.updates is not None:
        changes['updates'] = plan.updates
    return source, {k: v for k, v in changes.items() if k in type(config).model_fields}


def _figures(result: Result) -> dict[str, Any]:
    """What a training says of itself."""
    if not isinstance(result, IrlResult):
        return {'updates': result.updates, 'sim_steps': 0}
    return {
        'updates': result.iterations,
        'sim_steps': result.steps,
        'began': result.began,
        'chosen': result.success,
        'best_iteration': result.best_iteration,
    }


def _try(
    contract: Contract, plan: Plan, folder: Path, condition: str, watch: '_Watch | None'
) -> list[dict[str, Any]]:
    """Trials of one policy under one condition."""
    trials = rollout(
        contract,
        folder / 'policy.onnx',
        plan.task,
        plan.trial_seeds(),
        renderer=None,
        strips=0,
        perturb=settings(condition),
        watch=watch,
    ).trials.trials
    return [
        {
            'seed': trial.seed,
            'success': trial.success,
            'seconds': trial.seconds,
            'interventions': trial.intervened,
        }
        for trial in trials
    ]


class _Watch:
    """Follows trials and tells which left the tube of the demonstrations."""

    def __init__(self, tube: Tube, contract: Contract) -> None:
        self._tube = tube
        rate = contract.rates
        self._every = max(1, round(rate.command_hz / rate.policy_hz))
        self._step_s = self._every / rate.command_hz
        self._states: dict[int, list[Array]] = {}

    def __call__(self, seed: int, tick: int, sim: Sensed) -> None:
        """Take the state of one tick."""
        if tick % self._every == 0:
            self._states.setdefault(seed, []).append(self._tube.state(sim))

    def result(self) -> dict[str, Any]:
        """For each seed whether it left, and how long it took to come back."""
        left, back = {}, {}
        for seed, states in self._states.items():
            outside = self._tube.outside(states)
            left[str(seed)] = bool(outside.any())
            back[str(seed)] = back_s([bool(o) for o in outside], self._step_s)
        shares = [left[key] for key in left]
        return {'left': left, 'back_s': back, 'share_left': float(np.mean(shares))}
