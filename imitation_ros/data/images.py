# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The one image resize, used by the converter and by the policy node alike, and depth for eyes."""

import numpy as np

from .frame import Image


def resize(image: Image, height: int, width: int) -> Image:
    """Shrink by averaging whole blocks where the sizes divide, else take the nearest pixel.

    Depth takes the nearest pixel always: between a hand and the wall behind it is nothing.

    Args:
        image: uint8 or uint16 (depth), shape (H, W, C).
        height: New height [pixels].
        width: New width [pixels].
    """
    old_height, old_width, channels = image.shape
    if (old_height, old_width) == (height, width):
        return image
    if image.dtype == np.uint8 and old_height % height == 0 and old_width % width == 0:
        rows, columns = old_height // height, old_width // width
        # Adding rows, then columns, in 16 bits is ten times faster than one sum over both axes.
        kind = np.uint16 if rows * columns <= 256 else np.uint32
        total = np.zeros((height, old_width * channels), kind)
        for row in range(rows):
            total += image.reshape(height, rows, old_width * channels)[:, row]
        blocks = total.reshape(height, width, columns, channels)
        total = blocks[:, :, 0].copy()
        for column in range(1, columns):
            total += blocks[:, :, column]
        small: Image = ((total + rows * columns // 2) // (rows * columns)).astype(np.uint8)
        return small
    y = (np.arange(height) * old_height + old_height // 2) // height
    x = (np.arange(width) * old_width + old_width // 2) // width
    return np.ascontiguousarray(image[y][:, x])


def displayable(pixels: Image) -> Image:
    """RGB image of any image; of depth a grey one, the farthest percent white."""
    if pixels.dtype == np.uint8:
        return pixels
    far = max(float(np.percentile(pixels, 99)), 1.0)
    grey = (pixels / far * 255.0).clip(0, 255).astype(np.uint8)
    return np.repeat(grey, 3, axis=2)
