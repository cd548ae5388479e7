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


PACKAGE_FOLDER = Path(__file__).resolve().parent


def prefixes(package: Path = PACKAGE_FOLDER) -> list[Path]:
    """Install prefixes to look in: our own, AMENT_PREFIX_PATH, then this interpreter's.

    Our own is the folder above the package (`PREFIX/lib/python3.12/site-packages/imitation_ros`,
    or `FOLDER/imitation_ros` after `pip install --target FOLDER`) that has our share folder. It
    is not always the interpreter's: a system package and `pip install --user` have others.
    """
    own = [above for above in package.parents[:5] if (above / 'share' / PACKAGE).is_dir()]
    ament = os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)
    found = (*own, *map(Path, filter(None, ament)), Path(sys.prefix))
    return list(dict.fromkeys(found))


def path(relative: str, package: Path = PACKAGE_FOLDER) -> Path:
    """Path of one of our files, such as `config/robots` or `urdf/imi_humanoid.urdf`.

    Raises:
        ContractError: If it is nowhere; the message lists the places.
    """
    source = package.parent
    # Beside an installed package lie the folders of others, and `config` is a common name.
    places = [source] if (source / 'package.xml').is_file() else []
    places += [prefix / 'share' / PACKAGE for prefix in prefixes(package)]
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
