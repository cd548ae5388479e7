# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Joint names and limits from a URDF, with the standard library alone."""

from dataclasses import dataclass
from functools import lru_cache
import math
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from .documents import parse_xml, read_text
from .errors import ContractError, DocumentError, unknown
from .linkage import check

MOVING = ('revolute', 'continuous', 'prismatic')


@dataclass(frozen=True)
class UrdfJoint:
    """One moving joint of a URDF.

    Attributes:
        name: Name of the joint.
        kind: `revolute`, `continuous` or `prismatic`.
        lower: Lower position limit [rad or m]; minus infinity if continuous.
        upper: Upper position limit [rad or m]; infinity if continuous.
        velocity: Velocity limit [rad/s or m/s].
        effort: Effort limit [Nm or N].
        mimic: Name of the joint this one follows, or None.
    """

    name: str
    kind: str
    lower: float
    upper: float
    velocity: float
    effort: float
    mimic: str | None


@dataclass(frozen=True)
class Urdf:
    """What the contract needs to know of a URDF.

    Attributes:
        name: Name of the robot.
        joints: Moving joints by name, in the order of the file.
        links: Names of all links.
    """

    name: str
    joints: dict[str, UrdfJoint]
    links: tuple[str, ...]

    @property
    def actuated(self) -> tuple[str, ...]:
        """Names of the moving joints that follow no other joint."""
        return tuple(joint.name for joint in self.joints.values() if joint.mimic is None)


def parse(text: str, source: str = 'URDF') -> Urdf:
    """Read the joints and links of a URDF.

    Args:
        text: The XML.
        source: What to call it in an error.

    Raises:
        ContractError: If it is not XML, not a robot, or a limit is missing.
    """
    try:
        return _known(text)
    except ContractError:
        return _read(text, source)  # its error names the source


@lru_cache(maxsize=16)
def _known(text: str) -> Urdf:
    """Joints and links of a URDF that was read before; a session has one in every bag."""
    return _read(text, 'URDF')


def _read(text: str, source: str) -> Urdf:
    """Read the joints and links; arguments and errors as `parse`."""
    try:
        root = parse_xml(text, source)
    except DocumentError as error:
        raise ContractError(str(error)) from error
    if root.tag != 'robot':
        raise ContractError(f'{source}: the root element is <{root.tag}>, not <robot>')
    _check_words(root, source)
    check(root, source)
    joints: dict[str, UrdfJoint] = {}
    for element in root.iterfind('joint'):
        name, kind = element.get('name', ''), element.get('type', '')
        if kind not in MOVING:
            continue
        limit = element.find('limit')
        mimic = element.find('mimic')
        if limit is None and kind != 'continuous':
            raise ContractError(f'{source}: joint "{name}" has no <limit>')
        endless = kind == 'continuous'

        def number(key: str, default: float, of: Any = limit, joint: str = name) -> float:
            text = None if of is None else of.get(key)
            try:
                found = default if text is None else float(text)
            except ValueError:
                found = math.nan
            if math.isnan(found):
                raise ContractError(
                    f'{source}: joint "{joint}": the limit {key}="{text}" is no number'
                )
            return found

        joints[name] = UrdfJoint(
            name=name,
            kind=kind,
            lower=-math.inf if endless else number('lower', 0.0),
            upper=math.inf if endless else number('upper', 0.0),
            velocity=number('velocity', math.inf),
            effort=number('effort', math.inf),
            mimic=None if mimic is None else mimic.get('joint'),
        )
    links = tuple(element.get('name', '') for element in root.iterfind('link'))
    return Urdf(root.get('name', ''), joints, links)


def _check_words(root: ElementTree.Element, source: str) -> None:
    """Refuse names that stand twice, joints that follow none, and what xacro left over."""
    for tag in ('link', 'joint'):
        names = [element.get('name', '') for element in root.iterfind(tag)]
        double = sorted({name for name in names if names.count(name) > 1})
        if double:
            raise ContractError(f'{source}: several {tag}s are called "{double[0]}"')
    for element in root.iter():
        for key, value in element.attrib.items():
            if '${' in value or '$(' in value:
                raise ContractError(
                    f'{source}: <{element.tag} {key}="{value}"> is of xacro; write the URDF that '
                    '"xacro robot.urdf.xacro > robot.urdf" makes of it'
                )
    leaders = {joint.get('name', ''): joint.find('mimic') for joint in root.iterfind('joint')}
    for name, mimic in leaders.items():
        leader = None if mimic is None else mimic.get('joint')
        if mimic is None:
            continue
        if leader not in leaders:
            raise ContractError(
                f'{source}: joint "{name}" mimics {unknown(str(leader), "joint", leaders)}'
            )
        if leaders[leader] is not None:
            raise ContractError(
                f'{source}: joint "{name}" mimics "{leader}", which mimics another; let it mimic '
                'the first of them'
            )


def load(path: Path) -> Urdf:
    """Read a URDF file; see `parse`."""
    try:
        text = read_text(path)
    except DocumentError as error:
        raise ContractError(str(error)) from error
    except OSError as error:
        raise ContractError(f'cannot read the URDF {path}: {error.strerror}') from error
    return parse(text, str(path))
