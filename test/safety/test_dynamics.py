# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The compiled dynamics, and the tools' speeds, are Pinocchio's."""

import numpy as np
import pytest
from safety_parts import Built

from imitation_ros.safety.constraints.dynamics import PinocchioDynamics
from imitation_ros.safety.constraints.limits import ViabilityBox
from imitation_ros.safety.constraints.tools import ToolMotion

pytest.importorskip('numba', reason='numba is not installed (extra "fast")')


@pytest.mark.parametrize('name', ['imi_humanoid', 'unitree_g1'])
def test_both_back_ends_know_the_same_dynamics(
    name: str, built: Built, rng: np.random.Generator
) -> None:
    collisions = built(name, 'numba')
    robot = collisions.robot
    contract = robot.contract
    one, other = PinocchioDynamics(robot), collisions.dynamics()
    frames = [0, robot.frame_id(contract.joints[-1]), robot.frame_id(contract.joints[5])]
    frames += [i for i, f in enumerate(robot.model.frames) if 'foot' in f.name][:2]
    for _ in range(20):
        q = rng.uniform(contract.limits.lower, contract.limits.upper)
        v, a = rng.normal(0.0, 2.0, (2, contract.n)) * [[1.0], [10.0]]
        scale = 1e-10 * (1.0 + np.abs(one.torque(q, v, a)).max())
        np.testing.assert_allclose(other.torque(q, v, a), one.torque(q, v, a), atol=scale)
        np.testing.assert_allclose(other.gravity(q), one.gravity(q), atol=1e-9)
        np.testing.assert_allclose(other.inertia(q), one.inertia(q), atol=1e-11)
        for frame in frames:
            for mine, theirs in zip(other.center(q, frame), one.center(q, frame), strict=True):
                np.testing.assert_allclose(mine, theirs, atol=1e-12)


def test_both_back_ends_know_how_fast_tools_get(built: Built, rng: np.random.Generator) -> None:
    from imitation_ros.safety.compiled.motion import CompiledToolMotion

    collisions = built('imi_humanoid', 'numba')
    robot = collisions.robot
    contract = robot.contract
    box = ViabilityBox(contract.limits, 0.01)
    frames = [robot.frame_id(name) for name in contract.tools]
    one = ToolMotion(robot, frames, box)
    other = CompiledToolMotion(robot, frames, collisions.packed, box)
    reach, refused = np.full((len(frames), contract.n), 0.9), 0
    for _ in range(100):
        q = rng.uniform(contract.limits.lower, contract.limits.upper)
        x = rng.uniform(-1.0, 1.0, contract.n) * contract.limits.velocity
        np.testing.assert_allclose(other.speeds(q, x), one.speeds(q, x), atol=1e-12)
        cap = float(rng.uniform(0.5, 1.5)) * float(one.speeds(q, x).max())
        found = one.too_fast(q, x, reach, cap)
        refused += found is not None
        assert other.too_fast(q, x, reach, cap) == found
    assert 20 < refused < 80
