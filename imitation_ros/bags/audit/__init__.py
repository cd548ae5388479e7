# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Audit: is a bag fit for training, and why not?"""
