# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Contracts of data without a robot: any names, as many as the bag has, no URDF.

Such a contract says which arrays of which messages are seen and done. It is enough to train,
export and evaluate on data; whatever moves a robot refuses it.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..errors import ContractError, unknown
from .fingerprint import fingerprint
from .robot import Contract, Limits
from .schema import Acted, ContractFile, JointStates, Observed

ROBOT_KEYS = ('urdf', 'groups', 'home', 'tools', 'joint_states', 'safety')
"""Keys that say something of a robot."""


def data_contract(file: ContractFile, text: str, path: Path) -> Contract:
    """Build the contract of data without a robot.

    Args:
        file: The checked keys.
        text: The YAML.
        path: Where it came from.

    Raises:
        ContractError: If a key is missing, says something of a robot, or names repeat.
    """
    observed, acted = file.observation, file.action
    if observed is None or acted is None:
        missing = 'observation' if observed is None else 'action'
        raise ContractError(f'{path}: {missing}: this key is missing')
    given = [key for key in ROBOT_KEYS if key in file.model_fields_set]
    if given:
        raise ContractError(
            f'{path}: {", ".join(given)}: a contract with observation and action describes data; '
            'these keys belong to a robot'
        )
    _check(observed, acted, path)
    entries = observed.entries
    home = np.zeros(len(entries))
    home.setflags(write=False)
    return Contract(
        name=file.name,
        path=path,
        urdf_path=Path(),
        urdf_text='',
        text=text,
        hash=fingerprint(file),
        joints=entries,
        groups=(),
        limits=_limits(acted),
        home=home,
        rates=file.rates,
        # Not validated: data may be older than a robot's joint states.
        joint_states=JointStates.model_construct(
            topic=observed.topic,
            rate_hz=observed.rate_hz or file.rates.policy_hz,
            max_age_s=observed.max_age_s,
        ),
        cameras=file.cameras,
        poses=file.poses,
        topics=file.topics.model_copy(update={'command': acted.topic}),
        safety=file.safety,
        tools=(),
        actions=acted.names,
        observed=observed,
        acted=acted,
    )


def _check(observed: Observed, acted: Acted, path: Path) -> None:
    """Refuse names that repeat, arrays that are not there, and limits of nothing."""
    if not observed.entries:
        raise ContractError(f'{path}: observation: name what is seen (position, velocity, effort)')
    for where, names in (
        ('observation', observed.entries),
        ('action.names', acted.names),
    ):
        twice = _twice(names)
        if twice:
            raise ContractError(f'{path}: {where}: stands twice: {", ".join(twice)}')
    if observed.type.endswith('MultiArray') and (observed.velocity or observed.effort):
        raise ContractError(
            f'{path}: observation: a {observed.type} has one array; name its entries as position'
        )
    if observed.topic == acted.topic:
        raise ContractError(f'{path}: action.topic: {acted.topic} is the observation')
    for what, stream in (('observation', observed), ('action', acted)):
        if stream.type.endswith('MultiArray') and stream.stamps == 'header':
            raise ContractError(
                f'{path}: {what}.stamps: a {stream.type} has no header; say "stamps: log"'
            )
    for name, (low, high) in acted.limits.items():
        if name not in acted.names:
            raise ContractError(f'{path}: action.limits: {unknown(name, "action", acted.names)}')
        if not low < high:
            raise ContractError(f'{path}: action.limits.{name}: {low} is not below {high}')


def _twice(names: Sequence[str]) -> list[str]:
    return sorted(name for name, count in Counter(names).items() if count > 1)


def _limits(acted: Acted) -> Limits:
    """Limits of the actions; infinite where the contract gives none."""
    infinite = (-np.inf, np.inf)
    rows = np.array([acted.limits.get(name, infinite) for name in acted.names])
    free = np.full(len(rows), np.inf)
    lower, upper = (np.ascontiguousarray(column) for column in rows.T)
    return Limits(lower, upper, free, free.copy(), free.copy())
