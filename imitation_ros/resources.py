# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Find the files that come with the package, however it was installed.

A source tree (or an editable install) has them beside the package; `colcon build` and a wheel
put them into `share/imitation_ros`.
"""

import os
from pathlib import Path
import sys

from .errors import ContractError

PACKAGE = 'imitation_ros'


def prefixes() -> list[Path]:
    """Install prefixes to look in: AMENT_PREFIX_PATH first, then this interpreter's."""
    ament = os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)
    return [Path(prefix) for prefix in (*ament, sys.prefix) if prefix]


def path(relative: str) -> Path:
    """Path of one of our files, such as `config/robots` or `urdf/imi_humanoid.urdf`.

    Raises:
        ContractError: If it is nowhere; the message lists the places.
    """
    source = Path(__file__).resolve().parent.parent
    places = [source, *(prefix / 'share' / PACKAGE for prefix in prefixes())]
    for place in places:
        if (place / relative).exists():
            return place / relative
    raise ContractError(f'{relative} is in none of: {", ".join(map(str, places))}')


def share_folders() -> list[Path]:
    """Folders that `package://` paths start from: ours, and those of pip-installed robots."""
    places = [prefix / 'share' for prefix in prefixes()]
    for site in map(Path, sys.path):
        places.append(site / 'cmeel.prefix' / 'share')
        places.append(site / 'cmeel.prefix' / 'share' / 'example-robot-data' / 'robots')
    return places


def find_share(relative: str) -> Path:
    """Path of a file of another ROS package, given as `package/path/in/share`."""
    for place in share_folders():
        if (place / relative).exists():
            return place / relative
    raise ContractError(f'package://{relative}: no such file under any share folder')
