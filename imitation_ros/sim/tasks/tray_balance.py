# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Tray balance: both hands carry a tray to its goal and keep a ball on it from rolling off.

The ball is a double integrator that the tilt of the tray accelerates: a_x = (5/7) g tilt. Whoever
only repeats what was shown loses it; who looks at the ball gets it back.
"""

from collections.abc import Mapping
from dataclasses import dataclass
import math
from typing import Any, ClassVar

import mujoco
import numpy as np
import pinocchio as pin

from ...contract import Contract
from ...data.frame import Array
from ...kinematics.model import RobotModel
from ..dimensions import BASE_HEIGHT
from ..task import Task
from .expert import Goal, HandExpert, LEFT, RIGHT
from .regulator import lqr_gain

TRAY_HALF = (0.14, 0.19, 0.004)
"""Half sizes of the tray [m]."""
BALL_RADIUS = 0.025
HANDS = (0.2917, 0.1098)
"""x and z of both tools at the home position, and so of the tray's middle [m]."""
CARRY = (0.06, 0.0, 0.09)
"""How far the tray is to be carried [m]."""
ON_TRAY = TRAY_HALF[2] + BALL_RADIUS
"""Height of the ball's middle above the tray's [m]."""
GOAL = (HANDS[0] + CARRY[0], CARRY[1], HANDS[1] + CARRY[2] + ON_TRAY)
"""Where the ball is to come to rest [m]."""

# The tray touches the ball alone: the hands hold it by welds, not by contacts.
TRAY_CONTACT = {'contype': 0, 'conaffinity': 4}
BALL_CONTACT = {'contype': 6, 'conaffinity': 3}


@dataclass(frozen=True)
class TrayBalance(Task):
    """Bring the ball on its tray to the goal, and to rest there."""

    tolerance: float = 0.03

    def add_objects(self, spec: Any, contract: Contract) -> None:
        """Add the tray, held by both hands, and the ball."""
        world, geom = spec.worldbody, mujoco.mjtGeom
        hands = tray_hands(contract)
        centre = [HANDS[0], 0.0, BASE_HEIGHT + HANDS[1]]
        tray = world.add_body(name='tray', pos=centre, gravcomp=1.0)
        tray.add_freejoint(name='tray_free')
        tray.add_geom(
            name='tray',
            type=geom.mjGEOM_BOX,
            size=list(TRAY_HALF),
            rgba=[0.30, 0.34, 0.38, 1],
            mass=0.4,
            friction=[1.0, 0.005, 0.0001],
            **TRAY_CONTACT,
        )
        for tool, hand in hands.items():
            quaternion = pin.Quaternion(hand.rotation)
            turn = [quaternion.w, quaternion.x, quaternion.y, quaternion.z]
            tray.add_site(name=f'{tool}_handle', pos=list(hand.translation), quat=turn)
            spec.body(tool).add_site(name=f'{tool}_grasp')
            y = hand.translation[1]
            inner = math.copysign(TRAY_HALF[1], y)
            tray.add_geom(
                type=geom.mjGEOM_BOX,
                size=[0.015, abs(y - inner) / 2 + 0.014, 0.006],
                pos=[0.0, (y + inner) / 2 + math.copysign(0.014, y), 0.0],
                rgba=[0.20, 0.22, 0.25, 1],
                mass=0.0,
                contype=0,
                conaffinity=0,
            )
            hold = spec.add_equality(
                name=f'{tool}_hold',
                type=mujoco.mjtEq.mjEQ_WELD,
                objtype=mujoco.mjtObj.mjOBJ_SITE,
                name1=f'{tool}_handle',
                name2=f'{tool}_grasp',
            )
            hold.data[10] = 1.0
        # A cross in the middle, for the cameras.
        for size in ([0.03, 0.004], [0.004, 0.03]):
            tray.add_geom(
                type=geom.mjGEOM_BOX,
                size=[*size, TRAY_HALF[2] + 0.0004],
                rgba=[0.93, 0.80, 0.20, 1],
                mass=0.0,
                contype=0,
                conaffinity=0,
            )
        ball = world.add_body(name='ball', pos=[centre[0], 0.0, centre[2] + ON_TRAY])
        ball.add_freejoint(name='ball_free')
        ball.add_geom(
            name='ball',
            type=geom.mjGEOM_SPHERE,
            size=[BALL_RADIUS, 0.0, 0.0],
            rgba=[0.90, 0.25, 0.15, 1],
            mass=0.06,
            friction=[1.0, 0.005, 0.0001],
            **BALL_CONTACT,
        )

    def shoves(self, rng: np.random.Generator) -> list[tuple[float, Array]]:
        """Hit the ball on the way and again near the goal, each time in a random direction."""
        found = []
        for first_s, last_s in ((0.4, 1.2), (1.6, 2.4)):
            at, speed, angle = rng.uniform([first_s, 0.08, -math.pi], [last_s, 0.22, math.pi])
            found.append((at, speed * np.array([math.cos(angle), math.sin(angle), 0.0])))
        return found

    def rule(self, pose: Array, start: Array, tools: Mapping[str, Array]) -> bool:
        """Ball within `tolerance` of the goal."""
        return bool(np.linalg.norm(pose[:3] - GOAL) < self.tolerance)


def tray_hands(contract: Contract) -> dict[str, Any]:
    """Pose (`pinocchio.SE3`) of each tool in the tray, as at the home position."""
    model = RobotModel(contract)
    tray = pin.SE3(np.eye(3), np.array([HANDS[0], 0.0, HANDS[1]]))
    return {t: tray.actInv(model.placement(contract.home, t)) for t in (LEFT, RIGHT)}


