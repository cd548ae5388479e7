# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The robot as Gazebo spawns it: the contract's URDF with what only a simulator needs.

ros2_control with gz_ros2_control's hardware, the contract's cameras, and a base that stands
still: the policies here move the upper body.
"""

import math
from pathlib import Path
import re
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from .. import resources
from ..contract import Camera, Contract
from ..errors import ContractError, unknown
from ..sim.dimensions import FIELD_OF_VIEW
from .elements import add_text

GAIN = 0.5
"""gz_ros2_control moves a joint at gain * error * rate; its default of 0.1 lags by 10 periods."""

STATES = ('position', 'velocity', 'effort')


def description(contract: Contract, controllers: Path) -> str:
    """The URDF that is spawned.

    Args:
        contract: The robot.
        controllers: Parameter file of the controller manager.

    Raises:
        ContractError: If the URDF has no single root, or a camera no link.
    """
    text = re.sub(
        r'package://([^"\']+)',
        lambda found: f'file://{resources.find_share(found[1])}',
        contract.urdf_text,
    )
    robot = ElementTree.fromstring(text)
    _fix_base(robot, contract)
    _control(robot, contract, controllers)
    links = [link.get('name', '') for link in robot.iterfind('link')]
    for camera in contract.cameras:
        if f'{camera.name}_link' not in links:
            raise ContractError(
                f'camera {camera.name}: {unknown(f"{camera.name}_link", "link", links)}'
            )
        _camera(robot, camera)
    ElementTree.indent(robot)
    return ElementTree.tostring(robot, encoding='unicode')


def image_topic(camera: Camera) -> str:
    """Topic on which Gazebo publishes a camera; image_transport adds the compressed one."""
    compressed = '/compressed'
    if not camera.type.endswith('CompressedImage'):
        return camera.topic
    if not camera.topic.endswith(compressed):
        raise ContractError(
            f'cameras.{camera.name}.topic: image_transport publishes compressed images on '
            f'<topic>{compressed}, not on {camera.topic}'
        )
    return camera.topic.removesuffix(compressed)


def _fix_base(robot: Element, contract: Contract) -> None:
    """Fix the root link to the world, whose frame then is the robot's base frame."""
    children = {child.get('link') for child in robot.iterfind('joint/child')}
    roots = [link.get('name', '') for link in robot.iterfind('link')]
    roots = [name for name in roots if name not in children]
    if len(roots) != 1:
        raise ContractError(f'{contract.urdf_path}: not one root link, but {roots}')
    if roots == ['world']:
        return
    SubElement(robot, 'link', name='world')
    joint = SubElement(robot, 'joint', name='world_to_base', type='fixed')
    SubElement(joint, 'parent', link='world')
    SubElement(joint, 'child', link=roots[0])


def _control(robot: Element, contract: Contract, controllers: Path) -> None:
    """Add gz_ros2_control: position commands for the contract's joints, starting at home."""
    control = SubElement(robot, 'ros2_control', name='GazeboSimSystem', type='system')
    hardware = SubElement(control, 'hardware')
    add_text(hardware, 'plugin', 'gz_ros2_control/GazeboSimSystem')
    for name, home in zip(contract.joints, contract.home.tolist(), strict=True):
        joint = SubElement(control, 'joint', name=name)
        SubElement(joint, 'command_interface', name='position')
        for state in STATES:
            interface = SubElement(joint, 'state_interface', name=state)
            if state == 'position':
                add_text(interface, 'param', home, name='initial_value')
    for element in robot.iterfind('joint'):
        # A mimic joint has states and takes no command: Gazebo moves it with its leader.
        if element.find('mimic') is not None:
            joint = SubElement(control, 'joint', name=element.get('name', ''))
            for state in STATES:
                SubElement(joint, 'state_interface', name=state)
    plugin = SubElement(
        SubElement(robot, 'gazebo'),
        'plugin',
        filename='gz_ros2_control-system',
        name='gz_ros2_control::GazeboSimROS2ControlPlugin',
    )
    add_text(plugin, 'parameters', controllers)
    add_text(plugin, 'position_proportional_gain', GAIN)
    if contract.joint_states.topic != '/joint_states':
        ros = SubElement(plugin, 'ros')
        add_text(ros, 'remapping', f'/joint_states:={contract.joint_states.topic}')


def _camera(robot: Element, camera: Camera) -> None:
    """Put a camera on its link, looking along the link's x axis as in the embedded simulator."""
    link = f'{camera.name}_link'
    sensor = SubElement(
        SubElement(robot, 'gazebo', reference=link), 'sensor', type='camera', name=camera.name
    )
    add_text(sensor, 'topic', image_topic(camera).lstrip('/'))
    add_text(sensor, 'update_rate', camera.rate_hz)
    add_text(sensor, 'gz_frame_id', link)
    add_text(sensor, 'always_on', 'true')
    lens = SubElement(sensor, 'camera')
    vertical = math.tan(math.radians(FIELD_OF_VIEW) / 2.0)
    add_text(lens, 'horizontal_fov', 2.0 * math.atan(vertical * camera.width / camera.height))
    image = SubElement(lens, 'image')
    add_text(image, 'width', camera.width)
    add_text(image, 'height', camera.height)
    add_text(image, 'format', 'R8G8B8')
    clip = SubElement(lens, 'clip')
    add_text(clip, 'near', 0.02)
    add_text(clip, 'far', 10.0)
