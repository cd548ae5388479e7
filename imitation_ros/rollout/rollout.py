# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Rollouts: the closed loop without ROS, made of the very objects the nodes run.

Sim, policy loop and safety supervisor are stepped on one simulated clock, so a rollout is faster
than real time and gives the same result each time it is run. What it leaves out is what only the
nodes have: transport, and inference that takes time.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..contract import Contract
from ..data.camera_strips import CameraStrip, strip_of_array
from ..data.frame import Image
from ..data.intervals import Interval
from ..errors import DataError
from ..runtime import bundle
from ..runtime.session import Session
from ..sim.perturbations import Disturbed, Sensed, Setting
from ..sim.robot import SimRobot
from ..sim.tasks import TASKS
from .agents import ExpertAgent, PolicyAgent
from .command_filters import PassThrough, SafetyCommandFilter
from .episode import Agent, ClosedLoop, CommandFilter, due, NS, Observer, START_NS, Step
from .trials import Trial, Trials

PICTURE_HZ = 5.0
"""How often a picture is taken for a strip [Hz]."""

Progress = Callable[[Trial], None]
Watch = Callable[[int, int, Sensed], None]
"""Called with a trial's seed, the tick and the truth, before every command."""


@dataclass(frozen=True)
class RolloutResults:
    """What came of rollouts.

    Attributes:
        trials: One per seed.
        strips: A few camera strips, failures first.
    """

    trials: Trials
    strips: tuple[CameraStrip, ...] = ()

    @property
    def rate(self) -> Interval:
        """Success rate with its Wilson 95 % interval."""
        return self.trials.rate

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, without the pictures."""
        return self.trials.to_dict()


def another_task(policy: bundle.Bundle, task: str) -> tuple[str, ...]:
    """A warning if a policy was trained for other tasks of the simulator than the one it tries.

    What people called their recordings may be any name: only known tasks are told apart.
    """
    known = [name for name in policy.tasks if name in TASKS]
    if not known or task in policy.tasks:
        return ()
    return (f'{policy.path} was trained for {", ".join(known)} and is tried on {task}',)


def rollout(
    contract: Contract,
    policy: Path,
    task: str,
    seeds: Iterable[int],
    initial_state_range: float = 1.0,
    filter: bool = True,
    progress: Progress | None = None,
    renderer: str | None = 'auto',
    strips: int = 2,
    draw_noise: bool = True,
    perturb: Iterable[Setting] = (),
    watch: Watch | None = None,
) -> RolloutResults:
    """Let a policy try a task from every seed.

    Args:
        contract: The robot.
        policy: The policy.onnx.
        task: Name of the task.
        seeds: Seeds of the initial states.
        initial_state_range: Factor on the range of initial states.
        filter: Whether the safety supervisor stands between; False is for comparison.
        progress: Called after every trial.
        renderer: Renderer of the cameras; None for none, if the policy sees none.
        strips: How many camera strips to keep.
        draw_noise: Whether a generative policy draws its noise; else it begins with zeros.
        perturb: What goes wrong in every trial, by the trial's seed.
        watch: Looks on.

    Raises:
        ModelError: If the policy cannot be loaded.
        MismatchError: If it was made for another robot.
    """
    session = Session(bundle.load(policy), contract)
    session.warm_up()
    if session.spec.cameras and renderer is None:
        names = ', '.join(camera.name for camera in session.spec.cameras)
        raise DataError(f'{policy} sees {names}: a rollout of it needs a renderer')
    sim = SimRobot(contract, task, renderer=renderer)
    command_filter: CommandFilter = (
        SafetyCommandFilter(contract) if filter else PassThrough(contract)
    )
    kept = strips if renderer is not None else 0
    agent = PolicyAgent(contract, session, draw_noise)
    settings = tuple(perturb)
    world = Disturbed(sim, settings)
    done = attempts(
        sim, world, agent, command_filter, seeds, initial_state_range, progress, kept, watch
    )
    warnings = (*another_task(session.bundle, task), *session.warnings)
    conditions = {
        'policy': session.bundle.sha256,
        'spread': initial_state_range,
        'perturb': [str(setting) for setting in settings],
        'filter': filter,
    }
    trials = replace(done.trials, conditions=conditions, warnings=warnings)
    return replace(done, trials=trials)


def expert_rollout(
    contract: Contract,
    task: str,
    seeds: Iterable[int],
    initial_state_range: float = 1.0,
    progress: Progress | None = None,
    renderer: str | None = None,
    strips: int = 0,
    perturb: Iterable[Setting] = (),
) -> RolloutResults:
    """Let the scripted expert teleoperate through the safety supervisor; arguments as `rollout`.

    An expert must succeed and must never make the safety filter intervene: its demonstrations
    would else teach commands that were never sent.
    """
    sim = SimRobot(contract, task, renderer=renderer)
    kept = strips if renderer is not None else 0
    world, expert = Disturbed(sim, perturb), ExpertAgent(contract, task)
    return attempts(
        sim,
        world,
        expert,
        SafetyCommandFilter(contract),
        seeds,
        initial_state_range,
        progress,
        kept,
    )


def attempts(
    sim: SimRobot,
    world: Disturbed,
    agent: Agent,
    command_filter: CommandFilter,
    seeds: Iterable[int],
    initial_state_range: float = 1.0,
    progress: Progress | None = None,
    strips: int = 0,
    watch: Watch | None = None,
) -> RolloutResults:
    """Let anyone who makes proposals try every seed, then free the renderer.

    Args:
        sim: The robot.
        world: The same, as it is shown and disturbed.
        agent: Who makes the proposals.
        command_filter: What stands between them and the robot.
        seeds: See `rollout`, as all that follow.
        initial_state_range: See there.
        progress: See there.
        strips: See there.
        watch: See there.
    """
    trials: list[Trial] = []
    kept: list[CameraStrip] = []
    try:
        for seed in seeds:
            pictures = _Pictures(sim) if strips else None
            observers: list[Observer] = [] if pictures is None else [pictures]
            if watch is not None:
                observers.append(_Watching(watch, seed, sim))
            loop = ClosedLoop(sim, agent, command_filter, world, observers=observers)
            trial = _attempt(loop, seed, initial_state_range)
            trials.append(trial)
            if pictures is not None:
                pictures.take(round(trial.duration_s * NS))
                kept.append(pictures.strip(trial))
                # Failures tell more: they push successes out, earlier ones push out later.
                kept = sorted(kept, key=lambda strip: not strip.failed)[:strips]
            if progress is not None:
                progress(trial)
    finally:
        sim.close()
    limit = sim.scene.task.time_limit_s
    return RolloutResults(Trials(sim.task, 'rollout', tuple(trials), limit), tuple(kept))


def _attempt(loop: ClosedLoop, seed: int, initial_state_range: float) -> Trial:
    """One attempt: until success, the time limit, or a latched stop."""
    loop.reset(seed, initial_state_range)
    rules: Counter[str] = Counter()
    altered = 0
    for step in loop.attempt():
        rules.update(step.rules)
        altered += bool(step.rules)
    spent_s = loop.tick / loop.sim.contract.rates.command_hz
    stopped = f'safety {step.state}' if step.latched else 'time over'
    return Trial(
        seed=seed,
        success=step.success,
        duration_s=spent_s,
        seconds=spent_s if step.success else None,
        interventions=dict(rules.most_common()),
        altered=altered,
        state=step.state,
        note='' if step.success else stopped,
    )


@dataclass(frozen=True)
class _Watching:
    """Shows the truth to somebody who only looks on."""

    watch: Watch
    seed: int
    sim: SimRobot

    def before(self, tick: int, now_ns: int) -> None:
        """Show the robot."""
        self.watch(self.seed, tick, self.sim)

    def after(self, step: Step) -> None:
        """Show nothing more."""


class _Pictures:
    """Takes pictures of an episode with the largest camera of the contract."""

    def __init__(self, sim: SimRobot) -> None:
        self._sim = sim
        cameras = sim.contract.cameras
        if not cameras:
            raise DataError(f'"{sim.contract.name}" has no camera to take pictures with')
        self._camera = max(cameras, key=lambda camera: camera.width * camera.height).name
        self._stamps: list[int] = []
        self._images: list[Image] = []

    def before(self, tick: int, now_ns: int) -> None:
        """Take a picture if it is time to."""
        if due(tick, PICTURE_HZ, self._sim.contract.rates.command_hz):
            self.take(now_ns - START_NS)

    def after(self, step: Step) -> None:
        """Wait for the next tick."""

    def take(self, stamp_ns: int) -> None:
        """Take one picture, at a time since the start [ns]."""
        self._stamps.append(stamp_ns)
        self._images.append(self._sim.render(self._camera).copy())

    def strip(self, trial: Trial) -> CameraStrip:
        """The episode at a glance."""
        outcome = 'success' if trial.success else 'failure'
        return strip_of_array(
            self._camera,
            self._stamps,
            self._images,
            f'{self._sim.task} from seed {trial.seed}: {outcome}',
            not trial.success,
        )
