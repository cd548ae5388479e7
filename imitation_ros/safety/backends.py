# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which back end computes: coal and numpy, always there, or numba, which is an extra."""

from ..errors import SafetyError
from ..kinematics.model import RobotModel
from .backend import Backend
from .coal_backend import CoalBackend
from .geometry.link_capsules import LinkCapsules
from .geometry.self_collision import SelfCollision

NAMES = ('auto', 'coal', 'numba')


def choose(name: str) -> str:
    """The back end that a choice means here: `coal` or `numba`.

    Raises:
        SafetyError: If there is no such back end, or it is not installed.
    """
    if name not in NAMES:
        raise SafetyError(f'"{name}" is not a back end; choices: {", ".join(NAMES)}')
    if name == 'coal':
        return name
    try:
        import numba  # noqa: F401
    except ImportError as error:
        if name == 'numba':
            raise SafetyError(
                'the back end "numba" is not installed: pip install "imitation_ros[fast]", or set '
                'safety.backend to coal or auto'
            ) from error
        return 'coal'
    return 'numba'


def build(
    robot: RobotModel, name: str | None = None, capsules: LinkCapsules | None = None
) -> Backend:
    """The back end of a robot, ready to run: nothing is compiled later.

    Args:
        robot: The robot.
        name: `auto`, `coal` or `numba`; the contract's `safety.backend` if None.
        capsules: Capsules to use; from the file beside the contract, or fitted, if None.

    Raises:
        SafetyError: If the back end is not there, or the robot's shapes cannot be read.
    """
    chosen = choose(name or robot.contract.safety.backend)
    geometry = SelfCollision(robot, capsules)
    if chosen == 'coal':
        return CoalBackend(geometry)
    from .compiled.backend import CompiledBackend

    return CompiledBackend(geometry)
