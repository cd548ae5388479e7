# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The robot's capsules as one geometry model."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
import pinocchio as pin

from ..kinematics.model import RobotModel
from . import shapes
from .link_capsules import LinkCapsules

Indices = NDArray[np.intp]


def build(robot: RobotModel, capsules: LinkCapsules) -> Any:
    """`pinocchio.GeometryModel` of the capsules of every link, without pairs."""
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
    return result
