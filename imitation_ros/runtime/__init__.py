# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From a policy.onnx to proposals, by onnxruntime: no ROS, no torch, no robot model.

`bundle` reads the file and checks it against the robot, `session` runs it, `chunks` is the
arithmetic of ticks, `loop` puts them together, `latency` keeps the account. `vector` runs one on
bare observations, for evaluations that are not ours.
"""

from .vector import VectorPolicy

__all__ = ['VectorPolicy']
