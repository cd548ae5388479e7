# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Run the node."""

import sys

from .node import main

sys.exit(main())
