# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A teleop device of one's own: a knob that swings the right hand, behind dead-man and filter.

A relative device says how fast a tool should move (`Jog`); what becomes of it (dead-man, inverse
kinematics, smooth proposals, limits) is the same for every device.

    python examples/own_teleop_device.py [SECONDS]
"""

import math
import sys

import numpy as np

import imitation_ros
from imitation_ros.kinematics.model import RobotModel
from imitation_ros.safety.player import ProposalPlayer
from imitation_ros.teleop.gate import GateConfig
from imitation_ros.teleop.twist import Jog, TwistConfig, TwistTeleop

NS, HZ, TOOL = 1_000_000_000, 50, 'right_tool_link'


class Knob:
    """The device: read here what your hardware says."""

    def read(self, time_s: float) -> Jog:
        """Pressed, and turned back and forth: sideways motion, as a share of full speed."""
        motion = np.array([0.0, math.sin(4.0 * time_s), 0.0, 0.0, 0.0, 0.0])
        return Jog(held=True, motion=motion, tool=self.tool)

    def __init__(self, tool: int) -> None:
        self.tool = tool


def main(seconds: float = 1.5) -> None:
    """Teleoperate, with the filter as the last word."""
    contract = imitation_ros.load_contract('imi_humanoid')
    model, knob = RobotModel(contract), Knob(contract.tools.index(TOOL))
    teleop = TwistTeleop(model, TwistConfig(linear=0.3), GateConfig(), 1 / HZ, 3 / HZ)
    player, safety = ProposalPlayer(contract), imitation_ros.SafetyFilter(contract)
    safety.reset(contract.home)
    places = []
    for tick in range(round(seconds / safety.dt)):
        now = NS + round(tick * safety.dt * NS)
        if tick % round(1 / (HZ * safety.dt)) == 0:
            teleop.jog(now, knob.read(tick * safety.dt))
            proposal = teleop.step(now, now, now, safety.q)
            if proposal is not None:
                player.push(now, proposal, safety.q)
        safety.step(player.target(now + round(safety.dt * NS)))
        places.append(model.placement(safety.q, TOOL).translation[1])
    print(f'the hand swung over {100 * np.ptp(places):.1f} cm')


if __name__ == '__main__':
    main(*map(float, sys.argv[1:]))
