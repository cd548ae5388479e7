# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Load a policy and step it, without ROS, torch or a simulator.

The robot here is a line of arithmetic that goes part of the way to each command; put your own
driver in its place, with a safety filter in between (examples/filter_your_loop.py).

    python examples/step_a_policy.py policy.onnx
"""

import sys

import numpy as np

import imitation_ros


def main(path: str, steps: int = 25) -> None:
    """Run a policy for a second."""
    policy = imitation_ros.Policy.load(path)
    contract = policy.contract
    print(f'{contract.name}: {len(policy.action_names)} joints at {policy.rate_hz:g} Hz')
    moved = [contract.index(joint) for joint in policy.action_names]
    place = np.array([0.4, -0.2, 0.2, 0.0, 0.0, 0.0, 1.0])  # x y z, quaternion x y z w

    q, v = contract.home.copy(), np.zeros(contract.n)
    policy.reset()
    for _ in range(steps):
        command = q.copy()
        # One action of the running chunk; `policy(observation)` gives the whole chunk.
        seen = {'q': q, 'v': v, **{pose.name: place for pose in contract.poses}}
        command[moved] = policy.act(seen)
        before, q = q, q + 0.6 * (command - q)
        v = (q - before) * policy.rate_hz
    far = np.abs(q - contract.home)
    print(f'{contract.joints[int(far.argmax())]} moved most: {far.max():.3f} rad')


if __name__ == '__main__':
    main(sys.argv[1])
