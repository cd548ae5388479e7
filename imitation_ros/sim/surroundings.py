# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What stands around the robot in every task: floor, light and table."""

from typing import Any

import mujoco

from .dimensions import BASE_HEIGHT, TABLE_CENTRE, TABLE_HALF, TABLE_TOP

# Touches everything; the robot (contype 1, conaffinity 2) touches this but not itself.
WORLD_CONTACT = {'contype': 2, 'conaffinity': 3}


def add_surroundings(spec: Any, table: bool = True) -> None:
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
    if table:
        _add_table(world)


def _add_table(world: Any) -> None:
    top = BASE_HEIGHT + TABLE_TOP
    table = world.add_body(name='table', pos=[*TABLE_CENTRE, top])
    box = mujoco.mjtGeom.mjGEOM_BOX
    table.add_geom(
        name='table_top',
        type=box,
        size=list(TABLE_HALF),
        pos=[0, 0, -TABLE_HALF[2]],
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
