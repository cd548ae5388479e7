# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Policies: one method per file, its model, loss and sampling read from top to bottom."""

from collections.abc import Callable
from typing import Any

from .act import ACT
from .base import Policy
from .bc import BC
from .diffusion import Diffusion
from .flow import Flow

POLICIES: dict[str, Callable[[Any, Any], Policy]] = {
    'bc': BC,
    'act': ACT,
    'flow': Flow,
    'diffusion': Diffusion,
}
"""Every method that can be trained, by the name it has in a configuration: from what is observed
and what its networks are made of to a policy."""
