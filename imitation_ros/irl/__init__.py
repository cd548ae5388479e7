# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Inverse reinforcement learning: one method per file, on a simulated task of fixed horizon."""
