# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How fast tools move, compiled; `..tools` states what is asked of it."""

from typing import Any

import numpy as np

from ...data.frame import Array
from ...kinematics.model import RobotModel
from ..constraints.limits import ViabilityBox
from .arrays import Packed, unpack
from .jit import kernel
from .kinematics import dot, joints


class CompiledToolMotion:
    """`ToolMotion`, compiled."""

    def __init__(
        self, robot: RobotModel, frames: list[int], packed: Packed, box: ViabilityBox
    ) -> None:
        """Take the places of the tools, and compile what is not on the disk yet."""
        items = [robot.model.frames[frame] for frame in frames]
        self._joints = np.array([item.parentJoint for item in items], dtype=np.int64)
        self._places = np.array([np.array(item.placement.translation) for item in items])
        self._floats, self._numbers, pose = packed
        self._pose = pose.copy()
        self._dt, self._step = float(box.dt), np.array(box.step)
        count, n = len(frames), robot.contract.n
        self._two, self._scratch = np.zeros((2, count, 3)), np.zeros((2, n))
        self.speeds(robot.contract.home, np.zeros(n))
        self.too_fast(robot.contract.home, np.zeros(n), np.zeros((count, n)), 1.0)

    def speeds(self, q: Array, x: Array) -> Array:
        """Speed of every tool [m/s], shape (tools,), at a velocity x, shape (n,)."""
        found = np.zeros(len(self._joints))
        speeds(*self._tools(), np.array(q), np.array(x), found)
        return found

    def too_fast(self, q: Array, x: Array, rate_bounds: Array, cap: float) -> int | None:
        """A tool that gets faster than the cap, now or under full braking; or None."""
        self._scratch[0], self._scratch[1] = q, x
        numbers = self._dt, self._step, rate_bounds, cap, self._two
        tool = too_fast(*self._tools(), self._scratch[0], self._scratch[1], *numbers)
        return None if tool < 0 else int(tool)

    def _tools(self) -> tuple[Any, ...]:
        return self._floats, self._numbers, self._pose, self._joints, self._places


@kernel
def positions(turn: Array, origin: Array, carriers: Any, places: Array, out: Array) -> None:
    """Where the tools are [m], shape (tools, 3)."""
    for t in range(len(carriers)):
        R, T = turn[carriers[t]], origin[carriers[t]]
        for r in range(3):
            out[t, r] = T[r] + dot(R[r], places[t])


@kernel
def speeds(
    floats: Array,
    numbers: Any,
    pose_floats: Array,
    carriers: Any,
    places: Array,
    q: Array,
    x: Array,
    found: Array,
) -> None:
    """|J x| of every tool [m/s]; found is filled in, shape (tools,)."""
    tree, bodies, pose = unpack(floats, numbers, pose_floats)
    R, T = pose.turn, pose.origin
    joints(tree, q, R, T)
    at, v = np.empty((len(carriers), 3)), np.empty(3)
    positions(R, T, carriers, places, at)
    for t in range(len(carriers)):
        v[:] = 0.0
        for j in range(1, len(tree.parent)):
            if not bodies.moves[carriers[t], j]:
                continue
            a, rate = tree.axis[j], tree.ratio[j] * x[tree.column[j]]
            axis = (dot(R[j, 0], a), dot(R[j, 1], a), dot(R[j, 2], a))
            if tree.prismatic[j]:
                for r in range(3):
                    v[r] += rate * axis[r]
                continue
            arm = (at[t, 0] - T[j, 0], at[t, 1] - T[j, 1], at[t, 2] - T[j, 2])
            v[0] += rate * (axis[1] * arm[2] - axis[2] * arm[1])
            v[1] += rate * (axis[2] * arm[0] - axis[0] * arm[2])
            v[2] += rate * (axis[0] * arm[1] - axis[1] * arm[0])
        found[t] = np.sqrt(dot(v, v))


@kernel
def too_fast(
    floats: Array,
    numbers: Any,
    pose_floats: Array,
    carriers: Any,
    places: Array,
    q: Array,
    x: Array,
    dt: float,
    step: Array,
    rate_bounds: Array,
    cap: float,
    two: Array,
) -> int:
    """Number of a tool that gets too fast under full braking from (q + dt x, x), or -1.

    Args:
        floats: Of `Packed`.
        numbers: Of `Packed`.
        pose_floats: Of `Packed`, overwritten.
        carriers: Joint that carries each tool, shape (tools,).
        places: Where it is there [m], shape (tools, 3).
        q: Last set-point [rad or m], shape (n,); overwritten.
        x: Velocity under test [rad/s or m/s], shape (n,); overwritten.
        dt: Period [s].
        step: Change of velocity in one period at full acceleration, shape (n,).
        rate_bounds: Bound on how fast each joint moves each tool, shape (tools, n).
        cap: Highest speed [m/s].
        two: Overwritten, shape (2, tools, 3).
    """
    tree, _, pose = unpack(floats, numbers, pose_floats)
    began, now = False, 0
    while True:
        most = 0.0
        for t in range(len(carriers)):
            bound = 0.0
            for i in range(len(x)):
                bound += rate_bounds[t, i] * abs(x[i])
            most = max(most, bound)
        # Speeds of joints only fall: once the bound is under the cap, it stays there.
        if most <= cap:
            return -1
        if not began:
            joints(tree, q, pose.turn, pose.origin)
            positions(pose.turn, pose.origin, carriers, places, two[now])
            began = True
        for i in range(len(x)):
            q[i] += dt * x[i]
        joints(tree, q, pose.turn, pose.origin)
        before, now = now, 1 - now
        positions(pose.turn, pose.origin, carriers, places, two[now])
        for t in range(len(carriers)):
            away = two[now, t] - two[before, t]
            if not np.sqrt(dot(away, away)) / dt <= cap:
                return t
        for i in range(len(x)):
            x[i] = np.sign(x[i]) * max(abs(x[i]) - step[i], 0.0)
