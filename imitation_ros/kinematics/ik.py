# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Differential inverse kinematics of tool frames, inside joint limits of every order.

One call is one control period: a quadratic programme (pink) moves the tools towards their targets
as far as position, velocity and acceleration limits allow, and leans the rest of the arm towards
a comfortable posture.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pink
from pink.limits import Limit
from pink.tasks import FrameTask, PostureTask
import pinocchio as pin

from ..contract import Contract
from ..data.frame import Array
from ..errors import ContractError, DataError
from .braking import stoppable_speed
from .model import RobotModel

SOLVER = 'daqp'
DAMPING = 1e-5
"""Weight of moving at all; keeps the problem well posed at singular postures."""


class _StepLimit(Limit):  # type: ignore[misc]
    """Bounds of one step that always leave a step: braking is possible from every state.

    Attributes:
        lower: Lowest displacement of the step [rad or m], shape (nv,).
        upper: Highest displacement of the step.
    """

    def __init__(self, size: int) -> None:
        self.lower = np.zeros(size)
        self.upper = np.zeros(size)
        eye = np.eye(size)
        self._G = np.vstack([eye, -eye])

    def compute_qp_inequalities(self, configuration: Any, dt: float) -> tuple[Array, Array]:
        """G and h of `G dq <= h`."""
        return self._G, np.concatenate([self.upper, -self.lower])


def step_bounds(
    q: Array, v: Array, dt_s: float, limits: tuple[Array, Array, Array, Array]
) -> tuple[Array, Array]:
    """Range of the next velocity that keeps every limit now and can keep it later.

    Args:
        q: Positions [rad or m], shape (k,).
        v: Velocities of the last step [rad/s or m/s], shape (k,).
        dt_s: Duration of the step [s].
        limits: Lower and upper position, velocity and acceleration, each of shape (k,).

    Returns:
        Lowest and highest velocity, each of shape (k,); the first is never above the second.
    """
    lower, upper, velocity, acceleration = limits
    slowest, fastest = v - acceleration * dt_s, v + acceleration * dt_s
    # Planned with a little less than the limit, for a smooth stop; never faster than what full
    # braking in whole steps can still stop.
    braking = 0.85 * acceleration
    half, unit = 0.5 * braking * dt_s, acceleration * dt_s

    def brake(way: Array) -> Array:
        smooth: Array = np.sqrt(half**2 + 2.0 * braking * np.maximum(way, 0.0)) - half
        exact = unit * stoppable_speed(way / (unit * dt_s))
        return np.minimum(np.minimum(smooth, exact), velocity)

    low = np.clip(-brake(q - lower), slowest, fastest)
    high = np.clip(brake(upper - q), slowest, fastest)
    return np.maximum(low, slowest), np.minimum(np.maximum(high, low), fastest)


