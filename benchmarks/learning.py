# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Learning: what a CPU-minute gives on the bimanual lift, and whether runs and exports are exact.

Every method trains on the same 20 demonstrations of the scripted expert, its length set in updates
so that it repeats, and tries 100 nominal and 100 unseen starts (spread 1.6) through its
policy.onnx and the safety supervisor. A training that was stopped and resumed must equal an
uninterrupted one, bit for bit.

python benchmarks/learning.py [--smoke] [--json FILE] [--methods A,B]
"""

import argparse
import os
from pathlib import Path
import sys
import tempfile
import time
from typing import Any

os.environ.setdefault('OMP_NUM_THREADS', '1')
os.environ.setdefault('OPENBLAS_NUM_THREADS', '1')
os.environ.setdefault('MKL_NUM_THREADS', '1')

from gates import conclude, gate
import torch

from imitation_ros.contract import load
from imitation_ros.data.store import Dataset
from imitation_ros.export.onnx import export
from imitation_ros.rollout.collection import collect
from imitation_ros.rollout.rollout import rollout
from imitation_ros.training import checkpoint, run
from imitation_ros.training.config import load as load_config
from imitation_ros.training.run import train

UPDATES = {'bc': 4000, 'act': 1500, 'flow': 4000, 'diffusion': 4000}
"""Lengths that take less than a CPU-minute (docs/methods/README.md)."""

GENERATIVE = ('flow', 'diffusion')
UNSEEN, SPREAD = 100_000, 1.6
CPU_S = 60.0


def measure(method: str, dataset: Dataset, folder: Path, updates: int, trials: int) -> Any:
    """Train, export and try one method."""
    contract = load('imi_humanoid')
    changes = {'updates': updates, 'warmup': min(200, updates // 4)}
    begin = time.process_time()
    train(dataset, load_config(method, changes), folder / method)
    cpu_s = time.process_time() - begin
    exported = export(folder / method, folder / f'{method}.onnx', dataset)
    rates = {}
    for name, spread in (('nominal', 1.0), ('unseen', SPREAD)):
        seeds = range(UNSEEN, UNSEEN + trials)
        found = rollout(
            contract,
            exported.path,
            'lift',
            seeds,
            initial_state_range=spread,
            renderer=None,
            strips=0,
        )
        rates[name] = {'rate': found.rate.estimate, 'low': found.rate.low, 'high': found.rate.high}
    return {
        **rates,
        'cpu_s': cpu_s,
        'updates': updates,
        'parity': exported.parity.max_abs_difference,
        'p50_ms': exported.latency.p50_ms,
    }


def resume_differences(dataset: Dataset, folder: Path) -> int:
    """Parameters that differ between an uninterrupted training and one that was stopped."""
    changes = {'updates': 40, 'warmup': 10, 'eval_every': 20, 'batch': 32}
    config = load_config('bc', changes)
    train(dataset, config, folder / 'whole')
    count = 0

    class Stop(run.Interrupt):
        """An interrupt that comes by itself, at the seventeenth look."""

        def __enter__(self) -> 'Stop':
            return self

        @property
        def caught(self) -> str | None:
            nonlocal count
            count += 1
            return 'SIGTERM' if count > 17 else None

        @caught.setter
        def caught(self, value: str | None) -> None:
            pass

    usual = run.Interrupt
    run.Interrupt = Stop
    try:
        stopped = train(dataset, config, folder / 'parts')
    finally:
        run.Interrupt = usual
    if stopped.finished:
        raise RuntimeError('the training was not stopped')
    train(dataset, config, folder / 'parts', resume=True)
    whole, parts = (
        checkpoint.read(checkpoint.find(folder / name, 'last'))[0] for name in ('whole', 'parts')
    )
    return sum(not torch.equal(whole[name], parts[name]) for name in whole)


def main() -> int:
    """Run, print and judge."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('--smoke', action='store_true', help='the whole path in seconds')
    parser.add_argument('--json', type=Path)
    parser.add_argument('--methods', default=','.join(UPDATES))
    options = parser.parse_args()
    methods = options.methods.split(',')
    demos, trials = (2, 1) if options.smoke else (20, 100)
    if options.smoke:
        methods = methods[:1]
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        dataset = collect(load('imi_humanoid'), 'lift', demos, folder / 'data')
        differ = resume_differences(dataset, folder)
        for method in methods:
            updates = 20 if options.smoke else UPDATES[method]
            results[method] = measure(method, dataset, folder, updates, trials)
            row = results[method]
            rates = '  '.join(
                f'{key} {row[key]["rate"]:.2f} [{row[key]["low"]:.2f}, {row[key]["high"]:.2f}]'
                for key in ('nominal', 'unseen')
            )
            print(
                f'{method:10s} {rates}  {row["cpu_s"]:5.1f} CPU-s  '
                f'parity {row["parity"]:.1e}  p50 {row["p50_ms"]:.2f} ms',
                flush=True,
            )
    judged = not options.smoke
    gates = {
        'parameters that a resume changes': gate(differ, 0, 'tensors'),
        'ONNX parity': gate(max(row['parity'] for row in results.values()), 1e-5, 'rad'),
        'inference p50, slowest method': gate(
            max(row['p50_ms'] for row in results.values()), 2.0, 'ms', judged=judged
        ),
        'training, longest': gate(
            max(row['cpu_s'] for row in results.values()), CPU_S, 'CPU-s', judged=judged
        ),
    }
    if 'bc' in results:
        rate = results['bc']['nominal']['rate']
        gates['bc nominal'] = gate(rate, 0.99, 'rate', low=True, judged=judged)
    generative = [results[method] for method in GENERATIVE if method in results]
    if generative:
        best = max(generative, key=lambda row: (row['unseen']['rate'], row['nominal']['rate']))
        for key, bound in (('nominal', 0.99), ('unseen', 0.85)):
            value = best[key]['rate']
            gates[f'best generative, {key}'] = gate(value, bound, 'rate', low=True, judged=judged)
    return conclude(gates, options.json, results=results)


if __name__ == '__main__':
    sys.exit(main())
