# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What stands around the robot: floor, light, table, and the objects of each task."""

from typing import Any

import mujoco

from .tasks import BIN_CENTRE, BIN_HALF, BOX_HALF, CUBE_HALF, TABLE_TOP

BASE_HEIGHT = 0.836
"""Height of the robot's base above the floor [m]: its feet clear the floor by a millimetre."""

# Touches everything; the robot (contype 1, conaffinity 2) touches this but not itself.
WORLD_CONTACT = {'contype': 2, 'conaffinity': 3}


def add_surroundings(spec: Any) -> None:
    """Add floor, light and table."""
    world, geom = spec.worldbody, mujoco.mjtGeom
    spec.add_texture(
        name='grid',
        type=mujoco.mjtTexture.mjTEXTURE_2D,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_CHECKER,
        rgb1=[0.72, 0.74, 0.76],
        rgb2=[0.62, 0.64, 0.67],
        width=128,
        height=128,
    )
    material = spec.add_material(name='grid', texrepeat=[8, 8], reflectance=0.0)
    material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = 'grid'
    spec.add_texture(
        name='sky',
        type=mujoco.mjtTexture.mjTEXTURE_SKYBOX,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_GRADIENT,
        rgb1=[0.86, 0.90, 0.94],
        rgb2=[0.97, 0.97, 0.97],
        width=64,
        height=64,
    )
    world.add_geom(
        name='floor', type=geom.mjGEOM_PLANE, size=[4, 4, 0.1], material='grid', **WORLD_CONTACT
    )
    world.add_light(pos=[1.0, -0.6, 3.0], dir=[-0.25, 0.2, -1.0], castshadow=True)
    spec.visual.global_.offwidth, spec.visual.global_.offheight = 1920, 1080
    spec.visual.quality.shadowsize = 2048
    spec.visual.quality.offsamples = 4
    spec.visual.headlight.ambient = [0.35] * 3
    spec.visual.headlight.diffuse = [0.45] * 3
    top = BASE_HEIGHT + TABLE_TOP
    table = world.add_body(name='table', pos=[0.47, 0.0, top])
    box = geom.mjGEOM_BOX
    table.add_geom(
        name='table_top',
        type=box,
        size=[0.25, 0.5, 0.02],
        pos=[0, 0, -0.02],
        rgba=[0.55, 0.40, 0.26, 1],
        **WORLD_CONTACT,
    )
    leg = (top - 0.04) / 2
    for x in (-0.22, 0.22):
        for y in (-0.45, 0.45):
            table.add_geom(
                type=box,
                size=[0.02, 0.02, leg],
                pos=[x, y, -0.04 - leg],
                rgba=[0.35, 0.26, 0.17, 1],
                **WORLD_CONTACT,
            )


def _add_free_box(
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


def _add_target(world: Any) -> None:
    """Add the target of reach: a sphere that touches nothing."""
    # A geom and not a site: the ray caster sees no sites.
    body = world.add_body(name='target', mocap=True, pos=[0.4, -0.2, BASE_HEIGHT + 0.2])
    body.add_geom(
        name='target',
        type=mujoco.mjtGeom.mjGEOM_SPHERE,
        size=[0.025, 0, 0],
        rgba=[0.10, 0.75, 0.25, 1],
        contype=0,
        conaffinity=0,
    )


def _add_box(world: Any) -> None:
    """Add the carton of lift, with a strip of tape that shows which way it points."""
    body = _add_free_box(world, 'box', BOX_HALF, [0.80, 0.62, 0.36, 1], 0.8)
    body.add_geom(
        name='tape',
        type=mujoco.mjtGeom.mjGEOM_BOX,
        size=[BOX_HALF[0] + 0.0005, 0.02, BOX_HALF[2] + 0.0005],
        rgba=[0.93, 0.87, 0.70, 1],
        mass=0.0,
        contype=0,
        conaffinity=0,
    )


def _add_cube_and_bin(world: Any) -> None:
    """Add the cube and the bin of pick_place."""
    _add_free_box(world, 'cube', (CUBE_HALF,) * 3, [0.86, 0.15, 0.12, 1], 0.08)
    x, y, z = BIN_CENTRE
    tray = world.add_body(name='bin', pos=[x, y, z + BASE_HEIGHT + 0.001])
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


OBJECTS = {'reach': _add_target, 'lift': _add_box, 'pick_place': _add_cube_and_bin}
"""What each task puts on the table."""
