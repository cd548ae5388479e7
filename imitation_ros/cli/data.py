# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Verbs about recorded data: audit, repair, convert."""

import json
from pathlib import Path
from typing import Annotated, Any, TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
import typer

from ..errors import BagError, counted, DataError
from .options import Json, Out

if TYPE_CHECKING:
    from ..conversion.convert import Progress as Step

COLOURS = {'ok': 'green', 'warn': 'yellow', 'reject': 'red'}


def bar(console: Console) -> Progress:
    """Progress bar as every verb shows it."""
    return Progress(
        TextColumn('{task.description}'),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
    )


def audit(
    bags: Annotated[list[Path], typer.Argument(help='Bags, or folders that hold bags.')],
    out: Annotated[
        Path | None, typer.Option('--out', '-o', help='Also write the findings as JSON.')
    ] = None,
    as_json: Json = False,
    topics: Annotated[
        bool, typer.Option('--topics', help='Show every reason, and every topic of every bag.')
    ] = False,
    html: Annotated[
        Path | None, typer.Option('--html', help='Also write a page with plots and pictures.')
    ] = None,
    robot: Annotated[
        str | None,
        typer.Option('--robot', '-r', help='Contract to judge by, in place of the one inside.'),
    ] = None,
) -> None:
    """Say which bags are fit for training, and why not: rates, gaps, frozen cameras, NaN.

    Any rosbag2 bag will do. Of one that holds no contract the rates and gaps are told; --robot
    names one to judge it by. Exit code 1 if a bag is rejected or cannot be read.

    Examples: imitation_ros audit bags/monday; imitation_ros audit bags --html audit.html;
    imitation_ros audit bags --topics; imitation_ros audit bags --json | jq '.[].verdict'
    """
    from ..bags.audit.bag import Audit
    from ..bags.audit.bag import audit as audit_bag
    from ..bags.layout import find_bags
    from ..bags.reader import Bag
    from ..contract import load

    contract = None if robot is None else load(robot)
    paths = _found(find_bags, bags)
    audits: list[Audit] = []
    outcomes: list[str] = []
    surveys: list[Any] = []
    console = Console(stderr=as_json)
    with bar(console) as progress:
        task = progress.add_task('audit', total=len(paths))
        for path in paths:
            try:
                if html is None:
                    with Bag(path) as bag:
                        audits.append(audit_bag(bag, contract))
                        outcomes.append(bag.outcome)
                else:
                    from ..reports.audit_survey import survey

                    surveys.append(survey(path, contract))
                    audits.append(surveys[-1].audit)
                    outcomes.append(surveys[-1].outcome)
            except DataError as error:
                reason = str(error).removeprefix(f'{path}: ')
                audits.append(Audit(path.name, 0.0, 'reject', (reason,), ()))
                outcomes.append('')
                if html is not None:
                    from ..reports.audit_survey import Survey

                    surveys.append(Survey(path, audits[-1]))
            progress.advance(task)
    findings = [
        {'bag': str(path), 'outcome': outcome, **found.to_dict()}
        for path, outcome, found in zip(paths, outcomes, audits, strict=True)
    ]
    text = json.dumps(findings, indent=1)
    if out is not None:
        out.write_text(text, encoding='utf-8')
    if html is not None:
        from ..reports.audit_page import write_audit_page

        write_audit_page(surveys, html, ', '.join(str(place) for place in bags))
        console.print(f'page: {html}')
    if as_json:
        print(text)
    else:
        _show(console, audits, outcomes, topics)
    if any(found.verdict == 'reject' for found in audits):
        raise typer.Exit(1)


