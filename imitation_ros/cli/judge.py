# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Verbs that judge what was learned: evaluate, report."""

import json
from pathlib import Path
from typing import Annotated

from rich.console import Console
from rich.table import Table
import typer

from ..api.measured import UNSEEN
from ..errors import counted, DataError
from .data import bar
from .options import Json, ROBOT, Robot

STRIPS = 8
"""Most camera strips that an evaluation keeps."""


def evaluate(
    policy: Annotated[Path, typer.Argument(help='policy.onnx')],
    task: Annotated[
        str | None, typer.Option('--task', '-t', help='Task to try in simulation.')
    ] = None,
    data: Annotated[
        Path | None, typer.Option('--data', '-d', help='Dataset to compare with.')
    ] = None,
    trials: Annotated[int, typer.Option(help='Trials, each from its own start.', min=1)] = 40,
    seed: Annotated[int, typer.Option(help='Seed of the first start.', min=0)] = UNSEEN,
    spread: Annotated[float, typer.Option(help='Factor on the range of initial states.')] = 1.0,
    robot: Robot = ROBOT,
    unfiltered: Annotated[
        bool, typer.Option('--unfiltered', help='Without the safety filter, for comparison.')
    ] = False,
    perturb: Annotated[
        list[str] | None,
        typer.Option(help='What goes wrong, as name:level with level 0 to 3; repeatable.'),
    ] = None,
    with_unknown: Annotated[
        bool,
        typer.Option('--with-unknown', help='With --data: on episodes never marked as well.'),
    ] = False,
    zero_noise: Annotated[
        bool,
        typer.Option('--zero-noise', help='Begin a generative policy with zeros, not noise.'),
    ] = False,
    out: Annotated[
        Path | None, typer.Option('--out', '-o', help='Write the trials as JSON.')
    ] = None,
    pictures: Annotated[
        Path | None,
        typer.Option(help='Folder for camera strips of a few trials, failures first.'),
    ] = None,
    as_json: Json = False,
) -> None:
    """Try a policy in simulation, or compare it with recorded actions.

    With --task: closed loop, with the same file and the same safety filter as on the robot, from
    starts that demonstrations do not use; a policy trained for another task is warned of. With
    --data: open loop, on the episodes it was not trained on. Neither needs ROS.
    docs/perturbations.md lists what can go wrong (--perturb).

    Examples: imitation_ros evaluate policy.onnx --task lift;
    imitation_ros evaluate policy.onnx --task lift --perturb push:2 --perturb delay:1;
    imitation_ros evaluate policy.onnx --task lift --spread 1.6 --trials 100 --pictures strips;
    imitation_ros evaluate policy.onnx --data data
    """
    if task is None and data is None:
        from ..sim.tasks import TASKS

        raise DataError(f'which task (--task {" | ".join(TASKS)}), or which data (--data)?')
    if data is not None:
        _open_loop(policy, data, with_unknown, as_json)
    if task is None:
        return
    from ..api.measured import rollout
    from ..contract import load
    from ..rollout.rollout import another_task
    from ..runtime.bundle import check_against
    from ..runtime.bundle import load as load_bundle
    from ..sim.perturbations import parse

    settings = [parse(text) for text in perturb or ()]
    contract = load(robot)
    loaded = load_bundle(policy)
    warnings = check_against(loaded, contract)
    console = Console(stderr=as_json)
    for warning in (*another_task(loaded, task), *warnings):
        console.print(f'[yellow]warning:[/yellow] {warning}', highlight=False)
    for folder in (pictures, out and out.parent):  # told before the trials, not after them
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
    with bar(console) as progress:
        one = progress.add_task(task, total=trials)
        results = rollout(
            policy,
            task,
            range(seed, seed + trials),
            contract=contract,
            initial_state_range=spread,
            filter=not unfiltered,
            perturb=perturb or (),
            strips=0 if pictures is None else STRIPS,
            draw_noise=not zero_noise,
            progress=lambda _: progress.advance(one),
        )
    if out is not None:
        results.trials.write(out)
    if pictures is not None:
        for number, strip in enumerate(results.strips):
            outcome = 'failure' if strip.failed else 'success'
            (pictures / f'{number}_{outcome}.png').write_bytes(strip.png())
    if as_json:
        print(json.dumps(results.to_dict(), indent=1))
        return
    rate = results.rate
    by_rule = ', '.join(f'{k} {v}' for k, v in sorted(results.trials.interventions.items()))
    wrong = ''.join(f' {setting}' for setting in settings)
    console.print(
        f'{task}{wrong}: {results.trials.successes} of {trials} succeeded '
        f'({100 * rate.low:.0f}-{100 * rate.high:.0f} %, Wilson 95 %); '
        f'safety interventions: {by_rule or "none"}'
    )
    for trial in results.trials.trials:
        if not trial.success:
            console.print(f'  seed {trial.seed}: failed {trial.note}')


def _open_loop(policy: Path, data: Path, with_unknown: bool, as_json: bool) -> None:
    """Print the error on recorded actions, joint by joint."""
    from ..api.measured import evaluate as measure
    from ..data.store import Dataset
    from ..evaluation.offline import imitable_episodes, never_marked
    from ..runtime.bundle import load as load_bundle

    dataset = Dataset(data)
    error = measure(policy, data=dataset, with_unknown=with_unknown)
    if as_json:
        print(json.dumps(error.to_dict(), indent=1))
        return
    loaded = load_bundle(policy)
    kind = 'trained' if set(error.episodes) <= set(loaded.bags) else 'unseen'
    title = f'open loop, {counted(len(error.episodes), f"{kind} episode")}'
    if left := len(dataset) - len(imitable_episodes(dataset, with_unknown)):
        hint = never_marked(dataset, with_unknown)
        title += f' ({left} failed, played or rejected left out{hint})'
    table = Table(title=title)
    bare = loaded.observation.bare
    table.add_column('action' if bare else 'joint')
    table.add_column('mean absolute error' + ('' if bare else r' \[rad]'), justify='right')
    for joint, mae in zip(error.joints, error.mae, strict=True):
        table.add_row(joint, f'{mae:.4f}')
    table.add_section()
    table.add_row('all', f'{error.mean_mae:.4f}')
    table.add_row(
        'zeros' if loaded.observation.measured is None else 'holding still',
        f'{error.hold_mae:.4f}',
    )
    Console().print(table)


def report(
    run: Annotated[
        Path, typer.Argument(help='Folder of a run, as "demo" leaves it, or of a training.')
    ],
    out: Annotated[
        Path | None, typer.Option('--out', '-o', help='HTML file; else <run>/report.html.')
    ] = None,
) -> None:
    """Write one self-contained HTML page (and JSON) about a run, and print its summary.

    What is missing in the folder of a run is shown as not measured. Of a training it shows the
    curves, the held-out error, what was learnt from and what it cost.

    Examples: imitation_ros report runs/demo; imitation_ros report runs/bc
    """
    from ..reports.run_folder import ReportData
    from ..reports.run_page import summary_table, write_report

    if not run.is_dir():
        raise DataError(f'{run}: there is no such folder')
    data = ReportData.from_run(run)
    if data.empty:
        raise DataError(
            f'{run} holds nothing to report: a run of "demo" has bags/, train/, policy.onnx and '
            'trials.json, a training has metrics.jsonl and checkpoints/ (bags are for "audit", '
            'policy.onnx files for "evaluate", and "compare" writes its own page)'
        )
    page = out or run / 'report.html'
    write_report(data, page)
    console = Console()
    console.print(summary_table(data))
    console.print(f'report: {page}')
