# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Demonstrations of a scripted expert without ROS: the closed loop of a rollout into a dataset.

Samples go through the same timeline as those of a bag, so the dataset is what a recording and
`convert` would give, without the transport. With noise the robot is shaken while the expert goes
on (DART; Laskey et al. 2017): the states are then those around the way, and the label is what
the expert asked for, which leads back.

Failed attempts can be kept as well, marked as failures: in them the hand of the operator trembles,
so that the noise is in the command and in the label. They are what inverse RL may learn from and
cloning must not.
"""

from collections.abc import Callable, Sequence
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract import Contract
from ..data.episode import Episode, EpisodeMeta, Outcome
from ..data.frame import Array, Frame, JOINT_STATES
from ..data.images import resize
from ..data.observation import CameraInput
from ..data.store import Dataset, DatasetWriter
from ..data.timeline import SampleBuffer, Timeline
from ..errors import DataError
from ..safety.verdict import State
from ..sim.experts import OBJECT
from ..sim.robot import SimRobot
from ..sim.shaking import noise_scale, Shaking
from .keepers import Guarded, NS
from .proposers import due, ExpertProposer, Proposer


def collect(
    contract: Contract,
    task: str,
    count: int,
    out: Path,
    seed: int = 0,
    spread: float = 1.0,
    noise: float = 0.0,
    progress: Callable[[int], None] | None = None,
    failures: int = 0,
    failure_noise: float = 0.1,
    cameras: Sequence[CameraInput] = (),
    renderer: str = 'auto',
) -> Dataset:
    """Let the expert of a task demonstrate it, and write a dataset.

    Args:
        contract: The robot.
        task: Name of the task.
        count: How many successful demonstrations.
        out: New or empty folder of the dataset.
        seed: Seed of the first start; each attempt takes the next one.
        spread: Factor on the region of the starts.
        noise: Standard deviation of the shaking [rad]; on sliding joints a tenth of it [m].
        progress: Called with the number of episodes after each.
        failures: How many failed attempts to keep beside them, with outcome `failure`.
        failure_noise: Standard deviation of the tremor in those [rad]; sliding joints as above.
        cameras: Cameras to keep, and their sizes.
        renderer: What draws them: see `SimRobot`.

    Raises:
        ContractError: If the robot has no such camera.
        DataError: If the expert fails more often than it succeeds, or does not fail when it
            should.
    """
    for value in (noise, failure_noise):
        if not (math.isfinite(value) and value >= 0):
            raise DataError(f'noise is {value}, not a standard deviation')
    for camera in cameras:
        contract.camera(camera.name)
    sim = SimRobot(contract, task, renderer=renderer if cameras else None)
    unit = noise_scale(contract, sim.scene.model)
    expert, keeper = ExpertProposer(contract, task), Guarded(contract)
    rates = contract.rates
    writer = DatasetWriter(
        out, contract.text, contract.hash, contract.urdf_text, contract.joints, rates.policy_hz
    )
    done, failed, spared = 0, [], 0
    while done < count + failures:
        tremble = done >= count
        scale = (failure_noise if tremble else noise) * unit
        shaking = Shaking(contract, scale, np.random.default_rng([seed, 1]))
        episode = attempt(sim, expert, keeper, seed, spread, shaking, tremble, cameras=cameras)
        if (episode.meta.outcome == 'failure') == tremble:
            writer.append(episode)
            done += 1
            if progress is not None:
                progress(done)
        elif tremble:
            spared += 1
            if spared > max(failures, 10):
                raise DataError(
                    f'{task}: the expert succeeded {spared} times and failed '
                    f'{done - count} times where it should fail; raise the noise of failures '
                    f'(now {failure_noise} rad)'
                )
        else:
            failed.append(seed)
            if len(failed) > max(count, 10):
                raise DataError(
                    f'{task}: the expert failed from {len(failed)} starts and succeeded from '
                    f'{done}; noise is {noise} rad, spread {spread}'
                )
        seed += 1
    report: dict[str, Any] = {'expert': task, 'noise': noise, 'spread': spread, 'failed': failed}
    if failures:
        report |= {'failures': failures, 'failure_noise': failure_noise}
    sim.close()
    writer.close(report)
    return Dataset(out)


def attempt(
    sim: SimRobot,
    proposer: Proposer,
    keeper: Guarded,
    seed: int,
    spread: float,
    shaking: Shaking | None = None,
    tremble: bool = False,
    by_operator: Callable[[], bool] | None = None,
    cameras: Sequence[CameraInput] = (),
) -> Episode:
    """One attempt as an episode: what a recording of the nodes would give.

    Args:
        sim: The robot.
        proposer: Who asks for motions.
        keeper: The governor.
        seed: Seed of the start.
        spread: Factor on the region of the starts.
        shaking: Noise on the commands; None is none.
        tremble: Whether the noise is part of the commands that are recorded.
        by_operator: Says after each tick whether an operator drove, where a policy drives as well.
        cameras: Cameras to keep, and their sizes.
    """
    contract = sim.contract
    hz = contract.rates.command_hz
    step_ns = round(NS / contract.rates.policy_hz)
    seen = (JOINT_STATES, OBJECT, *(camera.name for camera in cameras))
    timeline = Timeline(contract, seen, horizon_s=None)
    commands: SampleBuffer[Array] = SampleBuffer(step_ns)
    pose_hz = next(pose.rate_hz for pose in contract.poses if pose.name == OBJECT)
    sim.reset(seed, spread)
    keeper.start(NS, sim)
    proposer.start(NS, seed, sim)
    start = command = sim.q
    marks: SampleBuffer[bool] = SampleBuffer(step_ns)
    for tick in range(round(sim.scene.task.time_limit_s * hz)):
        now = NS + round(tick * NS / hz)
        timeline.push_state(now, sim.q, sim.v)
        if due(tick, pose_hz, hz):
            timeline.push_pose(OBJECT, now, sim.object_pose)
        for camera in cameras:
            if due(tick, contract.camera(camera.name).rate_hz, hz):
                image = resize(sim.render(camera.name), camera.height, camera.width)
                timeline.push_image(camera.name, now, image)
        proposal = proposer.step(now, tick, sim, command)
        command, _, state = keeper.step(now, sim, proposal)
        shaken = command if shaking is None else command + shaking.step(command, start)
        marks.push(now, by_operator is None or by_operator())
        # Unless the hand trembles, the noise is what pushes the robot off its way, no command.
        commands.push(now, shaken if tremble else command)
        sim.command(shaken)
        sim.advance(1.0 / hz)
        if sim.success or state in (State.FAULT.value, State.ESTOP.value):
            break
    pairs = [
        (timeline.frame(at), commands.sample(at + step_ns))
        for at in range(NS, now - step_ns + 1, step_ns)
    ]
    whole = [(frame, action[1]) for frame, action in pairs if frame and action]
    outcome: Outcome = 'success' if sim.success else 'failure'
    frames, actions = [f for f, _ in whole], [a for _, a in whole]
    operator = None
    if by_operator is not None:
        ends = ((frame.tick_ns, frame.tick_ns + step_ns) for frame in frames)
        told = [(marks.sample(begin), marks.sample(end)) for begin, end in ends]
        operator = np.array([bool(a and a[1] and b and b[1]) for a, b in told])
    return _episode(contract, sim.task, seed, outcome, frames, actions, operator)


def _episode(
    contract: Contract,
    task: str,
    seed: int,
    outcome: Outcome,
    frames: list[Frame],
    actions: list[Array],
    by_operator: NDArray[np.bool_] | None,
) -> Episode:
    meta = EpisodeMeta(
        f'{task}_{seed:04d}' if by_operator is None else f'{task}_corrected_{seed:04d}',
        task,
        'scripted',
        outcome,
        contract.name,
        contract.hash,
        'ok',
        extra={'seed': str(seed)},
    )
    return Episode(
        meta=meta,
        tick_ns=np.array([frame.tick_ns for frame in frames], np.int64),
        q=np.stack([frame.q for frame in frames]),
        v=np.stack([frame.v for frame in frames]),
        action=np.stack(actions),
        images={
            name: np.stack([frame.images[name] for frame in frames]) for name in frames[0].images
        },
        poses={OBJECT: np.stack([frame.poses[OBJECT] for frame in frames])},
        age_ns={
            name: np.array([frame.age_ns(name) for frame in frames], np.int64)
            for name in frames[0].stamp_ns
        },
        by_operator=by_operator,
    )
