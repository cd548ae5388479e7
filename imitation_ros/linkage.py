# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a URDF must be before a library of C++ reads it: one tree of finite numbers.

A chain of 100,000 links, a ring, or a size of NaN ends pinocchio with a crash, a message that
names nothing, or pairs of links that are watched no longer.
"""

from collections.abc import Iterable
import math
from xml.etree.ElementTree import Element

from .documents import finite, MAX_DEPTH, shown
from .errors import ContractError, counted, DocumentError

MAX_LINKS = 1000
"""Most links; a humanoid with fingers has some hundred."""
MAX_CHAIN = MAX_DEPTH
"""Most joints between the root and a link."""
MAX_LENGTH = 1000.0
"""Largest size or offset [m]."""
MAX_POSITION = 1e16
"""Largest limit of a position; rotors that turn without end are written so [rad or m]."""
MAX_SPEED = 10_000.0
"""Largest limit of a speed [rad/s or m/s]."""
MAX_EFFORT = 1e9
"""Largest limit of an effort [N m or N]."""

_VECTORS = {'xyz': 3, 'rpy': 3, 'size': 3, 'scale': 3}
_LIMITS = {
    'lower': (-MAX_POSITION, MAX_POSITION, 'rad or m'),
    'upper': (-MAX_POSITION, MAX_POSITION, 'rad or m'),
    'velocity': (0.0, MAX_SPEED, 'rad/s or m/s'),
    'effort': (0.0, MAX_EFFORT, 'N m or N'),
}
_TURNS = ('revolute', 'continuous', 'prismatic', 'planar')


def check(root: Element, source: str) -> None:
    """Check the numbers and the tree of a URDF.

    Args:
        root: Its <robot>.
        source: What to call it in an error.

    Raises:
        ContractError: Names the joint or link, the value and what it should be.
    """
    joints, links = root.findall('joint'), root.findall('link')
    if max(len(links), len(joints)) > MAX_LINKS:
        raise ContractError(
            f'{source}: has {counted(len(links), "link")} and {counted(len(joints), "joint")}, '
            f'more than {MAX_LINKS}'
        )
    try:
        for element in (*links, *joints):
            where = f'{source}: {element.tag} {shown(element.get("name", ""))}'
            for part in element.iter():
                _check_numbers(part, where)
        for joint in joints:
            _check_joint(joint, f'{source}: joint {shown(joint.get("name", ""))}')
    except DocumentError as error:
        raise ContractError(str(error)) from error
    _check_tree(joints, [link.get('name', '') for link in links], source)


def _check_numbers(part: Element, where: str) -> None:
    """Check places, directions and sizes of an element, whatever it stands in."""
    for name, count in _VECTORS.items():
        text = part.get(name)
        if text is None:
            continue
        words = text.split()
        what = f'{name} of <{part.tag}>'
        if len(words) != count:
            raise ContractError(f'{where}: {what} is {shown(text)}; it has {count} numbers')
        values = [finite(word, where, what) for word in words]
        if max(map(abs, values)) > MAX_LENGTH:
            raise ContractError(f'{where}: {what} is {shown(text)}, more than {MAX_LENGTH:g} m')
        if name == 'size' and min(values) <= 0.0:
            raise ContractError(f'{where}: {what} is {shown(text)}; each side is above 0 m')
        if name == 'scale' and not all(values):
            raise ContractError(f'{where}: {what} is {shown(text)}; a scale of 0 leaves nothing')
    for name in ('radius', 'length'):
        # Of a capsule the length may be 0: it is a sphere.
        text = part.get(name)
        if text is not None:
            value = finite(text, where, f'{name} of <{part.tag}>')
            least = 'at least 0' if name == 'length' else 'above 0'
            low = value >= 0.0 if name == 'length' else value > 0.0
            if not (low and value <= MAX_LENGTH):
                raise ContractError(
                    f'{where}: {name} of <{part.tag}> is {shown(text)} m; it is {least} m and '
                    f'up to {MAX_LENGTH:g} m'
                )
    if part.tag == 'mass' and part.get('value') is not None:
        value = finite(part.get('value', ''), where, 'value of <mass>')
        if value < 0.0:
            raise ContractError(f'{where}: has a mass of {value:g} kg')
    if part.tag == 'inertia':
        for name in ('ixx', 'ixy', 'ixz', 'iyy', 'iyz', 'izz'):
            finite(part.get(name, '0'), where, f'{name} of <inertia>')


def _check_joint(joint: Element, where: str) -> None:
    """Check axis and limits of a joint."""
    axis = joint.find('axis')
    if axis is not None and joint.get('type') in _TURNS:
        values = [float(word) for word in axis.get('xyz', '1 0 0').split()]
        if math.hypot(*values) < 1e-6:
            raise ContractError(f'{where}: its axis is {shown(axis.get("xyz"))}, no direction')
    limit = joint.find('limit')
    for name, (low, high, unit) in _LIMITS.items():
        text = None if limit is None else limit.get(name)
        if text is None:
            continue
        # Some descriptions write "inf" for a motor without a limit of its own.
        if name in ('velocity', 'effort') and text.strip().lower() in ('inf', '+inf', 'infinity'):
            continue
        value = finite(text, where, name)
        if name in ('lower', 'upper') and joint.get('type') == 'continuous':
            continue
        if not low <= value <= high:
            raise ContractError(
                f'{where}: {name} is {shown(text)}, outside [{low:g}, {high:g}] {unit}'
            )
    mimic = joint.find('mimic')
    if mimic is not None:
        for name in ('multiplier', 'offset'):
            finite(mimic.get(name, '0'), where, f'{name} of <mimic>')


def _check_tree(joints: Iterable[Element], links: list[str], source: str) -> None:
    """Check that links hang on each other as one tree, without a ring, and not too deep."""
    above: dict[str, str] = {}
    known = set(links)
    for joint in joints:
        name = shown(joint.get('name', ''))
        ends = [joint.find(end) for end in ('parent', 'child')]
        parent, child = ('' if end is None else end.get('link', '') for end in ends)
        for what, link in (('parent', parent), ('child', child)):
            if link not in known:
                raise ContractError(
                    f'{source}: joint {name}: its {what} {shown(link)} is no link of the robot'
                )
        if child in above:
            raise ContractError(
                f'{source}: joint {name}: the link {shown(child)} hangs on another joint already'
            )
        above[child] = parent
    roots = [link for link in links if link not in above]
    if links and not roots:
        raise ContractError(f'{source}: its links are a ring: none of them is the root')
    if len(roots) > 1:
        raise ContractError(
            f'{source}: has {len(roots)} roots, not one: {", ".join(map(shown, roots[:5]))}; '
            'join them by fixed joints'
        )
    for link in links:
        at, steps = link, 0
        while at in above and steps <= MAX_CHAIN:
            at, steps = above[at], steps + 1
        if at in above:
            raise ContractError(
                f'{source}: the link {shown(link)} is in a ring, or more than {MAX_CHAIN} joints '
                'away from the root'
            )
