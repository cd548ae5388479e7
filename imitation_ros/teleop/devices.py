# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Devices to teleoperate with: those that the teleop node knows, and those that plug-ins add.

A device of a plug-in is read by the node itself, at the rate of its proposals. It says either how
a tool should move (`Jog`) or where joints should be (`Targets`), and whether its dead-man is held.
"""

from collections.abc import Callable, Sequence
import contextlib
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..contract import Contract
from ..data.frame import Array
from ..errors import DataError, PluginError
from ..plugins import Registry
from .twist import Jog


@dataclass(frozen=True)
class Targets:
    """Where an operator holds a leader.

    Attributes:
        held: Whether the dead-man is held.
        names: Joints, in the robot's names or in those that `leader_map` maps.
        positions: Their positions [rad or m], shape (len(names),).
    """

    held: bool
    names: tuple[str, ...]
    positions: Array | Sequence[float]


class Reader(Protocol):
    """An open device."""

    def read(self, now_ns: int) -> Jog | Targets | None:
        """What the operator does now; must return at once.

        Args:
            now_ns: Steady time [ns].

        Returns:
            The newest state, or None if nothing new came: what is older than the safety gate
            allows counts as released. An exception releases the dead-man.
        """

    def close(self) -> None:
        """Let the device go."""


@dataclass(frozen=True)
class Device:
    """A device to teleoperate with.

    Attributes:
        text: What it is, in a few words.
        open: Opens it for a robot; None for those that the node listens to by itself.
        joints: Whether it says where joints should be, and not how a tool should move.
    """

    text: str
    open: Callable[[Contract], Reader] | None = None
    joints: bool = False


def open_device(name: str, contract: Contract) -> 'Reading':
    """Open a device that a plug-in adds.

    Raises:
        PluginError: If it cannot be opened, with what it said.
    """
    device = DEVICES.find(name)
    if device.open is None:
        raise DataError(f'the device "{name}" is read by the teleop node itself')
    try:
        return Reading(device.open(contract), device.joints, len(contract.tools))
    except Exception as error:
        raise PluginError(
            f'the device "{name}" cannot be opened: {type(error).__name__}: {error}'
        ) from error


class Reading:
    """An open device whose answers are checked."""

    def __init__(self, reader: Reader, joints: bool, tools: int) -> None:
        """Take the device, whether it says where joints should be, and the number of tools."""
        self._reader, self._joints, self._tools = reader, joints, tools

    def read(self, now_ns: int) -> Jog | Targets | None:
        """Read the device at a steady time [ns].

        Raises:
            DataError: Whatever the device raised, or if what it says is no motion.
        """
        try:
            said = self._reader.read(now_ns)
            if said is None:
                return None
            wanted = Targets if self._joints else Jog
            if not isinstance(said, wanted):
                raise TypeError(f'it said a {type(said).__name__}, not a {wanted.__name__}')
            return self._jog(said) if isinstance(said, Jog) else said
        except Exception as error:
            raise DataError(f'{type(error).__name__}: {error}') from error

    def close(self) -> None:
        """Let the device go; it has no say in how the node ends."""
        with contextlib.suppress(Exception):
            self._reader.close()

    def _jog(self, jog: Jog) -> Jog:
        """The same with shares of the full speed, or an error."""
        motion = np.asarray(jog.motion, dtype=np.float64)
        if motion.shape != (6,) or not np.isfinite([*motion, jog.gripper]).all():
            raise ValueError(f'motion is six finite numbers, and gripper one: not {jog}')
        if jog.tool not in range(self._tools):
            raise ValueError(f'tool {jog.tool} is none of {self._tools}')
        gripper = min(max(float(jog.gripper), -1.0), 1.0)
        return Jog(bool(jog.held), np.clip(motion, -1.0, 1.0), gripper, int(jog.tool))


def _opens(name: str, device: Any) -> str:
    return '' if callable(device.open) else 'it has nothing to open it'


DEVICES: Registry[Device] = Registry(
    'devices',
    'source',
    {
        'leader': Device('joint states of a leader arm, by topic', joints=True),
        'keyboard': Device('keys of the terminal'),
        'joy': Device('a gamepad, by topic'),
    },
    Device,
    _opens,
)
"""Every device by name."""
