# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Inverse soft Q-learning: IQ-Learn, and CSIL, from a policy's own density."""
