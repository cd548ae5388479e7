# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Handover: the left hand takes a bottle, the right one takes it over and puts it into the bin."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import mujoco
import numpy as np
import pinocchio as pin

from ...contract import Contract
from ...data.frame import Array
from ..dimensions import BASE_HEIGHT, TABLE_TOP
from ..surroundings import WORLD_CONTACT
from ..task import Task
from .expert import Goal, HandExpert, LEFT, ramp, RIGHT, turn, up
from .objects import add_bin, BIN_HALF

RADIUS = 0.02
HALF_LENGTH = 0.09
"""Radius and half length of the bottle [m]."""
BIN = (0.40, -0.24, TABLE_TOP)
MEETING = (0.37, 0.0, 0.25)
"""Where the bottle goes into the bin, and from hand to hand [m]."""


@dataclass(frozen=True)
class Handover(Task):
    """Put the bottle, which only the left hand can reach, into the bin of the right one."""

    released: float = 0.065

    def add_objects(self, spec: Any, contract: Contract) -> None:
        """Add the bottle and the bin."""
        z = BASE_HEIGHT + TABLE_TOP + HALF_LENGTH
        body = spec.worldbody.add_body(name='bottle', pos=[0.4, 0.17, z])
        body.add_freejoint(name='bottle_free')
        body.add_geom(
            name='bottle',
            type=mujoco.mjtGeom.mjGEOM_CYLINDER,
            size=[RADIUS, HALF_LENGTH, 0.0],
            rgba=[0.86, 0.45, 0.10, 1],
            mass=0.12,
            friction=[1.0, 0.01, 0.001],
            condim=4,
            **WORLD_CONTACT,
        )
        body.add_geom(
            name='label',
            type=mujoco.mjtGeom.mjGEOM_CYLINDER,
            size=[RADIUS + 0.0005, 0.02, 0.0],
            rgba=[0.95, 0.93, 0.88, 1],
            mass=0.0,
            contype=0,
            conaffinity=0,
        )
        add_bin(spec.worldbody, BIN)

    def rule(self, pose: Array, start: Array, tools: Mapping[str, Array]) -> bool:
        """Bottle inside the bin, near its floor, and both tools away from it."""
        inside = np.abs(pose[:2] - BIN[:2]).max() < BIN_HALF - 0.5 * RADIUS
        low = pose[2] < TABLE_TOP + HALF_LENGTH + 0.01
        away = min(np.linalg.norm(tools[tool] - pose[:3]) for tool in (LEFT, RIGHT))
        return bool(inside and low and away > self.released)


