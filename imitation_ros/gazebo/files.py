# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Write what Gazebo needs into a folder."""

from dataclasses import dataclass
from pathlib import Path

import yaml

from ..contract import Contract
from .bridge import bridge, images
from .controllers import BROADCASTER, controller_name, controllers
from .description import description
from .world import world


@dataclass(frozen=True)
class GazeboFiles:
    """What was written, and what is started with it.

    Attributes:
        urdf: The robot as it is spawned.
        controllers: Parameters of the controller manager.
        bridge: Topics of ros_gz_bridge.
        world: The world.
        spawned: Controllers in the order in which they are started.
        images: Image topics of ros_gz_image.
    """

    urdf: Path
    controllers: Path
    bridge: Path
    world: Path
    spawned: tuple[str, ...]
    images: tuple[str, ...]


def write(contract: Contract, folder: Path) -> GazeboFiles:
    """Write all files for a robot.

    Args:
        contract: The robot.
        folder: Where they go; it is made.

    Raises:
        ContractError: If the contract names what Gazebo cannot provide.
        OSError: If the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = GazeboFiles(
        urdf=folder / f'{contract.name}.urdf',
        controllers=folder / 'controllers.yaml',
        bridge=folder / 'bridge.yaml',
        world=folder / 'table.sdf',
        spawned=(BROADCASTER, *map(controller_name, contract.groups)),
        images=tuple(images(contract)),
    )
    for path, text in (
        (files.urdf, description(contract, files.controllers)),
        (files.controllers, yaml.safe_dump(controllers(contract), sort_keys=False)),
        (files.bridge, yaml.safe_dump(bridge(contract), sort_keys=False)),
        (files.world, world(contract)),
    ):
        path.write_text(text, encoding='utf-8')
    return files
