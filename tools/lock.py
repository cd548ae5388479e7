# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Print the installed versions as a constraints file."""

from importlib.metadata import distributions

SKIP = {'imitation_ros', 'imitation-ros', 'pip', 'setuptools', 'wheel', 'torch'}


def main() -> None:
    """Print one pin per distribution; Python 3.10 resolves its own, older set."""
    print('# Every version this project is tested with (Python 3.11, x86-64). Renew: make lock')
    pins = {
        dist.metadata['Name']: dist.version.split('+')[0]
        for dist in distributions()
        if dist.metadata['Name'] not in SKIP
    }
    lines = [f'{name}=={version} ; python_version >= "3.11"' for name, version in pins.items()]
    lines += ['setuptools<80', 'torch==2.13.0']
    print('\n'.join(sorted(lines, key=str.lower)))


if __name__ == '__main__':
    main()
