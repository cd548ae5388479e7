# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From a tool's motion to a proposal: integrate inside a workspace, then inverse kinematics."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pinocchio as pin

from ..data.frame import Array
from ..data.proposal import Proposal
from ..errors import ContractError
from ..kinematics.ik import arm_joints, ToolIk
from ..kinematics.model import RobotModel
from .gate import Gate, GateConfig, GateState
from .spline import Spline

NS = 1_000_000_000
SHARE = 0.8
"""Share of the safety limits that is used: the safety filter should have nothing to do."""


@dataclass(frozen=True)
class Jog:
    """Motion an operator asks for with a relative device.

    Attributes:
        held: Whether the dead-man is held.
        motion: Shares of the full speed, in [-1, 1]: x y z, then rotation about x y z, shape
            (6,), in the robot's base axes.
        gripper: Share of the gripper's full speed: positive opens.
        tool: Which of the tools moves.
    """

    held: bool
    motion: Array
    gripper: float = 0.0
    tool: int = 0


@dataclass(frozen=True)
class TwistConfig:
    """Speeds and workspace of a jogged tool.

    Attributes:
        linear: Full speed [m/s].
        angular: Full speed [rad/s].
        gripper_s: Time from closed to open at full speed [s].
        lower: Lower corner of the workspace in the base frame [m].
        upper: Upper corner [m].
        lag: The target waits when the arm cannot follow it closer than this [m].
        turn_lag: The same for the orientation [rad].
        max_step_s: Longest time between two steps that is integrated [s].
    """

    linear: float = 0.15
    angular: float = 0.8
    gripper_s: float = 0.6
    lower: tuple[float, float, float] = (0.0, -0.7, -0.2)
    upper: tuple[float, float, float] = (0.8, 0.7, 0.8)
    lag: float = 0.02
    turn_lag: float = 0.3
    max_step_s: float = 0.1

    def __post_init__(self) -> None:
        """Refuse speeds that are not positive, and an empty workspace."""
        for name in ('linear', 'angular', 'gripper_s', 'lag', 'turn_lag', 'max_step_s'):
            value = getattr(self, name)
            if not 0 < value < np.inf:
                raise ValueError(f'{name} must be positive and finite, not {value}')
        if not all(low < high for low, high in zip(self.lower, self.upper, strict=True)):
            raise ValueError(f'the workspace is empty: {self.lower} to {self.upper}')


@dataclass(frozen=True)
class _Arm:
    """One tool with the group that moves it.

    Attributes:
        tool: Name of the tool frame.
        joints: Joints of the group.
        columns: Where they stand in contract order, shape (k,).
        gripper: Which of them do not move the tool, shape (k,).
    """

    tool: str
    joints: tuple[str, ...]
    columns: Any
    gripper: Any


