# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""LeRobot's ACT and diffusion on the same demonstrations, CPU time and starts as ours.

Both train on one export of the same scripted demonstrations, for the same CPU time on one thread,
and are tried from the same starts in the same simulator through the same safety governor. The peer
lives in an environment of its own, which a variable names; without it nothing is compared:

    PEER_LEROBOT   a Python with lerobot[dataset,diffusion] 0.6.1

The peer is taken as it comes (made for a GPU), and small as ours are (peers_lerobot.py).

    python benchmarks/peers_task.py [--task lift] [--demos 20] [--cpu-seconds 60] [--trials 40]
                                    [--small] [--json FILE]
"""

import argparse
from collections.abc import Sequence
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
from learning import CPU_S, UPDATES
import numpy as np

from imitation_ros.contract import Contract, load
from imitation_ros.data.frame import Array, Frame
from imitation_ros.data.observation import ObservationSpec
from imitation_ros.data.store import Dataset
from imitation_ros.evaluation.collection import collect
from imitation_ros.evaluation.intervals import Interval
from imitation_ros.evaluation.keepers import Guarded
from imitation_ros.evaluation.proposers import PolicyProposer
from imitation_ros.evaluation.rollout import attempts, rollout
from imitation_ros.export.onnx import export
from imitation_ros.lerobot.exporter import export as export_lerobot
from imitation_ros.sim.perturbations import Disturbed
from imitation_ros.sim.robot import SimRobot
from imitation_ros.training.config import load as load_config
from imitation_ros.training.run import train

VARIABLE = 'PEER_LEROBOT'
UNSEEN = 100_000
SPREADS = (1.0, 1.6)
NAMES = {1.0: 'nominal', 1.6: 'unseen'}
SLOWEST_MS = 1000.0
PEERS = (('act', 'default'), ('diffusion', 'default'), ('act', 'small'), ('diffusion', 'small'))


class Peer:
    """A policy in the peer's process, to be asked as a `Session` is."""

    def __init__(self, contract: Contract, command: Sequence[str]) -> None:
        """Start it, and wait until it has learnt."""
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.told = self._answer()
        self.times: list[float] = []
        execute = int(self.told['execute'])
        self.spec = ObservationSpec(
            joints=contract.joints,
            velocity=False,
            poses=('object',),
            cameras=(),
            history=int(self.told['history']),
            policy_hz=contract.rates.policy_hz,
            chunk=execute,
            execute=execute,
        )

    def seed_noise(self, seed: int | None) -> None:
        """Seed what it draws."""
        self._ask({'seed': seed or 0})

    def infer(self, frames: Sequence[Frame]) -> Array:
        """Actions for a history of frames: see `Session.infer`."""
        self._ask(
            {
                'observation.state': [frame.q.tolist() for frame in frames],
                'observation.environment_state': [
                    frame.poses['object'].tolist() for frame in frames
                ],
            }
        )
        answer = self._answer()
        self.times.append(float(answer['ms']))
        return np.array(answer['actions'], dtype=np.float64)

    def close(self) -> None:
        """End its process."""
        self._process.communicate()

    def _ask(self, what: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what) + '\n')
        self._process.stdin.flush()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f'the peer ended with code {self._process.wait()}: see above')
        answer: dict[str, Any] = json.loads(line)
        return answer


def rates(found: dict[float, Interval]) -> dict[str, Any]:
    """Plain values of the success rates."""
    return {
        NAMES[spread]: {'rate': one.estimate, 'low': one.low, 'high': one.high}
        for spread, one in found.items()
    }


