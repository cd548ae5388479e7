# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the safety layer does to operators and policies at work, and whether the robot stays clear.

The scripted experts first, through the filter. Then the same policy from the same starts, in
simulation without ROS: without the filter, and with it in both modes. Counted are successes, and
command ticks with at least one intervention among all ticks. Then the simulated robot is driven by
hostile streams through the supervisor, in free air and over the floor, and the distances of its
links are looked at, not those of the commands.

python benchmarks/motion.py [--smoke] [--json FILE] [--policy TASK=policy.onnx ...] [--trials N]

Without --policy it trains one: Behavioural Cloning on 24 demonstrations of lift.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
import sys
import tempfile
from typing import Any

from gates import conclude, gate

from imitation_ros.contract import Contract, load
from imitation_ros.evaluation.clearance import Clearance, free, watch
from imitation_ros.evaluation.safety.streams import all_streams
from imitation_ros.rollout.collection import collect
from imitation_ros.rollout.rollout import expert_rollout, rollout
from imitation_ros.rollout.trials import Trials
from imitation_ros.safety.filter import SafetyFilter
from imitation_ros.sim.experts import EXPERTS
from imitation_ros.sim.robot import SimRobot

UNSEEN = 100_000
MODES = ('project', 'path')
SPREADS = (1.0, 1.6)
SHARE = 1e-3
SUCCESS = 0.98


def train(contract: Contract, folder: Path, smoke: bool) -> Path:
    """Behavioural Cloning on lift; in a smoke run one that learns nothing."""
    from imitation_ros.export.onnx import export
    from imitation_ros.training.config import load as load_config
    from imitation_ros.training.run import train as train_policy

    data = collect(contract, 'lift', 2 if smoke else 24, folder / 'data')
    config = load_config('bc', {'updates': 20, 'warmup': 5, 'eval_every': 10} if smoke else {})
    train_policy(data, config, folder / 'run')
    return export(folder / 'run', folder / 'policy.onnx', data).path


def altered_share(trials: Trials) -> float:
    """Command ticks with an intervention, among all."""
    ticks = sum(trial.duration_s for trial in trials.trials) * 100.0
    return sum(trial.altered or 0 for trial in trials.trials) / ticks


def experts(contract: Contract, count: int) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Every scripted expert, through the filter, from nominal starts."""
    results: dict[str, Any] = {}
    gates: dict[str, dict[str, Any]] = {}
    print(f'{"expert":16s}{"success":>9s}{"altered":>10s}')
    for task in EXPERTS:
        trials = expert_rollout(contract, task, range(UNSEEN, UNSEEN + count)).trials
        share = altered_share(trials)
        print(f'{task:16s}{f"{trials.successes}/{count}":>9s}{100 * share:8.3f} %')
        sys.stdout.flush()
        results[task] = trials.to_dict() | {'altered': share}
        gates[f'expert {task}: ticks altered'] = gate(share, SHARE, 'of all')
    return results, gates


def attempts(
    contract: Contract, policies: dict[str, Path], count: int, spreads: Sequence[float]
) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Try every policy without the filter and in both modes; gates are on nominal starts."""
    results: dict[str, Any] = {}
    gates: dict[str, dict[str, Any]] = {}
    print(f'{"task":12s}{"spread":>7s}{"filter":>9s}{"success":>9s}{"median":>9s}{"altered":>10s}')
    for task, path in policies.items():
        for spread in spreads:
            found: dict[str, Trials] = {}
            for mode in ('none', *MODES):
                chosen = contract
                if mode != 'none':
                    safety = contract.safety.model_copy(update={'mode': mode})
                    chosen = replace(contract, safety=safety)
                seeds = range(UNSEEN, UNSEEN + count)
                found[mode] = trials = rollout(
                    chosen, path, task, seeds, spread, mode != 'none', renderer=None, strips=0
                ).trials
                share, median = altered_share(trials), trials.median_seconds
                time = '' if median is None else f'{median:.2f} s'
                rate = f'{trials.successes}/{count}'
                altered = '' if mode == 'none' else f'{100 * share:.3f} %'
                print(f'{task:12s}{spread:7.1f}{mode:>9s}{rate:>9s}{time:>9s}{altered:>10s}')
                sys.stdout.flush()
                results[f'{task} x{spread} {mode}'] = trials.to_dict() | {'altered': share}
            mode = contract.safety.mode
            if spread == 1.0:
                share = altered_share(found[mode])
                gates[f'{task}: ticks altered'] = gate(share, SHARE, 'of all')
            bare = found['none'].successes
            if bare:
                kept = found[mode].successes / bare
                gates[f'{task} x{spread}: success kept'] = gate(kept, SUCCESS, '', low=True)
    return results, gates


