# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""LeRobot and robomimic on the same demonstrations, CPU time and starts as ours.

All train on the same scripted demonstrations, see and move the same joints, have the same CPU time
on one thread, and are tried from the same starts in the same simulator through the same safety
supervisor. Each peer lives in an environment of its own, which a variable names; one not set
is skipped, and the table says so:

    PEER_LEROBOT     a Python with lerobot[dataset,diffusion] 0.6.1: ACT and diffusion
    PEER_ROBOMIMIC   a Python with robomimic 0.3.0: BC-RNN

A peer is taken as it comes (made for a GPU), and small as ours are (peers_lerobot.py,
peers_robomimic.py).

    python benchmarks/peers_task.py [--task lift] [--demos 20] [--cpu-seconds 60] [--trials 40]
                                    [--small] [--nominal] [--only NAME,NAME] [--json FILE]
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
from numpy.typing import NDArray

from imitation_ros.contract import Contract, load
from imitation_ros.data.frame import Array, Frame
from imitation_ros.data.intervals import Interval
from imitation_ros.data.observation import ObservationSpec
from imitation_ros.data.store import Dataset
from imitation_ros.export.onnx import export
from imitation_ros.lerobot.exporter import export as export_lerobot
from imitation_ros.rollout.agents import PolicyAgent
from imitation_ros.rollout.collection import collect
from imitation_ros.rollout.command_filters import SafetyCommandFilter
from imitation_ros.rollout.rollout import attempts, rollout
from imitation_ros.sim.perturbations import Disturbed
from imitation_ros.sim.robot import SimRobot
from imitation_ros.training.config import load as load_config
from imitation_ros.training.run import train
from imitation_ros.training.selection import observation_spec

UNSEEN = 100_000
SPREADS = (1.0, 1.6)
NAMES = {1.0: 'nominal', 1.6: 'unseen'}
SLOWEST_MS = 1000.0
VARIABLES = {'lerobot': 'PEER_LEROBOT', 'robomimic': 'PEER_ROBOMIMIC'}
PEERS = (
    ('lerobot', 'act', 'default'),
    ('lerobot', 'diffusion', 'default'),
    ('lerobot', 'act', 'small'),
    ('lerobot', 'diffusion', 'small'),
    ('robomimic', 'rnn', 'default'),
    ('robomimic', 'rnn', 'small'),
)


class Peer:
    """A policy in the peer's process, to be asked as a `Session` is."""

    def __init__(
        self, contract: Contract, joints: tuple[str, ...], command: Sequence[str]
    ) -> None:
        """Start it for these joints, and wait until it has learnt."""
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.told = self._answer()
        self.times: list[float] = []
        execute = int(self.told['execute'])
        self.spec = ObservationSpec(
            joints=joints,
            velocity=False,
            poses=('object',),
            cameras=(),
            history=int(self.told['history']),
            policy_hz=contract.rates.policy_hz,
            chunk=execute,
            execute=execute,
        )
        self._columns = self.spec.indices(contract)

    def seed_noise(self, seed: int | None) -> None:
        """Seed what it draws."""
        self._ask({'seed': seed or 0})

    def infer(self, frames: Sequence[Frame]) -> Array:
        """Actions for a history of frames: see `Session.infer`."""
        self._ask(
            {
                'observation.state': [frame.q[self._columns].tolist() for frame in frames],
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
            initial_state_range=spread,
            renderer=None,
            strips=0,
        ).rate
        for spread in SPREADS[: 1 if options.nominal else None]
    }
    p50_ms = exported.latency.p50_ms
    return {**rates(found), 'cpu_s': cpu_s, 'updates': updates, 'p50_ms': p50_ms}


def arrays(data: Dataset, columns: NDArray[np.intp], path: Path) -> None:
    """Write demonstrations as arrays, of these joints alone."""
    episodes = list(data.episodes())
    seen = {
        'observation.state': [episode.q[:, columns] for episode in episodes],
        'observation.environment_state': [episode.poses['object'] for episode in episodes],
        'action': [episode.action[:, columns] for episode in episodes],
    }
    whole: dict[str, Any] = {key: np.concatenate(values) for key, values in seen.items()}
    np.savez(path, length=[len(episode.q) for episode in episodes], **whole)


