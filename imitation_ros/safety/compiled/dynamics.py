# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Inverse dynamics and the centre of mass, compiled: `..dynamics` by the same equations.

Spatial vectors about the origin of the base, in its axes (Featherstone 2008, chapters 2, 5, 6):
inertias about one point add up, and no transform stands between two bodies. A body is mass m,
first moment m c and inertia about the origin, in ten numbers.
"""

from typing import Any

import numpy as np

from ...data.frame import Array
from ...kinematics.model import RobotModel
from ..constraints.dynamics import GRAVITY
from .arrays import Packed, Tree, unpack
from .jit import kernel
from .kinematics import dot, joints

TEN = 10
"""m, m c (3), and of the inertia about the origin xx yy zz xy xz yz."""


class CompiledDynamics:
    """`PinocchioDynamics`, compiled."""

    def __init__(self, robot: RobotModel, packed: Packed) -> None:
        """Copy the masses, and compile what is not on the disk yet."""
        model = robot.model
        inertias = list(model.inertias)
        self._masses = np.array(
            [
                np.concatenate([[y.mass], np.array(y.lever), np.array(y.inertia).ravel()])
                for y in inertias
            ]
        )
        self._floats, self._numbers, pose = packed
        self._pose = pose.copy()
        self._robot, self._n = robot, robot.contract.n
        self._frames: dict[int, tuple[int, Array]] = {}
        self._space = np.zeros((len(inertias), 6 * 4 + 2 * TEN))
        # Kernels are compiled for contiguous arrays that may be written to, and for no others.
        self._arrays = self._floats, self._numbers, self._pose, self._masses
        self._state, self._still = np.zeros((3, self._n)), np.zeros((3, self._n))
        home, zero = robot.contract.home, np.zeros(self._n)
        self.torque(home, zero, zero)
        self.inertia(home)
        self.center(home, 0)

    def torque(self, q: Array, v: Array, a: Array) -> Array:
        """Torque of every joint [Nm or N], shape (n,): see `PinocchioDynamics.torque`."""
        state, found = self._state, np.zeros(self._n)
        state[0], state[1], state[2] = q, v, a
        inverse(*self._arrays, state, self._space, found)
        return found

    def gravity(self, q: Array) -> Array:
        """Torque that holds the robot still [Nm or N], shape (n,)."""
        found = np.zeros(self._n)
        self._still[0] = q
        inverse(*self._arrays, self._still, self._space, found)
        return found

    def inertia(self, q: Array) -> Array:
        """Joint-space inertia, shape (n, n)."""
        found = np.zeros((self._n, self._n))
        self._state[0] = q
        composite(*self._arrays, self._state[0], self._space, found)
        return found

    def center(self, q: Array, frame: int) -> tuple[Array, Array]:
        """Centre of mass in a frame [m], (3,), and its gradient, (3, n)."""
        if frame not in self._frames:
            item = self._robot.model.frames[frame]
            placed = np.zeros((3, 4))
            placed[:, :3], placed[:, 3] = item.placement.rotation, item.placement.translation
            self._frames[frame] = int(item.parentJoint), placed
        found = np.zeros((3, 1 + self._n))
        self._state[0] = q
        over(*self._arrays, self._state[0], *self._frames[frame], self._space, found)
        return found[:, 0], found[:, 1:]


@kernel
def axis_of(tree: Tree, turn: Array, origin: Array, j: int, out: Array) -> None:
    """Motion of a joint per movement of its coordinate, about the origin: angular, linear."""
    R, a, ratio = turn[j], tree.axis[j], tree.ratio[j]
    x, y, z = ratio * dot(R[0], a), ratio * dot(R[1], a), ratio * dot(R[2], a)
    if tree.prismatic[j]:
        out[0] = out[1] = out[2] = 0.0
        out[3], out[4], out[5] = x, y, z
        return
    T = origin[j]
    out[0], out[1], out[2] = x, y, z
    out[3], out[4], out[5] = T[1] * z - T[2] * y, T[2] * x - T[0] * z, T[0] * y - T[1] * x


@kernel
def body(masses: Array, turn: Array, origin: Array, j: int, out: Array) -> None:
    """A body about the origin, in ten numbers."""
    R, T, own = turn[j], origin[j], masses[j]
    m = own[0]
    c = (
        T[0] + R[0, 0] * own[1] + R[0, 1] * own[2] + R[0, 2] * own[3],
        T[1] + R[1, 0] * own[1] + R[1, 1] * own[2] + R[1, 2] * own[3],
        T[2] + R[2, 0] * own[1] + R[2, 1] * own[2] + R[2, 2] * own[3],
    )
    square = dot(c, c)
    out[0] = m
    for r in range(3):
        out[1 + r] = m * c[r]
    at = 0
    for r, s in ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)):
        total = -m * c[r] * c[s]
        if r == s:
            total += m * square
        for k in range(3):
            for i in range(3):
                total += R[r, k] * own[4 + 3 * k + i] * R[s, i]
        out[4 + at] = total
        at += 1


@kernel
def momentum(y: Array, motion: Array, out: Array) -> None:
    """What a body of ten numbers makes of a motion: moment about the origin, force."""
    w, v, h = motion[:3], motion[3:6], y[1:4]
    out[0] = y[4] * w[0] + y[7] * w[1] + y[8] * w[2] + h[1] * v[2] - h[2] * v[1]
    out[1] = y[7] * w[0] + y[5] * w[1] + y[9] * w[2] + h[2] * v[0] - h[0] * v[2]
    out[2] = y[8] * w[0] + y[9] * w[1] + y[6] * w[2] + h[0] * v[1] - h[1] * v[0]
    out[3] = y[0] * v[0] - h[1] * w[2] + h[2] * w[1]
    out[4] = y[0] * v[1] - h[2] * w[0] + h[0] * w[2]
    out[5] = y[0] * v[2] - h[0] * w[1] + h[1] * w[0]


@kernel
def inverse(
    floats: Array,
    numbers: Any,
    pose_floats: Array,
    masses: Array,
    state: Array,
    space: Array,
    tau: Array,
) -> None:
    """Recursive Newton-Euler: torques at a state of q, v and a, (3, n); tau is zero before."""
    tree, _, pose = unpack(floats, numbers, pose_floats)
    q, v, a = state[0], state[1], state[2]
    joints(tree, q, pose.turn, pose.origin)
    count = len(tree.parent)
    axes, speed, rate, force = space[:, :6], space[:, 6:12], space[:, 12:18], space[:, 18:24]
    ten, had = space[0, 24:34], space[0, 34:40]
    speed[0], rate[0] = 0.0, 0.0
    rate[0, 5] = GRAVITY
    for j in range(1, count):
        p, k, s = tree.parent[j], tree.column[j], axes[j]
        axis_of(tree, pose.turn, pose.origin, j, s)
        before, now = speed[p], rate[j]
        for i in range(6):
            speed[j, i] = before[i] + v[k] * s[i]
            now[i] = rate[p, i] + a[k] * s[i]
        for r, (e, f) in enumerate(((1, 2), (2, 0), (0, 1))):
            now[r] += v[k] * (before[e] * s[f] - before[f] * s[e])
            now[3 + r] += v[k] * (before[e] * s[3 + f] - before[f] * s[3 + e])
            now[3 + r] += v[k] * (before[3 + e] * s[f] - before[3 + f] * s[e])
        body(masses, pose.turn, pose.origin, j, ten)
        momentum(ten, speed[j], had)
        momentum(ten, now, force[j])
        u = speed[j]
        for r, (e, f) in enumerate(((1, 2), (2, 0), (0, 1))):
            force[j, r] += u[e] * had[f] - u[f] * had[e]
            force[j, r] += u[3 + e] * had[3 + f] - u[3 + f] * had[3 + e]
            force[j, 3 + r] += u[e] * had[3 + f] - u[f] * had[3 + e]
    for j in range(count - 1, 0, -1):
        p, total = tree.parent[j], 0.0
        for i in range(6):
            total += axes[j, i] * force[j, i]
            if p > 0:
                force[p, i] += force[j, i]
        tau[tree.column[j]] += total


@kernel
def gathered(tree: Tree, masses: Array, turn: Array, origin: Array, space: Array) -> Array:
    """What each joint carries, in ten numbers, shape (j, 10); axes go into the first six."""
    count = len(tree.parent)
    carried = space[:, 24:34]
    for j in range(count):
        body(masses, turn, origin, j, carried[j])
        if j > 0:
            axis_of(tree, turn, origin, j, space[j, :6])
    for j in range(count - 1, 0, -1):
        for i in range(10):
            carried[tree.parent[j], i] += carried[j, i]
    return carried


@kernel
def composite(
    floats: Array,
    numbers: Any,
    pose_floats: Array,
    masses: Array,
    q: Array,
    space: Array,
    found: Array,
) -> None:
    """Joint-space inertia by composite rigid bodies; found is zero before."""
    tree, _, pose = unpack(floats, numbers, pose_floats)
    joints(tree, q, pose.turn, pose.origin)
    carried = gathered(tree, masses, pose.turn, pose.origin, space)
    force = space[0, 34:40]
    for j in range(len(tree.parent) - 1, 0, -1):
        momentum(carried[j], space[j, :6], force)
        k, row = j, tree.column[j]
        while k > 0:
            total = 0.0
            for i in range(6):
                total += space[k, i] * force[i]
            found[row, tree.column[k]] += total
            if k != j:
                found[tree.column[k], row] += total
            k = tree.parent[k]


@kernel
def over(
    floats: Array,
    numbers: Any,
    pose_floats: Array,
    masses: Array,
    q: Array,
    carrier: int,
    placed: Array,
    space: Array,
    found: Array,
) -> None:
    """Centre of mass in a frame and its gradient, columns 0 and from 1 on; found is zero before.

    Args:
        floats: Of `Packed`.
        numbers: Of `Packed`.
        pose_floats: Of `Packed`, overwritten.
        masses: Mass, lever and inertia of every body, shape (j, 13).
        q: Positions [rad or m], shape (n,).
        carrier: Joint that carries the frame.
        placed: Rotation and place of the frame there, shape (3, 4).
        space: Overwritten.
        found: Filled in, shape (3, 1 + n).
    """
    tree, bodies, pose = unpack(floats, numbers, pose_floats)
    joints(tree, q, pose.turn, pose.origin)
    carried = gathered(tree, masses, pose.turn, pose.origin, space)
    whole = carried[0, 0]
    R, T = pose.turn[carrier], pose.origin[carrier]
    at, c, away = np.empty(3), np.empty(3), np.empty(3)
    turned = np.empty((3, 3))
    for r in range(3):
        at[r] = T[r] + dot(R[r], placed[:, 3])
        c[r] = carried[0, 1 + r] / whole
        away[r] = c[r] - at[r]
        for s in range(3):
            turned[r, s] = dot(R[r], placed[:, s])
    for s in range(3):
        found[s, 0] = dot(turned[:, s], away)
    rate = np.empty(3)
    for j in range(1, len(tree.parent)):
        axis, own = space[j, :6], carried[j]
        share = own[0] / whole
        for r, e, f in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
            # The carried mass moves its own centre, and with it its share of the whole one.
            rate[r] = share * axis[3 + r]
            rate[r] += (axis[e] * own[1 + f] - axis[f] * own[1 + e]) / whole
            if bodies.moves[carrier, j]:
                # The frame moves, and turns, with this joint.
                rate[r] -= axis[3 + r] + axis[e] * c[f] - axis[f] * c[e]
        for s in range(3):
            found[s, 1 + tree.column[j]] += dot(turned[:, s], rate)