class ToolIk:
    """Moves tool frames of a robot towards targets, one control period at a time.

    Attributes:
        model: The robot.
        joints: Joints that may move; all others stay where they are.
        posture: Where the moving joints lean to, shape (n,), contract order.
    """

    def __init__(
        self,
        model: RobotModel,
        frames: Sequence[str],
        joints: Sequence[str] | None = None,
        *,
        velocity: float | None = None,
        acceleration: float | None = None,
        orientation_cost: float = 0.3,
        posture: Array | None = None,
        posture_cost: float = 0.02,
        ranges: Mapping[str, tuple[float, float]] | None = None,
    ) -> None:
        """Set up the problem.

        Args:
            model: The robot.
            frames: Tool frames that will be given targets.
            joints: Joints that may move; by default those between the base and the frames that
                are in the same group as the last of them (so an arm without the torso).
            velocity: Cap on the contract's velocity limits [rad/s].
            acceleration: Cap on the contract's acceleration limits [rad/s^2].
            orientation_cost: Weight of 1 rad of orientation against 1 m of position.
            posture: Positions to lean to, shape (n,), contract order; home by default.
            posture_cost: Weight of the posture.
            ranges: Narrower position limits [rad or m] for some joints, by name.

        Raises:
            ContractError: If a frame or a joint is unknown, or a range is empty.
        """
        contract = model.contract
        for frame in frames:
            model.frame_id(frame)
        self.model = model
        self.joints = tuple(joints) if joints is not None else arm_joints(model, frames)
        self.posture = np.array(contract.home if posture is None else posture)
        self._columns = np.array([contract.index(name) for name in self.joints], dtype=np.intp)
        limits, columns = contract.limits, self._columns
        lower, upper = limits.lower.copy(), limits.upper.copy()
        for name, (low, high) in (ranges or {}).items():
            i = contract.index(name)
            lower[i], upper[i] = max(low, lower[i]), min(high, upper[i])
            if not lower[i] < upper[i]:
                raise ContractError(f'range [{low}, {high}] of "{name}" is outside its limits')
        self._limits = (
            lower[columns],
            upper[columns],
            np.minimum(limits.velocity[columns], velocity or np.inf),
            np.minimum(limits.acceleration[columns], acceleration or np.inf),
        )
        self._full = pin.buildModelFromXML(contract.urdf_text)
        self._locked_at: Array | None = None
        self._reduced: Any = None
        self._order = columns
        self._box = _StepLimit(len(columns))
        self._orientation_cost = orientation_cost
        self._tasks = {
            frame: FrameTask(frame, position_cost=1.0, orientation_cost=orientation_cost)
            for frame in frames
        }
        self._lean = PostureTask(cost=posture_cost, gain=0.05)

    def solve(
        self,
        q: Array,
        targets: Mapping[str, Any],
        dt_s: float,
        v: Array | None = None,
        orientation_cost: float | None = None,
    ) -> Array:
        """One control period towards the targets.

        Args:
            q: Joint positions now [rad or m], shape (n,), contract order.
            targets: Target pose (`pinocchio.SE3`, in the base) of each frame to move.
            dt_s: Duration of the period [s].
            v: Joint velocities of the last period [rad/s], shape (n,). If given, acceleration is
                limited too.
            orientation_cost: Weight of the orientation in this call.

        Returns:
            Joint positions at the end of the period, shape (n,), contract order.

        Raises:
            DataError: If a value is not finite, or a frame was not named at construction.
        """
        if q.shape != (self.model.contract.n,) or not np.isfinite(q).all():
            raise DataError(f'q must be {self.model.contract.n} finite positions, not {q}')
        self._lock(q)
        lower, upper, velocity, acceleration = self._limits
        inside = np.clip(q[self._columns], lower, upper)
        speed = np.zeros_like(inside) if v is None else v[self._columns]
        if v is None:
            acceleration = np.full_like(acceleration, np.inf)
            low = np.maximum(-velocity, (lower - inside) / dt_s)
            high = np.minimum(velocity, (upper - inside) / dt_s)
        else:
            low, high = step_bounds(inside, speed, dt_s, self._limits)
        order = self._order
        self._box.lower[order], self._box.upper[order] = low * dt_s, high * dt_s
        configuration = pink.Configuration(self._reduced, self._data, self._to_pin(inside), False)
        tasks: list[Any] = [self._lean]
        self._lean.set_target(self._to_pin(self.posture[self._columns]))
        for frame, target in targets.items():
            if frame not in self._tasks:
                raise DataError(f'"{frame}" is none of the frames {", ".join(self._tasks)}')
            task = self._tasks[frame]
            cost = self._orientation_cost if orientation_cost is None else orientation_cost
            task.set_orientation_cost(cost)
            task.set_target(target)
            tasks.append(task)
        found = pink.solve_ik(
            configuration,
            tasks,
            dt_s,
            SOLVER,
            damping=1e-5,
            limits=[self._box],
            safety_break=False,
        )
        # The solver keeps its bounds to a tolerance; the limits are kept exactly.
        step = np.clip(found[order], low, high) * dt_s
        result = q.copy()
        result[self._columns] = np.clip(inside + step, lower, upper)
        return result

    def _to_pin(self, values: Array) -> Array:
        """Values of the moving joints in Pinocchio's order."""
        out = np.empty_like(values)
        out[self._order] = values
        return out

    def _lock(self, q: Array) -> None:
        """Reduce the model to the moving joints, with the others where they are now."""
        still = np.delete(q, self._columns)
        if self._locked_at is not None and np.array_equal(still, self._locked_at):
            return
        reference = pin.neutral(self._full)
        for name, value in zip(self.model.contract.joints, q, strict=True):
            reference[self._full.joints[self._full.getJointId(name)].idx_q] = value
        lock = [
            joint
            for joint, name in enumerate(self._full.names)
            if joint > 0 and name not in self.joints
        ]
        reduced = pin.buildReducedModel(self._full, lock, reference)
        self._order = np.array(
            [reduced.joints[reduced.getJointId(name)].idx_q for name in self.joints], dtype=np.intp
        )
        self._reduced, self._data, self._locked_at = reduced, reduced.createData(), still


def arm_joints(model: RobotModel, frames: Sequence[str]) -> tuple[str, ...]:
    """Joints that carry the frames and belong to the group of the joint nearest to each frame.

    In contract order; for a hand this is its arm, without torso and gripper.
    """
    contract: Contract = model.contract
    found: set[str] = set()
    for frame in frames:
        joint = model.model.frames[model.frame_id(frame)].parentJoint
        chain = [model.model.names[i] for i in model.model.supports[joint] if i > 0]
        if not chain:
            continue
        group = next(group for group in contract.groups if chain[-1] in group.joints)
        found.update(name for name in chain if name in group.joints)
    return tuple(name for name in contract.joints if name in found)
