# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""GAIL and AIRL of `imitation` beside ours: the same demonstrations, simulator and steps.

All practise a task in our simulator from the same few demonstrations for the same number of
simulated steps: an iteration of ours is a round of the peer's. A decision is four policy steps for
all; the peer says how far from here the joints shall be at its end, and what is commanded goes
there in a line. Theirs begins untrained, as it comes, or from its own Behavioural Cloning; tuned,
from there with the exploration and PPO settings of ours.
Then all are tried from the same starts, that none has used, through the safety supervisor:

    PEER_IMITATION   a Python with imitation 1.0.1 (gymnasium 0.29)

    python benchmarks/peers_practice.py [--task lift] [--demos 2] [--iterations 24] [--trials 40]
                                        [--nominal] [--only NAME,NAME] [--json FILE]
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
import numpy as np
from numpy.typing import NDArray
from peers_task import NAMES, rates, SPREADS, UNSEEN

from imitation_ros.contract import Contract, load
from imitation_ros.data.frame import Array, Frame
from imitation_ros.data.observation import ObservationSpec
from imitation_ros.data.store import Dataset
from imitation_ros.export.onnx import export
from imitation_ros.irl.adversarial.run import train as train_irl
from imitation_ros.irl.config import AdversarialConfig
from imitation_ros.irl.environment import Environment
from imitation_ros.irl.methods import load as load_irl
from imitation_ros.rollout.agents import PolicyAgent
from imitation_ros.rollout.collection import collect
from imitation_ros.rollout.command_filters import SafetyCommandFilter
from imitation_ros.rollout.rollout import attempts, rollout
from imitation_ros.sim.perturbations import Disturbed
from imitation_ros.sim.robot import SimRobot
from imitation_ros.training.config import load as load_bc
from imitation_ros.training.run import train as train_bc
from imitation_ros.training.selection import observation_spec

VARIABLE = 'PEER_IMITATION'
EXECUTE = 4
OURS = ('irl-gail', 'irl-airl')
PEERS = (
    ('bc', 'bc'),
    ('gail', 'scratch'),
    ('gail', 'bc'),
    ('gail', 'tuned'),
    ('airl', 'scratch'),
    ('airl', 'bc'),
    ('airl', 'tuned'),
)
SMOKE = {'steps': 60, 'critic_only': 0, 'horizon_s': 1.0, 'guard': {'every': 1, 'episodes': 1}}


def line(begin: Array, end: Array) -> Array:
    """From one place to another in the steps of a decision."""
    share = np.arange(1, EXECUTE + 1)[:, None] / EXECUTE
    return begin + share * (end - begin)


class Linear:
    """The peer's policy as arrays, to be asked as a `Session` is."""

    def __init__(self, path: Path, spec: ObservationSpec, contract: Contract) -> None:
        """Load the weights."""
        self.spec = spec
        self._contract, self._columns = contract, spec.indices(contract)
        self._arrays = np.load(path)
        self._asked: Array | None = None

    def seed_noise(self, seed: int | None) -> None:
        """Begin an episode; the peer's mean is played, without noise."""
        self._asked = None

    def infer(self, frames: Sequence[Frame]) -> Array:
        """The chunk of one decision: see `Session.infer`."""
        frame, arrays = frames[-1], self._arrays
        q = frame.q[None, self._columns]
        poses = {name: frame.poses[name][None] for name in self.spec.poses}
        x = self.spec.states(q, 0.0 * q, poses)[0]
        x = (x - arrays['observation_0']) / arrays['observation_1']
        count = int(arrays['count'])
        for i in range(count):
            x = arrays[f'w{i}'] @ x + arrays[f'b{i}']
            x = np.tanh(x) if i < count - 1 else np.clip(x, -10.0, 10.0)
        end = q[0] + x * arrays['action_1'] + arrays['action_0']
        begin = q[0] if self._asked is None else self._asked
        self._asked = end
        return line(begin, end)


