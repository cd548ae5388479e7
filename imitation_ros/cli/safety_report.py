# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The verb that measures the safety filter of a robot, beside others."""

import json
from pathlib import Path
from typing import Annotated

from rich.console import Console
from rich.table import Table
import typer

from .options import Json, ROBOT, Robot

STEPS, SEEDS = 600, 2
SMOKE_STEPS, SMOKE_SEEDS = 60, 1


def safety_report(
    robot: Robot = ROBOT,
    out: Annotated[Path, typer.Option('--out', '-o', help='HTML file to write.')] = Path(
        'safety.html'
    ),
    smoke: Annotated[bool, typer.Option('--smoke', help='Seconds long; too short to prove.')] = (
        False
    ),
    as_json: Json = False,
) -> None:
    """Measure the safety filter on a robot, beside pink, a soft limiter and a step clamp.

    Good and hostile streams of asked positions go through each of them; every set-point is
    judged. The exit code is 1 if one of ours broke a limit.

    Examples: imitation_ros safety-report; imitation_ros safety-report --robot my_robot.yaml
    --out review.html
    """
    from ..contract import load
    from ..evaluation.safety.comparison import compare, OURS
    from ..reports.safety_page import write_safety_report

    contract = load(robot)
    steps, seeds = (SMOKE_STEPS, SMOKE_SEEDS) if smoke else (STEPS, SEEDS)
    console = Console(stderr=as_json)
    with console.status('building the collision model') as status:
        comparison = compare(
            contract, steps, seeds, lambda name: status.update(f'running the stream "{name}"')
        )
    beside = write_safety_report(comparison, out)
    if as_json:
        print(json.dumps(comparison.to_dict(), indent=1))
    else:
        table = Table(title=f'{contract.name}: set-points that broke a limit, of all streams')
        for column in ('method', 'set-points', 'broken', r'closest \[mm]', r'hardest \[a max]'):
            table.add_column(column, justify='left' if column == 'method' else 'right')
        for name in comparison.methods:
            total = comparison.total(name)
            table.add_row(
                name,
                f'{comparison.steps(name)}',
                f'{total.total}',
                f'{total.closest_mm:.1f}',
                f'{total.hardest:.1f}',
            )
        console.print(table)
        console.print(f'{out} and {beside}')
    if comparison.total(OURS).total:
        raise typer.Exit(1)
