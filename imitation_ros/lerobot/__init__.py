# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""LeRobot datasets, format v3.0: written and read without lerobot, which conflicts with our stack.

LeRobot's time is `timestamp = frame_index / fps`. That is true of our frames, whose ticks are
uniform at the contract's policy rate; what stood at a tick may be older than the tick, and the
age of every modality goes along in columns of its own, `age.<modality>`.
"""
