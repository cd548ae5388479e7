# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A folder as a user of the library has it: bags, a dataset, the run of a training, a policy."""

from dataclasses import dataclass
from pathlib import Path

from bag_maker import BagMaker, Messages, small_robot

import imitation_ros

UPDATES = 60


@dataclass(frozen=True)
class Workshop:
    """Inputs of the examples; made once, not to be changed.

    Attributes:
        root: The folder.
        bags: Two healthy bags of two seconds.
        data: Demonstrations of reaching, three that succeeded and two that failed.
        run: Run of a short BC on them.
        policy: Its policy.onnx.
    """

    root: Path
    bags: Path
    data: Path
    run: Path
    policy: Path


def make(root: Path) -> Workshop:
    """Make the folder, through the public functions."""
    robot = small_robot(imitation_ros.load_contract('imi_humanoid'))
    maker = BagMaker(robot, Messages(robot))
    shop = Workshop(root, root / 'bags', root / 'data', root / 'run', root / 'policy.onnx')
    for seed, name in enumerate(('pick_0001', 'pick_0002')):
        maker(shop.bags / name, maker.script(seed=seed))
    dataset = imitation_ros.collect('reach', 3, shop.data, failures=2)
    imitation_ros.train(
        dataset, shop.run, updates=UPDATES, batch=32, network={'width': 32, 'depth': 2}
    )
    imitation_ros.export(shop.run, dataset, shop.policy)
    return shop
