# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pinocchio as pin
import pytest

from imitation_ros.kinematics.motion import JointMotion, ToolMotion

DT = 0.02


def test_a_tool_arrives_softly_within_its_limits():
    motion = ToolMotion(velocity=0.4, acceleration=1.0, angular_velocity=1.0,
                        angular_acceleration=3.0)  # fmt: skip
    pose = pin.SE3.Identity()
    goal = pin.SE3(pin.rpy.rpyToMatrix(0.3, -0.8, 0.2), np.array([0.3, -0.1, 0.2]))
    speed, turning = np.zeros(3), np.zeros(3)
    distances = []
    for _ in range(150):
        after = motion.step(pose, goal, DT)
        v = (after.translation - pose.translation) / DT
        w = pin.log3(after.rotation @ pose.rotation.T) / DT
        assert np.linalg.norm(v) <= 0.4 + 1e-9
        assert np.linalg.norm(w) <= 1.0 + 1e-9
        assert np.linalg.norm(v - speed) / DT <= 1.0 + 1e-6
        assert np.linalg.norm(w - turning) / DT <= 3.0 + 1e-6
        pose, speed, turning = after, v, w
        distances.append(np.linalg.norm(goal.translation - pose.translation))
    assert distances[-1] < 1e-4
    assert np.linalg.norm(pin.log3(goal.rotation @ pose.rotation.T)) < 1e-3
    assert (np.diff(distances) <= 1e-12).all(), 'it overshot'
    # Not slower than a plain trapezoid with the softened braking, and some closing time.
    assert np.argmax(np.array(distances) < 2e-3) * DT < 0.374 / 0.4 + 1.0


def test_a_joint_follows_a_goal_that_turns_round():
    motion = JointMotion(velocity=0.2, acceleration=1.0)
    position, speed = 0.0, 0.0
    for step in range(200):
        after = motion.step(position, 0.04 if step < 12 else 0.01, DT)
        v = (after - position) / DT
        assert abs(v) <= 0.2 + 1e-9
        assert abs(v - speed) / DT <= 1.0 + 1e-6
        position, speed = after, v
    assert position == pytest.approx(0.01, abs=1e-5)


def test_stop_forgets_the_speed():
    motion = ToolMotion()
    goal = pin.SE3(np.eye(3), np.array([1.0, 0.0, 0.0]))
    for _ in range(10):
        motion.step(pin.SE3.Identity(), goal, DT)
    assert motion.linear[0] > 0.1
    motion.stop()
    assert not motion.linear.any()