class HandoverExpert(HandExpert):
    """Takes the bottle above its middle with the left hand, below it with the right."""

    tools = (LEFT, RIGHT)
    OPEN: ClassVar[float] = 0.040
    CLOSED: ClassVar[float] = 0.010
    HELD: ClassVar[float] = 0.0195
    FREE: ClassVar[float] = 0.032
    PITCH: ClassVar[float] = -1.2
    YAW: ClassVar[dict[str, float]] = {LEFT: -0.7, RIGHT: 0.7}
    GRASP: ClassVar[dict[str, float]] = {LEFT: 0.055, RIGHT: -0.05}
    BACK: ClassVar[float] = 0.11
    REACH: ClassVar[float] = 0.06
    CARRY: ClassVar[float] = 0.13
    ASIDE: ClassVar[tuple[float, float, float]] = (0.27, 0.26, 0.20)

    def _goals(
        self, hands: Mapping[str, Any], grips: Mapping[str, float], thing: Array
    ) -> dict[str, Goal]:
        bottle = thing[:3]
        at = {tool: hands[tool].translation for tool in self.tools}
        grasp = {tool: bottle + up(self.GRASP[tool]) for tool in self.tools}
        near = {t: float(np.linalg.norm(at[t] - grasp[t])) < self.REACH for t in self.tools}
        has = {tool: near[tool] and grips[tool] < self.HELD for tool in self.tools}
        if self._binned(bottle):
            left = self._goal(LEFT, np.array(self.ASIDE), self.OPEN)
            return {LEFT: left, RIGHT: self._let_go(at[RIGHT], grips[RIGHT])}
        if has[RIGHT]:
            if near[LEFT]:
                # The right hand keeps still until the left one is out of the way.
                hold = Goal(pin.SE3(turn(self.YAW[RIGHT], self.PITCH), at[RIGHT]), self.CLOSED)
                return {LEFT: self._leave(at[LEFT], grasp[LEFT], grips[LEFT]), RIGHT: hold}
            left = self._goal(LEFT, np.array(self.ASIDE), self.OPEN)
            return {LEFT: left, RIGHT: self._carry(at[RIGHT])}
        meeting = np.array(MEETING)
        if has[LEFT]:
            # Up before sideways.
            sideways = ramp(float(bottle[2]), HALF_LENGTH + 0.03, HALF_LENGTH + 0.08)
            goal = at[LEFT] + sideways * (meeting + up(self.GRASP[LEFT]) - at[LEFT])
            goal[2] = MEETING[2] + self.GRASP[LEFT]
            left = self._goal(LEFT, goal, self.CLOSED)
            apart = float(np.linalg.norm(bottle - meeting))
            if apart < 0.04:
                return {LEFT: left, RIGHT: self._take(RIGHT, at[RIGHT], grasp[RIGHT], apart)}
        else:
            left = self._take(LEFT, at[LEFT], grasp[LEFT], 0.0)
        wait = meeting + up(self.GRASP[RIGHT]) - self.BACK * self._pointing(RIGHT)
        return {LEFT: left, RIGHT: self._goal(RIGHT, wait, self.OPEN)}

    def _goal(self, tool: str, position: Array, grip: float) -> Goal:
        return Goal(pin.SE3(turn(self.YAW[tool], self.PITCH), position), grip)

    def _pointing(self, tool: str) -> Array:
        """Horizontal direction in which a hand points."""
        direction: Array = turn(self.YAW[tool])[:, 0]
        return direction

    def _take(self, tool: str, at: Array, grasp: Array, apart: float) -> Goal:
        """Come from behind, along the fingers; close when there."""
        pointing = self._pointing(tool)
        way = at - grasp
        aside = float(np.linalg.norm(way - way @ pointing * pointing))
        back = self.BACK * max(ramp(aside, 0.008, 0.05), ramp(apart, 0.02, 0.04))
        there = float(np.linalg.norm(way)) < 0.008
        goal = grasp - back * pointing
        return self._goal(tool, goal, self.CLOSED if there else self.OPEN)

    def _leave(self, at: Array, grasp: Array, grip: float) -> Goal:
        """Open, then back along the fingers."""
        free = ramp(grip, 0.024, self.FREE)
        back = grasp - self.BACK * self._pointing(LEFT)
        return self._goal(LEFT, at + free * (back - at), self.OPEN)

    def _carry(self, at: Array) -> Goal:
        """Over the bin, down, and open."""
        place = np.array(BIN) + up(HALF_LENGTH + self.GRASP[RIGHT])
        over = float(np.linalg.norm(at[:2] - place[:2]))
        goal = place + up(0.008 + self.CARRY * ramp(over, 0.01, 0.08))
        lowered = over < 0.02 and at[2] < place[2] + 0.014
        return self._goal(RIGHT, goal, self.OPEN if lowered else self.CLOSED)

    def _let_go(self, at: Array, grip: float) -> Goal:
        """Open, then up along the bottle."""
        place = np.array(BIN) + up(HALF_LENGTH + self.GRASP[RIGHT])
        free = ramp(grip, 0.024, self.FREE)
        return self._goal(RIGHT, place + up(0.008 + 0.15 * free), self.OPEN)

    @staticmethod
    def _binned(bottle: Array) -> bool:
        """Whether the bottle is in the bin, or would fall into it."""
        inside = np.abs(bottle[:2] - BIN[:2]).max() < 0.035
        return bool(inside and bottle[2] < TABLE_TOP + HALF_LENGTH + 0.02)

    def _finished(
        self, hands: Mapping[str, Any], grips: Mapping[str, float], thing: Array
    ) -> bool:
        away = float(hands[RIGHT].translation[2] - thing[2]) > 0.075
        return self._binned(thing[:3]) and away


HANDOVER = Handover(
    name='handover',
    body='bottle',
    centre=(0.40, 0.17, HALF_LENGTH, 0.0),
    reach=(0.04, 0.06, 0.0, 0.5),
    time_limit_s=14.0,
    tools=(LEFT, RIGHT),
)
