# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Reports: pages, plots and templates; they read results and measure nothing."""
