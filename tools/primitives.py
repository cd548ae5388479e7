# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Primitives, links and joints, and how they become a URDF."""

from dataclasses import dataclass, field
import math
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

Vector = tuple[float, float, float]
Matrix = NDArray[np.float64]

ZERO: Vector = (0.0, 0.0, 0.0)
SIDEWAYS: Vector = (math.pi / 2, 0.0, 0.0)
FORWARDS: Vector = (0.0, math.pi / 2, 0.0)
"""Rotations (roll, pitch, yaw) that lay a cylinder along y and along x."""
PITCH: Vector = (0.0, 1.0, 0.0)
ROLL: Vector = (1.0, 0.0, 0.0)
YAW: Vector = (0.0, 0.0, 1.0)
"""Joint axes."""

COLOURS = {
    'white': (0.92, 0.92, 0.94),
    'dark': (0.16, 0.17, 0.20),
    'blue': (0.18, 0.42, 0.78),
    'grey': (0.55, 0.57, 0.60),
    'pad': (0.10, 0.10, 0.10),
    'glow': (0.45, 0.85, 0.95),
}


@dataclass(frozen=True)
class Shape:
    """A primitive: box (x, y, z), cylinder (radius, length along z) or sphere (radius,) [m]."""

    kind: str
    size: tuple[float, ...]
    xyz: Vector = ZERO
    rpy: Vector = ZERO
    colour: str = ''

    @property
    def volume(self) -> float:
        """Volume [m^3]."""
        if self.kind == 'box':
            return math.prod(self.size)
        if self.kind == 'cylinder':
            return math.pi * self.size[0] ** 2 * self.size[1]
        return 4.0 / 3.0 * math.pi * self.size[0] ** 3

    def inertia(self) -> Matrix:
        """Inertia of 1 kg about the own centre, in the link's axes, shape (3, 3) [m^2]."""
        if self.kind == 'box':
            x, y, z = (side**2 for side in self.size)
            own = np.diag([y + z, x + z, x + y]) / 12.0
        elif self.kind == 'cylinder':
            r, length = self.size
            own = np.diag([(3 * r * r + length**2) / 12.0] * 2 + [r * r / 2.0])
        else:
            own = 0.4 * self.size[0] ** 2 * np.eye(3)
        turned = rotation(self.rpy)
        result: Matrix = turned @ own @ turned.T
        return result


def box(x: float, y: float, z: float, xyz: Vector = ZERO, colour: str = '') -> Shape:
    """Box of these sides [m]."""
    return Shape('box', (x, y, z), xyz, colour=colour)


def cylinder(
    radius: float, length: float, xyz: Vector = ZERO, rpy: Vector = ZERO, colour: str = ''
) -> Shape:
    """Cylinder along z, turned by rpy."""
    return Shape('cylinder', (radius, length), xyz, rpy, colour)


def sphere(radius: float, xyz: Vector = ZERO, colour: str = '') -> Shape:
    """Sphere."""
    return Shape('sphere', (radius,), xyz, colour=colour)


