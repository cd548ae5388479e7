# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A safety filter around your own control loop, 100 times a second, without ROS.

The loop asks for whatever it likes, here for jumps that no robot could follow. What comes out
keeps position, speed, acceleration, and the distance between links.

    python examples/filter_your_loop.py [SECONDS]
"""

from collections import Counter
import sys

import numpy as np

import imitation_ros


def main(seconds: float = 2.0) -> None:
    """Ask for random poses and send what the filter makes of them."""
    contract = imitation_ros.load_contract('imi_humanoid')
    safety = imitation_ros.SafetyFilter(contract)
    safety.reset(contract.home)  # where your robot is measured to be [rad or m], shape (n,)
    rng = np.random.default_rng(0)
    changed: Counter[str] = Counter()
    fastest, closest = 0.0, float('inf')

    for tick in range(round(seconds / safety.dt)):
        if tick % 30 == 0:
            asked = rng.uniform(contract.limits.lower, contract.limits.upper)
        step = safety.step(asked)  # send step.q to your robot now
        changed.update(intervention.rule.value for intervention in step.interventions)
        fastest = max(fastest, float((np.abs(step.v) / contract.limits.velocity).max()))
        closest = min(closest, float(safety.backend.distances(step.q).min()))

    print('changed, by rule:', dict(changed.most_common()))
    print(f'fastest joint: {100 * fastest:.0f} % of its limit')
    print(f'closest pair: {1e3 * closest:.1f} mm')
    assert fastest <= 1.0 + 1e-9
    assert closest >= contract.safety.self_collision_distance


if __name__ == '__main__':
    main(*map(float, sys.argv[1:]))
