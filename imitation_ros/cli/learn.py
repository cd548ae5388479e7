# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Verbs about learning: collect, train, export."""

import math
from pathlib import Path
from typing import Annotated, Any, TYPE_CHECKING

from rich.console import Console
import typer

from ..data.outcomes import IMITATED, include_unknown, left_out_unmarked, unmarked
from ..errors import DataError
from .data import bar
from .options import Out, ROBOT, Robot

if TYPE_CHECKING:
    from ..data.store import Dataset


def collect(
    out: Out,
    task: Annotated[str, typer.Option('--task', '-t', help='Task to demonstrate.')] = 'lift',
    episodes: Annotated[
        int, typer.Option('--episodes', '-n', help='Successful demonstrations.', min=1)
    ] = 24,
    seed: Annotated[int, typer.Option(help='Seed of the first start.', min=0)] = 0,
    spread: Annotated[float, typer.Option(help='Factor on the range of initial states.')] = 1.0,
    noise: Annotated[
        float,
        typer.Option(help='Shake the robot this much \\[rad] and keep clean commands.', min=0.0),
    ] = 0.0,
    failures: Annotated[
        int, typer.Option(help='Failed attempts to keep as well, for inverse RL.', min=0)
    ] = 0,
    failure_noise: Annotated[
        float, typer.Option(help='Tremor of the operator in those \\[rad].', min=0.0)
    ] = 0.1,
    camera: Annotated[
        list[str] | None, typer.Option(help='Camera to keep as well, as name:HxW.')
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(help='policy.onnx that drives until the expert takes over: corrections.'),
    ] = None,
    onto: Annotated[
        Path | None, typer.Option(help='With --policy: dataset whose episodes come first.')
    ] = None,
    with_unknown: Annotated[
        bool, typer.Option('--with-unknown', help='With --onto: also those never marked.')
    ] = False,
    least: Annotated[
        float,
        typer.Option(help="With --policy: share of the expert's progress that it must make."),
    ] = 0.3,
    hold: Annotated[
        float | None,
        typer.Option(help='With --policy: seconds the expert drives; else to the end.'),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option('--resume', help='Go on with what was stopped in --out, bit for bit.'),
    ] = False,
    robot: Robot = ROBOT,
) -> None:
    """Collect demonstrations of a scripted expert in simulation: a dataset in seconds, no ROS.

    The expert teleoperates through the dead-man gate and the safety filter, as in "demo", without
    nodes and bags. With --noise (action noise, DART) the robot is pushed off its way while the
    expert leads it back. With --failures the noise is then in the recorded commands until as many
    attempts have failed: they are marked as failures, and only methods that can use them do
    (docs/methods/iq.md).
    With --policy the policy drives, and the expert takes over once it makes no progress
    (docs/corrections.md); only corrected attempts that end in success are kept.
    Ctrl-C ends it after the running attempt; what was done is a dataset, and --resume goes on.

    Examples: imitation_ros collect --task lift --out data;
    imitation_ros collect --task reach --noise 0.03 --out data;
    imitation_ros collect --task lift -n 5 --failures 20 --out data;
    imitation_ros collect --task lift --camera head_camera:48x64 --out data;
    imitation_ros collect --task lift -n 5 --policy policy.onnx --onto data --out data2
    """
    from ..api.recorded import collect as collect_demonstrations
    from ..data.provenance import Demonstrations
    from ..training.interrupt import Interrupt

    console = Console()
    if policy is not None:
        _refuse(
            {
                '--noise': noise,
                '--failures': failures,
                '--camera': camera,
                '--resume': resume,
            },
            'corrections',
        )
        _refuse({'--with-unknown': with_unknown and onto is None}, 'corrections without --onto')
        first = (onto, with_unknown)
        _correct(console, robot, policy, task, episodes, out, first, least, hold, seed, spread)
        return
    _refuse(
        {'--onto': onto, '--hold': hold, '--with-unknown': with_unknown},
        'demonstrations without --policy',
    )
    with Interrupt() as interrupt, bar(console) as progress:
        one = progress.add_task(task, total=episodes + failures)
        dataset = collect_demonstrations(
            task,
            episodes,
            out,
            contract=robot,
            seed=seed,
            initial_state_range=spread,
            noise=noise,
            progress=lambda done: progress.update(one, completed=done),
            failures=failures,
            failure_noise=failure_noise,
            cameras={
                found['name']: (found['height'], found['width'])
                for found in map(_camera, camera or ())
            },
            resume=resume,
            stop=lambda: interrupt.caught is not None,
        )
    failed = len(dataset.manifest.provenance_as(Demonstrations).failed_seeds)
    frames = sum(len(episode) for episode in dataset.episodes())
    shown = sum(meta.outcome == 'success' for meta in dataset.manifest.episodes)
    console.print(
        f'{dataset.root}: {shown} demonstrations, {len(dataset) - shown} failed attempts, '
        f'{frames} frames; starts from which the expert failed: {failed}'
    )
    _stopped(console, dataset)


