# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Support: the capture point of the command stays over the polygon that the robot stands on.

With c the centre of mass and z its height, the capture point xi = c + c' / omega, omega =
sqrt(g / z), is where a linear inverted pendulum would have to step to come to rest (Pratt et al.
2006). For every edge e of the polygon, with outward normal n_e and room for a margin,
n_e . (c + (dt + 1 / omega) J_c x) <= b_e - margin: linear in the next velocity x.
"""

from typing import NamedTuple

import coal
import numpy as np
import pinocchio as pin

from ...contract import Contract
from ...data.frame import Array
from ...errors import SafetyError
from ...kinematics.model import RobotModel
from ..geometry import shapes
from ..geometry.model import Indices
from .dynamics import Dynamics, GRAVITY
from .inequality import InequalityConstraints

CONTACT = 1e-4
"""Points of a foot that are no higher than this above its lowest one touch the ground [m]."""

LOWEST = 0.05
"""A centre of mass that is lower counts as this high [m]."""


class SupportEdges(NamedTuple):
    """The edges of the polygon, as a state sees them.

    Attributes:
        constraints: One for each edge.
        room: From the centre of mass to each, less the margin [m], shape (k,).
        ahead: The capture point is that long ahead of the centre of mass: dt + 1 / omega [s].
    """

    constraints: InequalityConstraints
    room: Array
    ahead: float


class Support:
    """Inequality constraints that keep the capture point over a polygon.

    Attributes:
        corners: Of the polygon, counterclockwise, in the plane of its frame [m], shape (k, 2).
    """

    def __init__(
        self, contract: Contract, robot: RobotModel, dynamics: Dynamics, dt: float
    ) -> None:
        """Find frame, contact points and masses.

        Args:
            contract: The robot's, with `safety.support`.
            robot: Its model.
            dynamics: Its dynamics.
            dt: Period of the commands [s].

        Raises:
            SafetyError: If feet have no shape, the polygon no area, or at home the centre of mass
                is not above its plane.
        """
        support = contract.safety.support
        if support is None:
            raise SafetyError('the contract has no safety.support')
        self._robot, self._dt, self._margin = robot, dt, support.margin
        model = robot.model
        self._data = model.createData()
        self._dynamics = dynamics
        self._frame = robot.frame_id(support.frame or support.feet[0])
        self._height = 0.0
        self._feet = _contacts(contract, robot, support.feet)
        if support.feet:
            self._height = float(self._feet[support.feet[0]][:, 2].mean())
        else:
            self._set(np.array(support.polygon, dtype=np.float64))
        self.stand(contract.home)
        center, _ = self.center(contract.home)
        if center[2] <= 0.0:
            raise SafetyError(
                f'safety.support: at home the centre of mass is {-center[2]:.3f} m below the '
                f'plane of {support.frame or support.feet[0]}; the z axis of that frame points up'
            )

    def stand(self, q: Array) -> None:
        """Stand on the feet as they are at the positions q, shape (n,); they stay there."""
        if not self._feet:
            return
        model, data, model_q = self._robot.model, self._data, self._robot.to_model(q)
        pin.framesForwardKinematics(model, data, model_q)
        ground = data.oMf[self._frame].inverse()
        points = []
        for foot, contacts in self._feet.items():
            pose = ground * data.oMf[self._robot.frame_id(foot)]
            points.append(contacts @ pose.rotation.T + pose.translation)
        self._set(np.vstack(points)[:, :2])

    def _set(self, points: Array) -> None:
        """Take the hull of points as the polygon, shape (m, 2)."""
        self.corners: Array = hull(points)
        after = np.roll(self.corners, -1, axis=0) - self.corners
        normals = np.column_stack([after[:, 1], -after[:, 0]])
        self._normals = normals / np.linalg.norm(normals, axis=1)[:, None]
        self._offsets = (self.corners * self._normals).sum(axis=1) - self._margin
        self._numbers: Indices = np.arange(len(self.corners))

    def center(self, q: Array) -> tuple[Array, Array]:
        """Centre of mass over the plane of the polygon [m], shape (3,), and d / dq, shape (3, n).

        Args:
            q: Positions [rad or m], shape (n,).
        """
        center, rate = self._dynamics.center(q, self._frame)
        center[2] -= self._height
        return center, rate

    def edges(self, q: Array) -> SupportEdges:
        """Constraints of all edges.

        Where there is no room left, one only asks not to go further out: it moves no robot that
        is told to stand still.

        Args:
            q: Last set-point [rad or m], shape (n,).
        """
        center, rate = self.center(q)
        room = self._offsets - self._normals @ center[:2]
        ahead = self._dt + float(np.sqrt(max(center[2], LOWEST) / GRAVITY))
        h = np.maximum(room, 0.0) / ahead
        rows = InequalityConstraints(self._normals @ rate[:2], h, self._numbers)
        return SupportEdges(rows, room, ahead)


def hull(points: Array) -> Array:
    """Convex hull, counterclockwise, shape (k, 2). Andrew 1979, monotone chain.

    Raises:
        SafetyError: If the points span no area.
    """
    ordered = sorted({(float(x), float(y)) for x, y in points})

    def half(way: list[tuple[float, float]]) -> list[tuple[float, float]]:
        chain: list[tuple[float, float]] = []
        for p in way:
            while len(chain) > 1:
                (ax, ay), (bx, by) = chain[-2:]
                if (bx - ax) * (p[1] - ay) - (by - ay) * (p[0] - ax) > 1e-12:
                    break
                chain.pop()
            chain.append(p)
        return chain[:-1]

    corners = half(ordered) + half(ordered[::-1])
    if len(corners) < 3:
        raise SafetyError(f'safety.support: {len(points)} points span no polygon')
    return np.array(corners)


def _contacts(contract: Contract, robot: RobotModel, feet: tuple[str, ...]) -> dict[str, Array]:
    """Lowest points of each foot, in its own frame [m], shape (m, 3)."""
    if not feet:
        return {}
    model = robot.model
    points: dict[str, list[Array]] = {foot: [] for foot in feet}
    try:
        items = shapes.read(shapes.only(contract, feet), model).geometryObjects
    except SafetyError as error:
        raise SafetyError(f'safety.support.feet: {error}') from error
    for item in items:
        frame = model.frames[item.parentFrame]
        pose = frame.placement.inverse() * item.placement
        if isinstance(item.geometry, coal.Sphere):
            lowest = pose.translation - [0.0, 0.0, item.geometry.radius]
            points[frame.name].append(lowest[None])
        else:
            points[frame.name].append(shapes.points(item) @ pose.rotation.T + pose.translation)
    standing = {}
    for foot, found in points.items():
        if not found:
            raise SafetyError(
                f'safety.support.feet: "{foot}" has no <collision> element to stand on; give a '
                'frame and a polygon instead'
            )
        every = np.vstack(found)
        standing[foot] = every[every[:, 2] <= every[:, 2].min() + CONTACT]
    return standing
