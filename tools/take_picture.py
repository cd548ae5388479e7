# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Draw docs/images/humanoid.png: the humanoid lifting the box, seen from the front."""

from pathlib import Path

import cv2
import numpy as np

from imitation_ros.contract import load
from imitation_ros.sim.experts import EXPERTS
from imitation_ros.sim.robot import SimRobot

SECONDS, WIDTH, HEIGHT = (0.3, 1.2, 2.4), 400, 400


def main() -> None:
    """Let the expert lift the box and take three pictures on the way."""
    contract = load('imi_humanoid')
    sim = SimRobot(contract, 'lift')
    expert = EXPERTS['lift'](contract)
    sim.reset(3)
    command = sim.q.copy()
    expert.reset(command, np.random.default_rng(3))
    pictures = []
    for tick in range(round(SECONDS[-1] * 50) + 1):
        if any(abs(tick / 50 - moment) < 1e-9 for moment in SECONDS):
            pictures.append(sim.render_view('front', WIDTH, HEIGHT))
        command = expert.step(command, {'object': sim.object_pose}, 0.02)
        sim.command(command)
        sim.advance(0.02)
    sim.close()
    out = Path(__file__).parent.parent / 'docs' / 'images' / 'humanoid.png'
    cv2.imwrite(str(out), np.hstack(pictures)[:, :, ::-1])


if __name__ == '__main__':
    main()
