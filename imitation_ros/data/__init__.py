# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frames, episodes and datasets: numpy only, no ROS, no torch.

`timeline` is the only resampler of the package: the policy node feeds it live messages and the
converter feeds it bags, so both see the same frames.
"""
