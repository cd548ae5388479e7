# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Selection: which episodes, joints, cameras and poses of a dataset a policy is trained on."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

import numpy as np

from ..contract import Contract, loads
from ..data.episode import Outcome
from ..data.mirror import Mirror
from ..data.observation import CameraInput, ObservationSpec
from ..data.outcomes import is_wanted, NEVER_MARKED, UNKNOWN, WITH_UNKNOWN
from ..data.store import Dataset, split
from ..errors import counted, DataError, TrainingError, unknown
from ..kinematics.symmetry import sagittal
from .config import TrainConfig

ALONE = 'driven by a policy alone'
UNMARKED = f'{NEVER_MARKED} ({WITH_UNKNOWN} takes them)'

MOVES = 5e-3
"""A joint whose command spans less than this over all episodes does not move [rad or m]."""


def contract_of(dataset: Dataset) -> Contract:
    """Contract that the dataset was recorded with."""
    manifest = dataset.manifest
    return loads(manifest.contract_text, dataset.root / 'contract.yaml', manifest.urdf_text)


def select_episodes(dataset: Dataset, config: TrainConfig) -> tuple[list[int], list[int]]:
    """Indices of the episodes to train on, and of those held out.

    Raises:
        TrainingError: If no episode is fit.
    """
    whys = _whys(dataset, config.outcomes)
    fit = [index for index, why in enumerate(whys) if not why]
    if not fit:
        raise TrainingError(
            f'{dataset.root}: none of its {len(dataset)} episodes can be trained on: '
            f'{_counts(whys)}; outcomes asked for: {", ".join(config.outcomes)}'
        )
    # A whole episode of two or three is too much to give away for a curve.
    share = config.held_out if round(config.held_out * len(fit)) else 0.0
    train, held_out = split(len(fit), share, config.seed)
    return [fit[i] for i in train], [fit[i] for i in held_out]


def left_out(dataset: Dataset, outcomes: Collection[Outcome]) -> str:
    """Say which episodes of a dataset are not trained on, and why; '' if all of them are."""
    whys = _whys(dataset, outcomes)
    if not any(whys):
        return ''
    count = sum(map(bool, whys))
    return f'left out: {count} of {counted(len(whys), "episode")}: {_counts(whys)}'


def _whys(dataset: Dataset, outcomes: Collection[Outcome]) -> list[str]:
    """Why each episode is not trained on; '' if it is."""
    found = []
    for index, meta in enumerate(dataset.manifest.episodes):
        why = ''
        if meta.verdict == 'reject':
            why = 'rejected by the audit'
        elif not is_wanted(meta, outcomes):
            why = UNMARKED if meta.outcome == UNKNOWN else f'outcome {meta.outcome}'
        elif not _imitable(dataset, index):
            why = ALONE
        found.append(why)
    return found


def _counts(whys: Iterable[str]) -> str:
    return ', '.join(f'{count} {why}' for why, count in Counter(filter(None, whys)).items())


def mirror_of(contract: Contract, config: TrainConfig) -> Mirror | None:
    """The robot's mirror image, if episodes are mirrored.

    Raises:
        TrainingError: If there is no robot.
        ContractError: If the robot is not its own mirror image.
    """
    if not config.mirror:
        return None
    if contract.data_only:
        raise TrainingError('mirror: data without a robot has no left and right')
    return sagittal(contract)


def _imitable(dataset: Dataset, index: int) -> bool:
    """Whether an operator drove at any frame of an episode."""
    marks = dataset.episode(index).by_operator
    return marks is None or bool(marks.any())


