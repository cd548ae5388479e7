# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Peers on the same bags: return, CPU-seconds and inference beside those of `imitation`.

Each lives in an environment of its own, named by a variable; one that is not set is skipped, and
the table says so:

    PEER_IMITATION   a Python with imitation 1.0.1 (gymnasium 0.29)
    PEER_GYMNASIUM   a Python with gymnasium[mujoco] 1.x, imageio, onnxruntime, pydantic, PyYAML;
                     with gymnasium-robotics, its environments too

python benchmarks/peers.py BAGS --environment Hopper-v5 [--expert RETURN] [--updates N] [--json F]
python benchmarks/peers.py --experts FOLDER [--demonstrations 2] [--seeds 3] [--json F]

The bags hold observations and actions of that environment, one episode each (docs/any-data.md);
the folder holds demonstrations of other people's experts as arrays (benchmarks/peers_experts.py).
"""

import argparse
from collections import defaultdict
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
from peers_experts import expert_sets, ExpertSet

from imitation_ros.bags.layout import find_bags
from imitation_ros.contract import loads
from imitation_ros.conversion.convert import convert
from imitation_ros.conversion.describe import describe
from imitation_ros.data.store import Dataset
from imitation_ros.export.onnx import export
from imitation_ros.training.config import load
from imitation_ros.training.run import train

HERE = Path(__file__).parent
OURS, TUNED = 'imitation_ros bc', 'imitation bc, tuned'
LEAST = 0.95
"""Share of the tuned peer's gain over random actions that ours must reach."""


def dataset_of(bags: Path, folder: Path) -> Dataset:
    """Contract and dataset, as the verbs make them."""
    contract = loads(describe(bags), folder / 'theirs.yaml')
    convert(find_bags(bags), folder / 'data', contract=contract)
    return Dataset(folder / 'data')


def ours(dataset: Dataset, folder: Path, changes: dict[str, Any]) -> dict[str, Any]:
    """Training and export, as the verbs do it."""
    begin = time.process_time()
    train(dataset, load('bc', changes, bare=True), folder / 'run')
    cpu_s = time.process_time() - begin
    exported = export(folder / 'run', folder / 'policy.onnx', dataset)
    return {'cpu_s': cpu_s, 'p50_ms': exported.latency.p50_ms, 'policy': str(exported.path)}


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


def measure(
    one: ExpertSet, folder: Path, seeds: int, episodes: int, updates: int | None
) -> dict[str, dict[str, Any]]:
    """Rows of one set, ours and the peers', over all seeds; and that of random actions."""
    dataset = dataset_of(one.bags, folder)
    demonstrations = list(dataset.episodes())
    np.savez(
        folder / 'arrays.npz',
        observation=np.concatenate([episode.q for episode in demonstrations]),
        action=np.concatenate([episode.action for episode in demonstrations]),
    )
    changes = {} if updates is None else {'updates': updates}
    length = load('bc', changes, bare=True).updates
    runs: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for seed in range(seeds):
        place = folder / f'seed_{seed}'
        place.mkdir()
        runs[OURS].append(ours(dataset, place, {**changes, 'seed': seed}))
        files = (str(folder / 'arrays.npz'), str(place), str(length), str(seed))
        for found in lines('PEER_IMITATION', 'peers_imitation.py', *files):
            kind = found.pop('kind')
            runs[f'imitation bc, {kind}'].append({**found, 'policy': str(place / f'{kind}.npz')})
    policies = [run['policy'] for row in runs.values() for run in row]
    where = (one.environment, str(episodes), 'random', *policies)
    tried = lines('PEER_GYMNASIUM', 'peers_environment.py', *where)
    by_policy = {found['policy']: found for found in tried}
    rows: dict[str, dict[str, Any]] = {
        name: {
            'cpu_s': float(np.mean([run['cpu_s'] for run in row])),
            'p50_ms': float(np.median([run['p50_ms'] for run in row])),
            **_tried([by_policy[run['policy']] for run in row if run['policy'] in by_policy]),
        }
        for name, row in runs.items()
    }
    rows['random'] = _tried([by_policy['random']] if by_policy else [])
    for row in rows.values():
        if one.expert is not None and 'return' in row:
            floor = rows['random']['return']
            row['share'] = (row['return'] - floor) / (one.expert - floor)
            row['shares'] = [(value - floor) / (one.expert - floor) for value in row['returns']]
    return rows


