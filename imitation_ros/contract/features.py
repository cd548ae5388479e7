# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the safety filter can also look at; off by default, and hashed only where it is on."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Feature(BaseModel):
    """Frozen values; a key that is not declared is an error."""

    model_config = ConfigDict(frozen=True, extra='forbid')


class Torque(Feature):
    """Commands that the actuators can follow, by inverse dynamics of the robot on a fixed base.

    Attributes:
        share: Of the URDF's effort limit of each joint that a command may need.
        groups: Groups whose joints are looked at; all if empty. Leave out the legs of a robot
            that stands on them: what the floor does to them is not known here.
    """

    share: Annotated[float, Field(gt=0.0, le=1.0)]
    groups: tuple[str, ...] = ()
