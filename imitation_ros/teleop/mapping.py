# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From a leader arm's joints to the robot's: names, scale, offset, limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..contract import Contract
from ..data.frame import Array
from ..documents import parse_yaml, read_text, shown
from ..errors import ContractError, DataError, DocumentError, unknown


class JointMap(BaseModel):
    """One joint of the robot, driven by one joint of the leader.

    Attributes:
        leader: Name of the leader's joint; the robot's own if left out.
        scale: Robot motion per leader motion; negative if they turn opposite ways.
        offset: Robot position at leader position zero [rad or m].
    """

    model_config = ConfigDict(frozen=True, extra='forbid')

    leader: str | None = None
    scale: float = Field(default=1.0, allow_inf_nan=False)
    offset: float = Field(default=0.0, allow_inf_nan=False)


class _File(BaseModel):
    """The YAML file, key by key."""

    model_config = ConfigDict(frozen=True, extra='forbid')

    joints: dict[str, JointMap] = Field(min_length=1)


@dataclass(frozen=True)
class LeaderMap:
    """Which joints a leader drives, and how.

    Attributes:
        contract: The contract.
        joints: Joints driven, in contract order: whole groups, as each group has a controller
            that wants all of its joints.
        leaders: Name of the leader's joint for each of them.
        scale: Robot motion per leader motion, shape (k,).
        offset: Robot position at leader position zero [rad or m], shape (k,).
    """

    contract: Contract
    joints: tuple[str, ...]
    leaders: tuple[str, ...]
    scale: Array
    offset: Array

    def __post_init__(self) -> None:
        """Check that whole groups are driven, and no leader joint drives two of them."""
        for name in self.joints:
            self.contract.index(name)
        for group in self.contract.groups:
            missing = [joint for joint in group.joints if joint not in self.joints]
            if missing and len(missing) < len(group.joints):
                raise DataError(
                    f'the leader drives group "{group.name}" in part; it lacks '
                    f'{", ".join(missing)}: a leader drives whole groups'
                )
        twice = sorted({name for name in self.leaders if self.leaders.count(name) > 1})
        if twice:
            raise DataError(f'leader joints drive two robot joints: {", ".join(twice)}')

    @classmethod
    def identity(cls, contract: Contract, names: Sequence[str]) -> 'LeaderMap':
        """Map of a leader whose joints are called as the robot's.

        Raises:
            DataError: If a name is no joint of the contract, or a group is incomplete.
        """
        for name in names:
            if name not in contract.joints:
                raise DataError(f'leader: {unknown(name, "joint", contract.joints)}')
        if len(set(names)) != len(names):
            raise DataError('a joint name of the leader stands twice')
        return cls.make(contract, {name: JointMap() for name in names})

    @classmethod
    def make(cls, contract: Contract, maps: Mapping[str, JointMap]) -> 'LeaderMap':
        """Map given joint by joint; raises ContractError or DataError if it is wrong."""
        for name in maps:
            contract.index(name)
        joints = tuple(name for name in contract.joints if name in maps)
        if not joints:
            raise DataError('the leader drives no joint')
        return cls(
            contract=contract,
            joints=joints,
            leaders=tuple(maps[name].leader or name for name in joints),
            scale=np.array([maps[name].scale for name in joints]),
            offset=np.array([maps[name].offset for name in joints]),
        )

    @classmethod
    def load(cls, contract: Contract, path: str | Path) -> 'LeaderMap':
        """Read a map from YAML: `joints: {robot_joint: {leader: ..., scale: ..., offset: ...}}`.

        Raises:
            ContractError: With the key and the choices, whatever is wrong.
        """
        try:
            values = parse_yaml(read_text(Path(path)), path)
            file = _File.model_validate(values)
            return cls.make(contract, file.joints)
        except OSError as error:
            raise ContractError(f'cannot read the leader map {path}: {error.strerror}') from error
        except DocumentError as error:
            raise ContractError(str(error)) from error
        except ValidationError as error:
            lines = []
            for problem in error.errors():
                where = '.'.join(str(part) for part in problem['loc'])
                keys = JointMap.model_fields if len(problem['loc']) > 1 else _File.model_fields
                if problem['type'] == 'extra_forbidden':
                    lines.append(f'{where}: {unknown(str(problem["loc"][-1]), "key", keys)}')
                else:
                    lines.append(f'{where}: {problem["msg"]}, not {shown(problem["input"])}')
            raise ContractError(f'{path}: ' + '\n  '.join(lines)) from error
        except (ContractError, DataError) as error:
            raise ContractError(f'{path}: {error}') from error

    def targets(self, names: Sequence[str], positions: Sequence[float] | Array) -> Array:
        """Where the leader wants the robot's joints, inside the limits.

        Args:
            names: Names in the leader's message, in any order; others are left out.
            positions: Their positions [rad or m].

        Returns:
            Targets of `joints` [rad or m], shape (k,).

        Raises:
            DataError: If a joint is missing or stands twice, or a value is not finite.
        """
        if len(names) != len(positions):
            raise DataError(f'the leader sent {len(names)} names and {len(positions)} positions')
        by_name = dict(zip(names, positions, strict=True))
        if len(by_name) != len(names):
            raise DataError('a joint name of the leader stands twice')
        missing = [name for name in self.leaders if name not in by_name]
        if missing:
            raise DataError(
                f'joints missing from the leader: {", ".join(missing)}; it has: '
                f'{", ".join(names) or "(none)"}'
            )
        raw = np.array([by_name[name] for name in self.leaders], dtype=np.float64)
        if not np.isfinite(raw).all():
            bad = self.leaders[int(np.argmin(np.isfinite(raw)))]
            raise DataError(f'leader joint "{bad}" is {by_name[bad]}')
        with np.errstate(over='ignore'):  # absurd but finite: the limits catch it
            return self.clip(raw * self.scale + self.offset)

    def clip(self, q: Array) -> Array:
        """Positions of `joints` inside the contract's limits, shape (k,)."""
        columns = self.columns
        limits = self.contract.limits
        result: Array = np.clip(q, limits.lower[columns], limits.upper[columns])
        return result

    @property
    def columns(self) -> list[int]:
        """Where `joints` stand in contract order."""
        return [self.contract.index(name) for name in self.joints]
