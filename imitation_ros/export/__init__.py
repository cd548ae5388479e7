# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Export: from a checkpoint to one self-describing policy.onnx, proven equal to torch."""
