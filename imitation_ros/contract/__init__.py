# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The robot contract: one YAML file that every part of the package reads.

It names the URDF, the joints in order and in groups, the topics with their types, rates and
maximum ages, and the safety limits. There is no language inside it, only values. `load` checks
it against the URDF and says which key is wrong, what it holds and what it could hold.
"""

from .features import Support, Torque
from .loading import available, load, loads
from .problems import explain
from .robot import Contract, Limits
from .schema import (
    Acted,
    Camera,
    Group,
    JointLimits,
    JointStates,
    Observed,
    Obstacle,
    Output,
    Pose,
    Qos,
    Rates,
    Safety,
    Topics,
)

__all__ = [
    'Acted',
    'Camera',
    'Contract',
    'Group',
    'JointLimits',
    'JointStates',
    'Limits',
    'Observed',
    'Obstacle',
    'Output',
    'Pose',
    'Qos',
    'Rates',
    'Safety',
    'Support',
    'Topics',
    'Torque',
    'available',
    'explain',
    'load',
    'loads',
]
