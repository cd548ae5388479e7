# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Demonstrations of a scripted expert without ROS: the closed loop of a rollout into a dataset.

Samples go through the same timeline as those of a bag, so the dataset is what a recording and
`convert` would give, without the transport. With action noise (DART; Laskey et al. 2017) the
states are those around the way, and the label is what the expert asked for, which leads back.

Failed attempts can be kept as well, marked as failures: in them the action noise is in the
recorded command, and so in the label. They are what inverse RL may learn from and cloning must
not.

The manifest is written again after every episode: a collection that is stopped, or killed, is a
dataset of what was done, and goes on from there as if it had never been stopped.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
import math
from pathlib import Path

import numpy as np

from ..contract import Contract
from ..data.observation import CameraInput
from ..data.provenance import Collected, Demonstrations
from ..data.store import Dataset, DatasetWriter, MANIFEST
from ..errors import DataError
from ..sim.action_noise import noise_scale, OrnsteinUhlenbeckNoise
from ..sim.robot import SimRobot
from .agents import ExpertAgent
from .command_filters import SafetyCommandFilter
from .episode import ClosedLoop
from .frame_recorder import FrameRecorder


def collect(
    contract: Contract,
    task: str,
    count: int,
    out: Path,
    seed: int = 0,
    initial_state_range: float = 1.0,
    noise: float = 0.0,
    progress: Callable[[int], None] | None = None,
    failures: int = 0,
    failure_noise: float = 0.1,
    cameras: Sequence[CameraInput] = (),
    renderer: str = 'auto',
    resume: bool = False,
    stop: Callable[[], bool] = lambda: False,
) -> Dataset:
    """Let the expert of a task demonstrate it, and write a dataset.

    A collection that is resumed gives exactly the dataset of an uninterrupted one; where no
    failed attempts are asked for, more demonstrations may be wanted than before.

    Args:
        contract: The robot.
        task: Name of the task.
        count: How many successful demonstrations.
        out: New or empty folder of the dataset.
        seed: Seed of the first initial state; each attempt takes the next one.
        initial_state_range: Factor on the range of initial states.
        noise: Standard deviation of the action noise [rad]; on sliding joints a tenth of it [m].
        progress: Called with the number of episodes after each.
        failures: How many failed attempts to keep beside them, with outcome `failure`.
        failure_noise: Standard deviation of the action noise in those [rad]; sliding joints as
            above.
        cameras: Cameras to keep, and their sizes.
        renderer: What draws them: see `SimRobot`.
        resume: Go on with the collection in that folder.
        stop: Asked before each attempt; if it says so, the dataset is what there is by then.

    Raises:
        ContractError: If the robot has no such camera.
        DataError: If the expert fails more often than it succeeds, or does not fail when it
            should; if the folder holds something else, or it was stopped before any episode.
    """
    for value in (noise, failure_noise):
        if not (math.isfinite(value) and value >= 0):
            raise DataError(f'noise is {value}, not a standard deviation')
    for camera in cameras:
        contract.camera(camera.name)
    origin = Demonstrations(
        wanted=count + failures,
        next_seed=seed,
        expert=task,
        first_seed=seed,
        initial_state_range=initial_state_range,
        noise=noise,
        cameras={camera.name: (camera.height, camera.width) for camera in cameras},
        failures=failures,
        failure_noise=failure_noise if failures else None,
    )
    if resume:
        begun, before = _begun(out, contract, origin)
        if len(begun) >= origin.wanted:
            return begun
        writer = DatasetWriter.resume(begun)
        done = len(begun)
        origin = replace(before, wanted=origin.wanted)
    else:
        refuse_stopped(out)
        rates = contract.rates
        writer = DatasetWriter(
            out, contract.text, contract.hash, contract.urdf_text, contract.joints, rates.policy_hz
        )
        done = 0
    sim = SimRobot(contract, task, renderer=renderer if cameras else None)
    unit = noise_scale(contract, sim.scene.model)
    expert, command_filter = ExpertAgent(contract, task), SafetyCommandFilter(contract)
    try:
        while done < origin.wanted and not stop():
            seed, failing = origin.next_seed, done >= count
            scale = (failure_noise if failing else noise) * unit
            action_noise = OrnsteinUhlenbeckNoise(
                contract, scale, np.random.default_rng([seed, 1])
            )
            recorder = FrameRecorder(sim, cameras, record_noise=failing)
            loop = ClosedLoop(
                sim, expert, command_filter, action_noise=action_noise, observers=[recorder]
            )
            loop.reset(seed, initial_state_range)
            succeeded = any(step.success for step in loop.attempt())
            origin = replace(origin, next_seed=seed + 1)
            if succeeded != failing:
                writer.append(recorder.episode(f'{task}_{seed:04d}', seed))
                writer.keep(origin)
                done += 1
                if progress is not None:
                    progress(done)
            elif failing:
                origin = replace(origin, unwanted_successes=origin.unwanted_successes + 1)
            else:
                origin = replace(origin, failed_seeds=(*origin.failed_seeds, seed))
            _give_up(origin, done)
    finally:
        sim.close()
    if not done:
        raise DataError(f'{out}: stopped before any episode was done; there is nothing to keep')
    writer.close(origin)
    return Dataset(out)


