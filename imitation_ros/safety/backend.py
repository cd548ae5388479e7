# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Backend: what computes for the filter. One class per library, and nothing asks which it is."""

from typing import Protocol

from ..contract import Contract
from ..data.frame import Array
from ..kinematics.model import RobotModel
from .certificate import Certificate
from .constraints.dynamics import Dynamics
from .constraints.limits import ViabilityBox
from .constraints.tools import Motion, ToolSpeed
from .geometry.model import Indices
from .geometry.self_collision import SelfCollision
from .proximity import ProximityQuery
from .refined_certificate import RefinedCertificate


class Backend(Protocol):
    """Distances of the watched pairs of a robot, and all that is made of them.

    Attributes:
        name: As `safety.backend` calls it.
        geometry: The shapes and the pairs of them.
    """

    name: str
    geometry: SelfCollision

    @property
    def robot(self) -> RobotModel:
        """The robot."""
        return self.geometry.robot

    @property
    def links(self) -> tuple[tuple[str, str], ...]:
        """Names of the two links of each pair."""
        return self.geometry.links

    def __len__(self) -> int:
        """Count the pairs."""
        return len(self.geometry)

    def distances(self, q: Array) -> Array:
        """Distance of every pair [m], negative in penetration, shape (pairs,).

        Near pairs are measured between convex hulls, if the contract wants it.

        Args:
            q: Positions [rad or m], shape (n,), in contract order.
        """
        distance, refinement = self.capsule_distances(q), self.geometry.refinement
        return distance if refinement is None else refinement.apply(q, distance)

    def capsule_distances(self, q: Array) -> Array:
        """Distance of every pair of capsules [m], shape (pairs,): see `distances`."""

    def gradients(self, q: Array, chosen: Indices) -> Array:
        """Gradients of the chosen distances, shape (len(chosen), n) [m/rad or 1].

        Args:
            q: The positions that distances were last taken at, shape (n,).
            chosen: Numbers of the pairs.
        """

    def proximity_query(self, contract: Contract, box: ViabilityBox) -> ProximityQuery:
        """Velocity bounds, and the approach constraints of what is near, step by step."""

    def certificate(self, box: ViabilityBox) -> Certificate:
        """The brake certificate: of the capsules, or of hulls where the contract wants them."""
        inner, refinement = self.capsule_certificate(box), self.geometry.refinement
        return inner if refinement is None else RefinedCertificate(inner, box, refinement)

    def capsule_certificate(self, box: ViabilityBox) -> Certificate:
        """The brake certificate of the capsules alone."""

    def dynamics(self) -> Dynamics:
        """Torques and the centre of mass."""

    def tool_speed(self, box: ViabilityBox, cap: float) -> ToolSpeed:
        """The cap on the speed of the contract's tools [m/s]."""
        frames = [self.robot.frame_id(name) for name in self.robot.contract.tools]
        return ToolSpeed(self.robot, box, self.tool_motion(frames, box), frames, cap)

    def tool_motion(self, frames: list[int], box: ViabilityBox) -> Motion:
        """How fast frames of the model move, now and while the robot brakes."""
