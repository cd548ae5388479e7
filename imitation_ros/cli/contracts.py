# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Verb that writes the contract of bags made by others."""

from pathlib import Path
from typing import Annotated

from rich.console import Console
import typer

from ..errors import DataError
from .options import Out


def contract_from_bag(
    bag: Annotated[Path, typer.Argument(help='A bag, or a folder of bags (the first is read).')],
    out: Out = Path('contract.yaml'),
    observation: Annotated[
        str | None, typer.Option(help='Topic of what is seen; else it is looked for.')
    ] = None,
    action: Annotated[
        str | None, typer.Option(help='Topic of what is done; else it is looked for.')
    ] = None,
    name: Annotated[str | None, typer.Option(help='Name of the contract.')] = None,
) -> None:
    """Write the contract of any bag, whatever its joints are called: no URDF is needed.

    Observations are a JointState (position, velocity and effort, whatever of it is there) or a
    Float64MultiArray (or Float32), actions one of these or a JointTrajectory. With it the bags
    are audited, converted, trained on, exported and evaluated; a robot is not moved by it.

    Examples: imitation_ros contract-from-bag bags --out theirs.yaml;
    imitation_ros contract-from-bag bags/0001 --observation /obs --action /act --out theirs.yaml
    """
    from ..bags.layout import find_bags
    from ..bags.reader import Bag
    from ..contract import loads
    from ..conversion.describe import describe

    if out.exists():
        raise DataError(f'{out} is there already')
    text = describe(bag, name, observation, action)
    contract = loads(text, out)
    out.write_text(text, encoding='utf-8')
    with Bag(find_bags(bag)[0]) as first:
        held = first.contract
    for line in text.splitlines():
        if line.startswith('# Left out'):
            Console().print(line[2:], markup=False, highlight=False, soft_wrap=True)
    Console().print(
        f'{out}: {contract.n} observed ({contract.joint_states.topic}), {len(contract.actions)} '
        f'actions ({contract.topics.command}), {contract.rates.policy_hz:g} Hz\n'
        + (
            f'next: imitation_ros convert {bag} --robot {out} --out data'
            if held is None
            else f'the bag holds the contract of {held.name}, by which alone it is converted '
            f'(imitation_ros convert {bag} --out data); {out} is for others like it that hold none'
        ),
        highlight=False,
    )
