# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Inverse dynamics and the centre of mass of a robot whose base is static and upright."""

from typing import Any, Protocol

import numpy as np
import pinocchio as pin

from ...data.frame import Array
from ...kinematics.model import RobotModel

GRAVITY = 9.81
"""Along the z axis of the base, downwards [m/s^2]; Pinocchio's, too."""


class Dynamics(Protocol):
    """What torque and support are judged by; everything in contract order."""

    def torque(self, q: Array, v: Array, a: Array) -> Array:
        """Torque of every joint [Nm or N], shape (n,), for an acceleration in a state.

        Args:
            q: Positions [rad or m], shape (n,).
            v: Velocities [rad/s or m/s], shape (n,).
            a: Accelerations [rad/s^2 or m/s^2], shape (n,).
        """

    def gravity(self, q: Array) -> Array:
        """Torque that holds the robot still [Nm or N], shape (n,)."""

    def inertia(self, q: Array) -> Array:
        """Joint-space inertia, shape (n, n)."""

    def center(self, q: Array, frame: int) -> tuple[Array, Array]:
        """Centre of mass in a frame [m], shape (3,), and d / dq of that, shape (3, n)."""


class PinocchioDynamics:
    """By Pinocchio: recursive Newton-Euler and composite rigid bodies (Featherstone 2008)."""

    def __init__(self, robot: RobotModel) -> None:
        """Find out what share of the mass can move."""
        self._robot = robot
        self._model: Any = robot.model
        self._data: Any = robot.model.createData()
        # Pinocchio leaves what is static out of the centre of mass.
        base = robot.model.inertias[0]
        moving = sum(inertia.mass for inertia in list(robot.model.inertias)[1:])
        self._share = moving / (moving + base.mass)
        self._base: Array = (1.0 - self._share) * np.array(base.lever)

    def torque(self, q: Array, v: Array, a: Array) -> Array:
        """See `Dynamics`."""
        order = self._robot.to_model
        tau = pin.rnea(self._model, self._data, order(q), order(v), order(a))
        return self._robot.to_contract(np.asarray(tau))

    def gravity(self, q: Array) -> Array:
        """See `Dynamics`."""
        tau = pin.computeGeneralizedGravity(self._model, self._data, self._robot.to_model(q))
        return self._robot.to_contract(np.asarray(tau))

    def inertia(self, q: Array) -> Array:
        """See `Dynamics`."""
        inertia = pin.crba(self._model, self._data, self._robot.to_model(q))
        return self._robot.to_contract(self._robot.to_contract(inertia).T)

    def center(self, q: Array, frame: int) -> tuple[Array, Array]:
        """See `Dynamics`."""
        model, data, model_q = self._model, self._data, self._robot.to_model(q)
        rate = self._share * pin.jacobianCenterOfMass(model, data, model_q)
        center = self._share * data.com[0] + self._base
        if model.frames[frame].parentJoint:
            local = pin.LOCAL_WORLD_ALIGNED
            own = pin.computeFrameJacobian(model, data, model_q, frame, local)
            pose = pin.updateFramePlacement(model, data, frame)
            center = center - pose.translation
            rate = pose.rotation.T @ (rate - own[:3] + pin.skew(center) @ own[3:])
            center = pose.rotation.T @ center
        else:
            pose = model.frames[frame].placement
            rate = pose.rotation.T @ rate
            center = pose.rotation.T @ (center - pose.translation)
        return center, self._robot.to_contract(rate)
