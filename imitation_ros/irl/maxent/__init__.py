# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Maximum-entropy inverse RL with a linear reward of named features."""
