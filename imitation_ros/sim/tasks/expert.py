# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What scripted experts, operators that solve the tasks, have in common.

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

from ...contract import Contract
from ...data.frame import Array
from ...kinematics.ik import ToolIk
from ...kinematics.model import RobotModel
from ...kinematics.motion import JointMotion, ToolMotion

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
    """An operator that asks for joint positions, period by period."""

    still_s: ClassVar[float] = 0.35

    def __init__(self, contract: Contract) -> None:
        """Get to know the robot."""
        self.contract = contract
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
        self._measured = np.array(q)
        self._stop_at(q)

    def observe(self, q: Array) -> None:
        """Look at the measured joint positions [rad or m], shape (n,), before a step.

        Most experts make no use of it: they know what they commanded.
        """
        self._measured = np.array(q)

    def watch(self, q_command: Array) -> None:
        """Look on while another one drives: this is the newest command [rad or m], shape (n,).

        The expert's own speed stays, so its next step is what it would do in the middle of a
        motion, not the first step from rest.
        """
        self._q = np.array(q_command)

    @abstractmethod
    def step(self, q_command: Array, poses: Mapping[str, Array], dt_s: float) -> Array:
        """One control period.

        Args:
            q_command: Joint positions last commanded [rad or m], shape (n,), contract order.
            poses: Pose of each tracked object in the base frame, shape (7,).
            dt_s: Duration of the period [s].

        Returns:
            Joint positions to command next, shape (n,).
        """

    def _stop_at(self, q: Array) -> None:
        """Take these positions as the last command, at rest."""
        self._q, self._v = np.array(q), np.zeros_like(q)

    def _count(self, finished: bool, dt_s: float) -> None:
        """Be done when the end has been reached for `still_s`."""
        self._still_s = self._still_s + dt_s if finished else 0.0
        self._done = self._done or self._still_s > self.still_s


class HandExpert(Expert):
    """Moves the hands towards goals that a task's script derives from the situation."""

    tools: ClassVar[tuple[str, ...]] = (RIGHT,)
    orientation_cost: ClassVar[float] = 0.3

    def __init__(self, contract: Contract) -> None:
        """Set up the inverse kinematics of the hands the script uses."""
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
        super().__init__(contract)

    def step(self, q_command: Array, poses: Mapping[str, Array], dt_s: float) -> Array:
        """One control period; see `Expert.step`."""
        if np.abs(q_command - self._q).max() > LOST:
            self._stop_at(q_command)
        hands = {tool: self._model.placement(self._q, tool) for tool in self.tools}
        grips = {tool: float(self._q[i]) for tool, i in self._grippers.items()}
        steps = self._move(hands, grips, poses[OBJECT], dt_s)
        q = self._ik.solve(self._q, {tool: steps[tool].pose for tool in self.tools}, dt_s, self._v)
        for tool, i in self._grippers.items():
            q[i] = steps[tool].grip
        self._v, self._q = (q - self._q) / dt_s, q
        finished = self._finished(hands, grips, poses[OBJECT])
        self._count(finished, dt_s)
        return q.copy()

    def _stop_at(self, q: Array) -> None:
        super()._stop_at(q)
        for tool in self.tools:
            self._motions[tool].stop()
            self._grips[tool].stop()

    def _move(
        self, hands: Mapping[str, Any], grips: Mapping[str, float], thing: Array, dt_s: float
    ) -> dict[str, Goal]:
        """Where each hand should be one period later, on the way to its goal."""
        goals = self._goals(hands, grips, thing)
        return {
            tool: Goal(
                self._motions[tool].step(hands[tool], goals[tool].pose, dt_s),
                self._grips[tool].step(grips[tool], goals[tool].grip, dt_s),
            )
            for tool in self.tools
        }

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
