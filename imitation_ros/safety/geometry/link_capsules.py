# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The capsules of a robot's links: fitted to its URDF, and kept beside its contract.

`imitation_ros check --robot NAME --fit-capsules` writes `NAME.capsules.yaml` beside `NAME.yaml`.
It holds a fingerprint of the geometry it was fitted to: one that is stale is refused. Without the
file they are fitted at every start, to the same result.
"""

from dataclasses import dataclass
import hashlib
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import yaml

from ... import resources
from ...contract import Contract
from ...data.frame import Array
from ...documents import parse_yaml, read_text
from ...errors import ContractError, SafetyError
from ...kinematics.model import RobotModel
from . import shapes
from .capsules import Capsule, excess

FORMAT = 1
"""Raised when the fit itself changes: files of an older one are stale."""


@dataclass(frozen=True)
class LinkCapsules:
    """Capsules of every link that has collision elements.

    Attributes:
        links: Capsules by link, in the frame of the link.
        excess: How far those of a link stick out of its convex hull [m].
        fingerprint: SHA-256 of the geometry they were fitted to.
        path: File they were read from, or None if they were fitted.
    """

    links: dict[str, tuple[Capsule, ...]]
    excess: dict[str, float]
    fingerprint: str
    path: Path | None = None

    @property
    def count(self) -> int:
        """Number of capsules."""
        return sum(len(capsules) for capsules in self.links.values())

    def dump(self, robot: str) -> str:
        """Text of the file."""
        links = {
            link: {
                'excess': round(self.excess[link], 6),
                'capsules': [
                    [*map(float, one.start), *map(float, one.end), one.radius] for one in capsules
                ],
            }
            for link, capsules in self.links.items()
        }
        values = {'format': FORMAT, 'geometry': self.fingerprint, 'links': links}
        return (
            f'# Capsules that contain the links of {robot}, in their frames, written by\n'
            f'# imitation_ros check --robot {robot} --fit-capsules\n'
            '# Each row: start x y z, end x y z, radius [m]; excess over the convex hull [m].\n'
            + yaml.safe_dump(values, sort_keys=False, width=200, default_flow_style=None)
        )


def beside(contract: Contract) -> Path:
    """Where the capsules of a contract are kept."""
    return contract.path.with_suffix('.capsules.yaml')


def obtain(robot: RobotModel) -> LinkCapsules:
    """Capsules from the file beside the contract, or fitted now if there is none.

    Raises:
        SafetyError: If the file cannot be read, or belongs to another geometry.
    """
    path = beside(robot.contract)
    return read(path, robot.contract) if path.is_file() else fit(robot)


def fit(robot: RobotModel) -> LinkCapsules:
    """Fit capsules to every collision element of the URDF."""
    contract, model = robot.contract, robot.model
    found: dict[str, list[Capsule]] = {}
    corners: dict[str, list[Array]] = {}
    for item in shapes.read(contract, model).geometryObjects:
        frame = model.frames[item.parentFrame]
        pose = frame.placement.inverse() * item.placement
        found.setdefault(frame.name, []).extend(
            shapes.moved(one, pose) for one in shapes.capsules(item)
        )
        points = shapes.points(item) @ pose.rotation.T + pose.translation
        corners.setdefault(frame.name, []).append(points)
    outside = {link: excess(found[link], np.vstack(corners[link]))[0] for link in found}
    links = {link: tuple(capsules) for link, capsules in found.items()}
    return LinkCapsules(links, outside, fingerprint(contract))


def read(path: Path, contract: Contract) -> LinkCapsules:
    """Read a file of capsules and check that it belongs to the contract's geometry.

    Raises:
        SafetyError: With the command that writes a new one.
    """
    again = f'; run: imitation_ros check --robot {contract.path} --fit-capsules'
    try:
        values = parse_yaml(read_text(path), path)
        stamp = (values['format'], values['geometry'])
        rows = {
            link: np.array(entry['capsules'], dtype=np.float64).reshape(-1, 7)
            for link, entry in values['links'].items()
        }
        outside = {link: float(entry['excess']) for link, entry in values['links'].items()}
    except (OSError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise SafetyError(f'cannot read the capsules in {path}: {error}{again}') from error
    now = fingerprint(contract)
    if stamp != (FORMAT, now):
        raise SafetyError(
            f'{path} is stale: it was fitted to the geometry {str(stamp[1])[:12]}, '
            f'the robot now has {now[:12]}{again}'
        )
    for link, table in rows.items():
        if not (np.isfinite(table).all() and (table[:, 6] > 0.0).all()):
            raise SafetyError(f'{path}: a capsule of {link} is no capsule{again}')
    links = {
        link: tuple(Capsule(row[0:3], row[3:6], float(row[6])) for row in table)
        for link, table in rows.items()
    }
    return LinkCapsules(links, outside, now, path)


def fingerprint(contract: Contract) -> str:
    """SHA-256 over the URDF's collision elements and the bytes of the meshes they name."""
    digest = hashlib.sha256()
    for link in ElementTree.fromstring(contract.urdf_text).iterfind('link'):
        for element in link.iterfind('collision'):
            digest.update(link.get('name', '').encode())
            text = ElementTree.tostring(element, encoding='unicode')
            digest.update(ElementTree.canonicalize(text, strip_text=True).encode())
            named = element.find('geometry/mesh')
            if named is not None:
                digest.update(_mesh(contract, named.get('filename', '')).read_bytes())
    return digest.hexdigest()


def _mesh(contract: Contract, name: str) -> Path:
    """File of a mesh, as Pinocchio finds it."""
    relative = name.removeprefix('package://')
    path = Path(name.removeprefix('file://'))
    if not name.startswith('package://'):
        path = path if path.is_absolute() else contract.urdf_path.parent / path
    else:
        beside_urdf = contract.urdf_path.parent / relative
        try:
            path = beside_urdf if beside_urdf.is_file() else resources.find_share(relative)
        except ContractError as error:
            raise SafetyError(f'cannot read a mesh: {error}') from error
    if not path.is_file():
        raise SafetyError(f'cannot read a mesh: there is no {path}')
    return path
