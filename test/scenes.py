# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Images for tests of video: soft, so that a codec keeps them, and no two alike."""

import numpy as np


def scene(steps: int, phase: int) -> np.ndarray:
    """A soft ball that moves over a gradient: each frame differs from those beside it."""
    y, x = np.mgrid[0:48, 0:64]
    frames = []
    for k in range(steps):
        away = np.hypot(x - (phase + 2 * k) % 64, y - 24)
        ball = 180 * np.exp(-((away / 8) ** 2))
        frames.append(np.stack([ball + 40, y * 2.0 + 60, x * 2.0 + 60], axis=2))
    return np.array(frames).clip(0, 255).astype(np.uint8)