def clearances(contract: Contract, ticks: int, seeds: int) -> dict[str, list[Clearance]]:
    """Hostile streams in free air, then over the floor."""
    safety_filter = SafetyFilter(contract)
    found: dict[str, list[Clearance]] = {'free air': [], 'floor': []}
    print(f'\n{"stream":22s}{"robot":>10s}{"command":>10s}{"error":>9s}{"off":>5s}{"trips":>7s}')
    for where, runs in found.items():
        sim = SimRobot(contract, 'reach', renderer=None)
        if where == 'free air':
            free(sim)
        for name in all_streams(contract, safety_filter.backend, 0):
            group = []
            for seed in range(seeds):
                stream = all_streams(contract, safety_filter.backend, seed)[name]
                group.append(watch(sim, safety_filter, stream, ticks))
            print(
                f'{where + ", " + name:22s}'
                f'{min(run.simulated_mm for run in group):7.1f} mm'
                f'{min(run.commanded_mm for run in group):7.1f} mm'
                f'{max(run.error for run in group):9.3f}'
                f'{max(run.off_ticks for run in group):5d}'
                f'{sum(run.tripped for run in group):4d}/{seeds}'
            )
            sys.stdout.flush()
            runs += group
        sim.close()
    return found


def main(args: Sequence[str] | None = None) -> int:
    """Measure, print, write, judge."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--smoke', action='store_true')
    parser.add_argument('--json', type=Path)
    parser.add_argument('--policy', action='append', default=[], metavar='TASK=FILE')
    parser.add_argument('--trials', type=int)
    parser.add_argument('--ticks', type=int, help='of each hostile stream and seed')
    options = parser.parse_args(args)
    contract = load('imi_humanoid')
    policies = {}
    for text in options.policy:
        task, _, path = text.partition('=')
        policies[task] = Path(path)
    with tempfile.TemporaryDirectory(prefix='imitation_ros_') as folder:
        if not policies:
            policies = {'lift': train(contract, Path(folder), options.smoke)}
        count = options.trials or (1 if options.smoke else 40)
        results, gates = attempts(
            contract, policies, count, SPREADS[: 1 if options.smoke else None]
        )
    if options.smoke:
        # A policy of twenty updates proves that everything runs, and nothing else.
        for one in gates.values():
            one['holds'] = None
    shown, expected = experts(contract, count)
    gates |= expected
    ticks, seeds = (60, 1) if options.smoke else (options.ticks or 3000, 4)
    found = clearances(contract, ticks, seeds)
    safety = contract.safety
    # Of the robot itself it is promised that its links keep their distance, or that tracking_lost
    # latches within three ticks: what it does while it then brakes is looked at, not judged.
    air = min((run.simulated_mm for run in found['free air'] if not run.tripped), default=None)
    allowed = 1e3 * (safety.self_collision_distance - safety.tracking_distance)
    if air is not None:
        name = 'free air: closest links of a robot that was not stopped'
        gates[name] = gate(air, allowed, 'mm', low=True)
    off = max(run.off_ticks for runs in found.values() for run in runs)
    gates['ticks before tracking_lost'] = gate(off, 3, 'ticks')
    plain = {where: [run.to_dict() for run in runs] for where, runs in found.items()}
    print()
    return conclude(gates, options.json, experts=shown, attempts=results, clearance=plain)


if __name__ == '__main__':
    sys.exit(main())
