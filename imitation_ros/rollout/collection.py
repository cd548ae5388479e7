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

The manifest is written anew after every episode: a collection that is stopped, or killed, is a
dataset of what was done, and goes on from there as if it had never been stopped.
"""

from collections.abc import Callable, Sequence
import math
from pathlib import Path
from typing import Any

import numpy as np

from ..contract import Contract
from ..data.observation import CameraInput
from ..data.store import Dataset, DatasetWriter, MANIFEST
from ..errors import DataError
from ..sim.robot import SimRobot
from ..sim.shaking import noise_scale, Shaking
from .agents import ExpertAgent
from .command_filters import SafetyCommandFilter
from .episode import ClosedLoop
from .frame_recorder import FrameRecorder

WANTED, NEXT = 'wanted', 'next_seed'
"""Keys of a report: how many episodes were asked for, and the seed of the next attempt."""


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
        seed: Seed of the first start; each attempt takes the next one.
        spread: Factor on the region of the starts.
        noise: Standard deviation of the shaking [rad]; on sliding joints a tenth of it [m].
        progress: Called with the number of episodes after each.
        failures: How many failed attempts to keep beside them, with outcome `failure`.
        failure_noise: Standard deviation of the tremor in those [rad]; sliding joints as above.
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
    report: dict[str, Any] = {
        'expert': task,
        'noise': noise,
        'spread': spread,
        'failed': [],
        'first_seed': seed,
        'cameras': {camera.name: [camera.height, camera.width] for camera in cameras},
        WANTED: count + failures,
        NEXT: seed,
    }
    if failures:
        report |= {'failures': failures, 'failure_noise': failure_noise, 'spared': 0}
    if resume:
        begun = _begun(out, contract, report)
        if len(begun) >= report[WANTED]:
            return begun
        writer = DatasetWriter.resume(begun)
        done = len(begun)
        report |= {key: begun.manifest.report[key] for key in _TALLIES if key in report}
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
        while done < count + failures and not stop():
            seed, tremble = report[NEXT], done >= count
            scale = (failure_noise if tremble else noise) * unit
            shaking = Shaking(contract, scale, np.random.default_rng([seed, 1]))
            recorder = FrameRecorder(sim, cameras, record_noise=tremble)
            loop = ClosedLoop(
                sim, expert, command_filter, action_noise=shaking, observers=[recorder]
            )
            loop.reset(seed, spread)
            succeeded = any(step.success for step in loop.attempt())
            episode = recorder.episode(f'{task}_{seed:04d}', seed)
            report[NEXT] = seed + 1
            if succeeded != tremble:
                writer.append(episode)
                writer.keep(report)
                done += 1
                if progress is not None:
                    progress(done)
            elif tremble:
                report['spared'] += 1
            else:
                report['failed'].append(seed)
            _give_up(task, report, done, count, failures)
    finally:
        sim.close()
    if not done:
        raise DataError(f'{out}: stopped before any episode was done; there is nothing to keep')
    writer.close(report)
    return Dataset(out)


_TALLIES = ('failed', 'spared', NEXT)
"""Keys of a report that grow with the attempts."""


def _give_up(task: str, report: dict[str, Any], done: int, count: int, failures: int) -> None:
    """Refuse to go on where the expert cannot do it, or cannot fail."""
    kept = f' ({done} episodes are kept)' if done else ''
    if report.get('spared', 0) > max(failures, 10):
        raise DataError(
            f'{task}: the expert succeeded {report["spared"]} times and failed {done - count} '
            'times where it should fail; raise the noise of failures (now '
            f'{report["failure_noise"]} rad){kept}'
        )
    if len(report['failed']) > max(count, 10):
        raise DataError(
            f'{task}: the expert failed from {len(report["failed"])} starts and succeeded from '
            f'{done}; noise is {report["noise"]} rad, spread {report["spread"]}{kept}'
        )


def _begun(out: Path, contract: Contract, asked: dict[str, Any]) -> Dataset:
    """The collection in a folder, if it is what is asked for."""
    if not (out / MANIFEST).is_file():
        raise DataError(f'{out} holds no collection to go on with; leave --resume out')
    begun = Dataset(out)
    had = begun.manifest.report
    if NEXT not in had or 'policy' in had:
        raise DataError(f'{out} was not collected from an expert alone, so it cannot be resumed')
    free = _TALLIES if asked.get('failures') or had.get('failures') else (*_TALLIES, WANTED)
    differences = [
        f'{key}: {had.get(key)!r} then, {asked.get(key)!r} now'
        for key in dict.fromkeys((*asked, *had))
        if key not in free and had.get(key) != asked.get(key)
    ]
    if begun.manifest.contract_hash != contract.hash:
        differences.append(f'another contract than {contract.name}')
    if differences:
        raise DataError(
            f'{out} cannot be resumed, it was another collection: {"; ".join(differences)}'
        )
    return begun


def go_on(dataset: Dataset) -> str:
    """How to go on with a collection that was stopped; '' if it is whole, or was none."""
    report, done = dataset.manifest.report, len(dataset)
    wanted = report.get(WANTED, done)
    if done >= wanted:
        return ''
    if 'policy' not in report:
        return 'go on with the same command and --resume'
    return (
        f'go on in a new folder with --onto {dataset.root} --seed {report[NEXT]} '
        f'-n {wanted - done}'
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
            f'{out} holds {len(dataset)} of {dataset.manifest.report[WANTED]} episodes of a '
            f'collection that was stopped: {how}, or choose another folder'
        )
