# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Adversarial inverse RL: GAIL and AIRL."""
