# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What all nodes share: parameters, quality of service, spinning, messages."""
