# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A picture of the capsules over the robot they stand for."""

from pathlib import Path
from typing import Any

import numpy as np

from ..data.frame import Array
from ..safety.geometry import shapes
from ..safety.geometry.capsules import Capsule
from ..safety.geometry.self_collision import SelfCollision

VIEWS = {'front': (5, 0), 'side': (5, 90), 'above': (35, 35)}
"""Elevation and azimuth of each view [degrees]."""

MOST_POINTS = 300
"""Vertices that are drawn of one collision element."""

MARGIN = 0.03
"""Room around the robot [m]."""

HEIGHT = 0.92
"""How much of a view the longest side of the robot fills; what does not fit is cut off."""


def draw(collision: SelfCollision, path: Path) -> None:
    """Draw the collision elements' vertices and the capsules, at home, from three sides.

    Args:
        collision: The robot with its capsules.
        path: PNG to write.
    """
    from matplotlib.figure import Figure

    robot = collision.robot
    figure = Figure(figsize=(14, 9))
    balls, dots = [], []
    for link, found in collision.capsules.links.items():
        pose = robot.placement(robot.contract.home, link)
        balls += [_surface(shapes.moved(one, pose)) for one in found]
    for item in shapes.read(robot.contract, robot.model).geometryObjects:
        frame = robot.model.frames[item.parentFrame]
        pose = robot.placement(robot.contract.home, frame.name) * frame.placement.inverse()
        pose = pose * item.placement
        points = shapes.points(item)
        points = points[:: max(1, len(points) // MOST_POINTS)]
        dots.append(points @ pose.rotation.T + pose.translation)
    cloud = np.vstack(dots)
    low, high = cloud.min(axis=0) - MARGIN, cloud.max(axis=0) + MARGIN
    size = high - low
    for number, (name, (elevation, azimuth)) in enumerate(VIEWS.items()):
        # Wider than its third of the figure: a standing robot leaves room at its sides.
        place = (number / len(VIEWS) - 0.13, 0.0, 1.0 / len(VIEWS) + 0.26, 0.97)
        axes: Any = figure.add_axes(place, projection='3d', proj_type='ortho')
        axes.patch.set_alpha(0.0)
        for x, y, z in balls:
            axes.plot_surface(x, y, z, color='tab:orange', alpha=0.25, linewidth=0)
        axes.scatter(*cloud.T, s=0.5, color='black', linewidths=0, depthshade=False)
        axes.view_init(elevation, azimuth)
        limits = zip(low, high, strict=True)
        axes.set(**dict(zip(('xlim', 'ylim', 'zlim'), limits, strict=True)))
        figure.text((number + 0.5) / len(VIEWS), 0.94, name, ha='center')
        axes.set_box_aspect(size, zoom=HEIGHT * np.linalg.norm(size) / size.max())
        axes.set_axis_off()
    figure.suptitle(
        f'{robot.contract.name}: {collision.capsules.count} capsules (orange) over vertices of '
        f'the collision geometry (black), {len(collision)} pairs'
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90)


def _surface(capsule: Capsule, around: int = 16, across: int = 12) -> tuple[Array, Array, Array]:
    """Grid of points on a capsule, as `plot_surface` takes it."""
    pose = shapes.placement(capsule)
    slope = np.linspace(-0.5 * np.pi, 0.5 * np.pi, across)
    angle = np.linspace(0.0, 2.0 * np.pi, around)
    side = np.where(slope < 0.0, -0.5, 0.5) * capsule.length
    x = capsule.radius * np.outer(np.cos(slope), np.cos(angle))
    y = capsule.radius * np.outer(np.cos(slope), np.sin(angle))
    z = np.outer(capsule.radius * np.sin(slope) + side, np.ones(around))
    grid = np.stack([x, y, z], axis=-1) @ pose.rotation.T + pose.translation
    return grid[..., 0], grid[..., 1], grid[..., 2]
