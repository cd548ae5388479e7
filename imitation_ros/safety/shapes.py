# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Collision shapes of a robot: the convex primitives of its URDF, and capsules for its meshes."""

from typing import Any

import coal
import numpy as np
import pinocchio as pin

from .. import resources
from ..data.frame import Array
from ..errors import SafetyError
from ..kinematics.model import RobotModel
from .capsules import Capsule, cover

CONVEX = (coal.Box, coal.Sphere, coal.Cylinder, coal.Capsule, coal.Cone, coal.Ellipsoid)


def build(robot: RobotModel) -> Any:
    """`pinocchio.GeometryModel` of the URDF's collision elements, without pairs.

    Primitives stay as they are; meshes become capsules that contain them.

    Raises:
        SafetyError: If the robot has no collision geometry, or a mesh cannot be read.
    """
    folders = [str(folder) for folder in resources.share_folders() if folder.is_dir()]
    folders.append(str(robot.contract.urdf_path.parent))
    try:
        raw = pin.buildGeomFromUrdfString(
            robot.model, robot.contract.urdf_text, pin.GeometryType.COLLISION, package_dirs=folders
        )
    except (ValueError, RuntimeError) as error:
        raise SafetyError(f'cannot read the collision geometry: {error}') from error
    if not len(raw.geometryObjects):
        raise SafetyError(
            f'{robot.contract.urdf_path} has no <collision> element: '
            'self-collision cannot be checked'
        )
    model = pin.GeometryModel()
    for item in raw.geometryObjects:
        if isinstance(item.geometry, CONVEX):
            model.addGeometryObject(
                pin.GeometryObject(
                    item.name, item.parentJoint, item.parentFrame, item.placement, item.geometry
                )
            )
            continue
        points, triangles = mesh(item.geometry, item.name)
        for number, capsule in enumerate(cover(points, triangles)):
            model.addGeometryObject(
                pin.GeometryObject(
                    f'{item.name}#{number}',
                    item.parentJoint,
                    item.parentFrame,
                    item.placement * placement(capsule),
                    coal.Capsule(capsule.radius, capsule.length),
                )
            )
    return model


def mesh(geometry: Any, name: str) -> tuple[Array, Any]:
    """Vertices [m], shape (m, 3), and triangles, shape (t, 3), of a coal mesh."""
    if not getattr(geometry, 'num_vertices', 0):
        raise SafetyError(f'{name}: unknown collision geometry {type(geometry).__name__}')
    points = np.array(geometry.vertices(), dtype=np.float64).reshape(-1, 3)
    triangles = np.array(
        [
            [triangle[0], triangle[1], triangle[2]]
            for triangle in (geometry.tri_indices(i) for i in range(geometry.num_tris))
        ],
        dtype=np.intp,
    )
    return points, triangles


def placement(capsule: Capsule) -> Any:
    """Pose of a capsule as coal draws it: centred, along z."""
    axis = capsule.end - capsule.start
    norm = np.linalg.norm(axis)
    axis = axis / norm if norm > 1e-9 else np.array([0.0, 0.0, 1.0])
    turn = pin.Quaternion.FromTwoVectors(np.array([0.0, 0.0, 1.0]), axis)
    return pin.SE3(turn.toRotationMatrix(), 0.5 * (capsule.start + capsule.end))


def extent(item: Any) -> float:
    """Largest distance of a point of the shape from the origin of its joint [m]."""
    geometry, pose = item.geometry, item.placement
    if isinstance(geometry, coal.Capsule):
        tip = pose.rotation[:, 2] * geometry.halfLength
        ends = (pose.translation + tip, pose.translation - tip)
        return float(max(np.linalg.norm(end) for end in ends) + geometry.radius)
    if isinstance(geometry, coal.Sphere):
        return float(np.linalg.norm(pose.translation) + geometry.radius)
    geometry.computeLocalAABB()
    box = geometry.aabb_local
    corners = np.array(np.meshgrid(*zip(box.min_, box.max_, strict=True))).reshape(3, -1).T
    return float(np.linalg.norm(corners @ pose.rotation.T + pose.translation, axis=1).max())