def theirs(
    contract: Contract,
    joints: tuple[str, ...],
    folder: Path,
    names: tuple[str, str, str],
    options: argparse.Namespace,
) -> dict[str, Any]:
    """Let a peer train, and try it."""
    script = Path(__file__).parent / f'peers_{names[0]}.py'
    root = folder / ('arrays.npz' if names[0] == 'robomimic' else 'lerobot')
    columns = ','.join(str(contract.index(joint)) for joint in joints)
    numbers = str(options.cpu_seconds), str(options.seed), columns
    python = os.environ[VARIABLES[names[0]]]
    peer = Peer(contract, joints, [python, str(script), str(root), *names[1:], *numbers])
    still = Frame(0, contract.home, 0.0 * contract.home, poses={'object': np.eye(7)[6]})
    peer.infer((still,) * peer.spec.history)
    found = {}
    spreads = SPREADS[: 1 if options.nominal else None]
    # One that takes seconds for each chunk would take hours for the trials, and drives no robot.
    for spread in spreads if peer.times[0] < SLOWEST_MS else ():
        sim = SimRobot(contract, options.task, renderer=None)
        agent = PolicyAgent(contract, peer)
        seeds = range(UNSEEN, UNSEEN + options.trials)
        found[spread] = attempts(
            sim, Disturbed(sim, ()), agent, SafetyCommandFilter(contract), seeds, spread
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
    parser.add_argument('--nominal', action='store_true', help='leave out the starts x 1.6')
    parser.add_argument(
        '--only', help='names of the table, by comma, such as "bc,lerobot act small"'
    )
    parser.add_argument('--json', type=Path)
    options = parser.parse_args()
    wanted = options.only.split(',') if options.only else None
    for name, variable in VARIABLES.items():
        if variable not in os.environ:
            print(f'skipped: {variable} names no Python with {name}')
    contract = load('imi_humanoid')
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix='peers_') as name:
        folder = Path(name)
        data = collect(contract, options.task, options.demos, folder / 'data')
        export_lerobot(data, folder / 'lerobot')
        config, episodes = load_config('bc', {}), range(len(data))
        joints = observation_spec(data, contract, config, episodes).joints
        columns = np.array([contract.index(joint) for joint in joints], dtype=np.intp)
        arrays(data, columns, folder / 'arrays.npz')
        for method in UPDATES:
            if wanted is not None and method not in wanted:
                continue
            results[f'imitation_ros {method}'] = ours(contract, data, method, options, folder)
            show(*list(results.items())[-1])
        for names in PEERS:
            if (options.small and 'small' not in names) or VARIABLES[names[0]] not in os.environ:
                continue
            if wanted is not None and ' '.join(names) not in wanted:
                continue
            results[' '.join(names)] = theirs(contract, joints, folder, names, options)
            show(*list(results.items())[-1])
    return conclude(judge(results), options.json, results=results)


def judge(results: dict[str, Any]) -> dict[str, Any]:
    """The best of ours beside the best of theirs, and one diffusion beside the other."""
    mine = {k: v for k, v in results.items() if k.startswith('imitation_ros')}
    peers = {k: v for k, v in results.items() if k not in mine}
    gates = {}
    for start in NAMES.values():
        ours_here = [row[start]['rate'] for row in mine.values() if start in row]
        theirs_here = [row[start]['rate'] for row in peers.values() if start in row]
        if ours_here and theirs_here:
            gates[f'{start}: ours over the best of theirs'] = gate(
                max(ours_here) - max(theirs_here), 0.0, 'of all', low=True
            )
    pair = results.get('lerobot diffusion small'), results.get('imitation_ros diffusion')
    if pair[0] is not None and pair[1] is not None:
        gates['inference p50: theirs over ours, diffusion'] = gate(
            pair[0]['p50_ms'] / pair[1]['p50_ms'], 1.0, 'x', low=True
        )
    return gates


if __name__ == '__main__':
    sys.exit(main())
