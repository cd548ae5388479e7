# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pick and place: the right hand puts a cube into the bin, or into either of two.

With two bins, as far from the cube as each other, an operator takes one or the other, and nothing
that is seen tells which: the mean of what was demonstrated leads into neither.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
import math
from typing import Any, ClassVar

import numpy as np
import pinocchio as pin

from ...contract import Contract
from ...data.frame import Array
from ..dimensions import TABLE_TOP
from ..task import Task
from .expert import Goal, HandExpert, ramp, RIGHT, turn, up, yaw_of
from .objects import add_bin, add_free_box, BIN_HALF

CUBE_HALF = 0.02
BIN_CENTRE = (0.40, -0.04, TABLE_TOP)
"""Half size of the cube and the place of the bin [m]."""
OTHER_BIN = (0.40, -0.48, TABLE_TOP)
"""Place of the second bin [m]: on the other side of where the cube starts."""

Place = tuple[float, float, float]


@dataclass(frozen=True)
class PickPlace(Task):
    """Put the cube into the bin and let go."""

    released: float = 0.05
    bins: tuple[Place, ...] = (BIN_CENTRE,)

    def add_objects(self, spec: Any, contract: Contract) -> None:
        """Add the cube and the bin of pick_place."""
        add_free_box(spec.worldbody, 'cube', (CUBE_HALF,) * 3, [0.86, 0.15, 0.12, 1], 0.08)
        for number, centre in enumerate(self.bins):
            add_bin(spec.worldbody, centre, f'bin{number or ""}')

    def rule(self, pose: Array, start: Array, tools: Mapping[str, Array]) -> bool:
        """Cube inside a bin, near its floor, and the tool away from it."""
        inside = _off(pose, self.bins) < BIN_HALF - 0.5 * CUBE_HALF
        low = pose[2] < TABLE_TOP + 2.5 * CUBE_HALF
        away = np.linalg.norm(tools['right_tool_link'] - pose[:3]) > self.released
        return bool(inside and low and away)


def _off(pose: Array, bins: tuple[Place, ...]) -> float:
    """How far the cube is from the middle of the nearest bin, in x or y [m]."""
    return min(float(np.abs(pose[:2] - centre[:2]).max()) for centre in bins)


class PickPlaceExpert(HandExpert):
    """Grasps the cube, carries it over the bin and lets go."""

    BINS: ClassVar[tuple[Place, ...]] = (BIN_CENTRE,)
    OPEN: ClassVar[float] = 0.040
    CLOSED: ClassVar[float] = 0.010
    HELD: ClassVar[float] = 0.0195
    PITCH: ClassVar[float] = -0.7
    ABOVE: ClassVar[float] = 0.10
    GRASP: ClassVar[float] = 0.005
    CARRY: ClassVar[float] = 0.15
    DROP: ClassVar[float] = 0.075

    def reset(self, q: Array, rng: np.random.Generator) -> None:
        """Start an attempt; which bin it will be is drawn here. See `Expert.reset`."""
        super().reset(q, rng)
        self._bin = self.BINS[int(rng.integers(len(self.BINS)))]

    def _goals(
        self, hands: Mapping[str, Any], grips: Mapping[str, float], thing: Array
    ) -> dict[str, Goal]:
        tool, grip = hands[RIGHT].translation, grips[RIGHT]
        cube = thing[:3]
        tray = np.array(self._bin)
        rotation = turn(0.0, self.PITCH)
        over = float(np.linalg.norm(tool[:2] - tray[:2]))
        if self._binned(cube):
            # Let go, then away: up first, so the fingers leave the cube standing.
            free = ramp(grip, 0.022, 0.032)
            goal = tray + up(self.DROP + free * (0.20 - self.DROP))
            return {RIGHT: Goal(pin.SE3(rotation, goal), self.OPEN)}
        # Wide enough for the cube to be seen a tenth of a second behind the commanded hand, as it
        # is when teleoperation, servos and tracker are in between.
        near = float(np.linalg.norm(tool - cube)) < 0.06
        if near and grip < self.HELD:
            # Up before sideways, sideways before down; each blends into the next.
            sideways = ramp(tool[2], 0.06, 0.11)
            goal = tool + sideways * (tray - tool)
            goal[2] = self.CARRY + (self.DROP - self.CARRY) * (1.0 - ramp(over, 0.01, 0.06))
            lowered = over < 0.03 and tool[2] < self.DROP + 0.006
            return {RIGHT: Goal(pin.SE3(rotation, goal), self.OPEN if lowered else self.CLOSED)}
        yaw = (yaw_of(thing) + math.pi / 4) % (math.pi / 2) - math.pi / 4
        rotation = turn(yaw, self.PITCH)
        grasp = cube + up(self.GRASP)
        aside = float(np.linalg.norm(tool[:2] - grasp[:2]))
        goal = grasp + up(self.ABOVE * ramp(aside, 0.006, 0.05))
        there = np.linalg.norm(tool - grasp) < 0.008
        return {RIGHT: Goal(pin.SE3(rotation, goal), self.CLOSED if there else self.OPEN)}

    def _binned(self, cube: Array) -> bool:
        """Whether the cube is in the bin, or would fall into it."""
        return bool(_off(cube, (self._bin,)) < 0.05 and cube[2] < TABLE_TOP + 0.085)

    def _finished(
        self, hands: Mapping[str, Any], grips: Mapping[str, float], thing: Array
    ) -> bool:
        away = hands[RIGHT].translation[2] > 0.15
        return self._binned(thing) and bool(away) and float(thing[2]) < 2.5 * CUBE_HALF


PICK_PLACE = PickPlace(
    name='pick_place',
    body='cube',
    centre=(0.37, -0.26, CUBE_HALF, 0.0),
    reach=(0.05, 0.08, 0.0, 0.7),
    time_limit_s=10.0,
    tools=('right_tool_link',),
)


class TwoBinsExpert(PickPlaceExpert):
    """Puts the cube into one of two bins, drawn anew for each attempt."""

    BINS = (BIN_CENTRE, OTHER_BIN)


TWO_BINS = replace(
    PICK_PLACE, name='two_bins', reach=(0.05, 0.04, 0.0, 0.7), bins=TwoBinsExpert.BINS
)
