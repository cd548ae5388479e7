# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""CompiledBackend: what the filter needs, by numba kernels."""

from ...contract import Contract
from ...data.frame import Array
from ..backend import Backend
from ..constraints.limits import ViabilityBox
from ..geometry.model import Indices
from ..geometry.self_collision import SelfCollision
from .arrays import Packed
from .certificate import CompiledCertificate
from .dynamics import CompiledDynamics
from .motion import CompiledToolMotion
from .proximity import CompiledProximityQuery
from .robot import CompiledRobot


class CompiledBackend(Backend):
    """See `Backend`; what a query found is overwritten by the next one."""

    name = 'numba'

    def __init__(self, geometry: SelfCollision) -> None:
        """Copy the robot into arrays, and compile what is not on the disk yet."""
        self.geometry = geometry
        self._robot = CompiledRobot(geometry.robot, geometry.shapes, geometry.rate_bounds)

    @property
    def packed(self) -> Packed:
        """Robot and pose in three arrays, for kernels."""
        return self._robot.packed

    def capsule_distances(self, q: Array) -> Array:
        """See `Backend`."""
        return self._robot.distances(q)

    def gradients(self, q: Array, chosen: Indices) -> Array:
        """See `Backend`."""
        return self._robot.gradients(q, chosen)

    def proximity_query(self, contract: Contract, box: ViabilityBox) -> CompiledProximityQuery:
        """See `Backend`."""
        return CompiledProximityQuery(contract, box, self._robot)

    def capsule_certificate(self, box: ViabilityBox) -> CompiledCertificate:
        """See `Backend`."""
        return CompiledCertificate(box, self._robot)

    def dynamics(self) -> CompiledDynamics:
        """See `Backend`."""
        return CompiledDynamics(self.robot, self.packed)

    def tool_motion(self, frames: list[int], box: ViabilityBox) -> CompiledToolMotion:
        """See `Backend`."""
        return CompiledToolMotion(self.robot, frames, self.packed, box)