def _show(console: Console, audits: list[Any], outcomes: list[str], topics: bool) -> None:
    """Table of the verdicts, the worst first, and of the outcomes."""
    from ..data.outcomes import unmarked_takes

    table = Table(title=f'{len(audits)} episodes')
    for column in ('episode', 'seconds', 'outcome', 'verdict', 'why'):
        table.add_column(column, justify='right' if column == 'seconds' else 'left')
    order = {'reject': 0, 'warn': 1, 'ok': 2}
    rows = zip(audits, outcomes, strict=True)
    for found, outcome in sorted(rows, key=lambda row: order[row[0].verdict]):
        table.add_row(
            found.episode,
            f'{found.seconds:.1f}',
            outcome or '-',
            f'[{COLOURS[found.verdict]}]{found.verdict}[/]',
            _why(list(found.reasons), whole=topics),
        )
    console.print(table)
    if told := unmarked_takes(outcomes):
        console.print(told, highlight=False, soft_wrap=True)
    for found in audits:
        if found.operator_share is not None:
            console.print(
                f'{found.episode}: a policy drove; {found.takeovers} takeovers, the operator '
                f'drove {100 * found.operator_share:.0f} % of the time'
            )
    for one in audits if topics else ():
        if one.topics:
            console.print(_topics(one))


def _why(reasons: list[str], whole: bool) -> str:
    """Say why, the gravest reason first; --topics shows the rest."""
    if whole or len(reasons) < 2:
        return '\n'.join(reasons)
    return f'{reasons[0]} (and {len(reasons) - 1} more)'


def _topics(one: Any) -> Table:
    table = Table(title=one.episode)
    for heading in one.HEADINGS:
        table.add_column(heading, justify='left' if heading == 'topic' else 'right')
    for row in one.rows():
        table.add_row(*row)
    return table


def _found(find: Any, places: list[Path]) -> list[Path]:
    paths = [path for place in places for path in find(place)]
    if not paths:
        raise DataError(f'no bags in {", ".join(map(str, places))}')
    return paths


def repair(
    bags: Annotated[list[Path], typer.Argument(help='Damaged bags, or folders of them.')],
    remove: Annotated[
        bool,
        typer.Option('--remove-originals', help='Remove the damaged files repairs left beside.'),
    ] = False,
) -> None:
    """Make bags readable again after a crash, a full disk or a power cut.

    Every message, attachment and metadata record that is whole is kept; what is not is told. The
    damaged file stays beside the bag as *.damaged until --remove-originals. A repaired episode
    says so, and is left out of training unless you ask for it. Exit code 1 if a bag cannot be
    repaired; it is then as it was.

    Examples: imitation_ros repair bags/monday/lift_0007.recording;
    imitation_ros repair bags/monday --remove-originals
    """
    from ..bags.edit.repair import remove_originals
    from ..bags.edit.repair import repair as repair_bag
    from ..bags.layout import find_bags

    console, failed = Console(soft_wrap=True), False
    for path in _found(find_bags, bags):
        try:
            done = repair_bag(path)
            removed = remove_originals(done.path) if remove else ()
        except BagError as error:
            Console(stderr=True, soft_wrap=True).print(f'[red]error:[/] {escape(str(error))}')
            failed = True
            continue
        word = '[green]repaired[/]' if done.changed else 'whole   '
        notes = f' ({"; ".join(done.notes)})' if done.notes else ''
        where = escape(f'{done.path}: {counted(done.messages, "message")}{notes}')
        console.print(f'{word} {where}')
        for original in done.originals if not remove else ():
            console.print(escape(f'         as it was: {original}'))
        for original in removed:
            console.print(escape(f'         removed: {original}'))
    if failed:
        raise typer.Exit(1)


