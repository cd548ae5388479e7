# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Policies from images alone: what they reach with few demonstrations, and what that costs.

The expert demonstrates in simulation, with cameras; the policy (config/train/bc-camera.yaml) is
told of no object, and tries starts that no demonstration used, through its policy.onnx and the
safety supervisor. A point in the air needs a second view: reach has the wrist's camera as well.

    python benchmarks/cameras.py [--tasks reach,lift] [--demos N] [--smoke] [--json FILE]
"""

import argparse
from pathlib import Path
import tempfile
import time
from typing import Any

from gates import conclude, gate

from imitation_ros.contract import load
from imitation_ros.data.observation import CameraInput
from imitation_ros.export.onnx import export
from imitation_ros.rollout.collection import collect
from imitation_ros.rollout.rollout import rollout
from imitation_ros.training.config import load as load_config
from imitation_ros.training.run import train

HEAD = CameraInput('head_camera', 48, 64)
CAMERAS = {'reach': (HEAD, CameraInput('right_wrist_camera', 36, 48)), 'lift': (HEAD,)}
UNSEEN = 100_000
SUCCESS, CPU_S = 0.9, 360.0


def measure(task: str, demos: int, trials: int, updates: int | None, folder: Path) -> Any:
    """Demonstrate, train, export and try."""
    contract = load('imi_humanoid')
    cameras = CAMERAS[task]
    data = collect(contract, task, demos, folder / 'data', cameras=cameras)
    changes: dict[str, Any] = {'cameras': [vars(camera) for camera in cameras]}
    if updates is not None:
        changes |= {'updates': updates, 'warmup': updates // 10}
    begin = time.process_time()
    train(data, load_config('bc-camera', changes), folder / 'run')
    cpu_s = time.process_time() - begin
    exported = export(folder / 'run', folder / 'policy.onnx', data)
    seeds = range(UNSEEN, UNSEEN + trials)
    found = rollout(contract, exported.path, task, seeds, strips=0)
    return {
        'demos': demos,
        'trials': trials,
        'successes': found.trials.successes,
        'rate': found.rate.estimate,
        'low': found.rate.low,
        'high': found.rate.high,
        'cpu_s': cpu_s,
        'parity': exported.parity.max_abs_difference,
        'p50_ms': exported.latency.p50_ms,
    }


def main() -> int:
    """Run, print and judge."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('--tasks', default=','.join(CAMERAS), help='of these, by comma')
    parser.add_argument('--demos', type=int, default=50)
    parser.add_argument('--smoke', action='store_true', help='the whole path in seconds')
    parser.add_argument('--json', type=Path)
    options = parser.parse_args()
    demos, trials, updates = (2, 1, 10) if options.smoke else (options.demos, 40, None)
    results: dict[str, Any] = {}
    gates: dict[str, dict[str, Any]] = {}
    tasks = ['reach'] if options.smoke else options.tasks.split(',')
    for task in tasks:
        with tempfile.TemporaryDirectory(prefix='cameras_') as name:
            results[task] = row = measure(task, demos, trials, updates, Path(name))
        print(
            f'{task:8s}{demos:3d} demonstrations  success {row["successes"]}/{trials} '
            f'[{row["low"]:.2f}, {row["high"]:.2f}]  training {row["cpu_s"]:.0f} CPU-s  '
            f'parity {row["parity"]:.1e}  p50 {row["p50_ms"]:.2f} ms',
            flush=True,
        )
        judged = not options.smoke
        gates |= {
            f'{task}: success': gate(row['rate'], SUCCESS, 'rate', low=True, judged=judged),
            f'{task}: training': gate(row['cpu_s'], CPU_S, 'CPU-s', judged=judged),
            f'{task}: ONNX parity': gate(row['parity'], 1e-5, 'rad'),
            f'{task}: inference p50': gate(row['p50_ms'], 2.0, 'ms', judged=judged),
        }
    return conclude(gates, options.json, results=results)


if __name__ == '__main__':
    raise SystemExit(main())
