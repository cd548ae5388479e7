# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Verbs that speak LeRobot's format: export-lerobot, import-lerobot."""

from collections.abc import Callable
from pathlib import Path
import tempfile
from typing import Annotated, Any, TypeVar

from rich.console import Console
from rich.markup import escape
import typer

from ..errors import DataError
from .data import bar, convert_with_bar
from .options import Out

T = TypeVar('T')


def export_lerobot(
    source: Annotated[
        list[Path], typer.Argument(help='A dataset, or bags, or folders that hold bags.')
    ],
    out: Out,
    codec: Annotated[
        str, typer.Option(help='av1 (as LeRobot writes), h264 (quicker), or png: lossless.')
    ] = 'av1',
    with_unknown: Annotated[
        bool, typer.Option('--with-unknown', help='Keep episodes that were never marked.')
    ] = False,
) -> None:
    r"""Write a dataset in LeRobot's format (v3.0), to train with LeRobot or to share.

    Bags are converted first, with the settings of "imitation_ros convert". LeRobot trains on every
    episode there is: those that were never marked as success or failure are left out. Its
    timestamps are frame numbers over the rate: our ticks are uniform, so they are true, and the
    age of what stood at each tick goes along in columns "age.<modality>" \[s].

    Examples: imitation_ros export-lerobot data --out lerobot/lift;
    imitation_ros export-lerobot bags/monday --out lerobot/lift --codec png
    """
    from ..data.outcomes import left_out_unmarked, unmarked
    from ..data.store import Dataset, MANIFEST
    from ..lerobot.exporter import export

    console = Console()

    def write(dataset: Dataset) -> dict[str, Any]:
        return _with_bar(
            console, 'export', lambda step: export(dataset, out, codec, step, with_unknown)
        )

    if len(source) == 1 and (source[0] / MANIFEST).exists():
        dataset = Dataset(source[0])
        info = write(dataset)
        metas = dataset.manifest.episodes
        if not with_unknown and (text := left_out_unmarked(unmarked(metas))):
            console.print(text, highlight=False, soft_wrap=True)
    else:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix='.dataset_') as scratch:
            folder = Path(scratch) / 'set'
            convert_with_bar(console, source, folder, unknown=with_unknown)
            info = write(Dataset(folder))
    console.print(
        f'{out}: {info["total_episodes"]} episodes, {info["total_frames"]} frames at '
        f'{info["fps"]} Hz, LeRobot {info["codebase_version"]}'
    )


def import_lerobot(
    source: Annotated[Path, typer.Argument(help='Folder of a LeRobot dataset (v3.0).')],
    out: Out,
    robot: Annotated[
        str | None,
        typer.Option('--robot', '-r', help='Its contract; none is needed for one exported by us.'),
    ] = None,
    rename: Annotated[
        list[str] | None,
        typer.Option(help='Its name of a joint or camera, and ours: theirs=ours. May repeat.'),
    ] = None,
    degrees: Annotated[
        bool, typer.Option('--degrees', help='Its positions are degrees, but for what slides.')
    ] = False,
    units: Annotated[
        list[str] | None,
        typer.Option(
            help='Our name of a joint and its unit there: joint=rad, deg, m, mm, percent (0..100 '
            'between the limits) or m100 (-100..100). May repeat.'
        ),
    ] = None,
    state: Annotated[
        list[str] | None,
        typer.Option(help='Its feature that is the state; several are put side by side.'),
    ] = None,
    action: Annotated[
        list[str] | None,
        typer.Option(help='Its feature that is the action; several are put side by side.'),
    ] = None,
    names: Annotated[
        list[str] | None,
        typer.Option(help='Names of the entries: a,b,c, or feature=a,b,c. May repeat.'),
    ] = None,
    fps: Annotated[
        float, typer.Option(min=0.0, help='Rate of its frames, where it tells two.')
    ] = 0.0,
    longer_video: Annotated[
        str,
        typer.Option(
            metavar='first|last',
            help='Which frames of a video that is longer than its episode belong to it.',
        ),
    ] = '',
) -> None:
    """Make a dataset of a LeRobot dataset, to train on it here.

    What "export-lerobot" wrote comes back as it was, but for what a video codec loses. Of any
    other dataset the vectors must name the joints of the contract (--robot); without one it
    becomes data without a robot, under its own names. Velocities are then differences of
    positions, and ages are not known. An episode whose parts disagree (rows, timestamps, videos)
    is left out with the reason.

    Examples: imitation_ros import-lerobot lerobot/lift --out data;
    imitation_ros import-lerobot pusht --out data;
    imitation_ros import-lerobot so101 --robot so101.yaml --rename front=head_camera --degrees
    --out data; imitation_ros import-lerobot so101 --robot so101.yaml --degrees
    --units gripper=percent --out data
    """
    from ..contract import load
    from ..data.outcomes import summary
    from ..lerobot.importer import import_, Options
    from ..lerobot.options import entry_names, LONGER, pairs

    if longer_video not in LONGER:
        raise DataError(f'--longer-video {longer_video}: it is first or last')
    options = Options(
        contract=None if robot is None else load(robot),
        rename=pairs(rename or (), '--rename', 'theirs=ours'),
        degrees=degrees,
        units=pairs(units or (), '--units', 'joint=deg'),
        state=tuple(state or ()),
        action=tuple(action or ()),
        names=entry_names(names or ()),
        fps=fps,
        longer_video=LONGER[longer_video],
    )
    console = Console()
    manifest = _with_bar(console, 'import', lambda step: import_(source, out, options, step))
    for note in manifest.provenance.notes:
        console.print('[yellow]note[/]', escape(note), highlight=False, soft_wrap=True)
    console.print(f'{out}: {len(manifest.episodes)} episodes at {manifest.policy_hz:g} Hz')
    outcomes = summary([meta.outcome for meta in manifest.episodes], [])
    console.print(f'outcomes: {outcomes}', highlight=False, soft_wrap=True)


def _with_bar(console: Console, name: str, work: Callable[[Callable[[int, int], None]], T]) -> T:
    """Do something that tells after every episode how far it is."""
    with bar(console) as progress:
        task = progress.add_task(name, total=None)

        def step(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        return work(step)
