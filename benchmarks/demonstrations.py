# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What demonstrations are worth: how many a task needs, and noise while demonstrating (DART).

Each row collects demonstrations of the scripted expert, trains Behavioural Cloning, exports it and
lets the policy.onnx try starts that no demonstration used, through the safety filter. Lengths are
in updates and trials, so the rows repeat; the CPU time is told beside them.

    python benchmarks/demonstrations.py [--part noise|few] [--tasks A,B] [--methods bc,diffusion]
                                        [--smoke] [--json FILE]

A row takes 30 to 100 CPU-seconds and all of them an hour; --part and --tasks choose. With --part
few a method gets more demonstrations of a task until it succeeds in nine tenths of the trials.
"""

import argparse
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
import tempfile
import time
from typing import Any

from gates import conclude, gate

from imitation_ros.contract import Contract, load
from imitation_ros.data.intervals import wilson
from imitation_ros.data.store import Dataset, DatasetWriter
from imitation_ros.export.onnx import export
from imitation_ros.rollout.collection import collect
from imitation_ros.rollout.rollout import rollout
from imitation_ros.sim.tasks import TASKS
from imitation_ros.training.config import load as load_config
from imitation_ros.training.run import train

UNSEEN = 100_000
NOISE = {'lift': 0.01, 'tray_balance': 0.01, 'stand': 0.005}
"""Noise while demonstrating [rad], small enough for the expert."""

ENOUGH = 0.9
"""Success rate at which a task counts as learnt."""


@dataclass(frozen=True)
class Row:
    """One policy: what it is made of, and the starts it is tried from."""

    task: str
    demos: int
    noise: float
    spread: float
    chunk: int
    execute: int
    updates: int | None
    trials: int
    seed: int
    method: str = 'bc'
    until: float | None = None

    def __str__(self) -> str:
        """Print as the first columns of the table."""
        return (
            f'{self.task:13s}{self.method:10s}{self.demos:4d} demos  noise {self.noise:<6g} '
            f'chunk {self.chunk:2d}/{self.execute}  starts x {self.spread:<4g} seed {self.seed}'
        )


def noise_rows(tasks: list[str], smoke: bool) -> Iterator[Row]:
    """Clean and noisy demonstrations, policies that look again after every step or four."""
    for task in tasks:
        if task not in NOISE:
            continue
        spread = 1.6 if task == 'lift' else 1.0
        for seed in (0,) if smoke else (0, 1):
            for chunk, execute in ((4, 1),) if smoke else ((1, 1), (4, 4)):
                for noise in (0.0, NOISE[task]):
                    counts = (2, 20, 1) if smoke else (10, 2000, 20)
                    demos, updates, trials = counts
                    yield Row(task, demos, noise, spread, chunk, execute, updates, trials, seed)


def few_rows(tasks: list[str], methods: list[str], smoke: bool) -> Iterator[Row]:
    """How many demonstrations a task needs, with the defaults."""
    for task in tasks:
        noise = NOISE[task] if task == 'tray_balance' else 0.0
        for method in methods:
            for demos in (2,) if smoke else (2, 5, 10, 20, 50):
                updates, trials = (20, 1) if smoke else (None, 40)
                counts = updates, trials, 0
                yield Row(task, demos, noise, 1.0, 12, 4, *counts, method, ENOUGH)


class Shelf:
    """Demonstrations, collected once for all rows that share them."""

    def __init__(self, contract: Contract, folder: Path, most: dict[tuple[str, float], int]):
        """Note how many of each kind will be wanted at most."""
        self._contract, self._folder, self._most = contract, folder, most
        self._made: dict[tuple[str, float], Dataset] = {}

    def take(self, row: Row) -> Dataset:
        """The first demonstrations of a kind, as a dataset of their own."""
        kind = row.task, row.noise
        if kind not in self._made:
            folder = self._folder / f'{row.task}_{row.noise}'
            self._made[kind] = collect(
                self._contract, row.task, self._most[kind], folder, noise=row.noise
            )
        whole = self._made[kind]
        folder = self._folder / f'{row.task}_{row.noise}_{row.demos}'
        if folder.exists():
            return Dataset(folder)
        contract = self._contract
        writer = DatasetWriter(
            folder,
            contract.text,
            contract.hash,
            contract.urdf_text,
            contract.joints,
            contract.rates.policy_hz,
        )
        for number, episode in enumerate(whole.episodes()):
            if number < row.demos:
                writer.append(episode)
        writer.close()
        return Dataset(folder)


def run(row: Row, contract: Contract, shelf: Shelf, folder: Path) -> dict[str, Any]:
    """Train, export and try one policy."""
    data = shelf.take(row)
    start = time.process_time()
    changes = {
        'chunk': row.chunk,
        'execute': row.execute,
        'seed': row.seed,
    }
    if row.updates is not None:
        changes |= {'updates': row.updates, 'warmup': min(200, row.updates // 10)}
    if TASKS[row.task].history > 1:
        changes['history'] = TASKS[row.task].history
    train(data, load_config(row.method, changes), folder / 'run')
    trained = time.process_time() - start
    model = export(folder / 'run', folder / 'policy.onnx', data).path
    seeds = range(UNSEEN, UNSEEN + row.trials)
    trials = rollout(contract, model, row.task, seeds, row.spread, renderer=None, strips=0).trials
    return {
        **asdict(row),
        'successes': trials.successes,
        'interventions': sum(trials.interventions.values()),
        'train_cpu_s': round(trained, 1),
    }


def main() -> int:
    """Run the rows, print the table, judge; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').partition('\n')[0])
    parser.add_argument('--part', choices=('noise', 'few'), help='only this part')
    parser.add_argument('--tasks', default='', help='only these, by comma')
    parser.add_argument('--methods', default='bc', help='of the part "few", by comma')
    parser.add_argument('--smoke', action='store_true', help='the whole path in seconds')
    parser.add_argument('--json', type=Path, help='write results and gates')
    options = parser.parse_args()
    tasks = options.tasks.split(',') if options.tasks else ['reach'] if options.smoke else [*TASKS]
    rows: list[Row] = []
    if options.part != 'few':
        rows += noise_rows(['tray_balance'] if options.smoke else tasks, options.smoke)
    # The parts share their path: a smoke run takes it once, unless asked for the other part.
    if options.part == 'few' or not (options.part or options.smoke):
        rows += few_rows(tasks, options.methods.split(','), options.smoke)
    most: dict[tuple[str, float], int] = {}
    for row in rows:
        kind = row.task, row.noise
        most[kind] = max(row.demos, most.get(kind, 0))
    contract = load('imi_humanoid')
    results = []
    with tempfile.TemporaryDirectory(prefix='demonstrations_') as name:
        shelf = Shelf(contract, Path(name), most)
        learnt: set[tuple[str, str]] = set()
        for number, row in enumerate(rows):
            if row.until is not None and (row.task, row.method) in learnt:
                continue
            folder = Path(name) / f'row_{number}'
            folder.mkdir()
            result = run(row, contract, shelf, folder)
            results.append(result)
            rate = wilson(result['successes'], row.trials)
            if row.until is not None and rate.estimate >= row.until:
                learnt.add((row.task, row.method))
            print(
                f'{row}  success {rate.estimate:.2f} [{rate.low:.2f}, {rate.high:.2f}]  '
                f'interventions {result["interventions"]:6d}  training {result["train_cpu_s"]} s',
                flush=True,
            )
    return conclude(judge(results, options.smoke), options.json, rows=results)


def judge(results: list[dict[str, Any]], smoke: bool) -> dict[str, Any]:
    """Noise must help a policy that looks again after every step, on one task at least."""
    gains = []
    for task in NOISE:
        one = [row for row in results if row['task'] == task and row['chunk'] < 12]
        with_noise = [r['successes'] / r['trials'] for r in one if r['noise']]
        without = [r['successes'] / r['trials'] for r in one if not r['noise']]
        if with_noise and without:
            gains.append(sum(with_noise) / len(with_noise) - sum(without) / len(without))
    if not gains:
        return {}
    what = 'gain by noise while demonstrating, best task'
    return {what: gate(max(gains), 0.05, 'share', low=True, judged=not smoke)}


if __name__ == '__main__':
    raise SystemExit(main())
