# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Objects that several tasks put on the table."""

from typing import Any

import mujoco

from ..dimensions import BASE_HEIGHT, TABLE_TOP
from ..surroundings import WORLD_CONTACT

BIN_HALF = 0.07
"""Half width of the bin [m]."""


def add_free_box(
    world: Any, name: str, half: tuple[float, ...], rgba: list[float], mass: float
) -> Any:
    """Add a box that can be moved."""
    body = world.add_body(name=name, pos=[0.4, 0.0, BASE_HEIGHT + TABLE_TOP + half[2]])
    body.add_freejoint(name=f'{name}_free')
    body.add_geom(
        name=name,
        type=mujoco.mjtGeom.mjGEOM_BOX,
        size=list(half),
        rgba=rgba,
        mass=mass,
        friction=[1.0, 0.01, 0.001],
        condim=4,
        **WORLD_CONTACT,
    )
    return body


def add_bin(world: Any, centre: tuple[float, float, float], name: str = 'bin') -> None:
    """Add a bin: open above, low walls, its floor at `centre` in the base frame [m]."""
    x, y, z = centre
    tray = world.add_body(name=name, pos=[x, y, z + BASE_HEIGHT + 0.001])
    side, wall = BIN_HALF, 0.003
    for size, pos in (
        ([side, side, 0.002], [0, 0, 0]),
        ([wall, side, 0.02], [side, 0, 0.02]),
        ([wall, side, 0.02], [-side, 0, 0.02]),
        ([side, wall, 0.02], [0, side, 0.02]),
        ([side, wall, 0.02], [0, -side, 0.02]),
    ):
        tray.add_geom(
            type=mujoco.mjtGeom.mjGEOM_BOX,
            size=size,
            pos=pos,
            rgba=[0.15, 0.30, 0.80, 1],
            **WORLD_CONTACT,
        )
