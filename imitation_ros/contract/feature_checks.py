# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Check what the safety filter can also look at against the robot."""

import math
from pathlib import Path

from ..errors import ContractError, unknown
from ..urdf import Urdf
from .schema import ContractFile


def check_features(file: ContractFile, urdf: Urdf, path: Path) -> None:
    """Refuse groups and links that are not there, and joints without what is needed of them.

    Raises:
        ContractError: With the key, what it holds and what it could hold.
    """
    support = file.safety.support
    if support is not None:
        for link in (*support.feet, *filter(None, (support.frame,))):
            if link not in urdf.links:
                raise ContractError(f'{path}: safety.support: {unknown(link, "link", urdf.links)}')
    refine = file.safety.refine
    for pair in () if refine is None or refine == 'auto' else refine:
        for link in pair:
            if link not in urdf.links:
                raise ContractError(f'{path}: safety.refine: {unknown(link, "link", urdf.links)}')
    torque = file.safety.torque
    if torque is None:
        return
    groups = {group.name: group for group in file.groups}
    for name in torque.groups:
        if name not in groups:
            raise ContractError(f'{path}: safety.torque.groups: {unknown(name, "group", groups)}')
    for name in torque.groups or groups:
        for joint in groups[name].joints:
            effort = urdf.joints[joint].effort
            if not 0.0 < effort < math.inf:
                raise ContractError(
                    f'{path}: safety.torque: "{joint}" of the group "{name}" has the effort limit '
                    f'{effort} in the URDF; it needs one, or list the other groups in '
                    'safety.torque.groups'
                )
