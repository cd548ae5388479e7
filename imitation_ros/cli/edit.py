# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Verbs that sort out recorded episodes: trim, drop, relabel, merge."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, TYPE_CHECKING

from rich.console import Console
from rich.table import Table
import typer

from ..errors import BagError, DataError, unknown
from .options import Out

if TYPE_CHECKING:
    from ..bags.edit.episodes import Change

Bags = Annotated[list[Path], typer.Argument(help='Bags, or folders that hold bags.')]
DryRun = Annotated[bool, typer.Option('--dry-run', '-n', help='Only tell what would be done.')]
Names = Annotated[
    list[str] | None, typer.Option('--name', help='Episode, by its name; may be given often.')
]


def trim(
    bags: Bags,
    out: Out,
    margin: Annotated[
        float, typer.Option(help='Kept before the first and after the last motion \\[s].')
    ] = 0.5,
    start: Annotated[
        float | None, typer.Option('--from', help='Keep from here on \\[s], whatever moves.')
    ] = None,
    end: Annotated[
        float | None, typer.Option('--to', help='Keep up to here \\[s], whatever moves.')
    ] = None,
    motion: Annotated[
        float, typer.Option(help='How far a joint must go to count as moved \\[rad or m].')
    ] = 0.02,
    robot: Annotated[
        str | None, typer.Option('--robot', '-r', help='Contract, for bags that hold none.')
    ] = None,
    dry_run: DryRun = False,
) -> None:
    """Write bags without their idle heads and tails to another folder.

    The originals stay as they are. Messages are copied byte for byte, with the stamps they had;
    the last message of a latched topic is put at the new start. The new bags are audited again.

    Examples: imitation_ros trim bags/monday --out bags/trimmed;
    imitation_ros trim bags/monday/lift_0003 --out bags/trimmed --from 1.5 --to 9
    """
    from ..bags.edit.trim import Cut
    from ..bags.edit.trim import trim as trim_bag
    from ..contract import load

    cut = Cut(start, end, margin, motion)
    contract = None if robot is None else load(robot)
    _each(
        f'trimmed into {out}',
        _chosen(bags),
        lambda path: trim_bag(path, out, cut, contract, dry_run),
        dry_run,
    )


def drop(
    bags: Bags,
    verdict: Annotated[
        str | None, typer.Option(help='Drop those with this verdict: reject, warn or ok.')
    ] = None,
    outcome: Annotated[
        str | None, typer.Option(help='Drop those with this outcome: failure, unknown, ...')
    ] = None,
    name: Names = None,
    undo: Annotated[
        bool, typer.Option('--undo', help='Bring back what was dropped from these sessions.')
    ] = False,
    dry_run: DryRun = False,
) -> None:
    """Put episodes aside, by verdict, outcome or name.

    They are moved to the session's .dropped folder, where no other verb looks, and --undo brings
    them back. Nothing is deleted, and their numbers are not used again. What is given counts
    together: --verdict reject --outcome failure drops rejected failures.

    Examples: imitation_ros drop bags/monday --verdict reject --dry-run;
    imitation_ros drop bags/monday --name lift_0003; imitation_ros drop bags/monday --undo
    """
    from ..bags.edit.episodes import drop as drop_bag
    from ..bags.edit.episodes import restore
    from ..data.episode import OUTCOMES

    if undo:
        if verdict or outcome:
            raise DataError('--undo takes --name, or brings everything back')
        changes = [change for session in bags for change in restore(session, name or (), dry_run)]
        _show('brought back', changes, {}, dry_run)
        return
    for value, choices, what in (
        (verdict, ('ok', 'warn', 'reject'), 'verdict'),
        (outcome, OUTCOMES, 'outcome'),
    ):
        if value is not None and value not in choices:
            raise DataError(unknown(value, what, choices))
    if not (verdict or outcome or name):
        raise DataError('drop what? give --verdict, --outcome or --name')
    paths = _chosen(bags, verdict, outcome, name)
    _each('dropped', paths, lambda path: drop_bag(path, dry_run), dry_run)


