# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`check` on a robot of the user's own: its capsules as a file and as a picture."""

from pathlib import Path

import cv2
import pytest
from typer.testing import CliRunner

from imitation_ros.cli.app import app
from imitation_ros.contract import load
from imitation_ros.kinematics.model import RobotModel
from imitation_ros.safety.geometry import link_capsules

LINK = """<link name="{name}">
  <inertial><mass value="1"/><inertia ixx="1" iyy="1" izz="1" ixy="0" ixz="0" iyz="0"/></inertial>
  <collision><origin xyz="0 0 0.15"/><geometry>{shape}</geometry></collision>
</link>"""
JOINT = """<joint name="{name}" type="revolute"><axis xyz="0 1 0"/><origin xyz="0 0 0.3"/>
  <parent link="{parent}"/><child link="{child}"/>
  <limit lower="-2" upper="2" velocity="1" effort="9"/></joint>"""
CONTRACT = """name: arm
urdf: arm.urdf
rates: {policy_hz: 25.0, command_hz: 100.0}
joint_states: {topic: /joint_states, rate_hz: 200.0, max_age_s: 0.06}
groups:
  - name: arm
    joints: [j1, j2, j3, j4]
    output: {topic: /arm_controller/joint_trajectory}
safety: {velocity: 1.0, acceleration: 6.0}
"""


@pytest.fixture
def arm(tmp_path: Path) -> Path:
    """Contract of an arm of four balls and a box, which alone has to be fitted."""
    shapes = [*['<sphere radius="0.08"/>'] * 4, '<box size="0.06 0.08 0.3"/>']
    links = [LINK.format(name=f'l{i}', shape=shape) for i, shape in enumerate(shapes)]
    joints = [JOINT.format(name=f'j{i}', parent=f'l{i - 1}', child=f'l{i}') for i in range(1, 5)]
    (tmp_path / 'arm.urdf').write_text(f'<robot name="arm">{"".join(links + joints)}</robot>')
    path = tmp_path / 'arm.yaml'
    path.write_text(CONTRACT)
    return path


def check(*words: str) -> str:
    done = CliRunner().invoke(app, ['check', *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_fitted_capsules_are_kept_beside_the_contract(arm: Path) -> None:
    kept = arm.with_name('arm.capsules.yaml')
    check('--robot', str(arm))
    assert not kept.exists(), 'written without being asked for'
    said = check('--robot', str(arm), '--fit-capsules')
    assert 'arm.capsules.yaml' in said.replace('\n', '')
    found = link_capsules.obtain(RobotModel(load(str(arm))))
    assert found.path == kept
    assert set(found.links) == {f'l{i}' for i in range(5)}
    written = kept.read_text()
    # A stale one is replaced, as the message that refuses it says.
    kept.write_text(written.replace(found.fingerprint, '0' * 64))
    check('--robot', str(arm), '--fit-capsules')
    assert kept.read_text() == written


def test_the_picture_shows_capsules_and_vertices_and_cuts_nothing(arm: Path) -> None:
    check('--robot', str(arm), '--picture', str(arm.with_name('new') / 'arm.png'))
    image = cv2.imread(str(arm.with_name('new') / 'arm.png'))
    assert image is not None
    orange = image[..., 2].astype(int) > image[..., 0].astype(int) + 40  # BGR
    thirds = [orange[:, i * image.shape[1] // 3 : (i + 1) * image.shape[1] // 3] for i in range(3)]
    assert min(int(third.sum()) for third in thirds) > 1000
    assert not orange[:50].any() and not orange[-10:].any(), 'cut off'