def tray_gain(dt_s: float, weights: Array, effort: float) -> Array:
    """Gain of the linear-quadratic regulator of ball and tilt along one axis, shape (4,).

    The state is way [m] and speed [m/s] of the ball, tilt [rad] and its rate [rad/s]; the input is
    the acceleration of the tilt [rad/s^2].

    Args:
        dt_s: Control period [s].
        weights: Weight of each squared entry of the state, shape (4,).
        effort: Weight of the squared input.
    """
    a = np.eye(4) + dt_s * np.array(
        [[0, 1, 0, 0], [0, 0, 5 / 7 * 9.81, 0], [0, 0, 0, 1], [0, 0, 0, 0]]
    )
    b = dt_s * np.array([[0.0], [0.0], [0.0], [1.0]])
    gain: Array = lqr_gain(a, b, np.diag(weights), np.array([[effort]]))[0]
    return gain


class TrayBalanceExpert(HandExpert):
    """Tilts the tray against the ball, and carries it slowly."""

    tools = (LEFT, RIGHT)
    orientation_cost = 0.5
    still_s = 1.1
    WEIGHTS: ClassVar[tuple[float, ...]] = (40.0, 12.0, 4.0, 1.0)
    EFFORT: ClassVar[float] = 0.05
    TILT: ClassVar[float] = 0.16
    TURN: ClassVar[float] = 1.6
    SPEED: ClassVar[float] = 0.10
    PUSH: ClassVar[float] = 0.15
    FORGET_S: ClassVar[float] = 0.04

    def __init__(self, contract: Contract) -> None:
        """Find where the hands hold the tray, and the gain."""
        self._hold = tray_hands(contract)
        self._gain = tray_gain(0.02, np.array(self.WEIGHTS), self.EFFORT)
        super().__init__(contract)

    def _stop_at(self, q: Array) -> None:
        super()._stop_at(q)
        self._rate, self._velocity = np.zeros(2), np.zeros(3)
        self._seen: Array | None = None
        self._ball_speed = np.zeros(2)

    def _move(
        self, hands: Mapping[str, Any], grips: Mapping[str, float], thing: Array, dt_s: float
    ) -> dict[str, Goal]:
        tray = self._tray(hands)
        if self._seen is not None:
            # The tracker tells places only.
            keep = math.exp(-dt_s / self.FORGET_S)
            fresh = (thing[:2] - self._seen) / dt_s
            self._ball_speed = keep * self._ball_speed + (1.0 - keep) * fresh
        self._seen = thing[:2].copy()
        way = np.array([HANDS[0], 0.0, HANDS[1]]) + CARRY - tray.translation
        wanted = way * min(self.SPEED / max(float(np.linalg.norm(way)), 1e-9), 1.5)
        change = wanted - self._velocity
        most = self.PUSH * dt_s
        change *= min(1.0, most / max(float(np.linalg.norm(change)), 1e-12))
        self._velocity = self._velocity + change
        # Tilt about y rolls the ball along x, tilt about -x along y.
        roll, pitch, _ = pin.rpy.matrixToRpy(tray.rotation)
        tilt = np.array([pitch, -roll])
        speed = self._ball_speed - self._velocity[:2]
        state = np.stack([thing[:2] - tray.translation[:2], speed, tilt, self._rate])
        turn = np.clip(-self._gain @ state, -self.TURN, self.TURN)
        # Never beyond the largest tilt, and slow enough to stop there.
        room = np.sqrt(2.0 * self.TURN * np.maximum(self.TILT - np.abs(tilt), 0.0))
        rate = self._rate + turn * dt_s
        outwards = np.sign(rate) == np.sign(tilt)
        limit = np.where(outwards, np.maximum(room, np.abs(self._rate) - self.TURN * dt_s), np.inf)
        self._rate = np.clip(rate, -limit, limit)
        tilt = tilt + self._rate * dt_s
        moved = pin.SE3(
            pin.rpy.rpyToMatrix(-tilt[1], tilt[0], 0.0),
            tray.translation + self._velocity * dt_s,
        )
        return {tool: Goal(moved * self._hold[tool], grips[tool]) for tool in self.tools}

    def _tray(self, hands: Mapping[str, Any]) -> Any:
        """Pose of the tray as commanded: halfway between what either hand says."""
        left, right = (hands[tool] * self._hold[tool].inverse() for tool in self.tools)
        return pin.SE3.Interpolate(left, right, 0.5)

    def _goals(
        self, hands: Mapping[str, Any], grips: Mapping[str, float], thing: Array
    ) -> dict[str, Goal]:
        raise NotImplementedError('the tray is moved as a whole, by _move')

    def _finished(
        self, hands: Mapping[str, Any], grips: Mapping[str, float], thing: Array
    ) -> bool:
        slow = float(np.linalg.norm(self._ball_speed)) < 0.03
        return slow and bool(np.linalg.norm(thing[:3] - GOAL) < 0.025)


TRAY_BALANCE = TrayBalance(
    name='tray_balance',
    body='ball',
    centre=(HANDS[0], 0.0, HANDS[1] + ON_TRAY, 0.0),
    reach=(0.06, 0.08, 0.0, 0.0),
    time_limit_s=10.0,
    hold_s=1.0,
    turns=False,
    history=2,
)