def _tried(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Returns of the same method under several seeds."""
    if not found:
        return {}
    means = [float(np.mean(one['returns'])) for one in found]
    return {
        'return': float(np.mean(means)),
        'returns': means,
        'least': float(min(min(one['returns']) for one in found)),
        'success': float(np.mean([one['success'] for one in found]))
        if all('success' in one for one in found)
        else None,
    }


def show(name: str, row: dict[str, Any]) -> None:
    """Print one line of the table."""
    cost = ''
    if 'cpu_s' in row:
        cost = f'{row["cpu_s"]:8.1f} CPU-s  p50 {row["p50_ms"]:.3f} ms'
    text = '  return not tried'
    if 'return' in row:
        text = f'  return {row["return"]:9.1f} (least {row["least"]:.1f})'
        if 'share' in row:
            seeds = ' '.join(f'{share:.2f}' for share in row['shares'])
            text += f', {row["share"]:.3f} of the expert ({seeds})'
        if row['success'] is not None:
            text += f', success {row["success"]:.2f}'
    print(f'  {name:24s}{cost:28s}{text}', flush=True)


def judge(sets: dict[str, dict[str, dict[str, Any]]]) -> dict[str, Any]:
    """Ours beside the tuned peer, set by set."""
    gates = {}
    for environment, rows in sets.items():
        tuned, mine = rows.get(TUNED, {}), rows[OURS]
        if 'return' not in tuned:
            continue
        floor = rows['random']['return']
        bound = floor + LEAST * (tuned['return'] - floor)
        gates[f'{environment}: beside tuned'] = gate(mine['return'], bound, 'return', low=True)
        gates[f'{environment}: p50'] = gate(mine['p50_ms'], tuned['p50_ms'], 'ms')
    pairs = [
        (rows[OURS]['share'], rows[TUNED]['share'])
        for rows in sets.values()
        if 'share' in rows.get(TUNED, {})
    ]
    if len(pairs) > 1:
        mine, theirs = (float(np.mean(column)) for column in zip(*pairs, strict=True))
        gates['mean share of the expert'] = gate(mine, theirs - 0.01, '', low=True)
    return gates


def main() -> int:
    """Run, print and judge."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('bags', type=Path, nargs='?')
    parser.add_argument('--environment', help='of gymnasium, such as Hopper-v5')
    parser.add_argument('--expert', type=float, help="the expert's mean return")
    parser.add_argument('--experts', type=Path, help='folder of demonstrations as arrays')
    parser.add_argument('--only', default='', help='of that folder only these, by comma')
    parser.add_argument('--demonstrations', type=int, default=2)
    parser.add_argument('--seeds', type=int, default=1)
    parser.add_argument('--updates', type=int, help='of all; else the default of ours')
    parser.add_argument('--episodes', type=int, default=20)
    parser.add_argument('--json', type=Path)
    options = parser.parse_args()
    if (options.experts is None) == (options.bags is None or options.environment is None):
        parser.error('give BAGS and --environment, or --experts FOLDER')
    results = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.experts is None:
            sets = [ExpertSet(options.environment, options.bags, options.expert)]
        else:
            sets = expert_sets(options.experts, folder / 'bags', options.demonstrations)
            wanted = options.only.split(',') if options.only else [s.environment for s in sets]
            sets = [one for one in sets if one.environment in wanted]
        for one in sets:
            place = folder / one.environment
            place.mkdir()
            expert = '' if one.expert is None else f', expert {one.expert:.1f}'
            print(f'{one.environment}{expert}', flush=True)
            rows = measure(one, place, options.seeds, options.episodes, options.updates)
            for title, row in rows.items():
                show(title, row)
            results[one.environment] = rows
    return conclude(judge(results), options.json, rows=results)


if __name__ == '__main__':
    sys.exit(main())