def _stopped(console: Console, dataset: 'Dataset') -> None:
    """Say how to go on with a collection that was stopped, and end with the code of Ctrl-C."""
    from ..data.provenance import Collected
    from ..rollout.collection import go_on

    how = go_on(dataset)
    if how:
        wanted = dataset.manifest.provenance_as(Collected).wanted
        console.print(
            f'stopped after {len(dataset)} of {wanted} episodes, which are a dataset; {how}'
        )
        raise typer.Exit(130)


def _correct(
    console: Console,
    robot: str,
    policy: Path,
    task: str,
    episodes: int,
    out: Path,
    first: tuple[Path | None, bool],
    least: float,
    hold: float | None,
    seed: int,
    spread: float,
) -> None:
    """Let the expert correct a policy, and say how often it had to."""
    from ..contract import load
    from ..data.provenance import Corrections
    from ..data.store import Dataset
    from ..rollout.corrections import correct, CorrectionRule
    from ..training.interrupt import Interrupt

    onto, with_unknown = first
    rule = CorrectionRule(least=least, hold_s=math.inf if hold is None else hold)
    shown = None if onto is None else Dataset(onto)
    if shown is not None and not with_unknown:
        text = left_out_unmarked(unmarked(shown.manifest.episodes))
        if text:
            console.print(text, highlight=False, soft_wrap=True)
    with Interrupt() as interrupt, bar(console) as progress:
        one = progress.add_task(task, total=episodes)
        dataset = correct(
            load(robot),
            policy,
            task,
            episodes,
            out,
            rule,
            shown,
            with_unknown=with_unknown,
            seed=seed,
            initial_state_range=spread,
            progress=lambda _: progress.advance(one),
            stop=lambda: interrupt.caught is not None,
        )
    origin = dataset.manifest.provenance_as(Corrections)
    console.print(
        f'{dataset.root}: {len(dataset)} episodes, {origin.corrected} of them corrected in '
        f'{origin.corrections} takeovers, {origin.frames} frames of the expert; attempts '
        f'without a takeover: {origin.alone}, failed all the same: {origin.failed}'
    )
    _stopped(console, dataset)


