# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Scripted experts: operators that solve the tasks, for demonstrations and for tests.

What an expert does depends on where things are and not on the time: every goal is a continuous
function of the tools, the grippers and the object, so that the same situation always gets the
same answer. That is what Behavioural Cloning can learn, and it also makes experts recover from
disturbances. Motions keep below the safety limits of the contract, so that the safety filter
never has a reason to alter them.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
import math
from typing import Any, ClassVar

import numpy as np
import pinocchio as pin

from ..contract import Contract
from ..data.frame import Array
from ..kinematics.ik import ToolIk
from ..kinematics.model import RobotModel
from ..kinematics.motion import JointMotion, ToolMotion
from .tasks import BIN_CENTRE, BOX_HALF, CUBE_HALF, TABLE_TOP

OBJECT = 'object'
"""Name of the pose that experts look at."""

LEFT, RIGHT = 'left_tool_link', 'right_tool_link'
GRIPPERS = {LEFT: 'left_gripper_joint', RIGHT: 'right_gripper_joint'}

VELOCITY = 1.25
ACCELERATION = 2.9
"""Highest joint speed [rad/s] and acceleration [rad/s^2].

The safety limits are 1.5 and 6. Acceleration stays below half, as straight lines between targets
at 50 Hz, sampled at 100 Hz, ask for the whole change of speed within one period of 10 ms.
"""
GRIPPER_VELOCITY = 0.16
GRIPPER_ACCELERATION = 0.95
"""The same for grippers [m/s, m/s^2]."""
LOST = 0.25
"""Distance of the command from what the expert asked for that makes it start anew [rad]."""

POSTURE = {
    'shoulder_pitch': 0.2,
    'shoulder_roll': 0.5,
    'shoulder_yaw': -0.2,
    'elbow': -1.6,
    'wrist_yaw': 0.0,
    'wrist_pitch': 0.8,
    'wrist_roll': 0.0,
}
"""Where the left arm leans to [rad]: elbow out, away from the body. The right mirrors it."""

ELBOW_OUT = -0.05
"""Lowest shoulder roll [rad]: with the elbow no further in, the arm cannot touch the torso."""


@dataclass(frozen=True)
class Goal:
    """What an expert wants of one hand now.

    Attributes:
        pose: Where the tool should go (`pinocchio.SE3`, in the base).
        grip: Where the gripper should go [m]; 0 is closed.
    """

    pose: Any
    grip: float


def ramp(value: float, low: float, high: float) -> float:
    """0 below `low`, 1 above `high`, smooth between."""
    x = min(max((value - low) / (high - low), 0.0), 1.0)
    return x * x * (3.0 - 2.0 * x)


def turn(yaw: float, pitch: float = 0.0) -> Array:
    """Rotation of `yaw` [rad] about z after `pitch` [rad] about y, shape (3, 3)."""
    rotation: Array = pin.rpy.rpyToMatrix(0.0, pitch, yaw)
    return rotation


def up(height: float) -> Array:
    """Vector of a height [m], shape (3,)."""
    return np.array([0.0, 0.0, height])


def yaw_of(pose: Array) -> float:
    """Yaw [rad] of x y z qx qy qz qw."""
    x, y, z, w = pose[3:]
    return math.atan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))


class Expert(ABC):
    """Moves the hands towards goals that a task's script derives from the situation."""

    tools: ClassVar[tuple[str, ...]] = (RIGHT,)
    orientation_cost: ClassVar[float] = 0.3

    def __init__(self, contract: Contract) -> None:
        """Set up the inverse kinematics of the hands the script uses."""
        self.contract = contract
        self._model = RobotModel(contract)
        self._ik = ToolIk(
            self._model,
            self.tools,
            velocity=VELOCITY,
            acceleration=ACCELERATION,
            orientation_cost=self.orientation_cost,
            posture=_posture(contract),
            ranges={
                'left_shoulder_roll_joint': (ELBOW_OUT, math.inf),
                'right_shoulder_roll_joint': (-math.inf, -ELBOW_OUT),
            },
        )
        self._grippers = {tool: contract.index(GRIPPERS[tool]) for tool in self.tools}
        self._motions = {tool: ToolMotion() for tool in self.tools}
        self._grips = {
            tool: JointMotion(GRIPPER_VELOCITY, GRIPPER_ACCELERATION) for tool in self.tools
        }
        self._q: Array = np.array(contract.home)
        self._v: Array = np.zeros_like(self._q)
        self.reset(contract.home, np.random.default_rng(0))

    @property
    def done(self) -> bool:
        """Whether the script has come to its end."""
        return self._done

    def reset(self, q: Array, rng: np.random.Generator) -> None:
        """Start an attempt at rest.

        Args:
            q: Joint positions [rad or m], shape (n,), contract order.
            rng: Source of randomness, for operators that differ from attempt to attempt.
        """
        self._rng = rng
        self._done = False
        self._still_s = 0.0
        self._stop_at(q)

    def step(self, q_command: Array, poses: Mapping[str, Array], dt_s: float) -> Array:
        """One control period.

        Args:
            q_command: Joint positions last commanded [rad or m], shape (n,), contract order.
            poses: Pose of each tracked object in the base frame, shape (7,).
            dt_s: Duration of the period [s].

        Returns:
            Joint positions to command next, shape (n,).
        """
        if np.abs(q_command - self._q).max() > LOST:
            self._stop_at(q_command)
        hands = {tool: self._model.placement(self._q, tool) for tool in self.tools}
        grips = {tool: float(self._q[i]) for tool, i in self._grippers.items()}
        goals = self._goals(hands, grips, poses[OBJECT])
        steps = {t: self._motions[t].step(hands[t], goals[t].pose, dt_s) for t in self.tools}
        q = self._ik.solve(self._q, steps, dt_s, self._v)
        for tool, i in self._grippers.items():
            q[i] = self._grips[tool].step(grips[tool], goals[tool].grip, dt_s)
        self._v, self._q = (q - self._q) / dt_s, q
        finished = self._finished(hands, grips, poses[OBJECT])
        self._still_s = self._still_s + dt_s if finished else 0.0
        self._done = self._done or self._still_s > 0.35
        return q.copy()

    def _stop_at(self, q: Array) -> None:
        """Take these positions as the last command, at rest."""
        self._q, self._v = np.array(q), np.zeros_like(q)
        for tool in self.tools:
            self._motions[tool].stop()
            self._grips[tool].stop()

    @abstractmethod
    def _goals(
        self, hands: Mapping[str, Any], grips: Mapping[str, float], thing: Array
    ) -> dict[str, Goal]:
        """Where each hand should go.

        Args:
            hands: Commanded pose of each tool (`pinocchio.SE3`).
            grips: Commanded position of each gripper [m].
            thing: Pose of the object, shape (7,).
        """

    @abstractmethod
    def _finished(
        self, hands: Mapping[str, Any], grips: Mapping[str, float], thing: Array
    ) -> bool:
        """Whether there is nothing left to do."""


