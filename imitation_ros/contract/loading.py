# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Load a contract and check it against its URDF."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError
import yaml

from .. import resources
from ..documents import parse_yaml, read_text
from ..errors import ContractError, DocumentError, unknown
from ..urdf import parse as parse_urdf
from ..urdf import Urdf
from .data_only import data_contract
from .feature_checks import check_features
from .fingerprint import fingerprint
from .problems import explain
from .robot import Array, Contract, Limits
from .schema import ContractFile, JointLimits

MAX_CONTRACT_BYTES = 4 * 1024 * 1024
"""Largest contract; ours have some kilobytes [bytes]."""

Source = str | Path | Mapping[str, Any] | ContractFile | Contract
"""What a contract is loaded from; see `load`."""


def available() -> dict[str, Path]:
    """Contracts that come with the package, by name; `NAME.capsules.yaml` belongs to one."""
    files = sorted(resources.path('config/robots').glob('*.yaml'))
    return {path.stem: path for path in files if '.' not in path.stem}


def load(source: Source) -> Contract:
    """Load a contract and check it against its URDF.

        >>> contract = imitation_ros.load_contract('imi_humanoid')
        >>> contract.n == len(contract.joints) == len(contract.home)
        True

    Args:
        source: Path of a YAML file, or the name of a contract that comes with the package; or the
            same keys from Python, as a mapping or a `ContractFile` (relative paths of a URDF
            then start at the working directory); one that is loaded stays as it is.

    Returns:
        The contract: joints in order, limits [rad or m, rad/s or m/s], topics, rates [Hz].

    Raises:
        ContractError: With the key, its value and the choices, whatever is wrong.
    """
    if isinstance(source, Contract):
        return source
    if isinstance(source, ContractFile):
        source = source.model_dump(mode='json', exclude_unset=True)
    if isinstance(source, Mapping):
        try:
            text = yaml.safe_dump(dict(source), sort_keys=False)
        except yaml.YAMLError as error:
            raise ContractError(f'a contract holds plain values alone: {error}') from error
        return loads(text, Path(f'{source.get("name", "contract")}.yaml'))
    path = Path(source).expanduser()
    if path.suffix not in ('.yaml', '.yml'):
        known = available()
        if str(source) not in known:
            raise ContractError(unknown(str(source), 'known robot (or a .yaml file)', known))
        path = known[str(source)]
    try:
        text = read_text(path, MAX_CONTRACT_BYTES)
    except OSError as error:
        raise ContractError(f'cannot read the contract {path}: {error.strerror}') from error
    except DocumentError as error:
        raise ContractError(str(error)) from error
    return loads(text, path)


def loads(text: str, path: Path, urdf_text: str | None = None) -> Contract:
    """Load a contract from its text.

    Args:
        text: The YAML.
        path: Where it came from: relative URDF paths start there.
        urdf_text: The URDF, if it is at hand (in a bag or a model); else the file is read.

    Raises:
        ContractError: As `load`.
    """
    try:
        values = parse_yaml(text, path)
    except DocumentError as error:
        raise ContractError(str(error)) from error
    if not isinstance(values, Mapping):
        raise ContractError(f'{path}: a contract is a mapping, not {type(values).__name__}')
    try:
        file = ContractFile.model_validate(values)
    except ValidationError as error:
        raise ContractError(explain(error, path, ContractFile)) from error
    if file.observation is not None or file.action is not None:
        return data_contract(file, text, path)
    if file.urdf is None:
        raise ContractError(
            f'{path}: urdf: this key is missing (data without a robot has observation and action)'
        )
    if not file.groups:
        raise ContractError(f'{path}: groups: this key is missing, or empty')
    try:
        urdf_path = _find_urdf(file.urdf, path)
    except ContractError:
        # With the text at hand (in a bag or a model) the package that has the file may be absent.
        if urdf_text is None:
            raise
        urdf_path = Path(file.urdf)
    if urdf_text is None:
        try:
            urdf_text = read_text(urdf_path)
        except OSError as error:
            raise ContractError(
                f'{path}: urdf: cannot read {urdf_path}: {error.strerror}'
            ) from error
        except DocumentError as error:
            raise ContractError(f'{path}: urdf: {error}') from error
    urdf = parse_urdf(urdf_text, str(urdf_path))
    joints = _check_joints(file, urdf, path)
    check_features(file, urdf, path)
    return Contract(
        name=file.name,
        path=path,
        urdf_path=urdf_path,
        urdf_text=urdf_text,
        text=text,
        hash=fingerprint(file, urdf_text),
        joints=joints,
        groups=file.groups,
        limits=_limits(file, urdf, joints, path),
        home=_home(file, urdf, joints, path),
        rates=file.rates,
        joint_states=file.joint_states,
        cameras=file.cameras,
        poses=file.poses,
        topics=file.topics,
        safety=file.safety,
        tools=file.tools,
        actions=joints,
    )


