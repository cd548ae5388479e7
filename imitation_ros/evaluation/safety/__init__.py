# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The safety filter measured beside others, on the same streams."""
