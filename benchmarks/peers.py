# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Peers on the same bags: return, CPU-seconds and inference beside those of `imitation`.

Each lives in an environment of its own, named by a variable; one that is not set is skipped, and
the table says so:

    PEER_IMITATION   a Python with imitation 1.0.1 (gymnasium 0.29)
    PEER_GYMNASIUM   a Python with gymnasium[mujoco] 1.x, imageio, onnxruntime, pydantic, PyYAML

python benchmarks/peers.py BAGS --environment Hopper-v5 [--expert RETURN] [--updates N] [--json F]

The bags hold observations and actions of that environment, one episode each (docs/any-data.md).
"""

import argparse
import json
import os
from pathlib import Path
import subprocess
import sys
import tempfile
import time
from typing import Any

os.environ.setdefault('OMP_NUM_THREADS', '1')
os.environ.setdefault('OPENBLAS_NUM_THREADS', '1')
os.environ.setdefault('MKL_NUM_THREADS', '1')

from gates import conclude, gate
import numpy as np

from imitation_ros.bags.convert import convert
from imitation_ros.bags.describe import describe
from imitation_ros.bags.layout import find_bags
from imitation_ros.contract import loads
from imitation_ros.data.store import Dataset
from imitation_ros.export.onnx import export
from imitation_ros.training.config import load
from imitation_ros.training.run import train

HERE = Path(__file__).parent
LEAST = 0.95
"""Share of the tuned peer's return that ours must reach: both are cloning the same expert."""


def ours(bags: Path, folder: Path, updates: int) -> tuple[Dataset, dict[str, Any]]:
    """Contract, dataset, training and export, as the verbs do it."""
    contract = loads(describe(bags), folder / 'theirs.yaml')
    convert(find_bags(bags), folder / 'data', contract=contract)
    dataset = Dataset(folder / 'data')
    begin = time.process_time()
    train(dataset, load('bc', {'updates': updates}, bare=True), folder / 'run')
    cpu_s = time.process_time() - begin
    exported = export(folder / 'run', folder / 'policy.onnx', dataset)
    row = {'cpu_s': cpu_s, 'p50_ms': exported.latency.p50_ms, 'policy': str(exported.path)}
    return dataset, row


def lines(variable: str, script: str, *arguments: str) -> list[dict[str, Any]]:
    """Lines of JSON of a script run by a peer's Python; none if there is no such Python."""
    python = os.environ.get(variable)
    if not python:
        print(f'skipped: {variable} names no Python')
        return []
    environment = {k: v for k, v in os.environ.items() if k not in ('LD_LIBRARY_PATH',)}
    environment['PYTHONPATH'] = str(HERE.parent)
    done = subprocess.run(
        [python, str(HERE / script), *arguments],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f'{script} failed:\n{done.stderr[-3000:]}')
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{')]


def main() -> int:
    """Run, print and judge."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('bags', type=Path)
    parser.add_argument('--environment', required=True, help='of gymnasium, such as Hopper-v5')
    parser.add_argument('--expert', type=float, help="the expert's mean return")
    parser.add_argument('--updates', type=int, default=10_000)
    parser.add_argument('--episodes', type=int, default=20)
    parser.add_argument('--json', type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        dataset, row = ours(options.bags, folder, options.updates)
        rows = {'imitation_ros bc': row}
        episodes = list(dataset.episodes())
        np.savez(
            folder / 'arrays.npz',
            observation=np.concatenate([episode.q for episode in episodes]),
            action=np.concatenate([episode.action for episode in episodes]),
        )
        files = (str(folder / 'arrays.npz'), str(folder), str(options.updates))
        for found in lines('PEER_IMITATION', 'peers_imitation.py', *files):
            kind = found.pop('kind')
            rows[f'imitation bc, {kind}'] = {**found, 'policy': str(folder / f'{kind}.npz')}
        policies = [row['policy'] for row in rows.values()]
        tried = lines(
            'PEER_GYMNASIUM',
            'peers_environment.py',
            options.environment,
            str(options.episodes),
            *policies,
        )
    for row, found in zip(rows.values(), tried, strict=False):
        row['return'] = float(np.mean(found['returns']))
        row['least'] = float(np.min(found['returns']))
    for name, row in rows.items():
        value = (
            f'{row["return"]:9.1f} (least {row["least"]:.1f})' if 'return' in row else 'not tried'
        )
        share = ''
        if options.expert and 'return' in row:
            share = f', {100 * row["return"] / options.expert:.0f} % of the expert'
        cost = f'{row["cpu_s"]:8.1f} CPU-s  p50 {row["p50_ms"]:.3f} ms'
        print(f'{name:26s}{cost}  return {value}{share}')
    gates = {}
    tuned = rows.get('imitation bc, tuned')
    if tuned and 'return' in tuned:
        mine = rows['imitation_ros bc']
        gates['return beside the tuned peer'] = gate(
            mine['return'], LEAST * tuned['return'], 'return', low=True
        )
        gates['inference p50'] = gate(mine['p50_ms'], tuned['p50_ms'], 'ms')
    return conclude(gates, options.json, rows=rows)


if __name__ == '__main__':
    sys.exit(main())
