# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What practice adds to a good BC on few demonstrations, seed by seed, and what it costs.

Each seed has demonstrations of its own, a BC of all of them (the recipe of config/train/bc.yaml
without held-out episodes, which so few cannot spare), and repairs and AIRL from there. Both are
exported and tried through the safety supervisor from starts that neither demonstrations, practice
nor guard used. The gain is asked of starts x 2: from starts x 1.6 BC leaves too little room.
"""

import argparse
from dataclasses import asdict, dataclass
from pathlib import Path
import sys
import tempfile
import time
from typing import Any

from gates import conclude, gate
import numpy as np

from imitation_ros.contract import load as load_contract
from imitation_ros.export.onnx import export
from imitation_ros.irl.adversarial.run import train as train_irl
from imitation_ros.irl.config import AdversarialConfig
from imitation_ros.irl.methods import load as load_irl
from imitation_ros.rollout.collection import collect
from imitation_ros.rollout.rollout import rollout
from imitation_ros.sim.perturbations import parse
from imitation_ros.sim.tasks import TASKS
from imitation_ros.training.config import load as load_bc
from imitation_ros.training.run import train as train_bc

REPORTED = 100_000
"""First seed of the starts that are reported; the guard's begin at 500 000."""

APART = 1000
"""Seeds of demonstrations of one seed and those of the next are this far apart."""

CONDITIONS: dict[str, tuple[float, tuple[str, ...]]] = {
    'nominal': (1.0, ()),
    'starts x 1.6': (1.6, ()),
    'starts x 2': (2.0, ()),
    'delay 60 ms': (1.0, ('delay:2',)),
    'push': (1.0, ('push:2',)),
}

SMOKE = {
    'iterations': 2,
    'steps': 60,
    'critic_only': 0,
    'horizon_s': 1.0,
    'repair': {'rounds': 1, 'starts': 2, 'tries': 1, 'updates': 3},
    'guard': {'every': 1, 'episodes': 1},
}


@dataclass(frozen=True)
class Seed:
    """Success of BC and of the result under each condition, and the cost."""

    seed: int
    bc: dict[str, float]
    irl: dict[str, float]
    bc_cpu_s: float
    irl_cpu_s: float
    steps: int
    iteration: int


def measure(options: argparse.Namespace, seed: int, folder: Path) -> Seed:
    """Demonstrate, clone, practise and try both."""
    contract = load_contract('imi_humanoid')
    data = collect(
        contract,
        options.task,
        options.demos,
        folder / 'data',
        seed=APART * seed,
        noise=options.noise,
    )
    begin = time.process_time()
    changes: dict[str, Any] = {
        'seed': seed,
        'held_out': 0.0,
        'keep': 'last',
        'history': TASKS[options.task].history,
    }
    if options.smoke:
        changes |= {'updates': 20, 'warmup': 5, 'eval_every': 20}
    train_bc(data, load_bc('bc', changes), folder / 'bc')
    bc_cpu_s = time.process_time() - begin
    config = load_irl(options.method, {'seed': seed, **(SMOKE if options.smoke else {})})
    if not isinstance(config, AdversarialConfig):
        raise SystemExit(f'{options.method} is no adversarial method')
    result = train_irl(data, config, folder / 'irl', init=folder / 'bc')
    rates: dict[str, dict[str, float]] = {}
    for run in ('bc', 'irl'):
        policy = folder / f'{run}.onnx'
        export(folder / run, policy, data)
        rates[run] = {}
        for name, (spread, perturb) in CONDITIONS.items():
            found = rollout(
                contract,
                policy,
                options.task,
                range(REPORTED, REPORTED + options.trials),
                initial_state_range=spread,
                renderer=None,
                perturb=[parse(text) for text in perturb],
            )
            rates[run][name] = found.trials.successes / options.trials
    return Seed(
        seed,
        rates['bc'],
        rates['irl'],
        bc_cpu_s,
        result.cpu_seconds,
        result.steps,
        result.best_iteration,
    )


def main() -> int:
    """Measure every seed, print a table, judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--smoke', action='store_true', help='the whole path in seconds')
    parser.add_argument('--json', type=Path, help='write gates and results here')
    parser.add_argument('--task', default='lift')
    parser.add_argument('--method', default='bc+irl', help='a method, or the name of its YAML')
    parser.add_argument(
        '--noise', type=float, default=0.0, help='action noise while demonstrating [rad]'
    )
    parser.add_argument('--demos', type=int, default=5)
    parser.add_argument('--seeds', type=int, default=5)
    parser.add_argument('--first-seed', type=int, default=0)
    parser.add_argument('--trials', type=int, default=40)
    options = parser.parse_args()
    if options.smoke:
        options.task, options.demos, options.seeds, options.trials = 'reach', 2, 1, 1
    seeds: list[Seed] = []
    print(f'{options.task}, {options.demos} demonstrations, {options.trials} trials: BC -> result')
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        with tempfile.TemporaryDirectory() as folder:
            one = measure(options, seed, Path(folder))
        seeds.append(one)
        cells = '  '.join(f'{name} {one.bc[name]:.2f} -> {one.irl[name]:.2f}' for name in one.bc)
        print(
            f'seed {seed}: {cells}; {one.bc_cpu_s:.0f} + {one.irl_cpu_s:.0f} CPU-s, '
            f'{one.steps} steps, iteration {one.iteration}',
            flush=True,
        )

    def mean(who: str, name: str) -> float:
        return float(np.mean([getattr(one, who)[name] for one in seeds]))

    spreads, wide = ('nominal', 'starts x 1.6', 'starts x 2'), 'starts x 2'
    worst = min(one.irl[name] - one.bc[name] for one in seeds for name in spreads)
    judged = not options.smoke
    cost = max(one.irl_cpu_s for one in seeds) / 60.0
    gain = mean('irl', 'nominal') - mean('bc', 'nominal')
    gates = {
        'nominal': gate(mean('irl', 'nominal'), 0.95, 'share', low=True, judged=judged),
        'gain from starts x 2': gate(
            mean('irl', wide) - mean('bc', wide), 0.20, 'share', low=True, judged=judged
        ),
        'worst seed less its BC': gate(worst, 0.0, 'share', low=True, judged=judged),
        'IRL': gate(cost, 2.0, 'CPU-min', judged=judged),
    }
    if TASKS[options.task].history > 1:
        # The hard tasks: it must be worth its while.
        gates = {'gain': gate(gain, 0.10, 'share', low=True, judged=judged)}
    return conclude(gates, options.json, seeds=[asdict(one) for one in seeds])


if __name__ == '__main__':
    sys.exit(main())
