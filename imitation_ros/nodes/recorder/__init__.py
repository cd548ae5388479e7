# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The recorder node: `python -m imitation_ros.nodes.recorder`."""
