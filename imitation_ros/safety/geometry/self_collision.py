# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""SelfCollision: the shapes of a robot, the pairs of them that are watched, and their bounds."""

from typing import Any

import numpy as np

from ...kinematics.model import RobotModel
from . import link_capsules, pairs
from . import model as geometry
from .link_capsules import LinkCapsules
from .model import Indices
from .pairs import SkippedPair
from .refinement import ConvexHullRefinement


class SelfCollision:
    """Capsules of a robot's links, and all pairs of them that can collide.

    It measures nothing: a back end does (`..backends.build`).

    Attributes:
        robot: The robot.
        capsules: Capsules of its links.
        shapes: The `pinocchio.GeometryModel` of the capsules, with the pairs.
        links: Names of the two links of each pair.
        skipped: Pairs that are not watched, with the reason.
        rate_bounds: Bound on |d distance / d q| (a Lipschitz constant), shape (pairs, n), in
            contract order [m/rad or 1]. It holds at every pose, so a distance d cannot vanish
            before rate_bounds @ |travel| > d.
        order: Where each coordinate of the model stands in the contract.
        refinement: What judges near links by their convex hulls, if the contract wants it.
    """

    def __init__(self, robot: RobotModel, capsules: LinkCapsules | None = None) -> None:
        """Take the capsules, and choose the pairs at the home pose.

        Args:
            robot: The robot.
            capsules: Capsules to use; from the file beside the contract, or fitted, if None.
        """
        self.robot = robot
        places = robot.to_model(np.arange(robot.contract.n, dtype=np.float64))
        self.order: Indices = places.astype(np.intp)
        self.capsules = link_capsules.obtain(robot) if capsules is None else capsules
        self.shapes: Any = geometry.build(robot, self.capsules)
        self.skipped: tuple[SkippedPair, ...] = pairs.choose(robot, self.shapes)
        items = self.shapes.geometryObjects
        first = [items[pair.first] for pair in self.shapes.collisionPairs]
        second = [items[pair.second] for pair in self.shapes.collisionPairs]
        self.links: tuple[tuple[str, str], ...] = tuple(
            (pairs.link(robot.model, a), pairs.link(robot.model, b))
            for a, b in zip(first, second, strict=True)
        )
        self.rate_bounds = pairs.distance_rate_bounds(robot, first, second)
        self.refinement: ConvexHullRefinement | None = None
        if robot.contract.safety.refine:
            self.refinement = ConvexHullRefinement(robot, self.links, self.rate_bounds)
            self.rate_bounds = self.refinement.widened(self.rate_bounds)

    def __len__(self) -> int:
        """Count the pairs."""
        return len(self.links)
