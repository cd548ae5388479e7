# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Our own humanoid: up to date with its generator, and readable by every library."""

from pathlib import Path
import subprocess
import sys

import mujoco
import numpy as np
import pinocchio as pin
import pytest

from imitation_ros import resources
from imitation_ros.contract import Contract
from imitation_ros.kinematics.model import RobotModel
from imitation_ros.sim import scene
from imitation_ros.sim.tasks import TASKS

TOOL = Path(__file__).resolve().parent.parent / 'tools' / 'generate_humanoid.py'


@pytest.mark.skipif(not TOOL.exists(), reason='the generator is in the source tree alone')
def test_the_urdf_is_what_the_generator_writes():
    done = subprocess.run(
        [sys.executable, str(TOOL), '--check'], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not TOOL.exists(), reason='the generator is in the source tree alone')
def test_the_generator_notices_an_edited_file(tmp_path):
    for name in ('generate_humanoid.py', 'primitives.py'):
        (tmp_path / 'tools').mkdir(exist_ok=True)
        (tmp_path / 'tools' / name).write_text((TOOL.parent / name).read_text())
    (tmp_path / 'urdf').mkdir()
    copy = tmp_path / 'urdf' / 'imi_humanoid.urdf'
    copy.write_text(resources.path('urdf/imi_humanoid.urdf').read_text().replace('48', '49'))
    command = [sys.executable, str(tmp_path / 'tools' / TOOL.name)]
    done = subprocess.run([*command, '--check'], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert 'out of date' in done.stderr
    subprocess.run(command, check=True, capture_output=True)
    assert copy.read_text() == resources.path('urdf/imi_humanoid.urdf').read_text()


def test_pinocchio_reads_33_joints_and_48_kg(contract: Contract):
    model = pin.buildModelFromXML(contract.urdf_text, mimic=True)
    assert model.nq == 33
    # The pelvis is the fixed base: Pinocchio counts it to the universe.
    mass = pin.computeTotalMass(model) + model.inertias[0].mass
    assert mass == pytest.approx(48.5, abs=0.1)
    for inertia in model.inertias[1:]:
        assert np.linalg.eigvalsh(inertia.inertia).min() > 0.0


def test_coal_sees_no_link_near_another_at_home(contract: Contract):
    robot = RobotModel(contract)
    geometry = pin.buildGeomFromUrdfString(
        robot.model, contract.urdf_text, pin.GeometryType.COLLISION
    )
    names = [item.name for item in geometry.geometryObjects]
    for name in names:
        if name.startswith(('left_wrist', 'left_hand', 'left_elbow', 'left_finger')):
            for other in ('torso_link_0', 'pelvis_0', 'head_link_0', 'right_hand_link_0'):
                geometry.addCollisionPair(pin.CollisionPair(names.index(name), names.index(other)))
    results = pin.GeometryData(geometry)
    q = robot.to_model(np.array(contract.home))
    pin.updateGeometryPlacements(robot.model, robot.data, geometry, results, q)
    pin.computeDistances(geometry, results)
    distances = [result.min_distance for result in results.distanceResults]
    assert len(distances) >= 20
    assert min(distances) > 0.05


@pytest.mark.sim
def test_mujoco_agrees_with_pinocchio_on_the_tools(contract: Contract, rng: np.random.Generator):
    built = scene.build(contract, TASKS['reach'])
    model, robot = built.model, RobotModel(contract)
    data = mujoco.MjData(model)
    limits = contract.limits
    for _ in range(5):
        q = rng.uniform(limits.lower, limits.upper)
        data.qpos[built.q_index] = q
        mujoco.mj_kinematics(model, data)
        for tool, body in built.tools.items():
            expected = robot.placement(q, tool)
            at = data.xpos[body] - data.xpos[built.base]
            assert at == pytest.approx(expected.translation, abs=1e-4)
            assert data.xmat[body].reshape(3, 3) == pytest.approx(expected.rotation, abs=1e-4)
    assert model.nu == contract.n
    assert len(built.mimic) == 2
