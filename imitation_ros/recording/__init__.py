# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Recording: sessions, takes, compression, and the pre-flight check of topics."""