def _posture(contract: Contract) -> Array:
    """Comfortable posture of both arms, the rest at home."""
    posture = np.array(contract.home)
    for part, value in POSTURE.items():
        for side in ('left', 'right'):
            # Rolls and yaws change their sign from one side to the other.
            mirrored = side == 'right' and part.endswith(('roll', 'yaw'))
            posture[contract.index(f'{side}_{part}_joint')] = -value if mirrored else value
    return posture


class ReachExpert(Expert):
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


class LiftExpert(Expert):
    """Presses the palms against both sides of the box and lifts it."""

    tools = (LEFT, RIGHT)
    CLEAR: ClassVar[float] = 0.07
    SQUEEZE: ClassVar[float] = -0.016
    PALM: ClassVar[float] = 0.05
    HEIGHT: ClassVar[float] = 0.17
    PITCH: ClassVar[float] = -1.0
    GRIP: ClassVar[float] = 0.0

    def _goals(
        self, hands: Mapping[str, Any], grips: Mapping[str, float], thing: Array
    ) -> dict[str, Goal]:
        yaw = yaw_of(thing)
        box = pin.SE3(turn(yaw), thing[:3])
        face = BOX_HALF[1] + self.PALM
        sides = {LEFT: 1.0, RIGHT: -1.0}
        local = {tool: box.actInv(hands[tool]).translation for tool in self.tools}
        gaps = {tool: sides[tool] * local[tool][1] - face for tool in self.tools}
        raised = float(thing[2]) - (TABLE_TOP + BOX_HALF[2])
        goals = {}
        # Both hands: neither presses before the other is there.
        aside = max(math.hypot(local[tool][0], local[tool][2]) for tool in self.tools)
        squeezed = max(gaps.values()) < self.SQUEEZE + 0.004
        for tool in self.tools:
            rotation = turn(yaw, self.PITCH)
            if squeezed or raised > 0.01:
                # Up from where the hand is, not from where the box is: no feedback, no drift.
                position = hands[tool].translation.copy()
                position[2] = TABLE_TOP + BOX_HALF[2] + self.HEIGHT
            else:
                gap = self.SQUEEZE + (self.CLEAR - self.SQUEEZE) * ramp(aside, 0.01, 0.05)
                position = box.act(np.array([0.0, sides[tool] * (face + gap), 0.0]))
            goals[tool] = Goal(pin.SE3(rotation, position), self.GRIP)
        return goals

    def _finished(
        self, hands: Mapping[str, Any], grips: Mapping[str, float], thing: Array
    ) -> bool:
        return bool(thing[2] > TABLE_TOP + BOX_HALF[2] + self.HEIGHT - 0.03)


class PickPlaceExpert(Expert):
    """Grasps the cube, carries it over the bin and lets go."""

    OPEN: ClassVar[float] = 0.040
    CLOSED: ClassVar[float] = 0.010
    HELD: ClassVar[float] = 0.0195
    PITCH: ClassVar[float] = -0.7
    ABOVE: ClassVar[float] = 0.10
    GRASP: ClassVar[float] = 0.005
    CARRY: ClassVar[float] = 0.15
    DROP: ClassVar[float] = 0.075

    def _goals(
        self, hands: Mapping[str, Any], grips: Mapping[str, float], thing: Array
    ) -> dict[str, Goal]:
        tool, grip = hands[RIGHT].translation, grips[RIGHT]
        cube = thing[:3]
        tray = np.array(BIN_CENTRE)
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

    @staticmethod
    def _binned(cube: Array) -> bool:
        """Whether the cube is in the bin, or would fall into it."""
        inside = np.abs(cube[:2] - BIN_CENTRE[:2]).max() < 0.05
        return bool(inside and cube[2] < TABLE_TOP + 0.085)

    def _finished(
        self, hands: Mapping[str, Any], grips: Mapping[str, float], thing: Array
    ) -> bool:
        away = hands[RIGHT].translation[2] > 0.15
        return self._binned(thing) and bool(away) and float(thing[2]) < 2.5 * CUBE_HALF


EXPERTS: dict[str, type[Expert]] = {
    'reach': ReachExpert,
    'lift': LiftExpert,
    'pick_place': PickPlaceExpert,
}
"""The expert of each task."""
