# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Training: from a dataset and a configuration to checkpoints, resumable bit for bit."""
