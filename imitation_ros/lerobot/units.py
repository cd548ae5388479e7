# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Units of LeRobot's vectors, which its robots choose motor by motor, and ours: rad and m.

LeRobot's `MotorNormMode` knows degrees, 0..100 and -100..100 of a motor's calibrated range; the
gripper of its arms is 0..100 even where the other joints are in degrees.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
import math

from ..data.frame import Array
from ..errors import DataError
from ..urdf import UrdfJoint

UNITS = ('rad', 'deg', 'm', 'mm', 'percent', 'm100')
"""`percent`: 0 is the lower limit of the URDF and 100 the upper; `m100`: -100 is the lower one."""

PERCENT_FROM = 50.0
"""Values that stay below are hardly percent: a gripper that is used opens further."""

_TURNS, _SLIDES = ('rad', 'deg'), ('m', 'mm')
_FACTOR = {'rad': 1.0, 'deg': math.pi / 180, 'm': 1.0, 'mm': 1e-3}


@dataclass(frozen=True)
class Scale:
    """From a unit to ours: `factor * value + offset`.

    Attributes:
        factor: Also that of a speed.
        offset: In rad or m.
    """

    factor: float = 1.0
    offset: float = 0.0


def scale(unit: str, name: str, joint: UrdfJoint | None) -> Scale:
    """Scale of one joint.

    Args:
        unit: One of UNITS.
        name: What to call the joint in an error.
        joint: The joint; None where no robot is described.

    Raises:
        DataError: If a joint that slides is turned or the other way round, or limits are needed
            and there are none.
    """
    if unit in _FACTOR:
        if joint is not None and unit in (_TURNS if joint.kind == 'prismatic' else _SLIDES):
            does, right = ('slides', _SLIDES) if joint.kind == 'prismatic' else ('turns', _TURNS)
            raise DataError(
                f'"{name}" {does}: its unit is one of {", ".join((*right, "percent", "m100"))}, '
                f'not {unit}'
            )
        return Scale(_FACTOR[unit])
    if joint is None:
        raise DataError(
            f'{name}={unit}: without a robot (--robot) nothing tells of what; leave it out to '
            'take the numbers as they are'
        )
    if not math.isfinite(joint.upper - joint.lower):
        raise DataError(f'{name}={unit}: "{name}" has no limits; its unit is rad or deg')
    span = joint.upper - joint.lower
    if unit == 'percent':
        return Scale(span / 100, joint.lower)
    return Scale(span / 200, joint.lower + span / 2)


def hints(
    names: Sequence[str], low: Array, high: Array, units: Mapping[str, str]
) -> Iterator[str]:
    """Say which joints that were taken for degrees may be percent.

    Args:
        names: Names of the joints.
        low: Their lowest values in the dataset, shape (n,).
        high: Their highest.
        units: Joints whose unit was given.
    """
    likely = [
        name
        for name, least, most in zip(names, low, high, strict=True)
        if name not in units and least >= 0 and PERCENT_FROM <= most <= 100
    ]
    if likely:
        yield (
            f'taken for degrees, but within 0 to 100: {", ".join(likely)}; if that is percent of '
            f'the range between the limits, say so: --units {likely[-1]}=percent'
        )
