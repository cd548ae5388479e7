# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Try a policy in simulation, undisturbed and pushed, and keep pictures of failures.

python examples/closed_loop.py policy.onnx TASK NEW_FOLDER [TRIALS]
"""

from pathlib import Path
import sys

import imitation_ros


def main(policy: str, task: str, out: str, trials: int = 10) -> None:
    """Success with its 95 % interval, with and without what goes wrong."""
    Path(out).mkdir(parents=True, exist_ok=True)
    loaded = imitation_ros.Policy.load(policy)
    for perturb in ([], ['push:1', 'delay:1']):
        name = '+'.join(perturb).replace(':', '') or 'nominal'
        results = imitation_ros.evaluate(loaded, task, trials=trials, perturb=perturb, strips=1)
        rate = results.rate
        print(
            f'{name}: {results.trials.successes} of {trials} '
            f'({100 * rate.low:.0f} to {100 * rate.high:.0f} %), '
            f'safety changed: {dict(results.trials.interventions) or "nothing"}'
        )
        for number, strip in enumerate(results.strips):
            (Path(out) / f'{name}_{number}.png').write_bytes(strip.png())
        results.trials.write(Path(out) / f'{name}.json')


if __name__ == '__main__':
    main(*sys.argv[1:4], *map(int, sys.argv[4:]))
