# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The verb that shows what inverse RL believes the operator wants."""

import json
from pathlib import Path
from typing import Annotated

from rich.console import Console
from rich.table import Table
import typer

from .data import bar
from .options import Json, Out


def reward(
    run: Annotated[Path, typer.Argument(help='Run of an IRL method, or one of its checkpoints.')],
    data: Annotated[Path, typer.Option('--data', '-d', help='Dataset to ask it about.')],
    out: Out,
    task: Annotated[
        str | None,
        typer.Option('--task', '-t', help='Also ask it about new attempts in simulation.'),
    ] = None,
    attempts: Annotated[int, typer.Option(help='How many of those, in fours.', min=4)] = 24,
    as_json: Json = False,
) -> None:
    """Show what inverse RL believes the operator wants: page, JSON and picture.

    The reward is drawn along demonstrations and failed attempts, and compared with success: of
    the recorded episodes and, with --task, of new attempts of the run's own policy, shaken until
    some of them fail. Runs of irl-maxent say in a sentence what each weight means.

    Examples: imitation_ros reward runs/iq --data data --out runs/iq/reward;
    imitation_ros reward runs/maxent --data data --task lift --out runs/maxent/reward
    """
    from ..data.store import Dataset
    from ..evaluation.reward_study import study
    from ..irl.loading import load_reward
    from ..reports.reward_page import headline, write_reward_report
    from ..training.selection import contract_of

    console = Console(stderr=as_json)
    dataset = Dataset(data)
    contract = contract_of(dataset)
    believed = load_reward(run, dataset, contract)
    with bar(console) as progress:
        one = progress.add_task('asking', total=attempts // 4 * 4 if task is not None else None)
        found = study(
            believed,
            dataset,
            contract,
            task,
            attempts,
            progress=lambda _: progress.advance(one),
        )
    written = write_reward_report(found, out, run.name)
    if as_json:
        print(json.dumps(found.to_dict(), indent=1))
        return
    table = Table(title=headline(found))
    for column in ('episodes', 'known', 'succeeded', 'rank correlation', 'success has more'):
        table.add_column(column, justify='left' if column == 'episodes' else 'right')
    for source in ('recorded', 'simulated'):
        agreement = found.agreement(source)
        rank, chance = agreement.correlation, agreement.chance
        table.add_row(
            source,
            str(agreement.episodes),
            str(agreement.successes),
            '-' if rank is None else f'{rank:+.2f}',
            '-' if chance is None else f'{100 * chance:.0f} %',
        )
    console.print(table)
    for note in found.notes:
        console.print(f'  note: {note}', highlight=False)
    for row in found.preference:
        console.print(f'  {row["sentence"]}', highlight=False)
    console.print(f'{written["html"]}, {written["json"].name} and {written["png"].name}')
