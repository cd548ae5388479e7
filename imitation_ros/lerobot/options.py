# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How a LeRobot dataset that is not ours is understood."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from ..contract import Contract
from ..errors import DataError, unknown
from .units import UNITS

LongerVideo = Literal['', 'first', 'last']
LONGER: dict[str, LongerVideo] = {'': '', 'first': 'first', 'last': 'last'}


@dataclass(frozen=True)
class Options:
    """How a dataset that is not ours is understood.

    Attributes:
        contract: The robot it was recorded with; that inside it if None, or else no robot.
        rename: Its names of joints and cameras -> the contract's.
        degrees: Whether its joint positions are in degrees, but for what slides and for `units`.
        units: The contract's names of joints -> their units in the dataset (`units.UNITS`).
        state: Its features that make up the state, in this order; found by name if empty.
        action: Its features that make up the action, in this order; found by name if empty.
        names: Feature -> names of its entries, in place of what the dataset says; under '' those
            of every vector of that length.
        fps: Rate of the frames [Hz] where info.json and the column `timestamp` disagree; 0: none.
        longer_video: Which of the frames of a video that is longer than its episode belong to it:
            the `first`, the `last`, or '': nobody knows, the episode is left out.
    """

    contract: Contract | None = None
    rename: Mapping[str, str] = field(default_factory=dict)
    degrees: bool = False
    units: Mapping[str, str] = field(default_factory=dict)
    state: tuple[str, ...] = ()
    action: tuple[str, ...] = ()
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    fps: float = 0.0
    longer_video: LongerVideo = ''

    def __post_init__(self) -> None:
        """Refuse units that are none."""
        for joint, unit in self.units.items():
            if unit not in UNITS:
                raise DataError(f'{joint}={unit}: {unknown(unit, "known unit", UNITS)}')


def pairs(texts: Iterable[str], option: str, form: str) -> dict[str, str]:
    """Read texts such as `theirs=ours`.

    Args:
        texts: The texts.
        option: Option they were given with, for the error.
        form: How such a text is written.

    Raises:
        DataError: If one is none, or the same name stands twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        left, sign, right = (part.strip() for part in text.partition('='))
        if not (left and sign and right):
            raise DataError(f'{option} "{text}" says nothing: write {form}')
        if left in found:
            raise DataError(f'"{left}" stands twice: {left}={found[left]} and {text}')
        found[left] = right
    return found


def entry_names(texts: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Read names of entries: `a,b,c` for every vector, or `feature=a,b,c` for one.

    Raises:
        DataError: If a name is empty or stands twice.
    """
    found: dict[str, tuple[str, ...]] = {}
    for text in texts:
        feature, _, listed = text.rpartition('=')
        names = tuple(name.strip() for name in listed.split(','))
        if not all(names) or len(set(names)) < len(names):
            raise DataError(f'--names {text}: write a,b,c, each name once and none empty')
        found[feature.strip()] = names
    return found
