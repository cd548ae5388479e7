# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The errors this package raises: one root, a few children that carry data."""

from collections.abc import Iterable
import difflib


class ImitationError(Exception):
    """Root of every error raised on purpose by imitation_ros."""


class ContractError(ImitationError, ValueError):
    """The robot contract is wrong, or does not fit the robot's URDF."""


class DataError(ImitationError, ValueError):
    """Recorded or converted data is not what it should be."""


class DocumentError(DataError):
    """A file of others is not what it should be, or larger or deeper than anything honest."""


class BagError(DataError):
    """A bag cannot be read or written."""


class MismatchError(ImitationError, ValueError):
    """A model was made for another robot.

    Attributes:
        differences: One sentence per difference found.
    """

    def __init__(self, summary: str, differences: Iterable[str]) -> None:
        """Keep every difference, and print all of them."""
        self.differences = tuple(differences)
        super().__init__('\n  - '.join([summary, *self.differences]))


class ModelError(ImitationError, ValueError):
    """A policy.onnx cannot be read, or what it computes is no action."""


class NotReadyError(ImitationError, TimeoutError):
    """Something that should have been there did not come in time."""


class PluginError(ImitationError, RuntimeError):
    """What another distribution adds cannot be used."""


class SafetyError(ImitationError, RuntimeError):
    """A safety function cannot be set up; the robot must not move."""


class TrainingError(ImitationError, RuntimeError):
    """Training cannot start or continue."""


def unknown(name: str, kind: str, choices: Iterable[str]) -> str:
    """Say that `name` is no `kind`, suggest the closest choice and list them all."""
    listed = list(choices)
    close = difflib.get_close_matches(name, listed, n=1, cutoff=0.4)
    if not close:
        close = [choice for choice in listed if name in choice][:1]
    hint = f'; did you mean "{close[0]}"?' if close else ';'
    article = 'an' if kind[0] in 'aeiou' else 'a'
    return f'"{name}" is not {article} {kind}{hint} choices: {", ".join(listed) or "(none)"}'


def counted(number: int, noun: str) -> str:
    """A number and its noun: 1 seed, 2 seeds."""
    return f'{number} {noun}{"s" * (number != 1)}'
