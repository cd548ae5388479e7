# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From a gamepad's axes and buttons (sensor_msgs/msg/Joy) to a tool's motion."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import DataError
from .twist import Jog


@dataclass(frozen=True)
class Axis:
    """One axis of the gamepad; index -1 is none."""

    index: int
    sign: float = 1.0


@dataclass(frozen=True)
class GamepadConfig:
    """Layout of a gamepad; the defaults are an Xbox pad under the `joy` driver.

    Left stick: forward and left. Right stick: up and yaw. Cross: roll and pitch. The triggers
    are left alone: the driver reports them as half pressed until they are first touched.

    Attributes:
        axes: Axis of x y z and of the rotation about x y z.
        deadman: Button to hold (left shoulder).
        open_button: Opens the gripper (B).
        close_button: Closes the gripper (A).
        next_tool_button: Moves the next tool (Y).
        deadband: Share of the travel around the middle that means nothing.
    """

    axes: tuple[Axis, Axis, Axis, Axis, Axis, Axis] = (
        Axis(1),
        Axis(0),
        Axis(4),
        Axis(6, -1.0),
        Axis(7),
        Axis(3),
    )
    deadman: int = 4
    open_button: int = 1
    close_button: int = 0
    next_tool_button: int = 3
    deadband: float = 0.1

    def __post_init__(self) -> None:
        """Refuse two meanings of one button or axis, and a dead band that leaves nothing."""
        buttons = [self.deadman, self.open_button, self.close_button, self.next_tool_button]
        axes = [axis.index for axis in self.axes if axis.index >= 0]
        if len(set(buttons)) != len(buttons) or min(buttons) < 0:
            raise ValueError(f'buttons must differ and not be negative: {buttons}')
        if len(set(axes)) != len(axes):
            raise ValueError(f'axes must differ: {axes}')
        if not 0 <= self.deadband < 1:
            raise ValueError(f'deadband must be in [0, 1), not {self.deadband}')


class Gamepad:
    """Reads Joy messages; remembers only which tool is chosen."""

    def __init__(self, config: GamepadConfig | None = None, tools: int = 1) -> None:
        """Start with the first tool.

        Args:
            config: Layout; the Xbox one if None.
            tools: Number of tools to choose from.
        """
        self.config = config or GamepadConfig()
        self._tools = tools
        self._next_was_down = True
        self.tool = 0

    def read(self, axes: Sequence[float], buttons: Sequence[int]) -> Jog:
        """Motion one message asks for.

        Args:
            axes: In [-1, 1].
            buttons: 0 or 1.

        Raises:
            DataError: If the pad has too few axes or buttons for the layout, or an axis is not
                a finite number.
        """
        config = self.config
        need_axes = 1 + max(axis.index for axis in config.axes)
        need_buttons = 1 + max(
            config.deadman, config.open_button, config.close_button, config.next_tool_button
        )
        if len(axes) < need_axes or len(buttons) < need_buttons:
            raise DataError(
                f'the gamepad has {len(axes)} axes and {len(buttons)} buttons; the layout '
                f'needs {need_axes} and {need_buttons}'
            )
        values = np.array([axes[a.index] if a.index >= 0 else 0.0 for a in config.axes])
        if not np.isfinite(values).all():
            raise DataError(f'a gamepad axis is not finite: {values.tolist()}')
        values = np.clip(values, -1.0, 1.0)
        # Rescaled behind the dead band, so that motion starts from zero and reaches one.
        live = np.maximum(np.abs(values) - config.deadband, 0.0) / (1.0 - config.deadband)
        motion = np.sign(values) * live * np.array([axis.sign for axis in config.axes])
        next_down = bool(buttons[config.next_tool_button])
        if next_down and not self._next_was_down:
            self.tool = (self.tool + 1) % self._tools
        self._next_was_down = next_down
        gripper = float(buttons[config.open_button] > 0) - float(buttons[config.close_button] > 0)
        return Jog(
            held=bool(buttons[config.deadman]), motion=motion, gripper=gripper, tool=self.tool
        )
