# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Conversion: from bags to datasets, and the contract of a bag that describes no robot."""
