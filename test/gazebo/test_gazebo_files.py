# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What Gazebo is given says the same as the contract.

Gazebo itself is in no package registry this project installs from; launch/gazebo.launch.py is
for machines that have it.
"""

from dataclasses import replace
import math
from pathlib import Path
from xml.etree import ElementTree

import mujoco
import numpy as np
import pinocchio as pin
import pytest
import yaml

from imitation_ros.contract import Contract, load
from imitation_ros.errors import ContractError
from imitation_ros.gazebo.description import description
from imitation_ros.gazebo.files import GazeboFiles, write
from imitation_ros.kinematics.model import RobotModel
from imitation_ros.sim import scene
from imitation_ros.sim.tasks import TASKS


@pytest.fixture(scope='module')
def contract() -> Contract:
    return load('imi_humanoid')


@pytest.fixture(scope='module')
def files(contract: Contract, tmp_path_factory: pytest.TempPathFactory) -> GazeboFiles:
    return write(contract, tmp_path_factory.mktemp('gazebo'))


def test_every_joint_takes_a_command_and_starts_at_home(
    contract: Contract, files: GazeboFiles
) -> None:
    control = ElementTree.parse(files.urdf).getroot().find('ros2_control')
    assert control is not None
    commanded = {
        str(joint.get('name')): float(
            joint.findtext("state_interface[@name='position']/param[@name='initial_value']", 'nan')
        )
        for joint in control.iterfind('joint')
        if joint.find('command_interface') is not None
    }
    assert tuple(commanded) == contract.joints
    assert list(commanded.values()) == contract.home.tolist()


def test_mimic_joints_have_states_and_take_no_command(files: GazeboFiles) -> None:
    robot = ElementTree.parse(files.urdf).getroot()
    mimics = {j.get('name') for j in robot.iterfind('joint') if j.find('mimic') is not None}
    silent = {
        j.get('name')
        for j in robot.iterfind('ros2_control/joint')
        if j.find('command_interface') is None and j.find('state_interface') is not None
    }
    assert len(mimics) == 2
    assert silent == mimics


def test_the_spawned_robot_is_the_contracts_robot_fixed_to_the_world(
    contract: Contract, files: GazeboFiles
) -> None:
    spawned = pin.buildModelFromUrdf(str(files.urdf), mimic=True)
    own = RobotModel(contract).model
    assert list(spawned.names) == list(own.names)
    assert spawned.existFrame('world')
    np.testing.assert_array_equal(spawned.upperPositionLimit, own.upperPositionLimit)


def test_controllers_listen_where_the_safety_node_publishes(
    contract: Contract, files: GazeboFiles
) -> None:
    parameters = yaml.safe_load(files.controllers.read_text())
    manager = parameters['controller_manager']['ros__parameters']
    assert manager['update_rate'] == contract.joint_states.rate_hz
    endings = {'trajectory_msgs/msg/JointTrajectory': 'joint_trajectory'}
    for group in contract.groups:
        name, ending = group.output.topic.strip('/').split('/')
        assert ending == endings.get(group.output.type, 'commands')
        assert name in files.spawned
        own = parameters[name]['ros__parameters']
        assert own['joints'] == list(group.joints)
        assert own['type'] == manager[name]['type']
    assert files.spawned[0] == 'joint_state_broadcaster'
    assert 'forward_command_controller' in manager['legs_controller']['type']


def test_clock_poses_and_images_cross_over(contract: Contract, files: GazeboFiles) -> None:
    rows = yaml.safe_load(files.bridge.read_text())
    crossing = {row['ros_topic_name']: row['ros_type_name'] for row in rows}
    assert crossing == {
        '/clock': 'rosgraph_msgs/msg/Clock',
        '/object_pose': 'geometry_msgs/msg/PoseStamped',
    }
    assert {f'{topic}/compressed' for topic in files.images} == {
        camera.topic for camera in contract.cameras
    }
    tracked = (
        ElementTree.parse(files.world).getroot().findtext(".//model[@name='box']/plugin/topic")
    )
    assert tracked == '/object_pose'


def test_cameras_see_as_much_as_in_the_embedded_simulator(
    contract: Contract, files: GazeboFiles
) -> None:
    model = scene.build(contract, TASKS['lift']).model
    robot = ElementTree.parse(files.urdf).getroot()
    for camera in contract.cameras:
        lens = robot.find(f"gazebo[@reference='{camera.name}_link']/sensor/camera")
        assert lens is not None
        assert (lens.findtext('image/width'), lens.findtext('image/height')) == (
            str(camera.width),
            str(camera.height),
        )
        across = math.tan(float(lens.findtext('horizontal_fov', 'nan')) / 2)
        vertical = math.degrees(2 * math.atan(across * camera.height / camera.width))
        assert vertical == pytest.approx(model.camera(camera.name).fovy[0])


def test_box_and_table_are_where_the_embedded_simulator_has_them(
    contract: Contract, files: GazeboFiles
) -> None:
    model = scene.build(contract, TASKS['lift']).model
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    base = np.array([0.0, 0.0, scene.BASE_HEIGHT])
    world = ElementTree.parse(files.world).getroot()
    for name, geom in (('box', 'box'), ('table', 'table_top')):
        pose = [float(v) for v in world.findtext(f".//model[@name='{name}']/pose", '').split()]
        size = world.findtext(f".//model[@name='{name}']/link/collision/geometry/box/size", '')
        np.testing.assert_allclose(pose[:3], data.geom(geom).xpos - base, atol=1e-9)
        np.testing.assert_allclose(
            [float(v) for v in size.split()], 2 * model.geom(geom).size, atol=1e-9
        )


def test_a_topic_no_controller_listens_on_is_refused(contract: Contract, tmp_path: Path) -> None:
    group = contract.groups[0]
    wrong = group.model_copy(
        update={'output': group.output.model_copy(update={'topic': '/torso/go'})}
    )
    with pytest.raises(ContractError, match=r'torso.output.topic.*<controller>/joint_trajectory'):
        write(replace(contract, groups=(wrong, *contract.groups[1:])), tmp_path)


def test_a_camera_without_a_link_is_refused(contract: Contract, tmp_path: Path) -> None:
    wrong = contract.cameras[0].model_copy(update={'name': 'hed_camera'})
    with pytest.raises(ContractError, match='did you mean "head_camera_link"'):
        description(replace(contract, cameras=(wrong,)), tmp_path / 'controllers.yaml')


def test_meshes_of_another_robot_are_found(tmp_path: Path) -> None:
    files = write(load('unitree_g1'), tmp_path)
    meshes = [mesh.get('filename', '') for mesh in ElementTree.parse(files.urdf).iter('mesh')]
    assert meshes
    assert all(Path(mesh.removeprefix('file://')).is_file() for mesh in meshes)
