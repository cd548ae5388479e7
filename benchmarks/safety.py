# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The safety filter: what a step costs, beside pink, and whether anything gets through.

Two robots (our humanoid, the Unitree G1), both back ends, the five streams of
evaluation/safety_streams.py. Times are thread CPU time. pink 4.4 gets the same stream, limits and
shapes, a barrier of 40 rows, and steps in turn with ours, call by call. Then a fuzz of random
streams at random rates and limits.

python benchmarks/safety.py [--smoke] [--json FILE] [--steps N]
"""

import argparse
from collections import Counter
from dataclasses import replace
import gc
import os
from pathlib import Path
import sys
import time
from typing import Any

os.environ.setdefault('OMP_NUM_THREADS', '1')
os.environ.setdefault('OPENBLAS_NUM_THREADS', '1')
os.environ.setdefault('MKL_NUM_THREADS', '1')

from gates import conclude, gate
import numpy as np

from imitation_ros.contract import Contract, Limits, load, Obstacle, Support, Torque
from imitation_ros.errors import ContractError
from imitation_ros.evaluation.safety.baselines import Pink
from imitation_ros.evaluation.safety.streams import all_streams
from imitation_ros.evaluation.safety.trial import judge, Violations
from imitation_ros.kinematics.model import RobotModel
from imitation_ros.safety import backends
from imitation_ros.safety.backend import Backend
from imitation_ros.safety.backends import choose
from imitation_ros.safety.filter import SafetyFilter

BOUNDS = {'coal': (1000.0, 2000.0, 5.0), 'numba': (300.0, 500.0, 20.0)}
"""p99 of a step [us], realistic and adversarial, and times pink's median, by back end."""

KEPT = {'realistic': 0.99, 'random': 0.95, 'attack': 0.8}
"""Mean speed with the certificate over that without it, at least."""

FEET = {
    'imi_humanoid': ('left_foot_link', 'right_foot_link'),
    'unitree_g1': ('left_ankle_roll_link', 'right_ankle_roll_link'),
}

ADVERSARIAL = ('random', 'attack', 'edge', 'garbage')


def percentiles(times_ns: list[int]) -> dict[str, float]:
    """Median, p99 and maximum [us]."""
    values = np.array(times_ns) / 1e3
    p50, p99 = np.percentile(values, [50, 99])
    return {'p50_us': float(p50), 'p99_us': float(p99), 'max_us': float(values.max())}


def run_streams(contract: Contract, distances: Backend, steps: int, seeds: int) -> dict[str, Any]:
    """Every stream through the filter, with and without its certificate."""
    result: dict[str, Any] = {}
    for name in all_streams(contract, distances, 0):
        times: list[int] = []
        rules: Counter[str] = Counter()
        speed = {True: 0.0, False: 0.0}
        broken = Violations()
        for seed in range(seeds):
            for certify in (True, False):
                ask = all_streams(contract, distances, seed)[name]
                robot = SafetyFilter(contract, distances, certify=certify)
                robot.reset(contract.home)
                path = [robot.q]
                for tick in range(steps):
                    asked = ask(tick, robot.q)
                    begin = time.thread_time_ns()
                    step = robot.step(*asked)
                    spent = time.thread_time_ns() - begin
                    path.append(step.q)
                    speed[certify] += float(np.abs(step.v).mean()) / steps / seeds
                    if certify:
                        times.append(spent)
                        rules.update({note.rule.value for note in step.interventions})
                if certify:
                    broken += judge(contract, distances, path)[0]
        result[name] = {
            **percentiles(times),
            'steps': steps * seeds,
            'violations': broken.to_dict(),
            'speed': speed[True],
            'speed_kept': speed[True] / max(speed[False], 1e-12),
            'rules': dict(rules),
        }
    return result


def with_features(contract: Contract, refine: bool) -> Contract:
    """The contract with everything on that is off by default; hulls are a choice of their own."""
    legs = {'legs', 'left_leg', 'right_leg'}
    upper = tuple(group.name for group in contract.groups if group.name not in legs)
    features = {
        'torque': Torque(share=0.9, groups=upper),
        'support': Support(feet=FEET[contract.name]),
        'workspace': (
            Obstacle(
                name='wall', shape='plane', position=(-0.6, 0.0, 0.0), normal=(1.0, 0.0, 0.0)
            ),
        ),
        'tool_speed': 1.0 if contract.tools else None,
        'refine': 'auto' if refine else None,
    }
    return replace(contract, safety=contract.safety.model_copy(update=features))


