# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Cameras without a GPU: OpenGL through EGL or OSMesa, or rays cast by MuJoCo itself.

A process can import one OpenGL platform, and a failed import spoils it for the others: so the
libraries are looked for first. Rays need no library at all; they are what remains.
"""

import ctypes
import importlib
import logging
import os
from typing import Any, Protocol

import mujoco
import numpy as np

from ..data.frame import Array, Image
from ..errors import ContractError, DataError, unknown
from .scene import COLLISION_GROUP, Scene

LOG = logging.getLogger(__name__)
RENDERERS = ('auto', 'egl', 'osmesa', 'ray')
PRETTY_WIDTH = 480
"""Images at least this wide [pixel] are for people, and get shadows and smooth edges."""
LIBRARIES = {
    'egl': (('libEGL.so.1',), ('libOpenGL.so.0', 'libGL.so.1')),
    'osmesa': (('libOSMesa.so.8', 'libOSMesa.so.6'),),
}
"""What each back end needs: one library of every group."""


class Renderer(Protocol):
    """Draws one size of image."""

    def render(self, data: Any, camera: int) -> Image:
        """Image of a camera, by its id, uint8, shape (height, width, 3), RGB."""

    def close(self) -> None:
        """Free what it holds."""


class GlRenderer:
    """OpenGL; made, used and closed by one thread."""

    def __init__(
        self, model: Any, width: int, height: int, backend: str, pretty: bool = False
    ) -> None:
        """Make a context of this size.

        Args:
            model: The `mujoco.MjModel`.
            width: Width of the image [pixel].
            height: Height of the image [pixel].
            backend: `egl` or `osmesa`.
            pretty: Shadows and smooth edges: three times as slow, for pictures people look at.
        """
        # Not `mujoco.Renderer`: its back end is fixed when mujoco is imported first.
        os.environ['PYOPENGL_PLATFORM'] = backend
        make_context = importlib.import_module(f'mujoco.{backend}').GLContext
        self._context = make_context(width, height)
        self._context.make_current()
        model.vis.quality.offsamples = 4 if pretty else 0
        self._mjr = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100)
        mujoco.mjr_resizeOffscreen(width, height, self._mjr)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._mjr)
        self._model = model
        self._scene = mujoco.MjvScene(model, maxgeom=1000)
        self._scene.flags[:] = 0
        self._scene.flags[mujoco.mjtRndFlag.mjRND_SKYBOX] = 1
        self._scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = pretty
        self._option = mujoco.MjvOption()
        self._view = mujoco.MjvCamera()
        self._view.type = mujoco.mjtCamera.mjCAMERA_FIXED
        self._rect = mujoco.MjrRect(0, 0, width, height)
        self._pixels = np.empty((height, width, 3), dtype=np.uint8)

    def render(self, data: Any, camera: int) -> Image:
        """As `Renderer`."""
        self._context.make_current()
        self._view.fixedcamid = camera
        mujoco.mjv_updateScene(
            self._model,
            data,
            self._option,
            None,
            self._view,
            mujoco.mjtCatBit.mjCAT_ALL,
            self._scene,
        )
        mujoco.mjr_render(self._rect, self._scene, self._mjr)
        mujoco.mjr_readPixels(self._pixels, None, self._rect, self._mjr)
        # OpenGL counts rows from the bottom.
        upright: Image = self._pixels[::-1].copy()
        return upright

    def close(self) -> None:
        """As `Renderer`."""
        self._context.make_current()
        self._mjr.free()
        self._context.free()


class RayRenderer:
    """One ray per pixel: exact shapes, plain shading, no graphics library."""

    SKY = (228, 234, 240)
    FLOOR = ((184, 189, 194), (158, 163, 171))
    FAR_M = 10.0

    def __init__(self, model: Any, width: int, height: int) -> None:
        """Reserve the buffers of one size."""
        self._model, self._width, self._height = model, width, height
        count = width * height
        self._geom = np.empty(count, dtype=np.int32)
        self._distance = np.empty(count)
        self._normal = np.empty(3 * count)
        self._groups = np.array([i < COLLISION_GROUP for i in range(6)], dtype=np.uint8)
        self._rays: dict[int, Array] = {}
        rgba = model.geom_rgba.copy()
        drawn = model.geom_matid >= 0
        rgba[drawn] = model.mat_rgba[model.geom_matid[drawn]]
        self._colour = (255.0 * rgba[:, :3]).astype(np.float32)
        self._floor = int(model.geom('floor').id)

    def _camera_rays(self, camera: int) -> Array:
        """Unit rays of the pixels in the camera's frame, shape (pixels, 3)."""
        if camera not in self._rays:
            w, h = self._width, self._height
            focal = 0.5 * h / np.tan(np.deg2rad(self._model.cam_fovy[camera]) / 2)
            u, v = np.meshgrid(np.arange(w) + 0.5 - w / 2, np.arange(h) + 0.5 - h / 2)
            rays = np.stack([u / focal, -v / focal, -np.ones_like(u)], axis=-1).reshape(-1, 3)
            self._rays[camera] = rays / np.linalg.norm(rays, axis=1, keepdims=True)
        return self._rays[camera]

    def render(self, data: Any, camera: int) -> Image:
        """As `Renderer`."""
        origin = data.cam_xpos[camera]
        rays = np.ascontiguousarray(
            self._camera_rays(camera) @ data.cam_xmat[camera].reshape(3, 3).T
        )
        mujoco.mj_multiRay(
            self._model,
            data,
            origin,
            rays.ravel(),
            self._groups,
            1,
            -1,
            self._geom,
            self._distance,
            self._normal,
            len(rays),
            self.FAR_M,
        )
        normal = self._normal.reshape(-1, 3)
        colour = self._colour[self._geom]
        floor = np.nonzero(self._geom == self._floor)[0]
        ground = origin[:2] + rays[floor, :2] * self._distance[floor, None]
        odd = np.floor(2.0 * ground).astype(np.int64).sum(axis=1) & 1
        colour[floor] = np.where(odd[:, None] == 1, self.FLOOR[0], self.FLOOR[1])
        # A light at the eye and a weaker one from above, as in the OpenGL scene.
        facing = np.abs(np.einsum('ij,ij->i', normal, rays))
        shade = 0.35 + 0.45 * facing + 0.3 * np.clip(normal[:, 2], 0.0, 1.0)
        pixels = np.clip(colour * shade[:, None], 0, 255).astype(np.uint8)
        pixels[self._geom < 0] = self.SKY
        result: Image = pixels.reshape(self._height, self._width, 3)
        return result

    def close(self) -> None:
        """As `Renderer`."""