def relabel(
    bags: Bags,
    outcome: Annotated[str | None, typer.Option(help='success, failure, play or unknown.')] = None,
    task: Annotated[str | None, typer.Option('--task', '-t', help='What was shown.')] = None,
    operator: Annotated[str | None, typer.Option(help='Who showed it.')] = None,
    name: Names = None,
    undo: Annotated[
        bool, typer.Option('--undo', help='Give back the labels before the last relabel.')
    ] = False,
    dry_run: DryRun = False,
) -> None:
    """Change the outcome, the task or the operator of episodes.

    Only metadata.yaml is written; the recording stays byte for byte. The former labels are kept in
    it, and --undo brings them back.

    Examples: imitation_ros relabel bags/monday --name lift_0003 --outcome failure;
    imitation_ros relabel bags/monday --operator ada; imitation_ros relabel bags/monday --undo
    """
    from ..bags.edit.episodes import Labels, undo_relabel
    from ..bags.edit.episodes import relabel as relabel_bag
    from ..data.episode import OUTCOMES

    paths = _chosen(bags, name=name)
    if undo:
        _each('relabelled', paths, lambda path: undo_relabel(path, dry_run), dry_run)
        return
    if outcome is None and task is None and operator is None:
        raise DataError('relabel as what? give --outcome, --task or --operator')
    matching = [known for known in OUTCOMES if known == outcome]
    if outcome is not None and not matching:
        raise DataError(unknown(outcome, 'outcome', OUTCOMES))
    labels = Labels(matching[0] if matching else None, task, operator)
    _each('relabelled', paths, lambda path: relabel_bag(path, labels, dry_run), dry_run)


def merge(
    bags: Bags,
    out: Out,
    link: Annotated[
        bool,
        typer.Option('--link', help='Hard-link the recordings: same disk, no room taken.'),
    ] = False,
    dry_run: DryRun = False,
) -> None:
    """Bring sessions together in one folder; episode numbers never collide.

    The originals stay as they are. Of two episodes with one name the later gets the next free
    number; its bag remembers where it came from.

    Example: imitation_ros merge bags/monday bags/tuesday --out bags/week
    """
    from ..bags.edit.episodes import merge as merge_bags

    changes = merge_bags(_chosen(bags), out, link, dry_run)
    _show(f'merged into {out}', changes, {}, dry_run)


def _chosen(
    bags: Iterable[Path],
    verdict: str | None = None,
    outcome: str | None = None,
    name: list[str] | None = None,
) -> list[Path]:
    """Bags that fit; every name must be there."""
    from ..bags.edit.episodes import meta_of
    from ..bags.layout import find_bags

    paths = [path for place in bags for path in find_bags(place)]
    known = [path.name for path in paths]
    for wanted in name or ():
        if wanted not in known:
            raise DataError(unknown(wanted, 'episode here', known))
    if name:
        paths = [path for path in paths if path.name in name]
    if verdict or outcome:
        found = []
        for path in paths:
            try:
                meta = meta_of(path)
            except BagError:
                continue  # unfinished or damaged: it has no verdict to go by
            if verdict in (None, meta.verdict) and outcome in (None, meta.outcome):
                found.append(path)
        paths = found
    return paths


def _each(title: str, paths: list[Path], act: 'Callable[[Path], Change]', dry_run: bool) -> None:
    """Act on every bag; one that fails is told, the others are done, and the exit code is 1."""
    changes, problems = [], {}
    for path in paths:
        try:
            changes.append(act(path))
        except DataError as error:
            problems[path] = str(error)
    _show(title, changes, problems, dry_run)


def _show(title: str, changes: 'list[Change]', problems: dict[Path, str], dry_run: bool) -> None:
    console = Console()
    done = sum(change.changed for change in changes)
    would = 'would be ' * dry_run
    heading = f'{done} episode{"s" * (done != 1)} {would}{title}'
    table = Table(title=heading, caption='dry run: nothing was written' if dry_run else None)
    for column in ('episode', 'now', 'what'):
        table.add_column(column, overflow='fold')
    for change in changes:
        target = change.target
        moved = target is not None and target != change.bag
        table.add_row(change.bag.name, str(target) if moved else '', change.note)
    for path, problem in problems.items():
        text = problem.removeprefix(f'{path}: ')
        table.add_row(path.name, '', f'[red]left alone[/]: {text}')
    console.print(table)
    if problems:
        raise typer.Exit(1)
