# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Options that several verbs share."""

from pathlib import Path
from typing import Annotated

import typer

Robot = Annotated[
    str,
    typer.Option(
        '--robot', '-r', help='Contract: a name that comes with the package, or a .yaml file.'
    ),
]
Task = Annotated[
    str, typer.Option('--task', '-t', help='Task of the simulator; docs/tasks.md has them all.')
]
Out = Annotated[Path, typer.Option('--out', '-o', help='Where to write.')]
Json = Annotated[bool, typer.Option('--json', help='Print JSON instead of a table.')]
ROBOT = 'imi_humanoid'
