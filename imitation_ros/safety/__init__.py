# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Between every proposal and the controllers: nothing leaves the robot's envelope.

`supervisor` (the state machine) plays proposals by time (`player`, `curve`) through `filter`: a QP
proposes, a brake certificate disposes. `geometry` holds shapes and watched pairs, `constraints`
what a velocity has to keep; a `backend` computes. `decision` and `explain` say what was changed
(`intervention`), and why.
"""
