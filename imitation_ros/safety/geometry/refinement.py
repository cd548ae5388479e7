# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Convex-hull refinement: near links are judged by what their capsules were made around.

That is the convex hull of each mesh of the URDF, and each of its boxes, cylinders and spheres as
it is. Both the capsules of a link and its hulls contain it, so the larger of the two distances is
still a lower bound of the true one: a pair of links is apart enough if either says so. Distances
of hulls by GJK in coal (Gilbert, Johnson and Keerthi 1988; Montaut et al. 2024), for both back
ends.
"""

from typing import Any
import warnings

import coal
import numpy as np
import pinocchio as pin

from ...contract import Contract
from ...data.frame import Array
from ...errors import SafetyError
from ...kinematics.model import RobotModel
from . import shapes
from .model import Indices

ERROR = 1e-5
"""Taken off every distance of hulls: GJK stops a little before the exact one [m]."""

TOLERANCE = 1e-8
"""At which GJK stops [m]."""

MAX_REFINED_PAIRS = 10
"""Pairs of links that are refined at a time; of more, the capsules of the others have to do."""


class ConvexHullRefinement:
    """Distances of the hulls of near links.

    Attributes:
        links: The pairs of links that are refined.
        pair: Number of the refined pair of links of each pair of capsules, shape (pairs,); or -1.
        rate_bounds: Bound on |d distance / d q| of each refined pair, shape (links, n).
        order: Where each coordinate of the model stands in the contract.
    """

    def __init__(
        self, robot: RobotModel, links: tuple[tuple[str, str], ...], rate_bounds: Array
    ) -> None:
        """Build the hulls.

        Args:
            robot: The robot; its contract has `safety.refine`.
            links: The two links of each pair of capsules.
            rate_bounds: Its bound, shape (pairs, n).

        Raises:
            SafetyError: If a pair to refine is not watched, or a mesh has no hull.
        """
        contract, self._robot = robot.contract, robot
        wanted = _wanted(contract, links)
        hulls = _hulls(contract, robot, wanted)
        known = sorted(
            {frozenset(pair) for pair in links if frozenset(pair) in wanted}, key=sorted
        )
        self.links = tuple((min(pair), max(pair)) for pair in known)
        number = {pair: i for i, pair in enumerate(known)}
        self.pair: Indices = np.array([number.get(frozenset(pair), -1) for pair in links])
        self.rate_bounds = np.zeros((len(known), rate_bounds.shape[1]))
        mine = self.pair >= 0
        # A hull lies within the hull of its capsules, so what bounds all of these bounds it.
        np.maximum.at(self.rate_bounds, self.pair[mine], rate_bounds[mine])
        places = robot.to_model(np.arange(contract.n, dtype=np.float64))
        self.order: Indices = places.astype(np.intp)
        self._data = robot.model.createData()
        self._geometry = pin.GeometryModel()
        place: dict[str, list[int]] = {}
        for link, items in hulls.items():
            place[link] = [self._geometry.addGeometryObject(item) for item in items]
        self._parts: list[list[int]] = []
        for one, other in self.links:
            parts = []
            for i in place[one]:
                for k in place[other]:
                    parts.append(len(self._geometry.collisionPairs))
                    self._geometry.addCollisionPair(pin.CollisionPair(i, k))
            self._parts.append(parts)
        self._results = pin.GeometryData(self._geometry)
        with warnings.catch_warnings():
            # Pinocchio turns on the deprecated switch, which overrules the guess.
            warnings.simplefilter('ignore', DeprecationWarning)
            for request in self._results.distanceRequests:
                # From the same start every time: one pose, one distance (to some 1e-8 m).
                request.enable_cached_gjk_guess = False
                request.gjk_initial_guess = coal.GJKInitialGuess.DefaultGuess
                request.gjk_tolerance = TOLERANCE
                # How deep hulls cross costs milliseconds, and capsules say it as well.
                request.enable_signed_distance = False
        safety = contract.safety
        self._close = (
            safety.self_collision_distance + safety.certificate_margin + safety.row_margin
        )

    def widened(self, rate_bounds: Array) -> Array:
        """Bounds that hold for the larger of both distances too, shape (pairs, n)."""
        result = np.array(rate_bounds)
        mine = self.pair >= 0
        result[mine] = self.rate_bounds[self.pair[mine]]
        return result

    def some_distances(self, q: Array, chosen: Indices) -> Array:
        """Distances of the hulls of some pairs of links [m], shape (len(chosen),).

        Args:
            q: Positions [rad or m], shape (n,), in the model's order.
            chosen: Numbers of the pairs of links.
        """
        pin.forwardKinematics(self._robot.model, self._data, q)
        pin.updateGeometryPlacements(self._robot.model, self._data, self._geometry, self._results)
        found = np.empty(len(chosen))
        for i, number in enumerate(chosen.tolist()):
            found[i] = min(
                pin.computeDistance(self._geometry, self._results, part).min_distance
                for part in self._parts[number]
            )
        return found - ERROR

    def apply(self, q: Array, distance: Array) -> Array:
        """Distances of all pairs, those of near refined links by their hulls, shape (pairs,).

        Args:
            q: Positions [rad or m], shape (n,), in contract order.
            distance: Distances of the capsules there [m], shape (pairs,).
        """
        near: Indices = np.flatnonzero((distance < self._close) & (self.pair >= 0))
        return distance if not len(near) else self._refined(q, distance, near)

    def relaxed(self, q: Array, distance: Array, rows: Indices, threshold: Array) -> Array:
        """Thresholds with which rows of capsules stand for the hulls, shape (pairs,).

        Hulls have corners, at which their gradients jump; those of capsules hardly do. So a row
        keeps the gradient of the capsules and is given the room that the hulls leave.

        Args:
            q: A pose [rad or m], shape (n,), in contract order.
            distance: Distances of the capsules there [m], shape (pairs,); infinite if not known.
            rows: Pairs of capsules that have a row.
            threshold: Distance every pair has to keep [m], shape (pairs,).
        """
        near = np.unique(rows[self.pair[rows] >= 0])
        if not len(near):
            return threshold
        known = np.isfinite(distance)
        more = self._refined(q, distance, near)[known] - distance[known]
        result = np.array(threshold)
        result[known] -= more
        return result

    def _refined(self, q: Array, distance: Array, near: Indices) -> Array:
        """All distances, those of near pairs (and of their links' others) by hulls if larger."""
        chosen = self._nearest(near, distance)
        hulls = np.full(len(self.links) + 1, -np.inf)  # the last one is of pairs that have none
        hulls[chosen] = self.some_distances(q[self.order], chosen)
        refined: Array = np.maximum(distance, hulls[self.pair])
        return refined

    def _nearest(self, near: Indices, distance: Array) -> Indices:
        """The pairs of links that are looked at: the nearest, if there are many."""
        chosen: Indices = np.unique(self.pair[near])
        if len(chosen) <= MAX_REFINED_PAIRS:
            return chosen
        order = np.argsort(distance[near], kind='stable')
        _, first = np.unique(self.pair[near][order], return_index=True)
        return np.sort(self.pair[near][order][np.sort(first)[:MAX_REFINED_PAIRS]])


def _wanted(contract: Contract, links: tuple[tuple[str, str], ...]) -> frozenset[frozenset[str]]:
    """The pairs of links that the contract wants refined."""
    watched = {frozenset(pair) for pair in links}
    static = {obstacle.name for obstacle in contract.safety.workspace}
    if contract.safety.refine == 'auto':
        return frozenset(pair for pair in watched if not pair & static)
    wanted = frozenset(frozenset(pair) for pair in contract.safety.refine or ())
    for pair in wanted - watched:
        raise SafetyError(
            f'safety.refine: {"/".join(sorted(pair))} is no watched pair of links; "imitation_ros '
            'check" lists those that are not watched, and why'
        )
    return wanted


def _hulls(
    contract: Contract, robot: RobotModel, wanted: frozenset[frozenset[str]]
) -> dict[str, list[Any]]:
    """Convex shapes of each link that is refined."""
    links = {link for pair in wanted for link in pair}
    found: dict[str, list[Any]] = {link: [] for link in links}
    for item in shapes.read(shapes.only(contract, links), robot.model).geometryObjects:
        link = str(robot.model.frames[item.parentFrame].name)
        shape = item.geometry
        if getattr(shape, 'num_vertices', 0):
            shape.buildConvexHull(True, 'Qt')
            shape = shape.convex
            if shape is None:
                raise SafetyError(f'safety.refine: {item.name} has no convex hull')
        found[link].append(
            pin.GeometryObject(
                item.name, item.parentJoint, item.parentFrame, item.placement, shape
            )
        )
    return found
