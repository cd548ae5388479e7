# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A task of one's own: hold the hand still at a marker, for a moment.

python examples/own_task.py NEW_FOLDER
"""

from collections.abc import Mapping
from dataclasses import dataclass
import sys
from typing import Any

import mujoco
import numpy as np

import imitation_ros
from imitation_ros.sim.dimensions import BASE_HEIGHT
from imitation_ros.sim.experts import EXPERTS
from imitation_ros.sim.tasks import Task, TASKS
from imitation_ros.sim.tasks.reach import ReachExpert

TOOL = 'right_tool_link'


@dataclass(frozen=True)
class Linger(Task):
    """Bring the right tool to a marker and stay."""

    def add_objects(self, spec: Any, contract: Any) -> None:
        """A blue cube that touches nothing, tracked as `object`."""
        body = spec.worldbody.add_body(name='marker', mocap=True, pos=[0.4, -0.2, BASE_HEIGHT])
        box = mujoco.mjtGeom.mjGEOM_BOX
        body.add_geom(type=box, size=[0.02] * 3, rgba=[0.1, 0.3, 0.9, 1], contype=0, conaffinity=0)

    def rule(self, pose: Any, start: Any, tools: Mapping[str, Any]) -> bool:
        """Within 3 cm of the marker."""
        return bool(np.linalg.norm(tools[TOOL] - pose[:3]) < 0.03)


LINGER = Linger(
    'linger',
    'marker',
    centre=(0.40, -0.20, 0.20, 0.0),
    reach=(0.05, 0.10, 0.05, 0.0),
    time_limit_s=5.0,
    tools=(TOOL,),
)
TASKS.register('linger', LINGER)
EXPERTS.register('linger', ReachExpert)  # leads the right hand to what is tracked


def main(out: str) -> None:
    """Demonstrate it once."""
    meta = imitation_ros.collect('linger', 1, out).manifest.episodes[0]
    print(f'{meta.task}: {meta.outcome}')


if __name__ == '__main__':
    main(sys.argv[1])
