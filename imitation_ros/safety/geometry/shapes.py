# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Collision elements of a URDF, as coal reads them, and the capsules that stand for them."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import coal
import numpy as np
import pinocchio as pin

from ... import resources
from ...contract import Contract
from ...data.frame import Array
from ...errors import SafetyError
from .capsules import Capsule, cover, cover_box, fit

ROUND = 48
"""Corners of the polygon that is drawn around a round shape before a capsule is fitted to it."""


def read(contract: Contract, model: Any) -> Any:
    """`pinocchio.GeometryModel` of the URDF's collision elements, without pairs.

    Args:
        contract: The robot.
        model: Its `pinocchio.Model`.

    Raises:
        SafetyError: If the robot has no collision geometry, or a mesh cannot be read.
    """
    folders = [str(folder) for folder in resources.share_folders() if folder.is_dir()]
    folders.append(str(contract.urdf_path.parent))
    try:
        found = pin.buildGeomFromUrdfString(
            model, contract.urdf_text, pin.GeometryType.COLLISION, package_dirs=folders
        )
    except (ValueError, RuntimeError) as error:
        raise SafetyError(f'cannot read the collision geometry: {error}') from error
    if not len(found.geometryObjects):
        raise SafetyError(
            f'{contract.urdf_path} has no <collision> element: self-collision cannot be checked'
        )
    return found


def only(contract: Contract, links: Collection[str]) -> Contract:
    """The contract with collision elements on some links alone: others take seconds to read."""
    root = ElementTree.fromstring(contract.urdf_text)
    for link in root.iterfind('link'):
        for element in link.findall('collision') if link.get('name') not in links else ():
            link.remove(element)
    return replace(contract, urdf_text=ElementTree.tostring(root, encoding='unicode'))


def capsules(item: Any) -> list[Capsule]:
    """Capsules that contain a shape, in its own frame: exact for spheres and capsules."""
    geometry = item.geometry
    tip = np.zeros(3)
    if isinstance(geometry, coal.Sphere):
        return [Capsule(tip, tip, float(geometry.radius))]
    if isinstance(geometry, coal.Capsule):
        tip[2] = geometry.halfLength
        return [Capsule(-tip, tip, float(geometry.radius))]
    if isinstance(geometry, coal.Box):
        return cover_box(np.array(geometry.halfSide, dtype=np.float64).reshape(3))
    if isinstance(geometry, (coal.Cylinder, coal.Cone, coal.Ellipsoid)):
        return [fit(points(item))]
    return cover(*mesh(geometry, item.name))


def points(item: Any) -> Array:
    """Points whose convex hull contains a shape, in its own frame [m], shape (m, 3).

    Exact for a box and a mesh; a round shape gets a polyhedron around it.
    """
    geometry = item.geometry
    if isinstance(geometry, coal.Box):
        half = np.array(geometry.halfSide, dtype=np.float64).reshape(3)
        signs = np.array(np.meshgrid(*[(-1.0, 1.0)] * 3)).reshape(3, -1).T
        corners: Array = signs * half
        return corners
    angle = np.arange(ROUND) * 2.0 * np.pi / ROUND
    ring = np.column_stack([np.cos(angle), np.sin(angle), np.zeros(ROUND)])
    ring /= np.cos(np.pi / ROUND)
    up = np.array([0.0, 0.0, 1.0])
    if isinstance(geometry, (coal.Cylinder, coal.Cone)):
        wide, half_length = geometry.radius * ring, geometry.halfLength * up
        top = wide if isinstance(geometry, coal.Cylinder) else np.zeros((1, 3))
        return np.vstack([wide - half_length, top + half_length])
    if isinstance(geometry, (coal.Sphere, coal.Capsule, coal.Ellipsoid)):
        radii = np.ones(3) * getattr(geometry, 'radii', getattr(geometry, 'radius', 0.0))
        slope = (np.arange(ROUND // 2 + 1) / (ROUND // 2) - 0.5) * np.pi
        up = up / np.cos(np.pi / ROUND)
        ball = np.vstack([np.cos(a) * ring + np.sin(a) * up for a in slope])
        ball = ball / np.cos(np.pi / ROUND) * radii
        shift = np.array([0.0, 0.0, getattr(geometry, 'halfLength', 0.0)])
        return np.asarray(np.vstack([ball - shift, ball + shift]))
    return mesh(geometry, item.name)[0]


def mesh(geometry: Any, name: str) -> tuple[Array, Any]:
    """Vertices [m], shape (m, 3), and triangles, shape (t, 3), of a coal mesh."""
    if not getattr(geometry, 'num_vertices', 0):
        raise SafetyError(f'{name}: unknown collision geometry {type(geometry).__name__}')
    vertices = np.array(geometry.vertices(), dtype=np.float64).reshape(-1, 3)
    triangles = np.array(
        [
            [triangle[0], triangle[1], triangle[2]]
            for triangle in (geometry.tri_indices(i) for i in range(geometry.num_tris))
        ],
        dtype=np.intp,
    )
    return vertices, triangles


def placement(capsule: Capsule) -> Any:
    """Pose of a capsule as coal draws it: centred, along z."""
    axis = capsule.end - capsule.start
    norm = np.linalg.norm(axis)
    axis = axis / norm if norm > 1e-9 else np.array([0.0, 0.0, 1.0])
    turn = pin.Quaternion.FromTwoVectors(np.array([0.0, 0.0, 1.0]), axis)
    return pin.SE3(turn.toRotationMatrix(), 0.5 * (capsule.start + capsule.end))


def geometry(capsule: Capsule) -> Any:
    """The capsule as coal knows it; one without a segment is a sphere."""
    if capsule.length < 1e-9:
        return coal.Sphere(capsule.radius)
    return coal.Capsule(capsule.radius, capsule.length)


def moved(capsule: Capsule, pose: Any) -> Capsule:
    """The capsule in the frame that `pose` (`pinocchio.SE3`) leads to."""
    start, end = pose.act(capsule.start), pose.act(capsule.end)
    return Capsule(np.asarray(start), np.asarray(end), capsule.radius)
