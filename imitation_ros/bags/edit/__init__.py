# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Edit: drop, relabel, merge, trim and repair recorded episodes."""