def featured(contract: Contract, backend: str, steps: int) -> dict[str, Any]:
    """What a step costs with every feature on, without and with hulls, one seed."""
    found = {}
    for name, refine in (('features', False), ('features and hulls', True)):
        changed = with_features(contract, refine)
        distances = backends.build(RobotModel(changed), backend)
        found[name] = run_streams(changed, distances, steps, 1)
    return found


def beside_pink(contract: Contract, distances: Backend, steps: int) -> dict[str, Any]:
    """The same stream through ours and through pink, in turn."""
    result: dict[str, Any] = {}
    for name in ('realistic', 'random'):
        ask = all_streams(contract, distances, 0)[name]
        ours, theirs = SafetyFilter(contract, distances), Pink(contract, distances)
        ours.reset(contract.home)
        times: dict[str, list[int]] = {'ours': [], 'pink': []}
        path = [theirs.q]
        for tick in range(steps):
            goal, velocity = ask(tick, ours.q)
            if goal is None:
                continue
            begin = time.thread_time_ns()
            ours.step(goal, velocity)
            middle = time.thread_time_ns()
            theirs.step(goal)
            end = time.thread_time_ns()
            times['ours'].append(middle - begin)
            times['pink'].append(end - middle)
            path.append(theirs.q)
        ours_us, pink_us = percentiles(times['ours']), percentiles(times['pink'])
        broken, _ = judge(contract, distances, path)
        result[name] = {
            'ours': ours_us,
            'pink': pink_us,
            'ratio_p50': pink_us['p50_us'] / ours_us['p50_us'],
            'ratio_p99': pink_us['p99_us'] / ours_us['p99_us'],
            'pink_violations': broken.to_dict(),
            'pink_failures': theirs.failures,
        }
    return result


def fuzz(contract: Contract, distances: Backend, steps: int) -> Violations:
    """Random streams in random order, rates, limits and modes at random, from rest at home."""
    rng = np.random.default_rng(0)
    total, done, block = Violations(), 0, 250
    while done < steps:
        old = contract.limits
        changed = replace(
            contract,
            safety=contract.safety.model_copy(
                update={'mode': str(rng.choice(['project', 'path']))}
            ),
            rates=contract.rates.model_copy(
                update={'command_hz': float(rng.choice([30.0, 50.0, 100.0, 250.0, 500.0]))}
            ),
            limits=Limits(
                old.lower.copy(),
                old.upper.copy(),
                np.full(contract.n, rng.uniform(0.5, 10.0)),
                np.full(contract.n, rng.uniform(2.0, 60.0)),
                old.effort.copy(),
            ),
        )
        robot = SafetyFilter(changed, distances)
        robot.reset(contract.home)
        streams = list(all_streams(changed, distances, int(rng.integers(2**31))).values())
        path = [robot.q]
        while len(path) <= block:
            ask = streams[int(rng.integers(len(streams)))]
            for tick in range(int(rng.integers(1, 40))):
                path.append(robot.step(*ask(tick, robot.q)).q)
        total += judge(changed, distances, path)[0]
        done += len(path) - 1
    return total


def judge_robot(
    name: str, result: dict[str, Any], bounds: tuple[float, float, float], judged: bool
) -> dict[str, Any]:
    """Gates of one robot by one back end."""
    rows = result['streams']
    realistic, adversarial, faster = bounds
    broken = [row['violations'] for row in rows.values()] + [result['fuzz']]
    worst = max(rows[stream]['p99_us'] for stream in ADVERSARIAL)
    ratio = result['pink']['realistic']['ratio_p50']
    p99 = rows['realistic']['p99_us']
    gates = {
        f'{name}.violations': gate(sum(b['total'] for b in broken), 0, 'set-points'),
        f'{name}.non_finite': gate(sum(b['non_finite'] for b in broken), 0, 'set-points'),
        f'{name}.p99_realistic': gate(p99, realistic, 'us', judged=judged),
        f'{name}.p99_adversarial': gate(worst, adversarial, 'us', judged=judged),
        f'{name}.faster_than_pink': gate(ratio, faster, 'x', low=True, judged=judged),
    }
    featured = result['featured']['features']
    p99 = featured['realistic']['p99_us']
    worst = max(featured[stream]['p99_us'] for stream in ADVERSARIAL)
    gates[f'{name}.features.p99_realistic'] = gate(p99, realistic, 'us', judged=judged)
    gates[f'{name}.features.p99_adversarial'] = gate(worst, adversarial, 'us', judged=judged)
    broken = [r['violations'] for rows in result['featured'].values() for r in rows.values()]
    gates[f'{name}.features.violations'] = gate(sum(b['total'] for b in broken), 0, 'set-points')
    for stream, least in KEPT.items():
        kept = rows[stream]['speed_kept']
        gates[f'{name}.speed_kept_{stream}'] = gate(kept, least, '', low=True, judged=judged)
    return gates


