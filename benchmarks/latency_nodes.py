# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Processes of the latency benchmark: a robot, and relays that only copy messages.

python benchmarks/latency_nodes.py CONTRACT robot|policy|safety
"""

import itertools
import json
from pathlib import Path
import sys
import threading
import time
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper, TensorProto

from imitation_ros.contract import Contract, load
from imitation_ros.data.observation import ObservationSpec

POLICY_HZ = 24.9
STATE_HZ = 199.0
STEP_NS = round(1e9 / POLICY_HZ)
POSE = np.array([0.4, 0.0, 0.1, 0.0, 0.0, 0.0, 1.0])


def write_contract(folder: Path) -> Path:
    """Contract of our humanoid at the benchmark's policy rate."""
    contract = load('imi_humanoid')
    path = folder / 'robot.yaml'
    path.write_text(contract.text.replace('policy_hz: 25.0', f'policy_hz: {POLICY_HZ}'))
    return path


def write_policy(folder: Path, contract: Contract) -> Path:
    """MLP of a realistic size that answers the measured positions, so that nothing moves.

    The positions go through as relu(x) - relu(-x); all other weights are random and do their
    share of the work, but their last layer is zero.
    """
    joints = contract.group('left_arm').joints + contract.group('right_arm').joints
    spec = ObservationSpec(joints, True, ('object',), (), 2, POLICY_HZ, 16, 1)
    rng = np.random.default_rng(0)
    k, size = len(joints), spec.history * spec.size
    pairs = np.vstack([np.eye(k), -np.eye(k)])
    sizes = [size, 256, 256, 256, spec.chunk * k]
    weights = [0.05 * rng.standard_normal(shape) for shape in itertools.pairwise(sizes)]
    weights[0][:, : 2 * k] = 0
    weights[0][spec.size : spec.size + k, : 2 * k] = pairs.T
    for layer in weights[1:3]:
        layer[:, : 2 * k] = 0
        layer[: 2 * k, : 2 * k] = np.eye(2 * k)
    weights[3][:] = 0
    weights[3][: 2 * k] = np.tile(pairs, (1, spec.chunk))
    constants = [
        numpy_helper.from_array(np.array([1, -1], dtype=np.int64), 'flat'),
        numpy_helper.from_array(np.array([1, spec.chunk, k], dtype=np.int64), 'chunk'),
    ]
    nodes = [helper.make_node('Reshape', ['state', 'flat'], ['h0'])]
    for i, layer in enumerate(weights):
        constants.append(numpy_helper.from_array(layer.astype(np.float32), f'w{i}'))
        constants.append(numpy_helper.from_array(np.zeros(layer.shape[1], np.float32), f'b{i}'))
        nodes.append(helper.make_node('Gemm', [f'h{i}', f'w{i}', f'b{i}'], [f'm{i}']))
        kind = 'Relu' if i < len(weights) - 1 else 'Identity'
        nodes.append(helper.make_node(kind, [f'm{i}'], [f'h{i + 1}']))
    nodes.append(helper.make_node('Reshape', [f'h{len(weights)}', 'chunk'], ['actions']))
    graph = helper.make_graph(
        nodes,
        'policy',
        [helper.make_tensor_value_info('state', TensorProto.FLOAT, [1, spec.history, spec.size])],
        [helper.make_tensor_value_info('actions', TensorProto.FLOAT, [1, spec.chunk, k])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 18)], ir_version=9)
    limits = contract.limits
    metadata = {
        'format': 1,
        'method': 'benchmark',
        'observation': spec.to_dict(),
        'contract_name': contract.name,
        'contract_text': contract.text,
        'contract_hash': contract.hash,
        'urdf_text': contract.urdf_text,
        'joint_limits': {
            joint: [
                limits.lower[contract.index(joint)].item(),
                limits.upper[contract.index(joint)].item(),
            ]
            for joint in joints
        },
        'statistics': {},
    }
    helper.set_model_props(model, {'imitation_ros': json.dumps(metadata)})
    path = folder / 'policy.onnx'
    onnx.save(model, path)
    return path


