# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The one image resize, used by the converter and by the policy node alike."""

import numpy as np

from .frame import Image


def resize(image: Image, height: int, width: int) -> Image:
    """Shrink by averaging whole blocks where the sizes divide, else take the nearest pixel.

    Args:
        image: uint8, shape (H, W, C).
        height: New height [pixels].
        width: New width [pixels].
    """
    old_height, old_width, channels = image.shape
    if (old_height, old_width) == (height, width):
        return image
    if old_height % height == 0 and old_width % width == 0:
        rows, columns = old_height // height, old_width // width
        blocks = image.reshape(height, rows, width, columns, channels)
        total: Image = (
            (blocks.sum(axis=(1, 3), dtype=np.uint32) + rows * columns // 2) // (rows * columns)
        ).astype(np.uint8)
        return total
    y = (np.arange(height) * old_height + old_height // 2) // height
    x = (np.arange(width) * old_width + old_width // 2) // width
    return np.ascontiguousarray(image[y][:, x])
