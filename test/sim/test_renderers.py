# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
import os
import subprocess
import sys

import numpy as np
import pytest

from imitation_ros.contract import Contract
from imitation_ros.errors import ContractError, DataError
from imitation_ros.sim import renderers
from imitation_ros.sim.robot import SimRobot

pytestmark = pytest.mark.sim


@pytest.fixture(scope='module')
def ray(contract: Contract) -> SimRobot:
    robot = SimRobot(contract, 'pick_place', renderer='ray')
    robot.reset(2)
    return robot


def is_red(pixels: np.ndarray) -> np.ndarray:
    r, g, b = pixels[..., 0].astype(int), pixels[..., 1].astype(int), pixels[..., 2].astype(int)
    return (r > 90) & (g < 0.4 * r) & (b < 0.4 * r)


def test_images_have_the_size_of_the_contract(ray: SimRobot, contract: Contract):
    for camera in contract.cameras:
        pixels = ray.render(camera.name)
        assert pixels.shape == (camera.height, camera.width, 3)
        assert pixels.dtype == np.uint8
        assert pixels.std() > 10


def test_rays_show_the_cube_where_it_is(ray: SimRobot):
    """Project the cube's centre by hand: its pixels must be red, and their centroid there."""
    width, height = 256, 192
    seen = is_red(ray.render_view('head_camera', width, height))
    assert 30 < seen.sum() < 2000
    model, data = ray.scene.model, ray._data
    camera = model.camera('head_camera').id
    at = data.cam_xmat[camera].reshape(3, 3).T @ (
        data.xpos[ray.scene.object] - data.cam_xpos[camera]
    )
    focal = 0.5 * height / np.tan(np.deg2rad(model.cam_fovy[camera]) / 2)
    expected = (height / 2 + focal * at[1] / at[2], width / 2 - focal * at[0] / at[2])
    assert np.argwhere(seen).mean(axis=0) == pytest.approx(expected, abs=4.0)


def test_rays_look_like_opengl(ray: SimRobot, contract: Contract):
    if renderers.choose('auto') == 'ray':
        pytest.skip('neither EGL nor OSMesa is installed')
    drawn = SimRobot(contract, 'pick_place', renderer='auto')
    try:
        drawn.restore(ray.snapshot())
        for camera in ('head_camera', 'right_wrist_camera'):
            one = drawn.render_view(camera, 160, 120)
            other = ray.render_view(camera, 160, 120)
            assert np.abs(one.astype(int) - other).mean() < 30
            # Lighting differs, shapes do not: the red cube covers the same pixels.
            red, same = is_red(one), is_red(other)
            assert (red & same).sum() > 0.7 * (red | same).sum()
    finally:
        drawn.close()


def test_an_image_follows_the_snapshot_it_is_given(ray: SimRobot, contract: Contract):
    cameras = renderers.Cameras(ray.scene, 'ray')
    ray.reset(2)
    before, state = ray.render_view('front', 64, 48), ray.snapshot()
    ray.command(np.clip(contract.home + 0.4, contract.limits.lower, contract.limits.upper))
    ray.advance(0.5)
    assert (cameras.render(state, 'front', 64, 48) == before).all()
    assert (cameras.render(ray.snapshot(), 'front', 64, 48) != before).any()
    ray.reset(2)


def test_an_unknown_camera_or_renderer_lists_the_choices(ray: SimRobot):
    with pytest.raises(DataError, match='did you mean "head_camera"'):
        ray.render_view('heat_camera', 64, 48)
    with pytest.raises(ContractError, match='auto, egl, osmesa, ray'):
        renderers.choose('opengl')


def test_without_libraries_auto_casts_rays_and_egl_says_what_it_needs(monkeypatch):
    monkeypatch.setattr(
        renderers,
        'LIBRARIES',
        {'egl': (('libnothing.so.1',),), 'osmesa': (('libnothing.so.2',),)},
    )
    assert renderers.choose('auto') == 'ray'
    with pytest.raises(ContractError, match=r'needs libnothing\.so\.1'):
        renderers.choose('egl')


def test_a_driver_that_fails_leaves_rays(ray: SimRobot, monkeypatch, caplog):
    monkeypatch.setattr(renderers, 'choose', lambda name='auto': 'egl')

    def broken(*args, **kwargs):
        raise RuntimeError('no EGL device')

    monkeypatch.setattr(renderers, 'GlRenderer', broken)
    assert renderers.Cameras(ray.scene, 'auto').renderer == 'ray'
    assert 'no EGL device' in caplog.text
    with pytest.raises(ContractError, match='no EGL device'):
        renderers.Cameras(ray.scene, 'egl')


def test_importing_the_simulator_opens_no_display():
    environment = {k: v for k, v in os.environ.items() if k not in ('DISPLAY', 'MUJOCO_GL')}
    done = subprocess.run(
        [sys.executable, '-W', 'error', '-c', 'import imitation_ros.sim.robot, sys; '
         'sys.exit("glfw" in sys.modules)'],
        capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