def robot(contract: Contract) -> int:
    """Role of a process: publish joint states at 199 Hz and the object's pose at 50 Hz."""
    from geometry_msgs.msg import PoseStamped
    from rclpy.node import Node
    from sensor_msgs.msg import JointState

    from imitation_ros.nodes.ros.messages import to_joint_state, to_pose
    from imitation_ros.nodes.ros.qos import profile
    from imitation_ros.nodes.ros.spin import run
    from imitation_ros.nodes.ros.ticks import Ticks

    class Robot(Node):
        def __init__(self, context: Any) -> None:
            super().__init__('robot', context=context)
            states, (pose, *_) = contract.joint_states, contract.poses
            self._state = self.create_publisher(JointState, states.topic, profile(states.qos))
            self._pose = self.create_publisher(PoseStamped, pose.topic, profile(pose.qos))
            self._ticks = Ticks(self.get_clock(), round(1e9 / STATE_HZ))
            self._thread = threading.Thread(target=self._work)
            self._thread.start()

        def _work(self) -> None:
            still = np.zeros(contract.n)
            for i, _ in enumerate(self._ticks.run()):
                if i % 4 == 0:
                    self._pose.publish(to_pose(time.time_ns(), 'base', POSE))
                state = to_joint_state(time.time_ns(), contract.joints, contract.home, still)
                self._state.publish(state)

        def close(self) -> None:
            self._ticks.stop()
            self._thread.join()

    return run(Robot, [])


def relay(contract: Contract, part: str) -> int:
    """Role of a process: copy messages in the place of the policy or of the safety node."""
    from geometry_msgs.msg import PoseStamped
    from rclpy.node import Node
    from rclpy.timer import TimerInfo
    from sensor_msgs.msg import JointState
    from trajectory_msgs.msg import JointTrajectory

    from imitation_ros.data.proposal import Proposal
    from imitation_ros.messages.codec import stamp_ns
    from imitation_ros.nodes.ros.messages import to_joint_state, to_trajectory
    from imitation_ros.nodes.ros.spin import run

    joints = contract.group('left_arm').joints + contract.group('right_arm').joints

    class Relay(Node):
        def __init__(self, context: Any) -> None:
            super().__init__(f'relay_{part}', context=context)
            self._newest: Any = None
            self._asked: Any = None
            subscribe, publish = self.create_subscription, self.create_publisher
            subscribe(JointState, contract.joint_states.topic, self._on_state, 100)
            if part == 'policy':
                subscribe(PoseStamped, contract.poses[0].topic, lambda message: None, 10)
                self._out = publish(JointTrajectory, contract.topics.proposal, 10)
                self.create_timer(1 / POLICY_HZ, self._propose)
            else:
                subscribe(JointTrajectory, contract.topics.proposal, self._on_proposal, 10)
                self._out = publish(JointState, contract.topics.command, 10)
                self.create_timer(1 / contract.rates.command_hz, self._command)

        def _on_state(self, message: Any) -> None:
            self._newest = message

        def _on_proposal(self, message: Any) -> None:
            self._asked = message

        def _propose(self, info: TimerInfo) -> None:
            if self._newest is None:
                return
            # When the timer should have fired, as the policy node's ticks.
            tick = info.expected_call_time.nanoseconds
            times = tuple(tick + (i + 1) * STEP_NS for i in range(16))
            positions = np.tile(np.asarray(self._newest.position[:16]), (16, 1))
            stamp = stamp_ns(self._newest.header.stamp)
            self._out.publish(to_trajectory(Proposal(stamp, joints, times, positions)))

        def _command(self, info: TimerInfo) -> None:
            if self._asked is not None:
                tick, still = info.expected_call_time.nanoseconds, np.zeros(contract.n)
                self._out.publish(to_joint_state(tick, contract.joints, contract.home, still))

    return run(Relay, [])


if __name__ == '__main__':
    robot_contract, role = load(sys.argv[1]), sys.argv[2]
    sys.exit(robot(robot_contract) if role == 'robot' else relay(robot_contract, role))
