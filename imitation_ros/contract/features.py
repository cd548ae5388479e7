# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the safety filter can also look at; off by default, and hashed only where it is on."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from .quantities import Margin, Place


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


class Support(Feature):
    """Where the robot stands: its capture point stays over a polygon, as far as that can be had.

    Attributes:
        feet: Links that stand on the ground: their lowest points span the polygon, where they are
            when the robot is armed. The z axis of the first one points up.
        frame: Instead of feet: link in whose x-y plane the polygon lies, z up.
        polygon: Corners there, x and y [m]; their convex hull counts.
        margin: Kept from every edge [m].
    """

    feet: tuple[str, ...] = ()
    frame: str | None = None
    polygon: tuple[tuple[Place, Place], ...] = Field((), max_length=1000)
    margin: Margin = 0.02

    @model_validator(mode='after')
    def _is_whole(self) -> 'Support':
        if bool(self.feet) == (self.frame is not None) or bool(self.feet) == bool(self.polygon):
            raise ValueError('it is either feet, or a frame with a polygon')
        if self.polygon and len(set(self.polygon)) < 3:
            raise ValueError('a polygon has three corners or more')
        return self
