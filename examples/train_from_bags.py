# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Train from bags: audit them, convert what is fit, train, export one policy.onnx.

Run it on any folder of bags that our recorder made (`make demo` leaves some in runs/demo/bags):

    python examples/train_from_bags.py BAGS NEW_FOLDER [UPDATES]
"""

from pathlib import Path
import sys

import imitation_ros


def main(bags: str, out: str, updates: int = 200) -> None:
    """From bags to a policy."""
    for found in imitation_ros.audit(bags):
        print(f'{found.episode}: {found.verdict}', *found.reasons, sep='; ')
    # Without cameras it trains in seconds; leave `cameras` out to keep them all.
    dataset = imitation_ros.convert(bags, Path(out) / 'data', cameras={})
    print(f'{len(dataset)} episodes at {dataset.manifest.policy_hz:g} Hz')

    result = imitation_ros.train(
        dataset, Path(out) / 'run', 'bc', updates=updates, network={'width': 64, 'depth': 2}
    )
    exported = imitation_ros.export(result.folder, dataset, Path(out) / 'policy.onnx')
    print(f'{exported.path}: differs from torch by {exported.parity.max_abs_difference:.1e} rad')


if __name__ == '__main__':
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:]))
