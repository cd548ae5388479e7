#!/usr/bin/env python3
# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Write urdf/imi_humanoid.urdf: a humanoid of boxes, cylinders and spheres.

31 joints of the body and 2 grippers, 1.6 m tall, limits and efforts of a small research humanoid.
Primitives keep distance queries at a tenth of a millisecond, and every URDF parser reads them.
Three rules that some parser enforces silently: no <capsule>; a mimic joint's name sorts after
the joint it follows; every moving link has a mass.

    python tools/generate_humanoid.py            write the file
    python tools/generate_humanoid.py --check    exit 1 if the file is out of date
"""

import argparse
import math
from pathlib import Path
import sys

from primitives import (
    box,
    cylinder,
    FORWARDS,
    Joint,
    Link,
    PITCH,
    Robot,
    ROLL,
    SIDEWAYS,
    sphere,
    urdf,
    Vector,
    YAW,
    ZERO,
)

FILE = Path(__file__).resolve().parent.parent / 'urdf' / 'imi_humanoid.urdf'
COMMENT = 'Written by tools/generate_humanoid.py; edit that instead.'


def trunk(robot: Robot) -> None:
    """Pelvis, waist, torso, neck and head."""
    robot.add(
        Link(
            'pelvis',
            5.0,
            'dark',
            (box(0.16, 0.22, 0.13),),
            trim=(
                box(0.164, 0.12, 0.05, (0.0, 0.0, 0.02), 'white'),
                cylinder(0.062, 0.226, (0.0, 0.0, -0.02), SIDEWAYS, 'grey'),
            ),
        )
    )
    robot.add(
        Link('waist_yaw_link', 1.2, 'grey', (cylinder(0.06, 0.06, (0, 0, 0.03)),), ()),
        Joint(
            'waist_yaw_joint', 'pelvis', 'waist_yaw_link', (0, 0, 0.075), YAW, (-2.0, 2.0), 90, 8
        ),
    )
    robot.add(
        Link('waist_roll_link', 0.8, 'dark', (sphere(0.05),), ()),
        Joint(
            'waist_roll_joint',
            'waist_yaw_link',
            'waist_roll_link',
            (0, 0, 0.06),
            ROLL,
            (-0.4, 0.4),
            90,
            8,
        ),
    )
    chest = box(0.16, 0.22, 0.30, (0, 0, 0.20))
    robot.add(
        Link(
            'torso_link',
            9.0,
            'white',
            (chest, box(0.14, 0.18, 0.10, (0, 0, 0.03))),
            (chest,),
            (
                box(0.006, 0.17, 0.15, (0.080, 0, 0.255), 'dark'),
                box(0.006, 0.11, 0.012, (0.082, 0, 0.285), 'glow'),
                box(0.166, 0.226, 0.03, (0, 0, 0.105), 'blue'),
                cylinder(0.062, 0.22, (0, 0, 0.30), SIDEWAYS, 'white'),
                cylinder(0.05, 0.02, (0, 0, 0.355), colour='dark'),
            ),
        ),
        Joint(
            'waist_pitch_joint',
            'waist_roll_link',
            'torso_link',
            (0, 0, 0.02),
            PITCH,
            (-0.45, 0.6),
            90,
            8,
        ),
    )
    robot.add(
        Link('neck_link', 0.4, 'grey', (cylinder(0.035, 0.06, (0, 0, 0.03)),), ()),
        Joint('neck_yaw_joint', 'torso_link', 'neck_link', (0, 0, 0.36), YAW, (-1.2, 1.2), 10, 6),
    )
    # Nothing of the head may stand before the camera, 0.105 m in front of the neck.
    robot.add(
        Link(
            'head_link',
            1.6,
            'white',
            (sphere(0.085, (0.01, 0, 0.08)),),
            (sphere(0.09, (0.01, 0, 0.08)),),
            (
                sphere(0.066, (0.037, 0, 0.076), 'dark'),
                box(0.004, 0.016, 0.030, (0.0975, 0.024, 0.084), 'glow'),
                box(0.004, 0.016, 0.030, (0.0975, -0.024, 0.084), 'glow'),
                cylinder(0.032, 0.184, (0.005, 0, 0.08), SIDEWAYS, 'blue'),
                cylinder(0.05, 0.03, (0.005, 0, 0.005), colour='grey'),
            ),
        ),
        Joint(
            'neck_pitch_joint', 'neck_link', 'head_link', (0, 0, 0.05), PITCH, (-0.6, 0.9), 10, 6
        ),
    )
    robot.add(
        Link('head_camera_link'),
        Joint('head_camera_joint', 'head_link', 'head_camera_link', (0.105, 0, 0.085)),
    )


def mirrored(sign: float, low: float, high: float) -> tuple[float, float]:
    """Limits of a left joint, or of its mirror image on the right."""
    return (low, high) if sign > 0 else (-high, -low)


def arm(robot: Robot, side: str, sign: float) -> None:
    """Seven joints and a parallel gripper."""

    def add(link: Link, joint: str, parent: str, xyz: Vector, axis: Vector,
            limits: tuple[float, float], effort: float, velocity: float) -> None:  # fmt: skip
        parent = parent if parent == 'torso_link' else f'{side}_{parent}'
        robot.add(
            link,
            Joint(f'{side}_{joint}', parent, link.name, xyz, axis, limits, effort, velocity),
        )

    add(
        Link(
            f'{side}_shoulder_pitch_link',
            1.2,
            'grey',
            (cylinder(0.05, 0.10, (0, sign * 0.05, 0), SIDEWAYS),),
            (),
        ),
        'shoulder_pitch_joint', 'torso_link', (0, sign * 0.12, 0.30), PITCH, (-3.0, 1.6), 60, 10,
    )  # fmt: skip
    add(
        Link(
            f'{side}_shoulder_roll_link',
            1.0,
            'dark',
            (sphere(0.055),),
            trim=(cylinder(0.045, 0.118, ZERO, FORWARDS, 'blue'),),
        ),
        'shoulder_roll_joint', 'shoulder_pitch_link', (0, sign * 0.12, 0), ROLL,
        mirrored(sign, -0.3, 2.6), 60, 10,
    )  # fmt: skip
    add(
        Link(
            f'{side}_upper_arm_link',
            1.5,
            'white',
            (cylinder(0.043, 0.22, (0, 0, -0.145)),),
            trim=(
                cylinder(0.046, 0.05, (0, 0, -0.095), colour='white'),
                cylinder(0.0445, 0.02, (0, 0, -0.225), colour='blue'),
            ),
        ),
        'shoulder_yaw_joint', 'shoulder_roll_link', ZERO, YAW, (-2.4, 2.4), 50, 10,
    )  # fmt: skip
    add(
        Link(
            f'{side}_elbow_link',
            0.9,
            'dark',
            (sphere(0.046), cylinder(0.038, 0.10, (0, 0, -0.06))),
            trim=(cylinder(0.036, 0.096, ZERO, SIDEWAYS, 'blue'),),
        ),
        'elbow_joint', 'upper_arm_link', (0, 0, -0.28), PITCH, (-2.5, 0.05), 40, 10,
    )  # fmt: skip
    add(
        Link(
            f'{side}_wrist_yaw_link',
            0.6,
            'white',
            (cylinder(0.035, 0.12, (0, 0, -0.06)),),
            trim=(
                cylinder(0.038, 0.07, (0, 0, -0.045), colour='white'),
                cylinder(0.0365, 0.012, (0, 0, -0.105), colour='blue'),
            ),
        ),
        'wrist_yaw_joint', 'elbow_link', (0, 0, -0.12), YAW, (-2.6, 2.6), 20, 12,
    )  # fmt: skip
    add(
        Link(f'{side}_wrist_pitch_link', 0.3, 'dark', (sphere(0.035),), ()),
        'wrist_pitch_joint', 'wrist_yaw_link', (0, 0, -0.14), PITCH, (-1.7, 1.7), 20, 12,
    )  # fmt: skip
    add(
        Link(
            f'{side}_hand_link',
            0.45,
            'grey',
            (box(0.05, 0.10, 0.07, (0, 0, -0.055)),),
            trim=(box(0.052, 0.05, 0.05, (0, 0, -0.055), 'white'),),
        ),
        'wrist_roll_joint', 'wrist_pitch_link', ZERO, ROLL, (-1.4, 1.4), 20, 12,
    )  # fmt: skip
    leader = f'{side}_gripper_joint'
    for number, joint, inwards, mimic in (
        (1, 'gripper_joint', 1.0, ''),
        (2, 'gripper_mimic_joint', -1.0, leader),
    ):
        finger = f'{side}_finger{number}_link'
        robot.add(
            Link(finger, 0.06, 'pad', (box(0.024, 0.012, 0.08, (0, inwards * 0.006, -0.035)),)),
            Joint(
                name=f'{side}_{joint}',
                parent=f'{side}_hand_link',
                child=finger,
                xyz=(0, 0, -0.095),
                axis=(0, inwards, 0),
                limits=(0.0, 0.045),
                effort=40,
                velocity=0.3,
                kind='prismatic',
                mimic=mimic,
            ),
        )
    hand = f'{side}_hand_link'
    robot.add(
        Link(f'{side}_tool_link'),
        Joint(f'{side}_tool_joint', hand, f'{side}_tool_link', (0, 0, -0.15)),
    )
    robot.add(
        Link(f'{side}_wrist_camera_link'),
        Joint(
            f'{side}_wrist_camera_joint',
            hand,
            f'{side}_wrist_camera_link',
            (0.055, 0, -0.03),
            rpy=(0, math.pi / 2 - 0.25, 0),
        ),
    )


def leg(robot: Robot, side: str, sign: float) -> None:
    """Six joints."""

    def add(link: Link, joint: str, parent: str, xyz: Vector, axis: Vector,
            limits: tuple[float, float], effort: float) -> None:  # fmt: skip
        parent = parent if parent == 'pelvis' else f'{side}_{parent}'
        robot.add(link, Joint(f'{side}_{joint}', parent, link.name, xyz, axis, limits, effort, 20))

    add(
        Link(f'{side}_hip_pitch_link', 1.5, 'grey', (cylinder(0.055, 0.08, ZERO, SIDEWAYS),), ()),
        'hip_pitch_joint', 'pelvis', (0, sign * 0.11, -0.06), PITCH, (-2.4, 2.4), 140,
    )  # fmt: skip
    add(
        Link(f'{side}_hip_roll_link', 1.5, 'dark', (sphere(0.06),), ()),
        'hip_roll_joint', 'hip_pitch_link', (0, 0, -0.03), ROLL, mirrored(sign, -0.5, 1.6), 140,
    )  # fmt: skip
    add(
        Link(
            f'{side}_thigh_link',
            3.0,
            'white',
            (cylinder(0.06, 0.26, (0, 0, -0.18)),),
            trim=(cylinder(0.0615, 0.02, (0, 0, -0.285), colour='blue'),),
        ),
        'hip_yaw_joint', 'hip_roll_link', ZERO, YAW, (-1.6, 1.6), 90,
    )  # fmt: skip
    shank = cylinder(0.048, 0.27, (0, 0, -0.17))
    add(
        Link(
            f'{side}_shank_link',
            2.2,
            'white',
            (shank, sphere(0.055)),
            (shank,),
            (sphere(0.0555, colour='dark'), cylinder(0.04, 0.113, ZERO, SIDEWAYS, 'blue')),
        ),
        'knee_joint', 'thigh_link', (0, 0, -0.35), PITCH, (-0.05, 2.4), 140,
    )  # fmt: skip
    add(
        Link(f'{side}_ankle_pitch_link', 0.2, 'grey', (sphere(0.03),), ()),
        'ankle_pitch_joint', 'shank_link', (0, 0, -0.34), PITCH, (-0.85, 0.5), 50,
    )  # fmt: skip
    add(
        Link(
            f'{side}_foot_link',
            0.8,
            'dark',
            (box(0.22, 0.09, 0.04, (0.035, 0, -0.035)),),
            trim=(box(0.12, 0.07, 0.02, (0.03, 0, -0.008), 'white'),),
        ),
        'ankle_roll_joint', 'ankle_pitch_link', ZERO, ROLL, (-0.26, 0.26), 50,
    )  # fmt: skip


def humanoid() -> Robot:
    """Build the whole robot."""
    robot = Robot()
    trunk(robot)
    for side, sign in (('left', 1.0), ('right', -1.0)):
        arm(robot, side, sign)
        leg(robot, side, sign)
    return robot


def main() -> int:
    """Write or check the file; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').partition('\n')[0])
    parser.add_argument('--check', action='store_true', help='only compare; exit 1 if different')
    options = parser.parse_args()
    wanted = urdf(humanoid(), 'imi_humanoid', COMMENT)
    if options.check:
        current = FILE.read_text(encoding='utf-8') if FILE.exists() else ''
        if current != wanted:
            print(f'{FILE.name} is out of date: run tools/generate_humanoid.py', file=sys.stderr)
            return 1
        return 0
    FILE.write_text(wanted, encoding='utf-8')
    robot = humanoid()
    moving = sum(joint.axis is not None for joint in robot.joints)
    mass = sum(link.mass for link in robot.links)
    print(f'{FILE.name}: {len(robot.links)} links, {moving} moving joints, {mass:.1f} kg')
    return 0


if __name__ == '__main__':
    sys.exit(main())
