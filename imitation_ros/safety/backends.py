# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which back end computes: coal and numpy, always there, or numba, which is an extra."""

from typing import TYPE_CHECKING

from ..contract import Contract
from ..errors import SafetyError
from .certificate import BrakeCertificate
from .coal_backend import CoalBackend
from .constraints.dynamics import Dynamics, PinocchioDynamics
from .constraints.limits import ViabilityBox
from .constraints.tools import Motion, ToolMotion, ToolSpeed
from .geometry.refinement import RefinedCertificate
from .velocity_bounds import Front

if TYPE_CHECKING:
    from .compiled.backend import CompiledBackend, CompiledCertificate, CompiledFront
    from .geometry.distances import SelfCollision

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


def build(name: str, collisions: 'SelfCollision') -> 'CoalBackend | CompiledBackend':
    """The back end of a choice, ready to run: nothing is compiled later."""
    if choose(name) == 'coal':
        return CoalBackend(collisions.robot, collisions.geometry)
    from .compiled.backend import CompiledBackend

    return CompiledBackend(collisions.robot, collisions.geometry, collisions.reach)


def dynamics(collisions: 'SelfCollision') -> Dynamics:
    """Torques and the centre of mass, from the back end of the distances."""
    if isinstance(collisions.backend, CoalBackend):
        return PinocchioDynamics(collisions.robot)
    from .compiled.dynamics import CompiledDynamics

    return CompiledDynamics(collisions.robot, collisions.backend)


def tools(collisions: 'SelfCollision', box: ViabilityBox, cap: float) -> ToolSpeed:
    """The cap on the speed of the contract's tools, from the back end of the distances."""
    robot = collisions.robot
    frames = [robot.frame_id(name) for name in robot.contract.tools]
    motion: Motion
    if isinstance(collisions.backend, CoalBackend):
        motion = ToolMotion(robot, frames, box)
    else:
        from .compiled.motion import CompiledToolMotion

        motion = CompiledToolMotion(robot, frames, collisions.backend, box)
    return ToolSpeed(robot, box, motion, frames, cap)


def front(
    contract: Contract, box: ViabilityBox, collisions: 'SelfCollision'
) -> 'Front | CompiledFront':
    """The front of a step, from the back end of the distances."""
    if isinstance(collisions.backend, CoalBackend):
        return Front(contract, box, collisions, collisions.backend)
    from .compiled.backend import CompiledFront

    return CompiledFront(contract, box, collisions.backend)


def certificate(
    box: ViabilityBox, collisions: 'SelfCollision'
) -> 'BrakeCertificate | CompiledCertificate | RefinedCertificate':
    """The brake certificate, from the back end of the distances."""
    inner = _of_capsules(box, collisions)
    refine = collisions.refine
    return inner if refine is None else RefinedCertificate(inner, box, refine)


def _of_capsules(
    box: ViabilityBox, collisions: 'SelfCollision'
) -> 'BrakeCertificate | CompiledCertificate':
    """The brake certificate of the capsules alone."""
    if isinstance(collisions.backend, CoalBackend):
        return BrakeCertificate(box, collisions, collisions.backend)
    from .compiled.backend import CompiledCertificate

    return CompiledCertificate(box, collisions.backend)
