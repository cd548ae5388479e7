# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Teleoperation: what an operator's device says, turned into proposals.

A leader arm says where joints should be (`mapping`); a keyboard and a gamepad say how a tool
should move (`keyboard`, `gamepad`, `twist`). Nothing leaves without the dead-man gate (`gate`).
No clock is read here: every step takes `now_ns`.
"""
