# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Reach: the right tool goes to a target in the air."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np
import pinocchio as pin

from ...contract import Contract
from ...data.frame import Array
from ..dimensions import BASE_HEIGHT
from ..task import Task
from .expert import Goal, HandExpert, RIGHT, turn


@dataclass(frozen=True)
class Reach(Task):
    """Bring the right tool to the target."""

    tolerance: float = 0.02

    def add_objects(self, spec: Any, contract: Contract) -> None:
        """Add the target of reach: a sphere that touches nothing."""
        # A geom and not a site: the ray caster sees no sites.
        body = spec.worldbody.add_body(
            name='target', mocap=True, pos=[0.4, -0.2, BASE_HEIGHT + 0.2]
        )
        body.add_geom(
            name='target',
            type=mujoco.mjtGeom.mjGEOM_SPHERE,
            size=[0.025, 0, 0],
            rgba=[0.10, 0.75, 0.25, 1],
            contype=0,
            conaffinity=0,
        )

    def rule(self, pose: Array, start: Array, tools: Mapping[str, Array]) -> bool:
        """Right tool within `tolerance` of the target."""
        return bool(np.linalg.norm(tools['right_tool_link'] - pose[:3]) < self.tolerance)


class ReachExpert(HandExpert):
    """Brings the right tool to the target."""

    orientation_cost = 0.02

    def _goals(
        self, hands: Mapping[str, Any], grips: Mapping[str, float], thing: Array
    ) -> dict[str, Goal]:
        return {RIGHT: Goal(pin.SE3(turn(0.0, -1.0), thing[:3]), grips[RIGHT])}

    def _finished(
        self, hands: Mapping[str, Any], grips: Mapping[str, float], thing: Array
    ) -> bool:
        return bool(np.linalg.norm(hands[RIGHT].translation - thing[:3]) < 0.006)


REACH = Reach(
    name='reach',
    body='target',
    centre=(0.40, -0.20, 0.185, 0.0),
    reach=(0.06, 0.13, 0.095, 0.0),
    time_limit_s=4.0,
    tools=('right_tool_link',),
)