def print_robot(name: str, result: dict[str, Any]) -> None:
    """Tables of one robot."""
    print(
        f'\n{name}: {result["pairs"]} pairs, closest at home {1e3 * result["home_m"]:.1f} mm, '
        f'built in {result["build_s"]:.1f} s, back end {result["backend"]}'
    )
    print(f'{"stream":12s}{"p50 us":>9s}{"p99 us":>9s}{"max us":>9s}{"broken":>8s}', end='')
    print(f'{"min d mm":>10s}{"speed":>8s}{"kept":>7s}  ticks with an intervention')
    for stream, row in result['streams'].items():
        rules = ' '.join(f'{rule}:{count}' for rule, count in sorted(row['rules'].items()))
        print(
            f'{stream:12s}{row["p50_us"]:9.0f}{row["p99_us"]:9.0f}{row["max_us"]:9.0f}'
            f'{row["violations"]["total"]:8d}{row["violations"]["closest_mm"]:10.1f}'
            f'{row["speed"]:8.3f}{row["speed_kept"]:7.2f}  {rules}'
        )
    for name, rows in result['featured'].items():
        cells = '  '.join(
            f'{stream} {row["p50_us"]:.0f} / {row["p99_us"]:.0f}' for stream, row in rows.items()
        )
        print(f'{name}, p50 / p99 us: {cells}')
    for stream, row in result['pink'].items():
        print(
            f'pink, {stream}: {row["pink"]["p50_us"]:.0f} / {row["pink"]["p99_us"]:.0f} us, '
            f'{row["ratio_p50"]:.1f}x / {row["ratio_p99"]:.1f}x ours (p50 / p99); '
            f'{row["pink_failures"]} failures, {row["pink_violations"]["total"]} violations, '
            f'closest {row["pink_violations"]["closest_mm"]:.1f} mm'
        )


def measure(name: str, backend: str, steps: int, seeds: int, fuzzed: int) -> dict[str, Any] | None:
    """Everything of one robot by one back end; None if the robot is not installed."""
    try:
        contract = load(name)
    except ContractError as error:
        print(f'{name}: skipped: {error}')
        return None
    begin = time.perf_counter()
    distances = backends.build(RobotModel(contract), backend)
    built = time.perf_counter() - begin
    gc.collect()
    gc.freeze()  # as the node does after its start
    result: dict[str, Any] = {
        'pairs': len(distances),
        'home_m': float(distances.distances(contract.home).min()),
        'build_s': built,
        'backend': distances.name,
        'streams': run_streams(contract, distances, steps, seeds),
        'featured': featured(contract, backend, steps),
        'pink': beside_pink(contract, distances, steps),
    }
    broken = fuzz(contract, distances, fuzzed)
    result['fuzz'] = {'steps': fuzzed, **broken.to_dict()}
    print_robot(name, result)
    print(f'fuzz: {fuzzed} steps, {broken.total} broken, closest {broken.closest_mm:.2f} mm')
    return result


def main() -> int:
    """Measure and judge."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('--smoke', action='store_true', help='seconds long; judges no timing')
    parser.add_argument('--json', type=Path, help='also write the result here')
    parser.add_argument('--steps', type=int, help='fuzzed set-points per robot (nightly: 1e6)')
    options = parser.parse_args()
    steps, seeds, fuzzed = (40, 1, 300) if options.smoke else (800, 2, 20_000)
    fuzzed = fuzzed if options.steps is None else options.steps
    found = ['coal'] if choose('auto') == 'coal' else ['coal', 'numba']
    if len(found) == 1:
        print('numba: skipped: the extra "fast" is not installed')
    results, gates = {}, {}
    for name in ('imi_humanoid', 'unitree_g1'):
        for backend in found:
            # The long fuzz goes through the fast one; the other one is held to it by the tests.
            share = fuzzed if backend == found[-1] else min(fuzzed, 2000)
            result = measure(name, backend, steps, seeds, share)
            if result is None:
                continue
            results[f'{name}.{backend}'] = result
            gates |= judge_robot(f'{name}.{backend}', result, BOUNDS[backend], not options.smoke)
    print()
    return conclude(gates, options.json, robots=results)


if __name__ == '__main__':
    sys.exit(main())
