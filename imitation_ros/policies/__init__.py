# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Policies: one method per file, its model, loss and sampling read from top to bottom."""