def rotation(rpy: Vector) -> Matrix:
    """Rotation matrix of roll, pitch, yaw [rad], shape (3, 3)."""
    (cr, cp, cy), (sr, sp, sy) = np.cos(rpy), np.sin(rpy)
    return np.array(
        [
            [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
            [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
            [-sp, cp * sr, cp * cr],
        ]
    )


@dataclass(frozen=True)
class Link:
    """A rigid body.

    Attributes:
        name: Name.
        mass: Mass [kg], spread evenly over the solids; 0 for a mere frame.
        colour: Colour of shapes that name none.
        solids: Shapes that are drawn and weigh.
        collision: Shapes that collide; the solids if None.
        trim: Shapes that are drawn only.
    """

    name: str
    mass: float = 0.0
    colour: str = 'dark'
    solids: tuple[Shape, ...] = ()
    collision: tuple[Shape, ...] | None = None
    trim: tuple[Shape, ...] = ()

    def inertia(self) -> tuple[Matrix, Matrix]:
        """Centre of mass [m], shape (3,), and inertia about it, shape (3, 3) [kg m^2]."""
        total = sum(shape.volume for shape in self.solids)
        shares = [shape.volume / total for shape in self.solids]
        centre = sum(
            (
                share * np.array(shape.xyz)
                for share, shape in zip(shares, self.solids, strict=True)
            ),
            np.zeros(3),
        )
        inertia = np.zeros((3, 3))
        for share, shape in zip(shares, self.solids, strict=True):
            arm = np.array(shape.xyz) - centre
            inertia += share * (shape.inertia() + arm @ arm * np.eye(3) - np.outer(arm, arm))
        return centre, self.mass * inertia


@dataclass(frozen=True)
class Joint:
    """A joint; without an axis it is fixed."""

    name: str
    parent: str
    child: str
    xyz: Vector
    axis: Vector | None = None
    limits: tuple[float, float] = (0.0, 0.0)
    effort: float = 0.0
    velocity: float = 0.0
    kind: str = 'revolute'
    rpy: Vector = ZERO
    mimic: str = ''


@dataclass
class Robot:
    """Links and joints, in the order of the file."""

    links: list[Link] = field(default_factory=list)
    joints: list[Joint] = field(default_factory=list)

    def add(self, link: Link, joint: Joint | None = None) -> None:
        """Add a link and the joint that carries it."""
        self.links.append(link)
        if joint is not None:
            self.joints.append(joint)


def text(values: tuple[float, ...] | Matrix) -> str:
    """Numbers of an attribute; tiny ones are zero on every machine."""
    return ' '.join(f'{0.0 if abs(value) < 1e-12 else value:.6g}' for value in values)


def write_shape(parent: ElementTree.Element, tag: str, shape: Shape, colour: str = '') -> None:
    """Add a <visual> or <collision>."""
    element = ElementTree.SubElement(parent, tag)
    ElementTree.SubElement(element, 'origin', xyz=text(shape.xyz), rpy=text(shape.rpy))
    geometry = ElementTree.SubElement(element, 'geometry')
    sizes = {
        'box': {'size': text(shape.size)},
        'cylinder': {'radius': text(shape.size[:1]), 'length': text(shape.size[1:])},
        'sphere': {'radius': text(shape.size[:1])},
    }
    ElementTree.SubElement(geometry, shape.kind, sizes[shape.kind])
    if colour:
        ElementTree.SubElement(element, 'material', name=colour)


def write_link(root: ElementTree.Element, link: Link) -> None:
    """Add a <link>."""
    element = ElementTree.SubElement(root, 'link', name=link.name)
    if link.mass > 0.0:
        centre, inertia = link.inertia()
        inertial = ElementTree.SubElement(element, 'inertial')
        ElementTree.SubElement(inertial, 'origin', xyz=text(centre))
        ElementTree.SubElement(inertial, 'mass', value=text((link.mass,)))
        axes = 'xyz'
        ElementTree.SubElement(
            inertial,
            'inertia',
            {
                f'i{axes[i]}{axes[k]}': text((inertia[i, k],))
                for i in range(3)
                for k in range(i, 3)
            },
        )
    for shape in (*link.solids, *link.trim):
        write_shape(element, 'visual', shape, shape.colour or link.colour)
    for shape in link.solids if link.collision is None else link.collision:
        write_shape(element, 'collision', shape)


def write_joint(root: ElementTree.Element, joint: Joint) -> None:
    """Add a <joint>."""
    kind = joint.kind if joint.axis is not None else 'fixed'
    element = ElementTree.SubElement(root, 'joint', name=joint.name, type=kind)
    ElementTree.SubElement(element, 'parent', link=joint.parent)
    ElementTree.SubElement(element, 'child', link=joint.child)
    ElementTree.SubElement(element, 'origin', xyz=text(joint.xyz), rpy=text(joint.rpy))
    if joint.axis is None:
        return
    ElementTree.SubElement(element, 'axis', xyz=text(joint.axis))
    ElementTree.SubElement(
        element,
        'limit',
        lower=text(joint.limits[:1]),
        upper=text(joint.limits[1:]),
        effort=text((joint.effort,)),
        velocity=text((joint.velocity,)),
    )
    if joint.mimic:
        ElementTree.SubElement(element, 'mimic', joint=joint.mimic, multiplier='1', offset='0')


def urdf(robot: Robot, name: str, comment: str) -> str:
    """URDF of a robot, with a comment at its head."""
    root = ElementTree.Element('robot', name=name)
    root.append(ElementTree.Comment(f' {comment} '))
    for colour, rgb in COLOURS.items():
        material = ElementTree.SubElement(root, 'material', name=colour)
        ElementTree.SubElement(material, 'color', rgba=text((*rgb, 1.0)))
    for link in robot.links:
        write_link(root, link)
    for joint in robot.joints:
        write_joint(root, joint)
    ElementTree.indent(root)
    return f'<?xml version="1.0"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'