def convert(
    bags: Annotated[list[Path], typer.Argument(help='Bags, or folders that hold bags.')],
    out: Out,
    camera: Annotated[
        list[str] | None,
        typer.Option(help='Camera to keep, "none", or a smaller one: head_camera:48x64 (HxW).'),
    ] = None,
    with_failures: Annotated[
        bool, typer.Option('--with-failures', help='Keep episodes marked as failures.')
    ] = False,
    with_unknown: Annotated[
        bool, typer.Option('--with-unknown', help='Keep episodes that were never marked.')
    ] = False,
    with_rejected: Annotated[
        bool, typer.Option('--with-rejected', help='Keep episodes the audit rejected.')
    ] = False,
    with_recovered: Annotated[
        bool, typer.Option('--with-recovered', help='Keep episodes repaired after a crash.')
    ] = False,
    trim_idle: Annotated[
        float | None, typer.Option(help='Cut idle heads and tails, but for this long \\[s].')
    ] = None,
    robot: Annotated[
        str | None,
        typer.Option('--robot', '-r', help='Contract of bags that hold none (a .yaml file).'),
    ] = None,
) -> None:
    """Convert bags to a dataset: aligned frames and actions at the policy's rate.

    At each tick a frame holds the latest sample of every topic, never one from the future; the
    age of every modality is measured and stored.

    Left out are failures, episodes that were never marked as success or failure (those that Ctrl-C
    cut off too), rejected and repaired ones. Bags of other recorders, in which nobody could mark
    anything, are taken. The last line says what became of each outcome.

    Examples: imitation_ros convert bags --out data;
    imitation_ros convert bags --out data --camera head_camera:48x64;
    imitation_ros convert bags --robot theirs.yaml --out data
    """
    convert_with_bar(
        Console(),
        bags,
        out,
        contract=robot,
        cameras=_cameras(camera),
        failures=with_failures,
        unknown=with_unknown,
        rejected=with_rejected,
        recovered=with_recovered,
        trim_idle_s=trim_idle,
    )


def convert_with_bar(console: Console, bags: list[Path], out: Path, **options: Any) -> None:
    """Convert, with a progress bar, and show what was left out and how old the data is.

    Args:
        console: Where it is shown.
        bags: Bags, or folders that hold bags.
        out: Folder of the dataset.
        **options: As of `imitation_ros.convert`.
    """
    from ..api.recorded import convert as convert_bags
    from ..api.recorded import found_bags
    from ..data.outcomes import summary
    from ..data.provenance import Conversion

    paths = found_bags(bags)
    with bar(console) as progress:
        task = progress.add_task('convert', total=len(paths))

        def step(done: 'Step') -> None:
            progress.update(task, completed=done.index)
            if done.reason:
                progress.console.print(f'[yellow]left out[/] {done.episode}: {done.reason}')

        manifest = convert_bags(paths, out, progress=step, **options).manifest
    table = Table(title=f'{len(manifest.episodes)} of {len(paths)} episodes')
    for column in ('modality', 'age p50', 'p99', r'max \[ms]'):
        table.add_column(column, justify='left' if column == 'modality' else 'right')
    origin = manifest.provenance_as(Conversion)
    for name, age in origin.skew_ms.items():
        table.add_row(name, *(f'{age[key]:.1f}' for key in ('p50', 'p99', 'max')))
    console.print(table)
    for note in origin.notes:
        console.print('[yellow]note[/]', escape(note), highlight=False, soft_wrap=True)
    left = [entry['left_out'] for entry in origin.episodes if 'left_out' in entry]
    kept = [meta.outcome for meta in manifest.episodes]
    console.print(f'outcomes: {summary(kept, left)}', highlight=False, soft_wrap=True)


def _cameras(given: list[str] | None) -> dict[str, tuple[int, int] | None] | None:
    """Parse `name` and `name:HxW`; None keeps every camera, `none` drops them."""
    if given is None:
        return None
    if given == ['none']:
        return {}
    cameras: dict[str, tuple[int, int] | None] = {}
    for text in given:
        name, _, size = text.partition(':')
        try:
            height, width = (int(part) for part in size.split('x')) if size else (0, 0)
        except ValueError as error:
            raise DataError(f'"{text}" is not a camera: write name or name:HxW') from error
        cameras[name] = (height, width) if size else None
    return cameras
