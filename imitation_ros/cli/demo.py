# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The whole loop on one machine: record, train, deploy, report."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
import json
from pathlib import Path
import time
from typing import Annotated, Any

from rich.console import Console
import typer

from .. import domain
from ..errors import ImitationError
from .options import ROBOT, Robot
from .processes import Processes, ros_available, ros_environment, run_verb
from .robot import NoRosError

TRIAL_SEED = 100_000
"""Trials start from seeds far from those of the demonstrations: unseen starts."""


class DemoError(ImitationError, RuntimeError):
    """A stage of the demo failed, or the policy did."""


@dataclass
class Stages:
    """Names the stages on the terminal and keeps how long each took [s]."""

    console: Console
    path: Path
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str, what: str) -> Iterator[None]:
        """Time one stage; the file is written after each, so a failure keeps the rest."""
        self.console.rule(f'[bold]{len(self.seconds) + 1} {name}[/bold]: {what}', align='left')
        start = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = round(time.monotonic() - start, 2)
            self.path.write_text(json.dumps(self.seconds, indent=1), encoding='utf-8')


def verb(*words: object, accept: tuple[int, ...] = (0,)) -> None:
    """Run one of our own verbs, as the user would.

    Raises:
        DemoError: If its exit code is none of those to accept.
    """
    line = [str(word) for word in words]
    print(f'$ imitation_ros {" ".join(line)}', flush=True)
    code = run_verb(line)
    if code not in accept:
        raise DemoError(f'"imitation_ros {line[0]}" failed with code {code}')


def count_fit(audit: Path) -> int:
    """Count the bags that an audit did not reject."""
    findings = json.loads(audit.read_text(encoding='utf-8'))
    return sum(finding['verdict'] != 'reject' for finding in findings)


def make_room(out: Path) -> Path | None:
    """Move a former run aside, so that nothing of it is lost or mixed in."""
    if not out.exists() or not any(out.iterdir()):
        out.mkdir(parents=True, exist_ok=True)
        return None
    aside = out.with_name(f'{out.name}.{time.strftime("%Y%m%d-%H%M%S")}')
    out.rename(aside)
    out.mkdir()
    return aside


def demo(
    task: Annotated[str, typer.Option(help='Task; docs/tasks.md has them all.')] = 'lift',
    episodes: Annotated[int, typer.Option(help='Demonstrations to record.', min=2)] = 24,
    trials: Annotated[int, typer.Option(help='Trials from unseen starts.', min=1)] = 20,
    required: Annotated[
        int | None, typer.Option(help='Trials that must succeed; four fifths if left out.')
    ] = None,
    updates: Annotated[
        int | None, typer.Option(help='Length of the training; else what the YAML says.')
    ] = None,
    out: Annotated[Path, typer.Option(help='Folder of the run.')] = Path('runs/demo'),
    robot: Robot = ROBOT,
    seed: Annotated[int, typer.Option(help='Seed of the first demonstration.', min=0)] = 0,
    speed: Annotated[
        float,
        typer.Option(
            help='Speed of simulated time; below 1 for a slow machine.', min=0.1, max=1.0
        ),
    ] = 1.0,
) -> None:
    """Record, train and deploy on a simulated humanoid, and report how it went.

    A scripted operator teleoperates the humanoid through the same topics a person would use;
    simulator, safety, teleoperation, recorder and policy are ROS nodes in processes of their own.
    A machine that cannot keep up loses images, and the audit rejects them: lower --speed.

    Examples: imitation_ros demo; imitation_ros demo --task reach --episodes 20;
    imitation_ros demo --task stand --episodes 4 --trials 3 --required 0 --speed 0.3
    """
    if not ros_available():
        raise NoRosError('the demo needs rclpy: source ROS 2, or use "make setup"')
    from ..sim.tasks import TASKS

    TASKS.find(task, DemoError)
    console = Console()
    out = out.resolve()
    if (aside := make_room(out)) is not None:
        console.print(f'the former run was moved to {aside}')
    need = -(-4 * trials // 5) if required is None else required
    stages = Stages(console, out / 'timing.json')
    bags, dataset, model = out / 'bags', out / 'dataset', out / 'policy.onnx'
    start = time.monotonic()
    # Rates are measured on the wall clock, which is as much faster.
    rates: dict[str, Any] = {'minimum_rate': 0.5 * speed}
    slow: dict[str, Any] = {'use_sim_time': True} if speed != 1.0 else {}
    console.print(f'{domain.line(ros_environment(private=True))}, private to this run')
    with Processes(out / 'logs') as nodes:
        with stages.stage('record', f'{episodes} episodes of "{task}" by a scripted operator'):
            nodes.start('sim', contract=robot, task=task, speed=speed)
            nodes.start('safety', contract=robot, **slow)
            nodes.start('teleop', contract=robot, source='leader', **slow)
            nodes.start(
                'recorder',
                contract=robot,
                task=task,
                output=str(bags),
                operator='scripted',
                **rates,
                **slow,
            )
            nodes.run(
                'operator',
                timeout_s=60.0 + (5.0 + 2.0 * TASKS[task].time_limit_s) * episodes / speed,
                contract=robot,
                task=task,
                episodes=episodes,
                seed=seed,
                **slow,
            )
            nodes.stop('recorder')
            nodes.stop('teleop')
            nodes.stop('safety')
            nodes.stop('sim')
    with stages.stage('audit', 'is every bag fit for training?'):
        # Code 1 says that a bag was rejected; the next stage leaves it out.
        verb('audit', bags, '--out', out / 'audit.json', accept=(0, 1))
        fit = count_fit(out / 'audit.json')
        if fit < episodes:
            raise DemoError(f'only {fit} of {episodes} episodes are fit for training')
    with stages.stage('convert', 'bags to a dataset, by the one resampler'):
        verb('convert', bags, '--out', dataset)
    with stages.stage('train', 'Behavioural Cloning'):
        extra = ['--updates', updates] if updates else []
        verb('train', '--data', dataset, '--out', out / 'train', *extra)
    with stages.stage('export', 'one policy.onnx, proven equal to torch'):
        verb('export', out / 'train', '--data', dataset, '--out', model)
    with Processes(out / 'logs') as nodes:
        with stages.stage('deploy', f'{trials} trials from unseen starts'):
            nodes.start('sim', contract=robot, task=task, seed=TRIAL_SEED, speed=speed)
            nodes.start('safety', contract=robot, **slow)
            nodes.start('policy', contract=robot, model=str(model), **slow)
            nodes.start(
                'recorder',
                contract=robot,
                task=f'{task}_trial',
                output=str(out / 'trial_bags'),
                operator='policy',
                **rates,
                **slow,
            )
            nodes.run(
                'trials',
                timeout_s=60.0 + (5.0 + 1.5 * TASKS[task].time_limit_s) * trials / speed,
                contract=robot,
                task=task,
                trials=trials,
                seed=TRIAL_SEED,
                record=True,
                output=str(out / 'trials.json'),
                **slow,
            )
    with stages.stage('report', 'pictures and numbers'):
        verb('report', out)
    results = json.loads((out / 'trials.json').read_text(encoding='utf-8'))['trials']
    succeeded = sum(bool(result['success']) for result in results)
    console.print(
        f'{succeeded} of {len(results)} trials succeeded ({need} needed); '
        f'{time.monotonic() - start:.0f} s in all; report: {out / "report.html"}'
    )
    if len(results) < trials or succeeded < need:
        raise DemoError(f'the policy succeeded in {succeeded} of {trials} trials, not {need}')
