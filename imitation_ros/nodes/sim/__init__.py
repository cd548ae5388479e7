# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The simulator node: `python -m imitation_ros.nodes.sim`."""
