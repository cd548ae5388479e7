# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The robot's capsules, and static obstacles around it, as one geometry model."""

from typing import Any

import coal
import numpy as np
from numpy.typing import NDArray
import pinocchio as pin

from ...contract import Obstacle
from ...kinematics.model import RobotModel
from . import shapes
from .link_capsules import LinkCapsules

Indices = NDArray[np.intp]


def build(robot: RobotModel, capsules: LinkCapsules) -> Any:
    """`pinocchio.GeometryModel` of all capsules, then of the obstacles, without pairs."""
    model = robot.model
    result = pin.GeometryModel()
    for link, found in capsules.links.items():
        number = robot.frame_id(link)
        frame = model.frames[number]
        for i, capsule in enumerate(found):
            pose = frame.placement * shapes.placement(capsule)
            shape = shapes.geometry(capsule)
            result.addGeometryObject(
                pin.GeometryObject(f'{link}#{i}', frame.parentJoint, number, pose, shape)
            )
    for obstacle in robot.contract.safety.workspace:
        result.addGeometryObject(_static_obstacle(obstacle))
    return result


def _static_obstacle(obstacle: Obstacle) -> Any:
    """A static obstacle of the workspace, on the root."""
    pose = pin.SE3(np.eye(3), np.array(obstacle.position))
    if obstacle.normal is not None:
        normal = np.array(obstacle.normal)
        shape = coal.Halfspace(normal / np.linalg.norm(normal), 0.0)
    elif obstacle.size is not None:
        shape = coal.Box(*obstacle.size)
    else:
        shape = coal.Sphere(obstacle.radius)
    return pin.GeometryObject(obstacle.name, 0, 0, pose, shape)
