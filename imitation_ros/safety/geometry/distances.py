# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Distances between the robot's links, their gradients, and bounds on how fast they can change."""

from typing import Any

import numpy as np

from ...data.frame import Array
from ...kinematics.model import RobotModel
from .. import backends
from . import link_capsules, pairs
from . import model as geometry
from .link_capsules import LinkCapsules
from .model import Indices
from .pairs import SkippedPair
from .refinement import Refine


class SelfCollision:
    """Signed distances of all pairs of capsules that can collide.

    Attributes:
        robot: The robot.
        capsules: Capsules of its links.
        geometry: The `pinocchio.GeometryModel` of the capsules, with the pairs.
        links: Names of the two links of each pair.
        skipped: Pairs that are not watched, with the reason.
        reach: Bound on |d distance / d q|, shape (pairs, n), in contract order [m/rad or 1]. It
            holds at every pose, so a distance d cannot vanish before reach @ |travel| > d.
        order: Where each coordinate of the model stands in the contract.
        refine: What judges near links by their hulls, if the contract wants it.
        backend: What computes.
    """

    def __init__(
        self,
        robot: RobotModel,
        backend: str | None = None,
        capsules: LinkCapsules | None = None,
    ) -> None:
        """Take the capsules, choose the pairs at the home pose, and build the back end.

        Args:
            robot: The robot.
            backend: `auto`, `coal` or `numba`; the contract's `safety.backend` if None.
            capsules: Capsules to use; from the file beside the contract, or fitted, if None.
        """
        self.robot = robot
        places = robot.to_model(np.arange(robot.contract.n, dtype=np.float64))
        self.order: Indices = places.astype(np.intp)
        self.capsules = link_capsules.obtain(robot) if capsules is None else capsules
        self.geometry: Any = geometry.build(robot, self.capsules)
        self.skipped: tuple[SkippedPair, ...] = pairs.choose(robot, self.geometry)
        items = self.geometry.geometryObjects
        first = [items[pair.first] for pair in self.geometry.collisionPairs]
        second = [items[pair.second] for pair in self.geometry.collisionPairs]
        self.links: tuple[tuple[str, str], ...] = tuple(
            (pairs.link(robot.model, a), pairs.link(robot.model, b))
            for a, b in zip(first, second, strict=True)
        )
        self.reach = pairs.reach(robot, first, second)
        self.refine: Refine | None = None
        if robot.contract.safety.refine:
            self.refine = Refine(robot, self.links, self.reach)
            self.reach = self.refine.widened(self.reach)
        self.backend = backends.build(backend or robot.contract.safety.backend, self)

    @property
    def shape_count(self) -> int:
        """Number of capsules."""
        return len(self.geometry.geometryObjects)

    def __len__(self) -> int:
        """Count the pairs."""
        return len(self.links)

    def distances(self, q: Array) -> Array:
        """Distance of every pair [m], negative in penetration, shape (pairs,).

        Args:
            q: Positions [rad or m], shape (n,), in contract order.
        """
        distance = self.backend.distances(q)
        return distance if self.refine is None else self.refine.apply(q, distance)

    def gradients(self, q: Array, chosen: Indices) -> Array:
        """Gradients of the chosen distances, shape (len(chosen), n) [m/rad or 1].

        Args:
            q: The positions that these distances were last taken at, shape (n,).
            chosen: Numbers of the pairs.
        """
        return self.backend.gradients(q, chosen)
