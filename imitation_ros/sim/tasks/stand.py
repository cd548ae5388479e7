# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Stand: the whole robot on its own feet, on ankles too soft to stand by themselves, and pushed.

The base floats. The tracked object is a mark on the floor, seen from the base, so that a policy
knows from one pose how the base is tilted and where it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
import math
from typing import Any, ClassVar

import mujoco
import numpy as np

from ...contract import Contract
from ...data.frame import Array
from ..dimensions import BASE_HEIGHT
from ..scene import build
from ..task import Task
from .expert import ACCELERATION, Expert, OBJECT, VELOCITY
from .regulator import lqr_gain

ANKLE = (150.0, 10.0)
"""Stiffness [Nm/rad] and damping [Nms/rad] of an ankle.

Two of them hold 300 Nm/rad; the weight above asks for 400. So the robot falls if nobody balances.
"""
LIGHT, HARD = 0.08, 0.2
"""Range of the pushes: change of the velocity of the whole robot [m/s]."""
STANCE_S = 5.0
"""How long stiff ankles stand still to find the stance that the soft ones are to hold [s]."""


@dataclass(frozen=True)
class Stand(Task):
    """Stay upright, and come back to where the robot stood."""

    tolerance: float = 0.05
    tilt: float = 0.15

    def add_objects(self, spec: Any, contract: Contract) -> None:
        """Add the mark on the floor."""
        body = spec.worldbody.add_body(name='mark', pos=[0.0, 0.0, 0.0])
        body.add_geom(
            name='mark',
            type=mujoco.mjtGeom.mjGEOM_CYLINDER,
            size=[0.25, 0.001, 0.0],
            rgba=[0.15, 0.30, 0.80, 1],
            contype=0,
            conaffinity=0,
        )

    def shoves(self, rng: np.random.Generator) -> list[tuple[float, Array]]:
        """Push the robot three times, from any side."""
        found = []
        for first_s in (1.0, 3.5, 6.0):
            at, speed, angle = rng.uniform(
                [first_s, LIGHT, -math.pi], [first_s + 1.0, HARD, math.pi]
            )
            found.append((at, speed * np.array([math.cos(angle), math.sin(angle), 0.0])))
        return found

    def rule(self, pose: Array, start: Array, tools: Mapping[str, Array]) -> bool:
        """Base upright, at its height, and near the place above the mark where it stood."""
        rotation = np.empty(9)
        mujoco.mju_quat2Mat(rotation, pose[[6, 3, 4, 5]])
        base: Array = -rotation.reshape(3, 3).T @ pose[:3]
        stood = np.array([0.0, 0.0, -start[2]])
        return bool(rotation[8] > math.cos(self.tilt)) and bool(
            np.linalg.norm(base - stood) < self.tolerance
        )


