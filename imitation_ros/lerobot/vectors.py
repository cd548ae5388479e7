# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""State and action of a LeRobot dataset: which features, which entries, in which units."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
import pyarrow as pa

from ..contract import Contract
from ..data.frame import Array
from ..errors import DataError
from ..urdf import parse, UrdfJoint
from . import layout, tables
from .names import names_of, numbered, plain_joint, size_of
from .options import Options
from .source import Source
from .units import Scale, scale

KNOWN = {
    layout.STATE: (layout.STATE, 'state', 'observation.qpos', 'qpos'),
    layout.ACTION: (layout.ACTION, 'actions'),
}
"""What tools call state and action; LeRobot's own names first."""

_OPTION = {layout.STATE: '--state', layout.ACTION: '--action'}


@dataclass(frozen=True)
class Vector:
    """Entries of some features in the contract's order and units.

    Attributes:
        features: The features, one after the other.
        places: Where the entries stand in them, shape (n,).
        factor: What a value is multiplied with, shape (n,).
        offset: What is added [rad or m], shape (n,).
    """

    features: tuple[str, ...]
    places: NDArray[np.intp]
    factor: Array
    offset: Array

    def raw(self, table: pa.Table) -> Array:
        """Values as they stand there, shape (T, n)."""
        columns = [tables.vectors(table, name) for name in self.features]
        return np.concatenate(columns, axis=1, dtype=np.float64)[:, self.places]

    def read(self, table: pa.Table) -> Array:
        """Values in our units, shape (T, n)."""
        return self.raw(table) * self.factor + self.offset

    def speeds(self, table: pa.Table) -> Array:
        """Speeds in our units, shape (T, n)."""
        return self.raw(table) * self.factor


class Vectors:
    """Finds the vectors of a source."""

    def __init__(self, source: Source, options: Options, note: Callable[[str], None]) -> None:
        """Choose the features of state and action.

        Args:
            source: The dataset.
            options: How it is understood.
            note: Called with what was assumed.

        Raises:
            DataError: If there are none, or --names fits none.
        """
        self._source, self._options, self._note = source, options, note
        self.state = options.state or (self._find(layout.STATE),)
        self.action = options.action or (self._find(layout.ACTION),)
        self._theirs: dict[str, tuple[str, ...]] = {}
        used = (*self.state, *self.action)
        for feature, names in options.names.items():
            sizes = {
                name: size_of(source.feature(name)) for name in ([feature] if feature else used)
            }
            if len(names) not in sizes.values():
                told = ', '.join(f'{name} has {size}' for name, size in sizes.items())
                raise DataError(f'{source.root}: --names gives {len(names)} names; {told}')

    def _find(self, wanted: str) -> str:
        features = self._source.info['features']
        for name in KNOWN[wanted]:
            if name in features:
                if name != wanted:
                    self._note(f'"{name}" is taken for "{wanted}"')
                return name
        fit = [
            name
            for name, feature in features.items()
            if feature['dtype'].startswith('float') and name != 'timestamp'
        ]
        raise DataError(
            f'{self._source.root}: no feature "{wanted}"; name one or several with '
            f'{_OPTION[wanted]}: {", ".join(fit) or "there is none of numbers"}'
        )

    def theirs(self, name: str, lenient: bool) -> tuple[str, ...]:
        """Names of a feature's entries as the dataset has them, or --names gives them.

        Args:
            name: The feature.
            lenient: Whether entries without names of their own are numbered.

        Raises:
            DataError: If an entry has no name of its own.
        """
        feature = self._source.feature(name)
        for key in (name, ''):
            given = self._options.names.get(key, ())
            if len(given) == size_of(feature):
                return given
        try:
            return names_of(feature)
        except DataError as error:
            if not lenient:
                raise DataError(f'{self._source.root}: "{name}": {error}') from error
            found = numbered(feature, name.rpartition('.')[2])
            if name not in self._theirs:
                self._note(f'{name}: {error}; they are called {", ".join(found[:3])} ...')
            self._theirs[name] = found
            return found

    def ours(self, features: tuple[str, ...], lenient: bool = False) -> tuple[str, ...]:
        """Names of the entries of some features, as we call them."""
        rename, found = self._options.rename, []
        for name in features:
            for theirs in self.theirs(name, lenient):
                plain = plain_joint(theirs)
                found.append(rename.get(theirs, rename.get(plain, plain)))
        return tuple(found)

    def choose(
        self,
        features: tuple[str, ...],
        wanted: tuple[str, ...],
        contract: Contract,
        joints: Mapping[str, UrdfJoint],
        lenient: bool,
    ) -> Vector:
        """Entries that a contract names.

        Args:
            features: The features they stand in.
            wanted: Names, in the contract's order.
            contract: The contract.
            joints: Joints of its URDF; empty without a robot.
            lenient: Whether entries without names of their own are numbered.

        Raises:
            DataError: If some are missing or stand twice, or a unit does not fit.
        """
        names, what = self.ours(features, lenient), '", "'.join(features)
        missing = [entry for entry in wanted if entry not in names]
        if missing:
            raise DataError(
                f'{self._source.root}: "{what}" lacks joints of {contract.name}: '
                f'{", ".join(missing)}; it has: {", ".join(names)} (--rename theirs=ours, or '
                '--names)'
            )
        double = [entry for entry in wanted if names.count(entry) > 1]
        if double:
            raise DataError(
                f'{self._source.root}: "{what}" has several of the name {", ".join(double)} '
                '(--names)'
            )
        others = [entry for entry in names if entry not in wanted]
        if others:
            self._note(f'{what}: left out, not in the contract: {", ".join(others)}')
        scales = [self._scale(entry, joints.get(entry)) for entry in wanted]
        return Vector(
            features,
            np.array([names.index(entry) for entry in wanted], np.intp),
            np.array([one.factor for one in scales]),
            np.array([one.offset for one in scales]),
        )

    def _scale(self, name: str, joint: UrdfJoint | None) -> Scale:
        unit = self._options.units.get(name)
        if unit is None:
            slides = joint is not None and joint.kind == 'prismatic'
            unit = 'deg' if self._options.degrees and not slides else ''
        return scale(unit, name, joint) if unit else Scale()


def urdf_joints(contract: Contract) -> dict[str, UrdfJoint]:
    """Joints of a contract's URDF by name; none without a robot."""
    return {} if contract.data_only else parse(contract.urdf_text, contract.name).joints