def _give_up(origin: Demonstrations, done: int) -> None:
    """Refuse to go on where the expert cannot do it, or cannot fail."""
    kept = f' ({done} episodes are kept)' if done else ''
    count = origin.wanted - origin.failures
    if origin.unwanted_successes > max(origin.failures, 10):
        raise DataError(
            f'{origin.expert}: the expert succeeded {origin.unwanted_successes} times and failed '
            f'{done - count} times where it should fail; raise the noise of failures (now '
            f'{origin.failure_noise} rad){kept}'
        )
    failed = len(origin.failed_seeds)
    if failed > max(count, 10):
        raise DataError(
            f'{origin.expert}: the expert failed from {failed} starts and succeeded from '
            f'{done}; noise is {origin.noise} rad, spread {origin.initial_state_range}{kept}'
        )


_CONDITIONS = {
    'expert': 'expert',
    'noise': 'noise',
    'spread': 'initial_state_range',
    'first seed': 'first_seed',
    'cameras': 'cameras',
    'wanted': 'wanted',
    'failures': 'failures',
    'failure noise': 'failure_noise',
}
"""What has to be the same to go on, by the name that options and errors give it."""


def _begun(out: Path, contract: Contract, asked: Demonstrations) -> tuple[Dataset, Demonstrations]:
    """The collection in a folder, if it is what is asked for."""
    if not (out / MANIFEST).is_file():
        raise DataError(f'{out} holds no collection to go on with; leave --resume out')
    begun = Dataset(out)
    had = begun.manifest.provenance
    # One from before collections could be stopped does not say what was wanted.
    if not (isinstance(had, Demonstrations) and had.wanted):
        raise DataError(f'{out} was not collected from an expert alone, so it cannot be resumed')
    free = () if asked.failures or had.failures else ('wanted',)
    differences = [
        f'{name}: {getattr(had, key)!r} then, {getattr(asked, key)!r} now'
        for name, key in _CONDITIONS.items()
        if key not in free and getattr(had, key) != getattr(asked, key)
    ]
    if begun.manifest.contract_hash != contract.hash:
        differences.append(f'another contract than {contract.name}')
    if differences:
        raise DataError(
            f'{out} cannot be resumed, it was another collection: {"; ".join(differences)}'
        )
    return begun, had


def go_on(dataset: Dataset) -> str:
    """How to go on with a collection that was stopped; '' if it is whole, or was none."""
    origin, done = dataset.manifest.provenance, len(dataset)
    if not isinstance(origin, Collected) or done >= origin.wanted:
        return ''
    if isinstance(origin, Demonstrations):
        return 'go on with the same command and --resume'
    return (
        f'go on in a new folder with --onto {dataset.root} --seed {origin.next_seed} '
        f'-n {origin.wanted - done}'
    )


def refuse_stopped(out: Path) -> None:
    """Refuse a folder that holds part of a collection, and say what to do.

    Raises:
        DataError: If it does.
    """
    if not (out / MANIFEST).is_file():
        return
    dataset = Dataset(out)
    how = go_on(dataset)
    if how:
        raise DataError(
            f'{out} holds {len(dataset)} of '
            f'{dataset.manifest.provenance_as(Collected).wanted} episodes of a '
            f'collection that was stopped: {how}, or choose another folder'
        )
