# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The numba back end: the same distances, constraints and certificate; needs the extra `fast`.

Each kernel states the same equation as its numpy twin; `test/safety/test_backends.py` holds them
to each other. Code is compiled when the back end is built, and kept on disk (`cache=True`).
"""
