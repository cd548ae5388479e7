# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What `import imitation_ros` offers, as functions of plain arguments; the verbs call them.

Heavy libraries (torch, MuJoCo, Pinocchio) are imported by the call that needs them.
"""
