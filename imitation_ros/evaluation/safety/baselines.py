# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Others that stand between what is asked and what is commanded, to compare the filter with.

All keep their last finite command in `q`, as a robot that tracks perfectly would stand there; all
hold it when there is no input, or one that is no position of this robot.
"""

from typing import Protocol

import numpy as np
import pinocchio as pin

from ...contract import Contract
from ...data.frame import Array
from ...kinematics.model import RobotModel
from ...safety.backend import Backend
from ...safety.filter import SafetyFilter


class Method(Protocol):
    """Turns what is asked into set-points.

    Attributes:
        q: Last finite set-point [rad or m], shape (n,).
        failures: Steps in which it raised an error instead of giving a set-point.
    """

    q: Array
    failures: int

    def step(self, goal: Array | None, velocity: Array | None = None) -> Array:
        """Next set-point, shape (n,); may be non-finite, if that is what the method sends."""


class Ours:
    """The safety filter of this package: a QP proposes, a brake certificate disposes."""

    CERTIFY = True

    def __init__(self, contract: Contract, backend: Backend) -> None:
        """Start at rest at home."""
        self._filter = SafetyFilter(contract, backend, certify=self.CERTIFY)
        self._filter.reset(contract.home)
        self.q: Array = contract.home.copy()
        self.failures = 0

    def step(self, goal: Array | None, velocity: Array | None = None) -> Array:
        """Next set-point."""
        self.q = self._filter.step(goal, velocity).q
        return self.q


class Uncertified(Ours):
    """The same filter without its certificate: what the box and the QP are worth alone."""

    CERTIFY = False


class Law:
    """A law that takes a position of the right shape and gives the next set-point."""

    def __init__(self, contract: Contract, _: Backend) -> None:
        """Start at rest at home; other links are not looked at."""
        self._limits = contract.limits
        self._dt = 1.0 / contract.rates.command_hz
        self.q: Array = contract.home.copy()
        self.failures = 0

    def step(self, goal: Array | None, _: Array | None = None) -> Array:
        """Next set-point; the velocity of the goal is not used."""
        if goal is None or goal.shape != self.q.shape:
            return self.q
        with np.errstate(invalid='ignore', over='ignore'):
            sent = self._next(goal)
        self.q = np.where(np.isfinite(sent), sent, self.q)
        return sent

    def _next(self, goal: Array) -> Array:
        raise NotImplementedError


class SoftLimiterTranscription(Law):
    """The law of ros2_control's joint soft limiter, position interface; written down anew.

    Joint by joint: within the limits; towards a limit no faster than `gain` times what is left;
    and within max_velocity and |velocity| + max_acceleration dt of the last command, in both
    directions. It knows neither other links nor how long braking takes. A value that is not
    finite passes. Tracking is taken as perfect.
    """

    GAIN = 10.0
    """Of the soft limits [1/s]; a description of a robot sets its own."""

    def __init__(self, contract: Contract, backend: Backend) -> None:
        """Start at rest at home."""
        super().__init__(contract, backend)
        self._v: Array = np.zeros(contract.n)

    def _next(self, goal: Array) -> Array:
        limits, dt, q = self._limits, self._dt, self.q
        speed = np.minimum(limits.velocity, np.abs(self._v) + limits.acceleration * dt)
        up = np.minimum(speed, np.maximum(self.GAIN * (limits.upper - q), -limits.velocity))
        down = np.maximum(-speed, np.minimum(self.GAIN * (limits.lower - q), limits.velocity))
        sent: Array = np.clip(goal, q + dt * down, q + dt * up)
        sent = np.clip(sent, limits.lower, limits.upper)
        self._v = np.where(np.isfinite(sent), (sent - q) / dt, 0.0)
        return sent


class StepClamp(Law):
    """The clamp of LeRobot's `max_relative_target`: no more than a step from the measured joint.

    The step is v_max dt. There are no position limits; a value that is not finite passes.
    """

    def _next(self, goal: Array) -> Array:
        step = self._limits.velocity * self._dt
        sent: Array = self.q + np.clip(goal - self.q, -step, step)
        return sent


class Pink:
    """pink's differential IK with its limits, and its barrier over the closest 40 pairs.

    It has the same limits and the same shapes as ours. What to do when it raises is the caller's
    choice; here the last command is held.
    """

    def __init__(self, contract: Contract, backend: Backend) -> None:
        """Start at rest at home; needs the packages pink and qpsolvers."""
        import pink
        from pink.barriers import SelfCollisionBarrier
        from pink.limits import AccelerationLimit, ConfigurationLimit, VelocityLimit
        from pink.tasks import PostureTask

        self._pink = pink
        self._robot = RobotModel(contract)
        model = self._robot.model
        model.velocityLimit = self._robot.to_model(contract.limits.velocity)
        model.lowerPositionLimit = self._robot.to_model(contract.limits.lower)
        model.upperPositionLimit = self._robot.to_model(contract.limits.upper)
        self._dt = 1.0 / contract.rates.command_hz
        self._data = model.createData()
        self._geometry = backend.geometry.shapes
        self._geometry_data = pin.GeometryData(self._geometry)
        self._acceleration = AccelerationLimit(
            model, self._robot.to_model(contract.limits.acceleration)
        )
        self._limits = [ConfigurationLimit(model), VelocityLimit(model), self._acceleration]
        self._barrier = SelfCollisionBarrier(
            n_collision_pairs=min(40, len(backend)),
            gain=20.0,
            d_min=contract.safety.self_collision_distance,
        )
        self._task = PostureTask(cost=1.0)
        self.q: Array = contract.home.copy()
        self.failures = 0

    def step(self, goal: Array | None, _: Array | None = None) -> Array:
        """Next set-point; the velocity of the goal is not used."""
        if goal is None or goal.shape != self.q.shape:
            return self.q
        with np.errstate(invalid='ignore'):
            v = self._solve(goal)
        sent: Array = self.q + self._dt * self._robot.to_contract(v)
        if np.isfinite(sent).all():
            self._acceleration.set_last_integration(v, self._dt)
            self.q = sent
        return sent

    def _solve(self, goal: Array) -> Array:
        """Velocity towards a goal, in the model's order [rad/s]; zero when pink raises."""
        model = self._robot.model
        try:
            configuration = self._pink.Configuration(
                model,
                self._data,
                self._robot.to_model(self.q),
                copy_data=False,
                collision_model=self._geometry,
                collision_data=self._geometry_data,
            )
            self._task.set_target(self._robot.to_model(goal))
            v: Array = self._pink.solve_ik(
                configuration,
                [self._task],
                self._dt,
                solver='daqp',
                limits=self._limits,
                barriers=[self._barrier],
            )
        except Exception:  # noqa: BLE001  (pink, qpsolvers and daqp raise many kinds)
            self.failures += 1
            return np.zeros(model.nv)
        return v