def refuse_corrections(dataset: Dataset, episodes: Sequence[int]) -> None:
    """Refuse episodes in which a policy drove as well, where whole demonstrations are needed.

    Raises:
        TrainingError: With their names.
    """
    mixed = [
        dataset.manifest.episodes[index].episode
        for index in episodes
        if dataset.episode(index).by_operator is not None
    ]
    if mixed:
        raise TrainingError(
            f'{dataset.root}: in {len(mixed)} episodes a policy drove until an operator took '
            f'over ({", ".join(mixed[:3])}); inverse RL needs whole demonstrations: leave them '
            'out, or train with bc, act, flow or diffusion'
        )


def observation_spec(
    dataset: Dataset,
    contract: Contract,
    config: TrainConfig,
    episodes: Sequence[int],
    mirror: Mirror | None = None,
) -> ObservationSpec:
    """What the policy will see, and which joints it will move.

    Args:
        dataset: The dataset.
        contract: Its contract.
        config: The configuration.
        episodes: Episodes to train on.
        mirror: The robot's mirror image, if they are mirrored: both sides are then seen and moved.

    Raises:
        TrainingError: If a camera, pose or group is not there, or nothing moves.
    """
    first = dataset.episode(episodes[0])
    for camera in config.cameras:
        if camera.name not in first.images:
            raise TrainingError(
                f'cameras: {unknown(camera.name, "camera of the data", first.images)}'
            )
    poses = tuple(first.poses) if config.poses == 'all' else tuple(config.poses)
    for pose in poses:
        if pose not in first.poses:
            raise TrainingError(f'poses: {unknown(pose, "pose of the data", first.poses)}')
    try:
        return ObservationSpec(
            joints=_joints(dataset, contract, config, episodes, mirror),
            velocity=config.velocity,
            poses=poses,
            cameras=tuple(CameraInput(c.name, c.height, c.width) for c in config.cameras),
            history=config.history,
            policy_hz=dataset.manifest.policy_hz,
            chunk=config.chunk,
            execute=config.execute,
            actions=contract.actions if contract.data_only else (),
            bare=contract.data_only,
        )
    except DataError as error:
        raise TrainingError(str(error)) from error


def _joints(
    dataset: Dataset,
    contract: Contract,
    config: TrainConfig,
    episodes: Sequence[int],
    mirror: Mirror | None,
) -> tuple[str, ...]:
    """Joints of the wanted groups, or of those that move, in contract order.

    Without a robot these are the entries that are seen, all of them.
    """
    if contract.data_only:
        if config.groups != 'auto':
            raise TrainingError('groups: data without a robot has none; all of it is learnt')
        return dataset.manifest.joints
    if config.groups != 'auto':
        names = [group.name for group in contract.groups]
        for name in config.groups:
            if name not in names:
                raise TrainingError(f'groups: {unknown(name, "group", names)}')
        wanted = set(config.groups)
    else:
        actions = [dataset.episode(index).action for index in episodes]
        low = np.min([action.min(axis=0) for action in actions], axis=0)
        high = np.max([action.max(axis=0) for action in actions], axis=0)
        moving = {
            joint for i, joint in enumerate(dataset.manifest.joints) if high[i] - low[i] > MOVES
        }
        wanted = {group.name for group in contract.groups if moving.intersection(group.joints)}
        if not wanted:
            raise TrainingError(
                f'{dataset.root}: no joint moves by more than {MOVES} rad in any episode; '
                'name the groups to train in the configuration'
            )
    if mirror is not None:
        both = mirror.closed(
            j for group in contract.groups if group.name in wanted for j in group.joints
        )
        wanted = {group.name for group in contract.groups if both.intersection(group.joints)}
    return tuple(
        joint for group in contract.groups if group.name in wanted for joint in group.joints
    )


def fingerprint(dataset: Dataset) -> dict[str, object]:
    """What must be the same when a training is resumed: robot, rate and episodes."""
    manifest = dataset.manifest
    return {
        'contract_hash': manifest.contract_hash,
        'policy_hz': manifest.policy_hz,
        'episodes': [meta.episode for meta in manifest.episodes],
        'frames': [len(dataset.episode(index)) for index in range(len(dataset))],
    }
