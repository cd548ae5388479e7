# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How good a policy is: rollouts, intervals, and the report of a whole run."""
