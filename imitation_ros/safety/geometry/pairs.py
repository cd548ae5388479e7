# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which pairs of shapes are watched, and how fast their distances can change at most."""

from dataclasses import dataclass
from typing import Any

import coal
import numpy as np
import pinocchio as pin

from ...data.frame import Array
from ...kinematics.model import RobotModel

MAX_ADJACENT_JOINTS = 2
"""Links this many joints apart (or fewer) touch by design."""


@dataclass(frozen=True)
class SkippedPair:
    """Two links whose distance is not watched, and why."""

    links: tuple[str, str]
    reason: str


def link(model: Any, item: Any) -> str:
    """Name of the link a shape belongs to; an obstacle of the workspace has its own name."""
    return str(model.frames[item.parentFrame].name) if item.parentFrame else str(item.name)


def chain(model: Any, joint: int) -> list[int]:
    """Joints from one up to the root, without the root."""
    found = []
    while joint > 0:
        found.append(joint)
        joint = int(model.parents[joint])
    return found


def moves(model: Any, bodies: list[int]) -> Array:
    """Which joints move each body, shape (len(bodies), joints)."""
    mask = np.zeros((len(bodies), model.njoints - 1))
    for row, body in zip(mask, bodies, strict=True):
        row[[joint - 1 for joint in chain(model, body)]] = 1.0
    return mask


def choose(robot: RobotModel, geometry: Any) -> tuple[SkippedPair, ...]:
    """Add all pairs but those that touch by design, are told so, or touch at home.

    Args:
        robot: The robot.
        geometry: `pinocchio.GeometryModel` of its shapes; the pairs are added to it.

    Returns:
        Pairs of links that are left out for another reason than their nearness in the tree.
    """
    contract, model = robot.contract, robot.model
    ignored = {frozenset(pair) for pair in contract.safety.ignored_link_pairs}
    items = geometry.geometryObjects
    skipped: dict[frozenset[str], SkippedPair] = {}
    for i, one in enumerate(items):
        for k in range(i + 1, len(items)):
            other = items[k]
            links = (link(model, one), link(model, other))
            if one.parentJoint == other.parentJoint:
                continue
            static = not other.parentFrame
            apart = set(chain(model, one.parentJoint)) ^ set(chain(model, other.parentJoint))
            if frozenset(links) in ignored:
                skipped[frozenset(links)] = SkippedPair(links, 'ignored by the contract')
            elif static or len(apart) > MAX_ADJACENT_JOINTS:
                geometry.addCollisionPair(pin.CollisionPair(i, k))
    probe = pin.GeometryData(geometry)
    pin.computeDistances(model, model.createData(), geometry, probe, robot.to_model(contract.home))
    needed = contract.safety.self_collision_distance + contract.safety.certificate_margin
    # Copies: what Pinocchio hands out are places in its list, which moves up as pairs are removed.
    pairs = [pin.CollisionPair(pair.first, pair.second) for pair in geometry.collisionPairs]
    results = list(probe.distanceResults)
    for pair, result in zip(pairs, results, strict=True):
        if result.min_distance < needed:
            links = (link(model, items[pair.first]), link(model, items[pair.second]))
            reason = f'{result.min_distance:.4f} m apart at home, less than {needed:.4f}'
            skipped[frozenset(links)] = SkippedPair(links, reason)
    for pair in pairs:
        links = (link(model, items[pair.first]), link(model, items[pair.second]))
        if frozenset(links) in skipped:
            geometry.removeCollisionPair(pair)
    return tuple(skipped.values())


def distance_rate_bounds(robot: RobotModel, first: list[Any], second: list[Any]) -> Array:
    """Lipschitz bounds |d distance / d q| of every pair, shape (pairs, n), in contract order.

    Along the chain from a shape to the last joint that carries both, a turning joint moves the
    shape by at most the sum of the link offsets below it, the travel of sliding joints there, and
    the shape's own extent; a sliding joint moves it by 1.

    Args:
        robot: The robot.
        first: First shape (`pinocchio.GeometryObject`) of every pair.
        second: Second shape of every pair.
    """
    model = robot.model
    lower, upper = model.lowerPositionLimit, model.upperPositionLimit
    turning = pin.computeJointJacobians(model, model.createData(), pin.neutral(model)).reshape(
        6, -1
    )[3:]
    prismatic = np.abs(turning).max(axis=0) < 1e-9
    result = np.zeros((len(first), model.nv))
    for row, a, b in zip(result, first, second, strict=True):
        chains = chain(model, a.parentJoint), chain(model, b.parentJoint)
        for item, own, others in ((a, *chains), (b, chains[1], chains[0])):
            radius = _extent(item) if own else 0.0
            for number in own:
                if number in others:
                    break
                joint = model.joints[number]
                ratio, travel = 1.0, 0.0
                if 'Mimic' in joint.shortname():
                    ratio = abs(joint.extract().scaling)
                if prismatic[number - 1]:
                    span = max(abs(lower[joint.idx_q]), abs(upper[joint.idx_q]))
                    # Twice the travel: a start outside the limits stays covered.
                    travel = 2.0 * ratio * float(span) + 0.01
                    row[joint.idx_v] += ratio
                else:
                    row[joint.idx_v] += ratio * radius
                offset = np.linalg.norm(model.jointPlacements[number].translation)
                radius += float(offset) + travel
    bound: Array = robot.to_contract(result)
    return bound


def _extent(item: Any) -> float:
    """Largest distance of a point of a capsule or sphere from the origin of its joint [m]."""
    tip = np.zeros(3)
    if isinstance(item.geometry, coal.Capsule):
        tip = item.placement.rotation[:, 2] * item.geometry.halfLength
    center = item.placement.translation
    ends = (center + tip, center - tip)
    return float(max(np.linalg.norm(end) for end in ends) + item.geometry.radius)
