# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Back ends that the safety tests run on."""

from collections.abc import Callable

import pytest

from imitation_ros.safety import backends
from imitation_ros.safety.collisions import SelfCollision

BACKENDS = [
    'coal',
    pytest.param(
        'numba',
        marks=pytest.mark.skipif(
            backends.choose('auto') != 'numba', reason='the extra "fast" (numba) is not installed'
        ),
    ),
]

Built = Callable[[str, str], SelfCollision]
