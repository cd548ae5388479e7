# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Contract: a loaded, checked robot contract; every array in contract order."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import ContractError, unknown
from .schema import Acted, Camera, Group, JointStates, Observed, Pose, Rates, Safety, Topics

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Limits:
    """Limits of every joint in contract order, each of shape (n,).

    Attributes:
        lower: Lowest allowed position [rad or m].
        upper: Highest allowed position [rad or m].
        velocity: Highest allowed speed [rad/s or m/s].
        acceleration: Highest allowed acceleration [rad/s^2 or m/s^2].
        effort: Highest effort of the actuator [Nm or N].
    """

    lower: Array
    upper: Array
    velocity: Array
    acceleration: Array
    effort: Array

    def __post_init__(self) -> None:
        """Make the arrays read-only and check that every range holds a position."""
        for array in (self.lower, self.upper, self.velocity, self.acceleration, self.effort):
            array.setflags(write=False)
        if not (self.lower < self.upper).all():
            raise ContractError(f'a lower limit is not below its upper: {self}')


@dataclass(frozen=True)
class Contract:
    """A loaded, checked contract.

    Attributes:
        name: Name of the robot.
        path: The YAML file it was read from, or what stands for it (a bag, a model).
        urdf_path: Where the URDF was found.
        urdf_text: The URDF itself.
        text: The YAML itself, as it goes into bags and models.
        hash: SHA-256 over the values of the YAML and the text of the URDF.
        joints: Joint names in contract order; without a robot, the entries that are seen.
        actions: Names of what is commanded: the joints, or without a robot the actions.
        groups: Groups of joints, whose concatenation is `joints`.
        limits: Limits of every action, in the order of `actions`.
        home: Home position [rad or m], shape (n,).
        observed: What is seen, where the contract describes data and no robot.
        acted: What is done there.
    """

    name: str
    path: Path
    urdf_path: Path
    urdf_text: str
    text: str
    hash: str
    joints: tuple[str, ...]
    groups: tuple[Group, ...]
    limits: Limits
    home: Array
    rates: Rates
    joint_states: JointStates
    cameras: tuple[Camera, ...]
    poses: tuple[Pose, ...]
    topics: Topics
    safety: Safety
    tools: tuple[str, ...]
    actions: tuple[str, ...]
    observed: Observed | None = None
    acted: Acted | None = None

    @property
    def data_only(self) -> bool:
        """Whether it describes data and no robot: no URDF, so nothing may be moved by it."""
        return self.observed is not None

    def require_robot(self, what: str) -> None:
        """Refuse what needs a robot.

        Raises:
            ContractError: If the contract describes data only.
        """
        if self.data_only:
            raise ContractError(
                f'{what} needs a robot, and the contract "{self.name}" names no urdf; with it you '
                'can audit, convert, train, export and evaluate on data (--data), or run the '
                'policy yourself (imitation_ros.runtime.VectorPolicy)'
            )

    def action_index(self, name: str) -> int:
        """Position of an action in the order of `actions`; raises ContractError."""
        if name not in self.actions:
            raise ContractError(unknown(name, 'action', self.actions))
        return self.actions.index(name)

    @property
    def n(self) -> int:
        """Number of joints."""
        return len(self.joints)

    def index(self, joint: str) -> int:
        """Position of a joint in contract order.

        Raises:
            ContractError: If the contract has no such joint.
        """
        if joint not in self.joints:
            raise ContractError(unknown(joint, 'joint', self.joints))
        return self.joints.index(joint)

    def group(self, name: str) -> Group:
        """Group by name; raises ContractError, listing the groups, if there is none."""
        for group in self.groups:
            if group.name == name:
                return group
        raise ContractError(unknown(name, 'group', (group.name for group in self.groups)))

    def camera(self, name: str) -> Camera:
        """Camera by name; raises ContractError, listing the cameras, if there is none."""
        for camera in self.cameras:
            if camera.name == name:
                return camera
        raise ContractError(unknown(name, 'camera', (camera.name for camera in self.cameras)))