def demonstrated(data: Dataset, spec: ObservationSpec, contract: Contract, path: Path) -> float:
    """Write what the peer learns from; the length of the longest demonstration [s]."""
    columns = spec.indices(contract)
    parts: dict[str, list[NDArray[np.floating[Any]]]] = {}
    longest = 0
    for episode in data.episodes():
        q, count = episode.q[:, columns], len(episode.q)
        poses = {name: episode.poses[name] for name in spec.poses}
        seen = spec.states(q, 0.0 * q, poses)
        step = np.arange(count)
        end = episode.action[np.minimum(step + EXECUTE - 1, count - 1)][:, columns]
        found = {
            'observation': seen,
            'action': end - q,
            'after': seen[np.minimum(step + EXECUTE, count - 1)],
        }
        for key, values in found.items():
            parts.setdefault(key, []).append(values)
        longest = max(longest, count)
    whole: dict[str, Any] = {key: np.concatenate(values) for key, values in parts.items()}
    np.savez(path, **whole)
    return longest / spec.policy_hz


class Practice:
    """What all rows share: demonstrations, simulator and starts."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        """Demonstrate."""
        self.options, self.folder = options, folder
        self.spreads = SPREADS[: 1 if options.nominal else None]
        self.contract = load('imi_humanoid')
        self.data = collect(
            self.contract, options.task, options.demos, folder / 'data', seed=1000 * options.seed
        )
        short = {'updates': 20, 'warmup': 5, 'eval_every': 20} if options.smoke else {}
        whole = {'held_out': 0.0, 'keep': 'last', 'seed': options.seed}
        bc = load_bc('bc', {**whole, **short})
        self._bc = bc
        joints = observation_spec(self.data, self.contract, bc, range(len(self.data))).joints
        hz = self.contract.rates.policy_hz
        self.spec = ObservationSpec(joints, False, ('object',), (), 1, hz, EXECUTE, EXECUTE)
        self.longest_s = demonstrated(
            self.data, self.spec, self.contract, folder / 'demonstrations.npz'
        )

    def ours(self) -> dict[str, dict[str, Any]]:
        """BC, and our practice from there."""
        begin = time.process_time()
        train_bc(self.data, self._bc, self.folder / 'bc')
        bc_cpu_s = time.process_time() - begin
        rows = {'imitation_ros bc': {'cpu_s': bc_cpu_s, 'steps': 0, **self._try_ours('bc')}}
        show('imitation_ros bc', rows['imitation_ros bc'])
        for method in OURS:
            name = f'imitation_ros {method}'
            if self.options.only and name not in self.options.only.split(','):
                continue
            rest: dict[str, Any] = SMOKE if self.options.smoke else {}
            changes = {'seed': self.options.seed, 'iterations': self.options.iterations, **rest}
            config = load_irl(method, changes)
            if not isinstance(config, AdversarialConfig):
                raise SystemExit(f'{method} is no adversarial method')
            result = train_irl(self.data, config, self.folder / method, self.folder / 'bc')
            rows[name] = {
                'cpu_s': bc_cpu_s + result.cpu_seconds,
                'steps': result.steps,
                'iteration': result.best_iteration,
                **self._try_ours(method),
            }
            show(name, rows[name])
        return rows

    def _try_ours(self, method: str) -> dict[str, Any]:
        exported = export(self.folder / method, self.folder / f'{method}.onnx', self.data)
        seeds = range(UNSEEN, UNSEEN + self.options.trials)
        found = {
            spread: rollout(
                self.contract,
                exported.path,
                self.options.task,
                seeds,
                initial_state_range=spread,
                renderer=None,
                strips=0,
            ).rate
            for spread in self.spreads
        }
        return {**rates(found), 'p50_ms': exported.latency.p50_ms}

    def theirs(self, python: str, method: str, start: str) -> dict[str, Any]:
        """Serve the simulator to the peer until it has learnt, then try it."""
        options = self.options
        config = load_irl('irl-gail', SMOKE if options.smoke else {})
        if not isinstance(config, AdversarialConfig):
            raise SystemExit('irl-gail is no adversarial method')
        environment = Environment(
            self.contract,
            options.task,
            self.spec,
            config.horizon_s or self.longest_s,
            timestep_s=config.timestep_s,
        )
        # As ours: an iteration ends with a whole episode.
        episodes = -(-config.steps // (environment.horizon * EXECUTE))
        decisions = episodes * environment.horizon
        out = self.folder / f'{method}_{start}.npz'
        script = str(Path(__file__).parent / 'peers_adversarial.py')
        of_all = options.iterations, decisions, environment.horizon, options.seed
        numbers = *of_all, self._bc.updates
        demonstrations = str(self.folder / 'demonstrations.npz')
        process = subprocess.Popen(
            [python, script, demonstrations, method, start, str(out), *map(str, numbers)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdin is not None and process.stdout is not None
        steps, simulated_s = 0, 0.0
        for text in process.stdout:
            asked = json.loads(text)
            if 'cpu_s' in asked:
                break
            begin = time.process_time()
            if 'seed' in asked:
                state = environment.reset(asked['seed'], config.spread)
                last = state[-1, : len(self.spec.joints)].astype(np.float64)
            else:
                q = state[-1, : len(self.spec.joints)].astype(np.float64)
                end = q + np.array(asked['action'])
                state, _ = environment.step(line(last, end))
                last = end
                steps += EXECUTE
            simulated_s += time.process_time() - begin
            process.stdin.write(json.dumps(state[-1].tolist()) + '\n')
            process.stdin.flush()
        else:
            raise SystemExit(f'the peer ended with code {process.wait()}: see above')
        process.communicate()
        found = {}
        for spread in self.spreads:
            sim = SimRobot(self.contract, options.task, renderer=None)
            agent = PolicyAgent(self.contract, Linear(out, self.spec, self.contract))
            seeds = range(UNSEEN, UNSEEN + options.trials)
            found[spread] = attempts(
                sim, Disturbed(sim, ()), agent, SafetyCommandFilter(self.contract), seeds, spread
            ).rate
        cpu_s = asked['cpu_s'] + simulated_s
        return {**rates(found), **asked, 'cpu_s': cpu_s, 'steps': steps}


def show(name: str, row: dict[str, Any]) -> None:
    """Print one line of the table."""
    cells = '  '.join(
        f'{key} {row[key]["rate"]:.2f} [{row[key]["low"]:.2f}, {row[key]["high"]:.2f}]'
        for key in NAMES.values()
        if key in row
    )
    print(
        f'{name:30s}{cells}  {row["cpu_s"]:6.1f} CPU-s  {row["steps"]:6d} steps  '
        f'p50 {row["p50_ms"]:.2f} ms'
        + (f'  iteration {row["iteration"]}' if 'iteration' in row else ''),
        flush=True,
    )


def main() -> int:
    """Compare, print and judge."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('--smoke', action='store_true', help='the whole path in seconds')
    parser.add_argument('--task', default='lift')
    parser.add_argument('--demos', type=int, default=2)
    parser.add_argument('--iterations', type=int, default=24)
    parser.add_argument('--trials', type=int, default=40)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--nominal', action='store_true', help='leave out the starts x 1.6')
    parser.add_argument('--only', help='names of the table, by comma, such as "imitation gail bc"')
    parser.add_argument('--json', type=Path)
    options = parser.parse_args()
    if options.smoke:
        options.task, options.iterations, options.trials = 'reach', 1, 1
    python = os.environ.get(VARIABLE)
    with tempfile.TemporaryDirectory(prefix='peers_') as name:
        practice = Practice(options, Path(name))
        wanted = options.only.split(',') if options.only else None
        results: dict[str, Any] = {}
        if wanted is None or any('imitation_ros' in one for one in wanted):
            results = practice.ours()
        if python is None:
            print(f'skipped: {VARIABLE} names no Python with imitation')
        for method, start in PEERS if python is not None else ():
            title = f'imitation {method} {start}'
            if wanted is None or title in wanted:
                results[title] = practice.theirs(str(python), method, start)
                show(title, results[title])
    gates = {}
    for start in NAMES.values():
        mine = [
            row[start]['rate']
            for key, row in results.items()
            if '_ros irl' in key and start in row
        ]
        peers = [
            row[start]['rate']
            for key, row in results.items()
            if '_ros' not in key and start in row
        ]
        if mine and peers:
            gates[f'{start}: ours over the best of theirs'] = gate(
                max(mine) - max(peers), 0.0, 'of all', low=True, judged=not options.smoke
            )
    return conclude(gates, options.json, results=results)


if __name__ == '__main__':
    sys.exit(main())
