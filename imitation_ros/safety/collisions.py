# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Distances between the robot's links, their gradients, and bounds on how fast they can change."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
import pinocchio as pin

from ..data.frame import Array
from ..errors import SafetyError
from ..kinematics.model import RobotModel
from . import shapes

NEAR_JOINTS = 2
"""Links this many joints apart (or fewer) touch by design."""

Indices = NDArray[np.intp]


@dataclass(frozen=True)
class SkippedPair:
    """Two links whose distance is not watched, and why."""

    links: tuple[str, str]
    reason: str


class SelfCollision:
    """Signed distances of all pairs of shapes that can collide.

    Attributes:
        links: Names of the two links of each pair.
        skipped: Pairs that are not watched, with the reason.
        reach: Bound on |d distance / d q|, shape (pairs, n), in contract order [m/rad or 1]. It
            holds at every pose, so a distance d cannot vanish before reach @ |travel| > d.
        order: Where each coordinate of the model stands in the contract.
    """

    def __init__(self, robot: RobotModel) -> None:
        """Build the shapes and choose the pairs at the home pose."""
        self.robot = robot
        places = robot.to_model(np.arange(robot.contract.n, dtype=np.float64))
        self.order: Indices = places.astype(np.intp)
        self._model = robot.model
        self._data = robot.model.createData()
        self._shapes = shapes.build(robot)
        self.skipped: tuple[SkippedPair, ...] = ()
        self._choose_pairs()
        self._results = pin.GeometryData(self._shapes)
        pairs = self._shapes.collisionPairs
        items = self._shapes.geometryObjects
        first = [items[pair.first] for pair in pairs]
        second = [items[pair.second] for pair in pairs]
        self.links: tuple[tuple[str, str], ...] = tuple(
            (self._link(a), self._link(b)) for a, b in zip(first, second, strict=True)
        )
        joints = range(1, self._model.njoints)
        if any(self._model.joints[j].nvExtended != 1 for j in joints):
            raise SafetyError('a joint with more than one degree of freedom is not supported')
        # Jacobian column per joint -> column per contract joint; a mimic adds to its leader.
        fold = np.zeros((self._model.njoints - 1, robot.model.nv))
        for j in joints:
            fold[j - 1, self._model.joints[j].idx_v] = 1.0
        self._fold: Array = robot.to_contract(fold)
        self._moves_first = self._moves([a.parentJoint for a in first])
        self._moves_second = self._moves([b.parentJoint for b in second])
        self.reach = self._reach(first, second)
        self._view: Array | None = None
        self._verify_view()

    @property
    def batched(self) -> bool:
        """Whether results are read in one view instead of pair by pair."""
        return self._view is not None

    @property
    def shape_count(self) -> int:
        """Number of convex shapes."""
        return len(self._shapes.geometryObjects)

    @property
    def geometry(self) -> Any:
        """The `pinocchio.GeometryModel` with its pairs."""
        return self._shapes

    def __len__(self) -> int:
        """Count the pairs."""
        return len(self.links)

    def distances(self, q: Array) -> Array:
        """Distance of every pair [m], negative in penetration, shape (pairs,).

        Args:
            q: Positions [rad or m], shape (n,), in contract order.
        """
        pin.computeDistances(
            self._model, self._data, self._shapes, self._results, self.robot.to_model(q)
        )
        return self._signed(self._read())

    def some_distances(self, q: Array, chosen: Indices) -> Array:
        """Distance of the chosen pairs alone [m], shape (len(chosen),).

        Args:
            q: Positions [rad or m], shape (n,), in the model's order: `q_contract[order]`.
            chosen: Numbers of the pairs.
        """
        pin.forwardKinematics(self._model, self._data, q)
        pin.updateGeometryPlacements(self._model, self._data, self._shapes, self._results)
        for pair in chosen.tolist():
            pin.computeDistance(self._shapes, self._results, pair)
        return self._signed(self._read(chosen))

    def gradients(self, q: Array, chosen: Indices) -> Array:
        """Gradients of the chosen distances, shape (len(chosen), n) [m/rad or 1].

        With n the unit normal from the first to the second link and p1, p2 the closest points,
        d distance / dt = n . (velocity of p2 - velocity of p1); in penetration as well, where
        (p2 - p1) points against n.

        Args:
            q: The positions `distances` was last called with, shape (n,).
            chosen: Numbers of the pairs.
        """
        jacobian = pin.computeJointJacobians(self._model, self._data, self.robot.to_model(q))
        rows = self._read(chosen)
        normal, p1, p2 = rows[:, 0:3], rows[:, 3:6], rows[:, 6:9]
        wrench = np.empty((len(chosen), 6))
        wrench[:, :3] = normal
        wrench[:, 3:] = np.cross(p2, normal)
        moved = (wrench @ jacobian) * self._moves_second[chosen]
        wrench[:, 3:] = np.cross(p1, normal)
        moved -= (wrench @ jacobian) * self._moves_first[chosen]
        result: Array = moved @ self._fold
        return result

    def _signed(self, rows: Array) -> Array:
        """Distance of [normal, p1, p2] rows: (p2 - p1) . n, shape (len(rows),)."""
        result: Array = np.einsum('ij,ij->i', rows[:, 6:9] - rows[:, 3:6], rows[:, 0:3])
        return result

    def _read(self, chosen: Indices | None = None) -> Array:
        """[normal, p1, p2] of all or the chosen pairs, shape (pairs, 9)."""
        if self._view is not None:
            return self._view if chosen is None else self._view[chosen]
        results = self._results.distanceResults
        numbers = range(len(self)) if chosen is None else chosen.tolist()
        rows = np.empty((len(numbers), 9))
        for row, number in zip(rows, numbers, strict=True):
            result = results[number]
            row[0:3] = result.normal
            row[3:6] = result.getNearestPoint1()
            row[6:9] = result.getNearestPoint2()
        return rows

    def _verify_view(self) -> None:
        """Read the results in place where their memory layout is what we expect.

        coal keeps normal, p1 and p2 side by side in every result, and the results in one array.
        That is no promise of its API, so it is checked against the API before it is used.
        """
        results = self._results.distanceResults
        if len(results) < 2:
            return
        low = np.asarray(self._model.lowerPositionLimit)
        high = np.asarray(self._model.upperPositionLimit)
        first = results[0].normal
        address = [results[i].normal.__array_interface__['data'][0] for i in range(len(results))]
        stride = address[1] - address[0]
        if any(b - a != stride for a, b in pairwise(address)):
            return
        inside = [
            point.__array_interface__['data'][0] - address[0]
            for point in (results[0].getNearestPoint1(), results[0].getNearestPoint2())
        ]
        # getNearestPoint returns a copy in some versions; the values below decide then.
        if stride < 72 or stride % 8 or (0 < inside[0] < stride and inside != [24, 48]):
            return
        view = np.lib.stride_tricks.as_strided(
            first, shape=(len(results), 9), strides=(stride, 8), writeable=False
        )
        for share in (0.3, 0.5, 0.8):
            self.distances(self.robot.to_contract(low + share * (high - low)))
            if not np.array_equal(view, self._read()):
                return
        self._view = view

    def _choose_pairs(self) -> None:
        """Watch all pairs but those that touch by design, are told so, or touch at home."""
        contract = self.robot.contract
        ignored = {frozenset(pair) for pair in contract.safety.ignored_link_pairs}
        items = self._shapes.geometryObjects
        skipped: dict[frozenset[str], SkippedPair] = {}
        for i, one in enumerate(items):
            for k in range(i + 1, len(items)):
                other = items[k]
                links = (self._link(one), self._link(other))
                if one.parentJoint == other.parentJoint:
                    continue
                if frozenset(links) in ignored:
                    skipped[frozenset(links)] = SkippedPair(links, 'ignored by the contract')
                elif self._joints_apart(one.parentJoint, other.parentJoint) > NEAR_JOINTS:
                    self._shapes.addCollisionPair(pin.CollisionPair(i, k))
        probe = pin.GeometryData(self._shapes)
        q = self.robot.to_model(contract.home)
        pin.computeDistances(self._model, self._data, self._shapes, probe, q)
        needed = contract.safety.self_collision_distance + contract.safety.certificate_margin
        for pair, result in zip(
            list(self._shapes.collisionPairs), list(probe.distanceResults), strict=True
        ):
            if result.min_distance < needed:
                links = (self._link(items[pair.first]), self._link(items[pair.second]))
                skipped[frozenset(links)] = SkippedPair(
                    links, f'{result.min_distance:.4f} m apart at home, less than {needed:.4f}'
                )
        for pair in list(self._shapes.collisionPairs):
            links = (self._link(items[pair.first]), self._link(items[pair.second]))
            if frozenset(links) in skipped:
                self._shapes.removeCollisionPair(pair)
        self.skipped = tuple(skipped.values())

    def _link(self, item: Any) -> str:
        """Name of the link a shape belongs to."""
        return str(self._model.frames[item.parentFrame].name)

    def _chain(self, joint: int) -> list[int]:
        """Joints from one up to the root, without the root."""
        chain = []
        while joint > 0:
            chain.append(joint)
            joint = int(self._model.parents[joint])
        return chain

    def _joints_apart(self, one: int, other: int) -> int:
        """Number of joints between two bodies of the tree."""
        return len(set(self._chain(one)) ^ set(self._chain(other)))

    def _moves(self, bodies: list[int]) -> Array:
        """Which joints move each body, shape (len(bodies), joints)."""
        mask = np.zeros((len(bodies), self._model.njoints - 1))
        for row, body in zip(mask, bodies, strict=True):
            row[[joint - 1 for joint in self._chain(body)]] = 1.0
        return mask

    def _reach(self, first: list[Any], second: list[Any]) -> Array:
        """Bound on |d distance / d q| of every pair, shape (pairs, n).

        Along the chain from a shape to the last joint that carries both, a turning joint moves
        the shape by at most the sum of the link offsets below it, the travel of sliding joints
        there, and the shape's own extent; a sliding joint moves it by 1.
        """
        model = self._model
        lower, upper = model.lowerPositionLimit, model.upperPositionLimit
        turning = pin.computeJointJacobians(model, self._data, pin.neutral(model))[3:]
        slides = np.abs(turning).max(axis=0) < 1e-9
        result = np.zeros((len(first), model.nv))
        for row, a, b in zip(result, first, second, strict=True):
            chains = self._chain(a.parentJoint), self._chain(b.parentJoint)
            for item, own, others in ((a, *chains), (b, chains[1], chains[0])):
                radius = shapes.extent(item)
                for number in own:
                    if number in others:
                        break
                    joint = model.joints[number]
                    ratio, travel = 1.0, 0.0
                    if 'Mimic' in joint.shortname():
                        ratio = abs(joint.extract().scaling)
                    if slides[number - 1]:
                        span = max(abs(lower[joint.idx_q]), abs(upper[joint.idx_q]))
                        # Twice the travel: a start outside the limits stays covered.
                        travel = 2.0 * ratio * float(span) + 0.01
                        row[joint.idx_v] += ratio
                    else:
                        row[joint.idx_v] += ratio * radius
                    offset = np.linalg.norm(model.jointPlacements[number].translation)
                    radius += float(offset) + travel
        bound: Array = self.robot.to_contract(result)
        return bound