def _loads(names: tuple[str, ...]) -> bool:
    """Whether one of these libraries is installed."""
    for name in names:
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return True
    return False


def choose(name: str = 'auto') -> str:
    """Decide on a back end.

    Args:
        name: One of `RENDERERS`; `auto` takes the first whose libraries are installed.

    Returns:
        `egl`, `osmesa` or `ray`.

    Raises:
        ContractError: If there is no such renderer, or its libraries are missing.
    """
    if name not in RENDERERS:
        raise ContractError(unknown(name, 'renderer', RENDERERS))
    if name == 'ray':
        return name
    for candidate in LIBRARIES if name == 'auto' else (name,):
        if all(_loads(group) for group in LIBRARIES[candidate]):
            return candidate
    if name != 'auto':
        needs = ' and '.join(' or '.join(group) for group in LIBRARIES[name])
        raise ContractError(f'renderer "{name}" needs {needs}; renderer "ray" needs nothing')
    return 'ray'


class Cameras:
    """Draws snapshots of a scene; made, used and closed by one thread.

    Attributes:
        renderer: The back end in use: `egl`, `osmesa` or `ray`.
    """

    def __init__(self, scene: Scene, renderer: str = 'auto') -> None:
        """Choose the back end and try it.

        Raises:
            ContractError: If a back end was asked for by name and does not work.
        """
        self._model = scene.model
        self._data = mujoco.MjData(scene.model)
        self._sizes: dict[tuple[int, int], Renderer] = {}
        self.renderer = choose(renderer)
        if self.renderer != 'ray':
            try:
                GlRenderer(self._model, 16, 16, self.renderer).close()
            except (ImportError, AttributeError, RuntimeError, mujoco.FatalError) as error:
                if renderer != 'auto':
                    raise ContractError(f'renderer "{renderer}" does not work: {error}') from error
                LOG.warning('%s does not work (%s); casting rays instead', self.renderer, error)
                self.renderer = 'ray'

    def render(self, state: Array, camera: str, width: int, height: int) -> Image:
        """Image of a camera in a snapshot of `SimRobot`, uint8, shape (height, width, 3).

        Raises:
            DataError: If the scene has no such camera.
        """
        model, data = self._model, self._data
        number = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_CAMERA, camera)
        if number < 0:
            names = [model.camera(i).name for i in range(model.ncam)]
            raise DataError(unknown(camera, 'camera of the scene', names))
        mujoco.mj_setState(model, data, state, mujoco.mjtState.mjSTATE_INTEGRATION)
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        mujoco.mj_camlight(model, data)
        return self._size(width, height).render(data, number)

    def _size(self, width: int, height: int) -> Renderer:
        """Renderer of one image size."""
        if (width, height) not in self._sizes:
            made: Renderer = (
                RayRenderer(self._model, width, height)
                if self.renderer == 'ray'
                else GlRenderer(self._model, width, height, self.renderer, width >= PRETTY_WIDTH)
            )
            self._sizes[width, height] = made
        return self._sizes[width, height]

    def close(self) -> None:
        """Free every renderer."""
        for renderer in self._sizes.values():
            renderer.close()
        self._sizes.clear()