class TwistTeleop:
    """Makes one single-point proposal per step from a jogged tool, while the dead-man is held.

    Each press anchors the target at the robot, so that nothing moved while released counts.

    Attributes:
        gate: The dead-man gate.
        reason: Why the last step proposed nothing; empty if it did.
    """

    def __init__(
        self,
        model: RobotModel,
        config: TwistConfig,
        gate: GateConfig,
        period_s: float,
        delay_s: float,
    ) -> None:
        """Find the group of each tool.

        Args:
            model: The robot.
            config: Speeds and workspace.
            gate: Settings of the gate.
            period_s: Usual time between two steps [s].
            delay_s: How far the robot follows behind the steps [s].

        Raises:
            ContractError: If the contract names no tool, or no group moves one.
        """
        if not model.contract.tools:
            raise ContractError('the contract names no tools: a tool cannot be jogged')
        self.gate = Gate(gate)
        self.reason = self.gate.reason
        self._model = model
        safety = model.contract.safety
        self._ik = ToolIk(
            model,
            model.contract.tools,
            velocity=SHARE * safety.velocity,
            acceleration=SHARE * safety.acceleration,
        )
        self._config = config
        self._spline = Spline(round(period_s * NS), round(delay_s * NS))
        self._arms = tuple(_find_arm(model, tool) for tool in model.contract.tools)
        self._jog = Jog(held=False, motion=np.zeros(6))
        self._anchored: int | None = None
        self._before_ns = 0
        self._q: Array = model.contract.home.copy()
        self._v: Array = np.zeros(model.contract.n)
        self._pose: Any = None

    def jog(self, now_ns: int, jog: Jog) -> None:
        """Tell what the device asks for, at the steady time it was heard [ns]."""
        self._jog = jog
        self.gate.deadman(now_ns, jog.held)

    def release(self, reason: str) -> None:
        """Stop proposing until the dead-man is pressed again."""
        self.gate.release(reason)
        self._anchored = None

    def step(self, now_ns: int, tick_ns: int, stamp_ns: int, robot: Array) -> Proposal | None:
        """Integrate the motion and propose where it leads.

        Args:
            now_ns: Steady time [ns].
            tick_ns: Time of this step on the clock of the stamps [ns].
            stamp_ns: Stamp of the newest joint state [ns].
            robot: Where the robot is, or is commanded to be [rad or m], shape (n,).

        Returns:
            The proposal, or None; `reason` then says why.
        """
        if not self.gate.held(now_ns):
            self._anchored = None
            self.reason = self.gate.reason
            return None
        arm = self._arms[self._jog.tool]
        if self._anchored != self._jog.tool or self.gate.state is GateState.RELEASED:
            if not np.isfinite(robot).all():
                self.reason = 'the robot state holds NaN or infinity'
                return None
            self._anchor(tick_ns, arm, robot)
        dt_s = (tick_ns - self._before_ns) / NS
        if not 0 <= dt_s <= self._config.max_step_s:
            self.reason = f'the clock jumped by {dt_s:.2f} s'
            self.release(self.reason)
            return None
        self._before_ns = tick_ns
        if dt_s > 0:
            self._advance(arm, dt_s)
        allowed = self.gate.step(now_ns, arm.joints, self._q[arm.columns], robot[arm.columns])
        self.reason = self.gate.reason
        if allowed is None:
            return None
        limits, columns = self._model.contract.limits, arm.columns
        times, points = self._spline.push(tick_ns, allowed, SHARE * limits.acceleration[columns])
        inside = np.clip(points, limits.lower[columns], limits.upper[columns])
        return Proposal(min(stamp_ns, tick_ns), arm.joints, times, inside)

    def _anchor(self, tick_ns: int, arm: _Arm, robot: Array) -> None:
        """Start from where the robot is; lean there too, so that only what is asked moves."""
        self.gate.release('anchored anew')
        self._anchored, self._before_ns = self._jog.tool, tick_ns
        self._q, self._v = robot.copy(), np.zeros_like(robot)
        self._ik.posture = robot.copy()
        self._spline.restart(tick_ns, robot[arm.columns])
        self._pose = self._model.placement(robot, arm.tool)

    def _advance(self, arm: _Arm, dt_s: float) -> None:
        """Move the target pose by one step, and the joints after it."""
        config, jog = self._config, self._jog
        motion = np.clip(np.nan_to_num(jog.motion), -1.0, 1.0)
        position = self._pose.translation
        # A tool that starts outside may move inwards, never farther out.
        low = np.minimum(config.lower, position)
        high = np.maximum(config.upper, position)
        asked = pin.SE3(
            pin.exp3(motion[3:] * config.angular * dt_s) @ self._pose.rotation,
            np.clip(position + motion[:3] * config.linear * dt_s, low, high),
        )
        # Out of reach the target waits for the arm, and only a way back moves it: a target that
        # ran ahead would have to be wound back before the tool turns round.
        reached = self._model.placement(self._q, arm.tool)
        before, after = self._lag(reached, self._pose), self._lag(reached, asked)
        if after <= max(before, 1.0):
            self._pose = asked
        q = self._ik.solve(self._q, {arm.tool: self._pose}, dt_s, self._v)
        limits = self._model.contract.limits
        for column in arm.columns[arm.gripper]:
            travel = limits.upper[column] - limits.lower[column]
            step = float(np.clip(np.nan_to_num(jog.gripper), -1.0, 1.0)) * travel
            q[column] += step / config.gripper_s * dt_s
        # Other groups are not proposed and must stay where they were anchored.
        last, columns = self._q, arm.columns
        self._q = last.copy()
        self._q[columns] = np.clip(q[columns], limits.lower[columns], limits.upper[columns])
        self._v = (self._q - last) / dt_s

    def _lag(self, reached: Any, target: Any) -> float:
        """How far a target is from the tool, as a share of what is allowed."""
        error = pin.log6(reached.actInv(target))
        return max(
            float(np.linalg.norm(error.linear)) / self._config.lag,
            float(np.linalg.norm(error.angular)) / self._config.turn_lag,
        )


def _find_arm(model: RobotModel, tool: str) -> _Arm:
    """Group whose joints carry a tool; its other joints are the gripper's."""
    contract = model.contract
    carrying = arm_joints(model, [tool])
    for group in contract.groups:
        if carrying and carrying[0] in group.joints:
            columns = np.array([contract.index(joint) for joint in group.joints], dtype=np.intp)
            gripper = np.array([joint not in carrying for joint in group.joints])
            return _Arm(tool, group.joints, columns, gripper)
    raise ContractError(f'no group of the contract moves the tool "{tool}"')
