# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The world around the robot: floor, light, table, and the box of the lift task.

The world's frame is the robot's base frame, so the pose of an object is what the contract's
pose topics carry. Sizes are those of the embedded simulator.
"""

from collections.abc import Sequence
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from ..contract import Contract
from ..sim.dimensions import (
    BASE_HEIGHT,
    BOX_HALF,
    BOX_MASS,
    TABLE_CENTRE,
    TABLE_HALF,
    TABLE_TOP,
)
from .elements import add_text

SYSTEMS = (
    ('gz-sim-physics-system', 'gz::sim::systems::Physics'),
    ('gz-sim-user-commands-system', 'gz::sim::systems::UserCommands'),
    ('gz-sim-scene-broadcaster-system', 'gz::sim::systems::SceneBroadcaster'),
    ('gz-sim-sensors-system', 'gz::sim::systems::Sensors'),
)
STEP_S = 0.001
BROWN, CARTON, GREY = (0.55, 0.40, 0.26), (0.80, 0.62, 0.36), (0.70, 0.72, 0.74)

Vector = Sequence[float]


def world(contract: Contract) -> str:
    """The SDF of the world; the first pose of the contract tracks the box."""
    root = Element('sdf', version='1.9')
    scene = SubElement(root, 'world', name='table')
    physics = SubElement(scene, 'physics', name='steps', type='ignored')
    add_text(physics, 'max_step_size', STEP_S)
    add_text(physics, 'real_time_factor', 1.0)
    for filename, name in SYSTEMS:
        plugin = SubElement(scene, 'plugin', filename=filename, name=name)
        if 'sensors' in filename:
            add_text(plugin, 'render_engine', 'ogre2')
    light = SubElement(scene, 'light', type='directional', name='sun')
    add_text(light, 'pose', '1 -0.6 3 0 0 0')
    add_text(light, 'direction', '-0.25 0.2 -1')
    add_text(light, 'diffuse', '0.9 0.9 0.9 1')
    # The floor's top, and the table's, where the embedded simulator has them.
    _body(scene, 'floor', (0.0, 0.0, -BASE_HEIGHT - 0.05), (4.0, 4.0, 0.05), GREY)
    x, y = TABLE_CENTRE
    _body(scene, 'table', (x, y, TABLE_TOP - TABLE_HALF[2]), TABLE_HALF, BROWN)
    box = _body(scene, 'box', (0.4, 0.0, TABLE_TOP + BOX_HALF[2]), BOX_HALF, CARTON, BOX_MASS)
    for pose in contract.poses[:1]:
        plugin = SubElement(
            box,
            'plugin',
            filename='gz-sim-pose-publisher-system',
            name='gz::sim::systems::PosePublisher',
        )
        add_text(plugin, 'publish_link_pose', 'false')
        add_text(plugin, 'publish_nested_model_pose', 'true')
        add_text(plugin, 'use_pose_vector_msg', 'false')
        add_text(plugin, 'update_frequency', pose.rate_hz)
        add_text(plugin, 'topic', pose.topic)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding='unicode')


def _body(
    scene: Element, name: str, place: Vector, half: Vector, colour: Vector, mass: float = 0.0
) -> Element:
    """Add a box; without a mass it never moves.

    Args:
        scene: The <world>.
        name: Name of the model.
        place: Its centre in the robot's base frame [m].
        half: Half of its sizes [m].
        colour: Red, green and blue.
        mass: Mass [kg].
    """
    model = SubElement(scene, 'model', name=name)
    add_text(model, 'static', 'false' if mass else 'true')
    add_text(model, 'pose', ' '.join(f'{value:g}' for value in (*place, 0, 0, 0)))
    link = SubElement(model, 'link', name='link')
    if mass:
        inertial = SubElement(link, 'inertial')
        add_text(inertial, 'mass', mass)
        inertia = SubElement(inertial, 'inertia')
        a, b, c = ((2.0 * value) ** 2 for value in half)
        for axis, squares in (('ixx', b + c), ('iyy', a + c), ('izz', a + b)):
            add_text(inertia, axis, mass * squares / 12.0)
        for axis in ('ixy', 'ixz', 'iyz'):
            add_text(inertia, axis, 0.0)
    for kind in ('collision', 'visual'):
        element = SubElement(link, kind, name=kind)
        shape = SubElement(SubElement(element, 'geometry'), 'box')
        add_text(shape, 'size', ' '.join(f'{2.0 * value:g}' for value in half))
        if kind == 'visual':
            material = SubElement(element, 'material')
            for light in ('ambient', 'diffuse'):
                add_text(material, light, ' '.join(f'{value:g}' for value in (*colour, 1)))
    return model
