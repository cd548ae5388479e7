# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The version, below everything: who wants to know it imports nothing else."""

__version__ = '0.2.0'