class StandExpert(Expert):
    """A linear-quadratic regulator about the stance (Tedrake, Underactuated Robotics, ch. 8).

    It is late by teleoperation and servos, so it regulates the state that its own commands will
    have led to by the time the next one arrives.
    """

    still_s = 10.3
    PERIOD_S: ClassVar[float] = 0.02
    LATE: ClassVar[int] = 4
    CENTRE_COST: ClassVar[tuple[float, float]] = (1e3, 1e2)
    JOINT_COST: ClassVar[tuple[float, float]] = (1.0, 0.1)
    INPUT_COST: ClassVar[float] = 200.0
    IDLE_COST: ClassVar[float] = 1e6
    MOVING: ClassVar[tuple[str, ...]] = ('waist', 'hip', 'knee', 'ankle')
    FORGET_S: ClassVar[float] = 0.01

    def __init__(self, contract: Contract) -> None:
        """Find the stance, linearise the physics there and solve for the gain."""
        self._scene = scene = build(contract, STAND)
        model, data = scene.model, mujoco.MjData(scene.model)
        self._stance(data, contract)
        self._q0, self._command0 = data.qpos.copy(), data.ctrl[scene.actuator].copy()
        self._a, self._b = self._linearise(data)
        self._gain = self._regulate(data, contract)
        self._size = model.nv
        self._seen: Array | None = None
        self._speed, self._asked = np.zeros(self._size), [np.zeros(contract.n)]
        super().__init__(contract)

    def step(self, q_command: Array, poses: Mapping[str, Array], dt_s: float) -> Array:
        """One control period; see `Expert.step`."""
        scene = self._scene
        qpos = self._qpos(poses[OBJECT])
        state = np.zeros(2 * self._size)
        mujoco.mj_differentiatePos(scene.model, state[: self._size], 1.0, self._q0, qpos)
        if self._seen is not None:
            fresh = np.empty(self._size)
            mujoco.mj_differentiatePos(scene.model, fresh, dt_s, self._seen, qpos)
            keep = math.exp(-dt_s / self.FORGET_S)
            self._speed = keep * self._speed + (1.0 - keep) * fresh
        self._seen = qpos
        state[self._size :] = self._speed
        for asked in self._asked:
            state = self._a @ state + self._b @ (asked - self._command0)
        limits = self.contract.limits
        goal = np.clip(self._command0 - self._gain @ state, limits.lower, limits.upper)
        # As fast as the safety filter lets it pass, and braking in time.
        way = goal - self._q
        half = 0.5 * ACCELERATION * dt_s
        fastest = np.sqrt(half**2 + 2.0 * ACCELERATION * np.abs(way)) - half
        fastest = np.minimum(fastest, VELOCITY)
        wanted = np.clip(way / dt_s, -fastest, fastest)
        change = ACCELERATION * dt_s
        self._v = self._v + np.clip(wanted - self._v, -change, change)
        self._q = self._q + self._v * dt_s
        self._asked = [*self._asked[1:], self._q]
        self._count(True, dt_s)
        return self._q.copy()

    def _stop_at(self, q: Array) -> None:
        super()._stop_at(q)
        self._asked = [np.array(q)] * self.LATE
        self._seen = None
        self._speed = np.zeros(self._size)

    def _qpos(self, mark: Array) -> Array:
        """State of the model: the base as the mark tells, the joints as measured."""
        qpos: Array = self._q0.copy()
        inverse, turn = np.empty(4), mark[[6, 3, 4, 5]]
        mujoco.mju_negQuat(inverse, turn)
        mujoco.mju_rotVecQuat(qpos[:3], -mark[:3], inverse)
        qpos[3:7] = inverse
        qpos[self._scene.q_index] = self._measured
        for index, leader in self._scene.mimic:
            qpos[index] = self._measured[leader]
        return qpos

    def _stance(self, data: Any, contract: Contract) -> None:
        """Stand still on stiff ankles, then let soft ones hold the same torque."""
        model, scene = self._scene.model, self._scene
        data.qpos[scene.q_index] = contract.home
        for index, leader in scene.mimic:
            data.qpos[index] = contract.home[leader]
        data.ctrl[scene.actuator] = contract.home
        data.eq_active[scene.gantry] = False
        ankles = [scene.actuator[i] for i, name in enumerate(contract.joints) if 'ankle' in name]
        soft = model.actuator_gainprm[ankles, 0].copy(), model.actuator_biasprm[ankles].copy()
        model.actuator_gainprm[ankles, 0] *= 4.0
        model.actuator_biasprm[ankles] *= 4.0
        mujoco.mj_step(model, data, round(STANCE_S / model.opt.timestep))
        torque = data.actuator_force[ankles]
        model.actuator_gainprm[ankles, 0], model.actuator_biasprm[ankles] = soft
        joints = model.jnt_qposadr[model.actuator_trnid[ankles, 0]]
        data.ctrl[ankles] = data.qpos[joints] + torque / soft[0]
        data.qvel[:] = 0.0
        mujoco.mj_forward(model, data)

    def _linearise(self, data: Any) -> tuple[Array, Array]:
        """Transition of the state over one period, and what commands (contract order) do to it."""
        model = self._scene.model
        a, b = np.zeros((2 * model.nv, 2 * model.nv)), np.zeros((2 * model.nv, model.nu))
        mujoco.mjd_transitionFD(model, data, 1e-5, True, a, b, None, None)
        whole, inputs = np.eye(2 * model.nv), np.zeros_like(b)
        for _ in range(round(self.PERIOD_S / model.opt.timestep)):
            inputs += whole @ b
            whole = a @ whole
        commands: Array = inputs[:, self._scene.actuator]
        return whole, commands

    def _regulate(self, data: Any, contract: Contract) -> Array:
        """Gain that keeps the centre of mass above the feet with legs and waist."""
        model = self._scene.model
        n = model.nv
        jacobian = np.zeros((3, n))
        mujoco.mj_jacSubtreeCom(model, data, jacobian, self._scene.base)
        centre = jacobian[:2].T @ jacobian[:2]
        cost = np.zeros((2 * n, 2 * n))
        cost[:n, :n] = self.CENTRE_COST[0] * centre + self.JOINT_COST[0] * np.eye(n)
        cost[n:, n:] = self.CENTRE_COST[1] * centre + self.JOINT_COST[1] * np.eye(n)
        moving = [any(part in name for part in self.MOVING) for name in contract.joints]
        effort = np.diag(np.where(moving, self.INPUT_COST, self.IDLE_COST))
        gain: Array = lqr_gain(self._a, self._b, cost, effort)
        gain[~np.array(moving)] = 0.0
        return gain


STAND = Stand(
    name='stand',
    body='mark',
    centre=(0.0, 0.0, -BASE_HEIGHT, 0.0),
    reach=(0.0, 0.0, 0.0, 0.0),
    time_limit_s=11.0,
    hold_s=1.0,
    from_s=9.0,
    floating=True,
    gains={'ankle': ANKLE},
    history=2,
)