def train(
    data: Annotated[Path, typer.Option('--data', '-d', help='Dataset made by "convert".')],
    out: Out,
    method: Annotated[
        str,
        typer.Option(
            help='Method: bc, act, flow, diffusion; irl-airl, irl-airl-state, irl-gail, irl-iq, '
            'irl-csil, irl-maxent; bc+irl; or of a plug-in (see "plugins").'
        ),
    ] = 'bc',
    config: Annotated[
        Path | None, typer.Option('--config', '-c', help='YAML; else the one of the method.')
    ] = None,
    updates: Annotated[
        int | None, typer.Option(help='Length of the training (of BC, before IRL).', min=1)
    ] = None,
    iterations: Annotated[int | None, typer.Option(help='Length of IRL.')] = None,
    history: Annotated[
        int | None, typer.Option(help='Frames the policy sees; 2 where speeds matter.', min=1)
    ] = None,
    with_unknown: Annotated[
        bool, typer.Option('--with-unknown', help='Imitate episodes that were never marked too.')
    ] = False,
    mirror: Annotated[
        bool,
        typer.Option('--mirror', help='Learn every episode mirrored as well, left for right.'),
    ] = False,
    seed: Annotated[int | None, typer.Option(help='Seed of everything random.', min=0)] = None,
    camera: Annotated[
        list[str] | None, typer.Option(help='Camera the policy sees, as name:HxW.')
    ] = None,
    no_poses: Annotated[
        bool, typer.Option('--no-poses', help='Do not let the policy see tracked objects.')
    ] = False,
    task: Annotated[
        str | None, typer.Option('--task', '-t', help='Task IRL practises; else that of the data.')
    ] = None,
    init: Annotated[
        Path | None,
        typer.Option('--init', help='Run of BC that IRL begins with; else it trains one.'),
    ] = None,
    resume: Annotated[
        bool, typer.Option('--resume', help='Go on from the last checkpoint, bit for bit.')
    ] = False,
) -> None:
    """Train a policy from a dataset; stops on Ctrl-C with a checkpoint.

    The run folder holds the configuration, checkpoints, metrics and curves (TensorBoard and a
    picture). Failures, rejected episodes and those that were never marked as success or failure
    are left out, and counted. The method's YAML is config/train/<method>.yaml; copy it to change
    more. IRL first trains BC, practises in simulation from there, and keeps the best of all it
    was.

    Examples: imitation_ros train --data data --out runs/bc;
    imitation_ros train --data data --out runs/flow --method flow;
    imitation_ros train --data data --out runs/cam --camera head_camera:48x64 --no-poses;
    imitation_ros train --data tray --out runs/tray --history 2;
    imitation_ros train --data data --out runs/both --mirror;
    imitation_ros train --data data --out runs/best --method bc+irl;
    imitation_ros train --data data --out runs/gail --method irl-gail --init runs/bc;
    imitation_ros train --data data --out runs/bc --resume
    """
    from ..api.learned import train as train_policy
    from ..learning import is_irl
    from ..training.config import read

    values, _ = read(config or method)
    named = str(values.get('method'))
    asked = include_unknown(values.get('outcomes', IMITATED)) if with_unknown else None
    own = _given(updates=updates, history=history, mirror=mirror or None)
    if is_irl(named):
        _refuse({'--camera': camera, '--no-poses': no_poses}, f'method {named}')
        if init is not None:
            _refuse(
                {'--updates': updates, '--history': history, '--mirror': mirror},
                'a run that begins with --init: its BC is trained already',
            )
        if named == 'irl-iq' and values.get('mode', 'offline') == 'offline':
            _refuse(
                {'--task': task, '--iterations': iterations},
                'method irl-iq from bags alone (mode: online practises)',
            )
        changes = _given(task=task, iterations=iterations, seed=seed, outcomes=asked)
        if init is None:
            own |= _given(outcomes=asked)
        if own:
            changes['bc'] = {**values.get('bc', {}), **own}
    else:
        _refuse({'--task': task, '--init': init, '--iterations': iterations}, f'method {named}')
        changes = own | _given(seed=seed, outcomes=asked, poses=[] if no_poses else None)
        if camera:
            changes['cameras'] = [_camera(text) for text in camera]
    console = Console()
    result = train_policy(
        data, out, config or method, init=init, resume=resume, console=console, **changes
    )
    if not result.finished:
        console.print(f'stopped after {result.progress}; go on with --resume')
        raise typer.Exit(130)
    if result.curves is not None:  # of several ranks the first alone writes
        console.print(f'{result.outcome}; curves: {result.curves}')
    for note in result.notes:
        console.print(f'[yellow]note:[/yellow] {note}')


def _given(**options: Any) -> dict[str, Any]:
    """Options that were given."""
    return {key: value for key, value in options.items() if value is not None}


def _refuse(options: dict[str, Any], method: str) -> None:
    """Refuse options that would be ignored."""
    for name, value in options.items():
        if value:
            raise DataError(f'{name} means nothing to {method}')


def _camera(text: str) -> dict[str, Any]:
    name, _, size = text.partition(':')
    try:
        height, width = (int(part) for part in size.split('x'))
    except ValueError as error:
        raise DataError(f'"{text}" is not a camera with its size: write name:HxW') from error
    return {'name': name, 'height': height, 'width': width}


def export(
    run: Annotated[Path, typer.Argument(help='Run folder of "train", or one checkpoint.')],
    data: Annotated[Path, typer.Option('--data', '-d', help='Dataset it was trained on.')],
    out: Out = Path('policy.onnx'),
) -> None:
    """Export a checkpoint to one policy.onnx and prove that it equals torch.

    Normalisation, joint limits, contract, statistics and bag ids are inside the file. Nothing is
    written if the largest difference from torch on recorded frames is above 1e-5 rad (of data
    without a robot: 1e-5 of the spread of the actions, where that is above 1).

    Example: imitation_ros export runs/bc --data data --out policy.onnx
    """
    from ..api.learned import export as export_policy

    console = Console()
    with console.status('exporting'):
        result = export_policy(run, data, out)
    parity, latency = result.parity, result.latency
    console.print(
        f'{result.path}: {result.size / 1e6:.2f} MB in {result.seconds:.0f} s; largest difference '
        f'from torch {parity.max_abs_difference:.1e}{result.unit} over '
        f'{parity.recorded + parity.random + parity.extreme} observations (allowed '
        f'{parity.tolerance:.0e}); inference p50 {latency.p50_ms:.2f} ms, '
        f'p99 {latency.p99_ms:.2f} ms'
    )
