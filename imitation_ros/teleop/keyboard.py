# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From keys to a tool's motion.

A terminal reports presses and repeats, never releases: it works over SSH and without a display,
but a key counts as held for `hold_s` after it was last heard. The keys themselves are the
dead-man: nothing pressed, nothing moves.
"""

from dataclasses import dataclass, field

import numpy as np

from .twist import Jog

NS = 1_000_000_000

_AXES = {
    'w': (0, +1.0), 's': (0, -1.0),
    'a': (1, +1.0), 'd': (1, -1.0),
    'r': (2, +1.0), 'f': (2, -1.0),
    'u': (3, +1.0), 'o': (3, -1.0),
    'i': (4, +1.0), 'k': (4, -1.0),
    'j': (5, +1.0), 'l': (5, -1.0),
}  # fmt: skip


@dataclass(frozen=True)
class KeyboardConfig:
    """What the keys do.

    Attributes:
        axes: Axis and sign of each motion key: x y z, then rotation about x y z.
        open_key: Opens the gripper.
        close_key: Closes the gripper.
        stop_key: Stops at once.
        faster_key: Doubles the speed, up to the whole of it.
        slower_key: Halves the speed, down to an eighth.
        next_tool_key: Moves the next tool.
        hold_s: How long a key counts as held after it was heard [s]: longer than the pause
            between a press and its first repeat would need, shorter than is felt as a drift.
    """

    axes: dict[str, tuple[int, float]] = field(default_factory=lambda: dict(_AXES))
    open_key: str = 'e'
    close_key: str = 'q'
    stop_key: str = ' '
    faster_key: str = '+'
    slower_key: str = '-'
    next_tool_key: str = '\t'
    hold_s: float = 0.3

    def __post_init__(self) -> None:
        """Refuse two meanings of one key, and axes that are none."""
        keys = [
            *self.axes,
            self.open_key,
            self.close_key,
            self.stop_key,
            self.faster_key,
            self.slower_key,
            self.next_tool_key,
        ]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            raise ValueError(f'keys have two meanings: {twice}')
        for key, (axis, sign) in self.axes.items():
            if axis not in range(6) or abs(sign) != 1.0:
                raise ValueError(f'key {key!r}: axis 0 to 5 and sign 1 or -1, not {axis}, {sign}')
        if not 0 < self.hold_s <= 1.0:
            raise ValueError(f'hold_s must be in (0, 1] s, not {self.hold_s}')


HELP = """\
 w/s forward/back   a/d left/right   r/f up/down   (the robot's axes)
 u/o roll   i/k pitch   j/l yaw   e/q gripper open/close
 tab next tool   +/- speed   space stop   Ctrl-C quit; nothing pressed, nothing moves"""


class Keyboard:
    """Remembers which keys were heard when."""

    def __init__(self, config: KeyboardConfig | None = None, tools: int = 1) -> None:
        """Start with no key held.

        Args:
            config: What the keys do; the defaults if None.
            tools: Number of tools to choose from.
        """
        self.config = config or KeyboardConfig()
        self._tools = tools
        self._heard_ns: dict[str, int] = {}
        self.tool = 0
        self.speed = 0.5

    def press(self, now_ns: int, key: str) -> bool:
        """Take one key; return whether it means something."""
        config = self.config
        if key == config.stop_key:
            self._heard_ns.clear()
        elif key == config.faster_key:
            self.speed = min(1.0, self.speed * 2.0)
        elif key == config.slower_key:
            self.speed = max(0.125, self.speed / 2.0)
        elif key == config.next_tool_key:
            self._heard_ns.clear()
            self.tool = (self.tool + 1) % self._tools
        elif key in config.axes or key in (config.open_key, config.close_key):
            self._heard_ns[key] = now_ns
        else:
            return False
        return True

    def jog(self, now_ns: int) -> Jog:
        """Motion the held keys ask for, at a steady time [ns]."""
        config = self.config
        limit_ns = round(config.hold_s * NS)
        held = {key for key, heard in self._heard_ns.items() if now_ns - heard <= limit_ns}
        self._heard_ns = {key: self._heard_ns[key] for key in held}
        motion = np.zeros(6)
        for key in held & config.axes.keys():
            axis, sign = config.axes[key]
            motion[axis] += sign * self.speed
        gripper = float(config.open_key in held) - float(config.close_key in held)
        return Jog(held=bool(held), motion=motion, gripper=gripper, tool=self.tool)
