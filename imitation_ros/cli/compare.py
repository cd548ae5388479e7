# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Verb that compares methods on a task, and judges what is said of them."""

from typing import Annotated, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text
import typer

from ..errors import counted, DataError
from .data import bar
from .options import Out, ROBOT, Robot

METHODS = 'bc,act,diffusion,flow,bc+irl'
SMALL_METHODS = 'bc,diffusion,bc+irl'


def compare(
    out: Out,
    task: Annotated[str, typer.Option('--task', '-t', help='Task of the simulator.')] = 'lift',
    demos: Annotated[str, typer.Option(help='Numbers of demonstrations.')] = '2,5,10,20',
    methods: Annotated[
        str | None, typer.Option(help=f'Methods, as of "train"; else {METHODS}.')
    ] = None,
    seeds: Annotated[int, typer.Option(help='Seeds of data and training.', min=1)] = 3,
    trials: Annotated[
        int, typer.Option(help='Trials of each policy under each condition.', min=2)
    ] = 20,
    updates: Annotated[
        int | None,
        typer.Option(
            help='Length of each training, thrice that of bc; else that of its YAML.', min=1
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help='Processes at a time; else one for each core.', min=1)
    ] = None,
    small: Annotated[
        bool,
        typer.Option(
            '--small',
            help='2 and 10 demonstrations, 2 seeds, 8 trials under 4 conditions, 800 updates '
            f'(bc 2400), {SMALL_METHODS}.',
        ),
    ] = False,
    robot: Robot = ROBOT,
) -> None:
    """Train methods on the same demonstrations and judge the claims about them: one page.

    Each policy is tried through its policy.onnx and the safety supervisor, from the same starts,
    undisturbed and under perturbations. Six rows for each method, each a number with a bootstrap
    interval over seeds and trials; a verdict on each claim. Killed, it goes on where it was.

    Examples: imitation_ros compare --task lift --small --out runs/lift;
    imitation_ros compare --task lift --demos 2,5,10,20 --methods bc,diffusion --out runs/lift
    """
    from ..api.measured import compare_planned
    from ..evaluation.compare.plan import CONDITIONS, Plan
    from ..evaluation.compare.runs import results
    from ..evaluation.compare.verdicts import too_few
    from ..reports.compare_page import cells, ROWS

    changes: dict[str, Any] = {'seeds': seeds, 'trials': trials, 'updates': updates}
    numbers = _numbers(demos)
    conditions: tuple[str, ...] = CONDITIONS
    if small:
        numbers, conditions = (2, 10), CONDITIONS[:4]
        changes = {'seeds': 2, 'trials': 8, 'updates': updates or 800}
    text = methods or (SMALL_METHODS if small else METHODS)
    names = tuple(name.strip() for name in text.split(',') if name.strip())
    plan = Plan(robot, task, names, numbers, conditions=conditions, **changes)
    console = Console()
    if plan.unknown:
        console.print(f'[yellow]not in this version:[/] {", ".join(plan.unknown)}')
    todo = list(plan.cells())
    try:
        with bar(console) as progress:
            one = progress.add_task(f'{task}: demonstrations', total=len(todo))
            found = compare_planned(
                plan,
                out,
                workers,
                lambda cell, _: progress.update(
                    one, advance=1, description=f'{task}: {cell.name}'
                ),
            )
    except KeyboardInterrupt:
        done = len(list(results(plan, out)))
        console.print(
            f'stopped after {done} of {counted(len(todo), "training")}; the same command goes on'
        )
        raise typer.Exit(130) from None
    scores = found.scores
    table = Table(title=f'{task}, {counted(numbers[-1], "demonstration")}')
    table.add_column('')
    for name in scores.methods:
        table.add_column(name)
    columns = [cells(scores, method) for method in scores.methods.values()]
    for i, (row, _) in enumerate(ROWS):
        table.add_row(row, *(column[i] for column in columns))
    console.print(table)
    if short := too_few(scores):
        console.print(f'[yellow]note:[/yellow] {short}', highlight=False)
    for claim in found.claims:
        verdict = Text(f'{claim.verdict:14s}', style='bold')
        console.print(verdict.append(f'{claim.claim} {claim.why}', style='not bold'))
    console.print(f'page: {found.page}')


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(','))
    except ValueError as error:
        raise DataError(f'"{text}" are no numbers of demonstrations: write 2,5,10') from error