def ours(
    contract: Contract, data: Dataset, method: str, options: argparse.Namespace, folder: Path
) -> dict[str, Any]:
    """Train one of ours, as benchmarks/learning.py does, and try its policy.onnx."""
    updates = max(10, int(UPDATES[method] * options.cpu_seconds / CPU_S))
    changes = {'seed': options.seed, 'updates': updates, 'warmup': min(200, updates // 4)}
    begin = time.process_time()
    train(data, load_config(method, changes), folder / method)
    cpu_s = time.process_time() - begin
    exported = export(folder / method, folder / f'{method}.onnx', data)
    found = {
        spread: rollout(
            contract,
            exported.path,
            options.task,
            range(UNSEEN, UNSEEN + options.trials),
            spread=spread,
            renderer=None,
            strips=0,
        ).rate
        for spread in SPREADS
    }
    p50_ms = exported.latency.p50_ms
    return {**rates(found), 'cpu_s': cpu_s, 'updates': updates, 'p50_ms': p50_ms}


def theirs(
    contract: Contract, python: str, root: Path, names: tuple[str, str], options: Any
) -> dict[str, Any]:
    """Let the peer train, and try it."""
    script = Path(__file__).parent / 'peers_lerobot.py'
    numbers = str(options.cpu_seconds), str(options.seed)
    peer = Peer(contract, [python, str(script), str(root), *names, *numbers])
    still = Frame(0, contract.home, 0.0 * contract.home, poses={'object': np.eye(7)[6]})
    peer.infer((still,) * peer.spec.history)
    found = {}
    # One that takes seconds for each chunk would take hours for the trials, and drives no robot.
    for spread in SPREADS if peer.times[0] < SLOWEST_MS else ():
        sim = SimRobot(contract, options.task, renderer=None)
        proposer = PolicyProposer(contract, peer)
        seeds = range(UNSEEN, UNSEEN + options.trials)
        found[spread] = attempts(
            sim, Disturbed(sim, ()), proposer, Guarded(contract), seeds, spread
        ).rate
    peer.close()
    p50_ms = float(np.median(peer.times[1:] or peer.times))
    told = {key: peer.told[key] for key in ('cpu_s', 'updates', 'parameters')}
    return {**rates(found), **told, 'p50_ms': p50_ms}


def show(name: str, row: dict[str, Any]) -> None:
    """Print one line of the table."""
    cells = '  '.join(
        f'{key} {row[key]["rate"]:.2f} [{row[key]["low"]:.2f}, {row[key]["high"]:.2f}]'
        for key in NAMES.values()
        if key in row
    )
    cells = cells or 'not tried: too slow for a robot'
    print(
        f'{name:28s}{cells:56s}  {row["cpu_s"]:6.1f} CPU-s  {row["updates"]:5d} updates  '
        f'p50 {row["p50_ms"]:.2f} ms',
        flush=True,
    )


def main() -> int:
    """Compare, print and judge."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('--task', default='lift')
    parser.add_argument('--demos', type=int, default=20)
    parser.add_argument('--cpu-seconds', type=float, default=CPU_S)
    parser.add_argument('--trials', type=int, default=40)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--small', action='store_true', help='leave out the peer as it comes')
    parser.add_argument('--json', type=Path)
    options = parser.parse_args()
    python = os.environ.get(VARIABLE)
    if python is None:
        print(f'{VARIABLE} names no Python with lerobot: nothing to compare with')
        return 1
    contract = load('imi_humanoid')
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix='peers_') as name:
        folder = Path(name)
        data = collect(contract, options.task, options.demos, folder / 'data')
        export_lerobot(data, folder / 'lerobot')
        for method in UPDATES:
            results[f'imitation_ros {method}'] = ours(contract, data, method, options, folder)
            show(*list(results.items())[-1])
        for names in PEERS:
            if options.small and 'small' not in names:
                continue
            row = theirs(contract, python, folder / 'lerobot', names, options)
            results[f'lerobot {" ".join(names)}'] = row
            show(*list(results.items())[-1])
    mine = {k: v for k, v in results.items() if k.startswith('imitation_ros')}
    peers = {k: v for k, v in results.items() if k not in mine}
    gates = {
        f'{start}: ours over the best of theirs': gate(
            max(row[start]['rate'] for row in mine.values())
            - max(row[start]['rate'] for row in peers.values() if start in row),
            0.0,
            'of all',
            low=True,
        )
        for start in NAMES.values()
    }
    gates['inference p50: theirs over ours, diffusion'] = gate(
        peers['lerobot diffusion small']['p50_ms'] / mine['imitation_ros diffusion']['p50_ms'],
        1.0,
        'x',
        low=True,
    )
    return conclude(gates, options.json, results=results)


if __name__ == '__main__':
    sys.exit(main())
