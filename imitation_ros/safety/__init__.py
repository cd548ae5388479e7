# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Between every proposal and the controllers: nothing leaves the robot's envelope.

`limits` (viability box), `shapes` and `collisions` (distances between links), `filter` (the QP
proposes, a brake certificate disposes), `curve` and `player` (play proposals by time), `governor`
(the state machine around them) and `intervention` (what was changed, and why).
"""
