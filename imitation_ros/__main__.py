# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`python -m imitation_ros` is the command line."""

from .cli import main

if __name__ == '__main__':
    main()
