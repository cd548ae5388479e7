# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""MP4 files of a LeRobot dataset, written and read with PyAV."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
import os
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from ..data.frame import Image
from ..errors import DataError

# The AV1 encoder prints twenty lines a file otherwise; it reads this when it is opened.
os.environ.setdefault('SVT_LOG', '1')

GROUP = 2
"""A key frame every so many frames, LeRobot's own setting: random access costs two frames."""


@dataclass(frozen=True)
class Codec:
    """How images become a video.

    Attributes:
        encoder: FFmpeg's name of the encoder.
        pixels: Pixel format.
        options: Options of the encoder.
    """

    encoder: str
    pixels: str
    options: dict[str, str]

    @property
    def info(self) -> dict[str, Any]:
        """What LeRobot's info.json says of it."""
        return {
            'video.codec': {'libsvtav1': 'av1'}.get(self.encoder, 'h264'),
            'video.pix_fmt': self.pixels,
            'video.g': GROUP,
            'video.crf': int(self.options['crf']),
        }


CODECS: dict[str, Codec] = {
    'av1': Codec('libsvtav1', 'yuv420p', {'crf': '30', 'preset': '12'}),
    'h264': Codec('libx264', 'yuv420p', {'crf': '23', 'preset': 'veryfast'}),
}
"""`av1` is LeRobot's own setting; `h264` is quicker to write and read, and larger."""


class VideoWriter:
    """One file of one camera; frames of several episodes follow each other."""

    def __init__(self, path: Path, codec: Codec, height: int, width: int, fps: int) -> None:
        """Open a new file.

        Raises:
            DataError: If the size does not suit the codec.
        """
        if height % 2 or width % 2:
            raise DataError(
                f'images of {width}x{height} do not fit {codec.encoder}, which halves the colour '
                'planes; sizes must be even, or choose the codec "png"'
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        self._container = av.open(str(path), 'w')
        options = {'g': str(GROUP), **codec.options}
        stream = self._container.add_stream(codec.encoder, rate=fps, options=options)
        stream.height, stream.width, stream.pix_fmt = height, width, codec.pixels
        stream.time_base = Fraction(1, fps)
        self._stream = stream
        self._fps = fps
        self._frames = 0
        self._bytes = 0

    @property
    def seconds(self) -> float:
        """Where the next frame will stand [s]."""
        return self._frames / self._fps

    @property
    def megabytes(self) -> float:
        """Size so far, but for what the encoder still holds [MB]."""
        return self._bytes / 1e6

    def append(self, images: NDArray[np.uint8]) -> None:
        """Add images, uint8, shape (T, height, width, 3)."""
        for image in images:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format='rgb24')
            frame.pts, frame.time_base = self._frames, Fraction(1, self._fps)
            self._write(frame)
            self._frames += 1

    def _write(self, frame: av.VideoFrame | None) -> None:
        for packet in self._stream.encode(frame):
            self._bytes += packet.size
            self._container.mux(packet)

    def close(self) -> None:
        """Write what the encoder still holds, and the file's index."""
        self._write(None)
        self._container.close()


def length(path: Path) -> int:
    """How many frames a video says it has; 0 if it does not, or cannot be read."""
    try:
        with av.open(str(path)) as container:
            return int(container.streams.video[0].frames)
    except (av.FFmpegError, IndexError, OSError):
        return 0


def read(path: Path, first_s: float, count: int, fps: float) -> Iterator[Image]:
    """Decode some frames in a row.

    Args:
        path: The video.
        first_s: Time of the first [s].
        count: How many.
        fps: Rate at which they follow each other [Hz].

    Raises:
        DataError: If the video cannot be decoded, or lacks one of them.
    """
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            container.seek(round(first_s / stream.time_base) - 1, backward=True, stream=stream)
            expected = 0
            for frame in container.decode(stream):
                if frame.pts is None:
                    continue
                number = round((float(frame.pts * stream.time_base) - first_s) * fps)
                if number < expected:
                    continue
                if number > expected:
                    raise DataError(f'{path}: no frame at {first_s + expected / fps:.3f} s')
                image: Image = frame.to_ndarray(format='rgb24')
                yield image
                expected += 1
                if expected == count:
                    return
    except (av.FFmpegError, IndexError, OSError) as error:
        raise DataError(f'{path}: cannot be decoded: {error}') from error
    raise DataError(f'{path}: ends at frame {expected} of {count} after {first_s:.3f} s')
