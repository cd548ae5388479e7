# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Nodes that run a script: the scripted operator, and deployment trials."""
