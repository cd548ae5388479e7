# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A sweep: the same demonstrations, several settings, the best by held-out error.

python examples/sweep.py DATASET NEW_FOLDER [UPDATES]
"""

from itertools import product
from pathlib import Path
import sys

import imitation_ros


def main(data: str, out: str, updates: int = 150) -> None:
    """Train every combination and print a table, the best first."""
    rows = []
    for lr, width in product((1e-3, 4e-3), (32, 64)):
        result = imitation_ros.train(
            data,
            Path(out) / f'lr{lr:g}_width{width}',
            'bc',
            updates=updates,
            lr=lr,
            network={'width': width, 'depth': 2},
            held_out=0.34,  # share of the episodes
            batch=32,
            eval_every=updates,
        )
        error = result.held_out
        rows.append((error.mae, error.hold_mae, lr, width, result.folder))
    print(f'{"error [rad]":>12} {"of holding":>11} {"lr":>7} {"width":>6}')
    for mae, hold, lr, width, _ in sorted(rows):
        print(f'{mae:12.4f} {100 * mae / hold:9.0f} % {lr:7g} {width:6}')
    print('best:', min(rows)[-1])


if __name__ == '__main__':
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:]))
