# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What `check` says about a robot's capsules and the pairs of them that are watched."""

from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from ..safety.backend import Backend

NEAREST = 8
"""Pairs of links that are listed."""


def show_collision(console: Console, backend: 'Backend') -> None:
    """Print the capsules of every link, the nearest pairs at home, and a margin they allow."""
    contract, capsules = backend.robot.contract, backend.geometry.capsules
    table = Table(title=f'capsules: {capsules.count}, {capsules.path or "fitted just now"}')
    for column in ('link', 'capsules', 'radius, mm', 'excess, mm'):
        table.add_column(column, justify='left' if column == 'link' else 'right')
    for link, found in capsules.links.items():
        radii = ' '.join(f'{1e3 * one.radius:.0f}' for one in found)
        table.add_row(link, str(len(found)), radii, f'{1e3 * max(capsules.excess[link], 0.0):.0f}')
    console.print(table)
    distances = backend.distances(contract.home)
    near: dict[tuple[str, str], float] = {}
    for i in np.argsort(distances).tolist():
        near.setdefault(backend.links[i], 1e3 * float(distances[i]))
    table = Table(title='nearest at home')
    for column in ('links', 'distance, mm'):
        table.add_column(column, justify='left' if column == 'links' else 'right')
    for links, distance in list(near.items())[:NEAREST]:
        table.add_row(' / '.join(links), f'{distance:.0f}')
    console.print(table)
    safety = contract.safety
    if not len(distances):
        console.print(
            'self-collision: no pair of links is watched; '
            f'{len(backend.geometry.skipped)} pairs are not (--skipped says why)'
        )
        return
    console.print(
        f'self-collision by {backend.name}: {len(distances)} pairs are watched, '
        f'{len(backend.geometry.skipped)} are not; '
        f'nearest links at home: {1e3 * float(distances.min()):.0f} mm apart; '
        f'minimum is {1e3 * safety.self_collision_distance:.0f} mm'
    )
