# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Camera strips: a few evenly spaced frames of an episode, with their times."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, unknown
from .episode import Episode
from .frame import Image
from .images import displayable

NS = 1_000_000_000
FRAMES = 6
"""Frames of a strip: enough to follow a pick-and-place, few enough for one row of a page."""

CAPTION_HEIGHT = 22
GAP = 4


@dataclass(frozen=True)
class CameraStrip:
    """Frames of one camera over an episode.

    Attributes:
        camera: Name of the camera.
        times_s: Time of each frame since the episode's start [s], shape (k,).
        images: The frames, uint8, RGB, shape (k, height, width, 3).
        title: What is seen.
        failed: Whether it shows a failure; those come first in a report.
    """

    camera: str
    times_s: tuple[float, ...]
    images: NDArray[np.uint8]
    title: str = ''
    failed: bool = False

    def __post_init__(self) -> None:
        """Check that every frame is an RGB image and has its time."""
        if self.images.ndim != 4 or self.images.shape[3] != 3 or not len(self.images):
            raise DataError(f'a strip needs images (k, height, width, 3): {self.images.shape}')
        if len(self.times_s) != len(self.images):
            raise DataError(f'{len(self.times_s)} times for {len(self.images)} frames of a strip')

    def cells(self) -> list[tuple[float, str]]:
        """Time [s] and data URI of every frame, for a page that lays them out itself."""
        return [
            (time, png_uri(image)) for time, image in zip(self.times_s, self.images, strict=True)
        ]

    def png(self, height: int = 144) -> bytes:
        """One PNG: the frames side by side, each with its time below.

        Args:
            height: Height of each frame in the picture [pixels].
        """
        width = round(height * self.images.shape[2] / self.images.shape[1])
        enlarge = height > self.images.shape[1]
        columns = []
        for time, image in zip(self.times_s, self.images, strict=True):
            cell = np.full((height + CAPTION_HEIGHT, width, 3), 255, np.uint8)
            how = cv2.INTER_NEAREST if enlarge else cv2.INTER_AREA
            cell[:height] = cv2.resize(image, (width, height), interpolation=how)
            _caption(cell, f'{time:.1f} s')
            columns += [cell, np.full((height + CAPTION_HEIGHT, GAP, 3), 255, np.uint8)]
        return encode_png(np.concatenate(columns[:-1], axis=1))


def _caption(cell: Image, text: str) -> None:
    """Write a caption into the lower edge of a picture, centred."""
    face, size = cv2.FONT_HERSHEY_SIMPLEX, 0.45
    (width, height), _ = cv2.getTextSize(text, face, size, 1)
    at = ((cell.shape[1] - width) // 2, cell.shape[0] - (CAPTION_HEIGHT - height) // 2)
    cv2.putText(cell, text, at, face, size, (60, 60, 60), 1, cv2.LINE_AA)


def encode_png(image: Image) -> bytes:
    """PNG of an RGB image, uint8, shape (height, width, 3)."""
    done, data = cv2.imencode('.png', np.ascontiguousarray(image[:, :, ::-1]))
    if not done:
        raise DataError(f'cannot encode an image of shape {image.shape} as PNG')
    return bytes(data)


def png_uri(image: Image) -> str:
    """Data URI of an RGB image, so that a page needs no other file."""
    return f'data:image/png;base64,{base64.b64encode(encode_png(image)).decode()}'


def evenly(count: int, frames: int = FRAMES) -> list[int]:
    """Indices of at most `frames` of `count` items, evenly spaced, both ends included."""
    if count < 1 or frames < 1:
        raise DataError(f'no {frames} frames in {count} images')
    return sorted({round(float(i)) for i in np.linspace(0, count - 1, min(count, frames))})


def strip_of_array(
    camera: str,
    stamps_ns: Sequence[int] | NDArray[np.int64],
    images: Sequence[Image] | Image,
    title: str = '',
    failed: bool = False,
    frames: int = FRAMES,
) -> CameraStrip:
    """Strip of images in memory; times count from the first stamp.

    Args:
        camera: Name of the camera.
        stamps_ns: Stamp of each image [ns].
        images: RGB images of one size.
        title: What is seen.
        failed: Whether it shows a failure.
        frames: How many frames to keep.
    """
    if len(stamps_ns) != len(images):
        raise DataError(f'{len(stamps_ns)} stamps for {len(images)} images of "{camera}"')
    chosen = evenly(len(images), frames)
    start = int(stamps_ns[0])
    return CameraStrip(
        camera=camera,
        times_s=tuple((int(stamps_ns[i]) - start) / NS for i in chosen),
        images=np.stack([displayable(images[i]) for i in chosen]).astype(np.uint8),
        title=title,
        failed=failed,
    )


def strip_of_episode(
    episode: Episode, camera: str | None = None, title: str = '', frames: int = FRAMES
) -> CameraStrip:
    """Strip of a dataset's episode; of its largest images if no camera is named.

    Raises:
        DataError: If the episode has no such camera, or no images at all.
    """
    sizes: dict[str, Any] = {name: a.shape[1] * a.shape[2] for name, a in episode.images.items()}
    if camera is None and sizes:
        camera = max(sizes, key=lambda name: sizes[name])
    if camera not in sizes:
        raise DataError(unknown(camera or 'any camera', 'camera of the episode', sizes))
    return strip_of_array(
        camera,
        np.asarray(episode.tick_ns),
        episode.images[camera],
        title or episode.meta.episode,
        episode.meta.outcome == 'failure',
        frames,
    )
