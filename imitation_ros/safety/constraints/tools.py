# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ToolSpeed: the contract's tools move no faster than a cap, while the robot moves and brakes."""

from typing import Protocol

import coal
import numpy as np
import pinocchio as pin

from ...data.frame import Array
from ...kinematics.model import RobotModel
from ..geometry import pairs
from .limits import ViabilityBox

SHARE = 0.9
"""Of the cap that is aimed at: the rest is for what the tools gain while joints brake."""


class Motion(Protocol):
    """How fast the tools move; everything in contract order."""

    def speeds(self, q: Array, x: Array) -> Array:
        """Speed of every tool [m/s], shape (tools,): |J x| at positions q, both of shape (n,)."""

    def too_fast(self, q: Array, x: Array, rate_bounds: Array, cap: float) -> int | None:
        """Number of a tool that gets too fast, now or under full braking until rest; or None.

        Args:
            q: Last set-point [rad or m], shape (n,).
            x: Velocity under test [rad/s or m/s], shape (n,).
            rate_bounds: Bound on how fast each joint moves each tool, shape (tools, n).
            cap: Highest speed [m/s].
        """


class ToolMotion:
    """By Pinocchio."""

    def __init__(self, robot: RobotModel, frames: list[int], box: ViabilityBox) -> None:
        """Keep what moves (frames: of the tools) and how it brakes."""
        self._robot, self._frames, self._box = robot, frames, box
        self._data = robot.model.createData()

    def speeds(self, q: Array, x: Array) -> Array:
        """See `Motion`."""
        model, model_q = self._robot.model, self._robot.to_model(q)
        rates = [
            pin.computeFrameJacobian(model, self._data, model_q, frame, pin.LOCAL_WORLD_ALIGNED)
            for frame in self._frames
        ]
        moved = [self._robot.to_contract(rate[:3]) @ x for rate in rates]
        result: Array = np.linalg.norm(moved, axis=1)
        return result

    def too_fast(self, q: Array, x: Array, rate_bounds: Array, cap: float) -> int | None:
        """See `Motion`."""
        before: Array | None = None
        # Speeds of joints only fall: once the bound is under the cap, it stays there.
        while not (rate_bounds @ np.abs(x)).max(initial=0.0) <= cap:
            if before is None:
                before = self._positions(q)
            q = q + self._box.dt * x
            now = self._positions(q)
            speed = np.linalg.norm(now - before, axis=1) / self._box.dt
            if not (speed <= cap).all():
                return int(np.argmax(~(speed <= cap)))
            before, x = now, self._box.brake(x)
        return None

    def _positions(self, q: Array) -> Array:
        """Where the tools are [m], shape (tools, 3)."""
        pin.forwardKinematics(self._robot.model, self._data, self._robot.to_model(q))
        return np.array(
            [
                pin.updateFramePlacement(self._robot.model, self._data, frame).translation.copy()
                for frame in self._frames
            ]
        )


class ToolSpeed:
    """Speeds of tools from one set-point to the next: |p(q + dt x) - p(q)| / dt.

    Attributes:
        names: Frames of the tools.
        cap: Highest speed [m/s].
    """

    def __init__(
        self, robot: RobotModel, box: ViabilityBox, motion: Motion, frames: list[int], cap: float
    ) -> None:
        """Bound how fast each joint moves each tool.

        Args:
            robot: The robot.
            box: The braking law.
            motion: How the tools move.
            frames: Of the contract's tools.
            cap: Highest speed [m/s].
        """
        self.names, self.cap = robot.contract.tools, cap
        self._box, self._motion = box, motion
        items = [robot.model.frames[i] for i in frames]
        points = [
            pin.GeometryObject(f.name, f.parentJoint, i, f.placement, coal.Sphere(0.0))
            for i, f in zip(frames, items, strict=True)
        ]
        root = pin.GeometryObject('root', 0, 0, pin.SE3.Identity(), coal.Sphere(0.0))
        self._rate_bounds = np.ascontiguousarray(
            pairs.distance_rate_bounds(robot, points, [root] * len(points))
        )

    def slowed(self, q: Array, wanted: Array) -> tuple[Array, int | None, float]:
        """The wanted velocity at the share that keeps every tool at SHARE of the cap.

        x = s w with s = min(1, SHARE cap / max |J_tool w|) and w within the joints' top speeds.

        Args:
            q: Last set-point [rad or m], shape (n,).
            wanted: Finite velocity [rad/s or m/s], shape (n,).

        Returns:
            The velocity, the tool that is slowed down (None if none is), and its wanted speed.
        """
        top = self._box.velocity
        wanted = np.minimum(np.maximum(wanted, -top), top)
        if (self._rate_bounds @ np.abs(wanted)).max() <= SHARE * self.cap:
            return wanted, None, 0.0
        speed = self._motion.speeds(q, wanted)
        tool = int(speed.argmax())
        share = SHARE * self.cap / max(float(speed[tool]), 1e-12)
        if share >= 1.0:
            return wanted, None, 0.0
        return share * wanted, tool, float(speed[tool])

    def refused(self, q: Array, x: Array) -> int | None:
        """Number of a tool that gets too fast, now or under full braking until rest; or None.

        Args:
            q: Last set-point [rad or m], shape (n,).
            x: Velocity under test [rad/s or m/s], shape (n,).
        """
        return self._motion.too_fast(q, x, self._rate_bounds, self.cap)
