# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The verb that lists what can be used, and which distribution it is from."""

from dataclasses import asdict
import importlib
import json

from rich.console import Console
from rich.table import Table

from .. import plugins as found
from .options import Json

REGISTRIES = {
    'policies': 'imitation_ros.training.config',
    'irl': 'imitation_ros.irl.methods',
    'tasks': 'imitation_ros.sim.tasks',
    'experts': 'imitation_ros.sim.experts',
    'devices': 'imitation_ros.teleop.devices',
    'perturbations': 'imitation_ros.sim.perturbations',
}
"""Module that holds the registry of each group."""


def plugins(as_json: Json = False) -> None:
    """List policies, IRL methods, tasks, experts, devices and perturbations.

    Each with the distribution it is from. A plug-in that cannot be used says why, and stops
    nothing else (docs/plugins.md).

    Examples: imitation_ros plugins; imitation_ros plugins --json
    """
    rows = [row for group in REGISTRIES for row in _listed(group)]
    if as_json:
        print(json.dumps([asdict(row) for row in rows], indent=1))
        return
    table = Table()
    for column in ('group', 'name', 'distribution', 'where'):
        table.add_column(column, overflow='fold')
    before = ''
    for row in rows:
        if before and row.group != before:
            table.add_section()
        where = f'[red]{row.error}[/red]' if row.error else row.value
        table.add_row('' if row.group == before else row.group, row.name, row.distribution, where)
        before = row.group
    Console().print(table)


def _listed(group: str) -> list[found.Listed]:
    """What a group holds; without the extra that it needs, the names of its plug-ins."""
    try:
        importlib.import_module(REGISTRIES[group])
    except ModuleNotFoundError as error:
        missing = (error.name or '').split('.')[0]
        if missing == 'imitation_ros':
            raise
        reason = f'needs "{missing}", which is not installed here'
        return [
            found.Listed(group, '(built in)', found.OURS, error=reason),
            *(found.Listed(group, name, '', error=reason) for name in found.names(group)),
        ]
    return found.REGISTRIES[group].listed()
