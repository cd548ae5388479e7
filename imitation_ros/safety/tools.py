# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ToolSpeed: the contract's tools move no faster than a cap, while the robot moves and brakes."""

import coal
import numpy as np
import pinocchio as pin

from ..data.frame import Array
from ..kinematics.model import RobotModel
from . import pairs
from .limits import ViabilityBox

SHARE = 0.9
"""Of the cap that is aimed at: the rest is for what the tools gain while joints brake."""


class ToolSpeed:
    """Speeds of tools from one set-point to the next: |p(q + dt x) - p(q)| / dt.

    Attributes:
        names: Frames of the tools.
        cap: Highest speed [m/s].
    """

    def __init__(self, robot: RobotModel, box: ViabilityBox, cap: float) -> None:
        """Find the frames, and bound how fast each joint moves each tool.

        Args:
            robot: The robot.
            box: The braking law.
            cap: Highest speed [m/s].
        """
        self.names, self.cap = robot.contract.tools, cap
        self._robot, self._box = robot, box
        self._data = robot.model.createData()
        self._frames = [robot.frame_id(name) for name in self.names]
        frames = [robot.model.frames[i] for i in self._frames]
        points = [
            pin.GeometryObject(f.name, f.parentJoint, i, f.placement, coal.Sphere(0.0))
            for i, f in zip(self._frames, frames, strict=True)
        ]
        root = pin.GeometryObject('root', 0, 0, pin.SE3.Identity(), coal.Sphere(0.0))
        self._reach = pairs.reach(robot, points, [root] * len(points))

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
        if (self._reach @ np.abs(wanted)).max() <= SHARE * self.cap:
            return wanted, None, 0.0
        model, model_q = self._robot.model, self._robot.to_model(q)
        speeds = [
            self._robot.to_contract(
                pin.computeFrameJacobian(
                    model, self._data, model_q, frame, pin.LOCAL_WORLD_ALIGNED
                )[:3]
            )
            @ wanted
            for frame in self._frames
        ]
        speed = np.linalg.norm(speeds, axis=1)
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
        before: Array | None = None
        # Speeds of joints only fall: once the bound is under the cap, it stays there.
        while not (self._reach @ np.abs(x)).max(initial=0.0) <= self.cap:
            if before is None:
                before = self.positions(q)
            q = q + self._box.dt * x
            now = self.positions(q)
            speed = np.linalg.norm(now - before, axis=1) / self._box.dt
            if not (speed <= self.cap).all():
                return int(np.argmax(~(speed <= self.cap)))
            before, x = now, self._box.brake(x)
        return None

    def positions(self, q: Array) -> Array:
        """Where the tools are [m], shape (tools, 3); q in contract order, shape (n,)."""
        pin.forwardKinematics(self._robot.model, self._data, self._robot.to_model(q))
        return np.array(
            [
                pin.updateFramePlacement(self._robot.model, self._data, frame).translation.copy()
                for frame in self._frames
            ]
        )
