# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The contract's quality of service as rclpy profiles."""

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

from ...contract import Qos

RELIABILITY = {
    'reliable': ReliabilityPolicy.RELIABLE,
    'best_effort': ReliabilityPolicy.BEST_EFFORT,
}

LATCHED = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
"""The last message waits for late subscribers (e-stop, task state)."""


def profile(qos: Qos) -> QoSProfile:
    """Profile of a contract topic."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=qos.depth,
        reliability=RELIABILITY[qos.reliability],
    )
