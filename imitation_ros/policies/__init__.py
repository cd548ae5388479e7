# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Policies: one method per file, its model, loss and sampling read from top to bottom."""

from collections.abc import Callable

from ..data.observation import ObservationSpec
from .base import Network, Policy
from .bc import BC

POLICIES: dict[str, Callable[[ObservationSpec, Network], Policy]] = {'bc': BC}
"""Every method that can be trained, by the name it has in a configuration."""
