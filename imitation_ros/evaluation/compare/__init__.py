# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Comparison of methods on one task: the same demonstrations, the same starts, the same harm.

`plan` says what is run, `cells` runs it (and goes on after a kill), `scores` makes numbers with
intervals of it, `verdicts` judges the claims, `page` shows all of it.
"""