def _find_urdf(urdf: str, path: Path) -> Path:
    """Resolve `package://imitation_ros/...`, an absolute path, or one relative to the YAML."""
    own = 'package://imitation_ros/'
    if urdf.startswith(own):
        return resources.path(urdf.removeprefix(own))
    if urdf.startswith('package://'):
        return resources.find_share(urdf.removeprefix('package://'))
    return (path.parent / Path(urdf).expanduser()).resolve()


def _check_joints(file: ContractFile, urdf: Urdf, path: Path) -> tuple[str, ...]:
    """Check names, repeats and omissions; return the contract order."""
    seen: dict[str, str] = {}
    for group in file.groups:
        for joint in group.joints:
            where = f'{path}: groups.{group.name}.joints'
            if joint not in urdf.joints:
                raise ContractError(f'{where}: {unknown(joint, "joint", urdf.actuated)}')
            if urdf.joints[joint].mimic is not None:
                raise ContractError(
                    f'{where}: "{joint}" mimics "{urdf.joints[joint].mimic}" and takes no command'
                )
            if joint in seen:
                raise ContractError(
                    f'{where}: "{joint}" stands twice (also in {seen[joint]}); '
                    'a joint has one group'
                )
            seen[joint] = group.name
    for what, names in (
        ('groups', [group.name for group in file.groups]),
        ('groups.output.topic', [group.output.topic for group in file.groups]),
        ('cameras', [camera.name for camera in file.cameras]),
        ('poses', [pose.name for pose in file.poses]),
    ):
        for name in names:
            if names.count(name) > 1:
                raise ContractError(f'{path}: {what}: "{name}" stands twice')
    for where, mentioned in (('safety.joints', file.safety.joints), ('home', file.home)):
        for joint in mentioned:
            if joint not in seen:
                raise ContractError(f'{path}: {where}: {unknown(joint, "joint", seen)}')
    for link in [*file.tools, *(link for pair in file.safety.ignored_link_pairs for link in pair)]:
        if link not in urdf.links:
            raise ContractError(f'{path}: {unknown(link, "link", urdf.links)}')
    return tuple(seen)


def _limits(file: ContractFile, urdf: Urdf, joints: tuple[str, ...], path: Path) -> Limits:
    """Take the tighter of the profile and the URDF; refuse a joint limit outside the URDF."""
    rows = []
    for name in joints:
        joint = urdf.joints[name]
        own = file.safety.joints.get(name, JointLimits())
        where = f'{path}: safety.joints.{name}'
        for key, value, low, high in (
            ('lower', own.lower, joint.lower, joint.upper),
            ('upper', own.upper, joint.lower, joint.upper),
            ('velocity', own.velocity, 0.0, joint.velocity),
        ):
            if value is not None and not low <= value <= high:
                raise ContractError(
                    f'{where}.{key}: {value} is outside the limits of the URDF, [{low}, {high}]'
                )
        margin = file.safety.position_margin
        lower = joint.lower + margin if own.lower is None else own.lower
        upper = joint.upper - margin if own.upper is None else own.upper
        if not lower < upper:
            raise ContractError(f'{where}: lower {lower} is not below upper {upper}')
        velocity = own.velocity or min(file.safety.velocity, joint.velocity)
        acceleration = own.acceleration or file.safety.acceleration
        rows.append((lower, upper, velocity, acceleration, joint.effort))
    columns = np.array(rows, dtype=np.float64).T
    return Limits(*(np.ascontiguousarray(column) for column in columns))


def _home(file: ContractFile, urdf: Urdf, joints: tuple[str, ...], path: Path) -> Array:
    """Home position in contract order; 0 (or the nearest limit) where none is given."""
    home = np.empty(len(joints))
    for i, name in enumerate(joints):
        joint = urdf.joints[name]
        position = file.home.get(name, float(np.clip(0.0, joint.lower, joint.upper)))
        if not joint.lower <= position <= joint.upper:
            raise ContractError(
                f'{path}: home.{name}: {position} is outside the limits of the URDF, '
                f'[{joint.lower}, {joint.upper}]'
            )
        home[i] = position
    home.setflags(write=False)
    return home
