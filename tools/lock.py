# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Print the installed versions as a constraints file."""

from importlib.metadata import Distribution, distributions

from packaging.specifiers import SpecifierSet

SKIP = {'imitation_ros', 'imitation-ros', 'pip', 'setuptools', 'wheel'}


OLDEST = '3.10'


def pin(dist: Distribution) -> str:
    """Pin one distribution; where the version needs a later Python, only for that Python."""
    name, version = dist.metadata['Name'], dist.version.split('+')[0]
    wanted = dist.metadata.get('Requires-Python') or ''
    if SpecifierSet(wanted).contains(f'{OLDEST}.0'):
        return f'{name}=={version}'
    return f'{name}=={version} ; python_version > "{OLDEST}"'


def main() -> None:
    """Print one pin per distribution, in the order of the names."""
    print('# Every version this project is tested with (Python 3.11, x86-64). Renew: make lock')
    pins = {pin(dist) for dist in distributions() if dist.metadata['Name'] not in SKIP}
    print('\n'.join(sorted(pins, key=str.lower)))


if __name__ == '__main__':
    main()
