# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Compress raw images on their way into a bag, in threads of their own.

A sensor_msgs/msg/Image on `/camera/image_raw` becomes a CompressedImage on
`/camera/image_raw/compressed`, as image_transport would have published it: same header,
`format` in its words. What has sixteen bits a pixel (depth in mm) is always PNG, which loses
nothing; what already is compressed passes through untouched.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from queue import SimpleQueue
import threading
from typing import Any

import cv2
import numpy as np

from ..bags.topics import COMPRESSED, IMAGE
from ..errors import BagError, DataError, unknown
from ..messages.definitions import decode, typestore

KINDS = ('jpeg', 'png')
THREADS = 2
"""Cameras are dealt to this many threads; each keeps the order of its own."""

_CHANNELS = {'rgb8': 3, 'bgr8': 3, 'rgba8': 4, 'bgra8': 4, 'mono8': 1, 'mono16': 1, '16UC1': 1}
_TO_BGR = {
    'rgb8': cv2.COLOR_RGB2BGR,
    'rgba8': cv2.COLOR_RGBA2BGR,
    'bgra8': cv2.COLOR_BGRA2BGR,
}


@dataclass(frozen=True)
class Compression:
    """How images are compressed.

    Attributes:
        kind: `jpeg` (small) or `png` (nothing is lost).
        quality: Of JPEG, 1 to 100.
    """

    kind: str
    quality: int = 90

    @classmethod
    def parse(cls, text: str) -> 'Compression | None':
        """Read `jpeg`, `jpeg:85`, `png`, or '' for none.

        Raises:
            DataError: If it is something else; lists the choices.
        """
        kind, _, quality = text.strip().partition(':')
        if not kind:
            return None
        if kind not in KINDS:
            raise DataError(f'compress: {unknown(kind, "kind of compression", KINDS)}')
        if not quality:
            return cls(kind)
        if kind != 'jpeg' or not quality.isdigit() or not 1 <= int(quality) <= 100:
            raise DataError(f'compress: "{text}" is none of jpeg, jpeg:1 to jpeg:100, png')
        return cls(kind, int(quality))

    def __str__(self) -> str:
        """As `parse` reads it."""
        return f'jpeg:{self.quality}' if self.kind == 'jpeg' else self.kind

    def apply(self, data: bytes) -> bytes:
        """Make a serialized CompressedImage of a serialized Image.

        Raises:
            DataError: If it is no image, or of an encoding that would lose something unsaid.
        """
        message = decode(IMAGE, data)
        encoding = str(message.encoding)
        if encoding not in _CHANNELS:
            raise DataError(
                f'images of encoding "{encoding}" are not compressed, only {", ".join(_CHANNELS)}'
            )
        pixels = _pixels(message, _CHANNELS[encoding])
        deep = pixels.dtype == np.uint16
        if encoding in _TO_BGR:
            pixels = cv2.cvtColor(pixels, _TO_BGR[encoding])
        if self.kind == 'png' or deep:
            name, options = '.png', [cv2.IMWRITE_PNG_COMPRESSION, 1]
        else:
            name, options = '.jpg', [cv2.IMWRITE_JPEG_QUALITY, self.quality]
        done, encoded = cv2.imencode(name, pixels, options)
        if not done:
            raise DataError(f'cannot encode an image of {pixels.shape[1]}x{pixels.shape[0]}')
        kind = 'png' if name == '.png' else 'jpeg'
        # The words of compressed_image_transport: source encoding; kind, and encoding inside.
        inside = 'bgr8' if pixels.ndim == 3 else '' if deep else 'mono8'
        made = typestore().types[COMPRESSED](
            header=message.header,
            format=f'{encoding}; {kind} compressed {inside}',
            data=encoded.reshape(-1),
        )
        return bytes(typestore().serialize_cdr(made, COMPRESSED))

    def fits(self, data: bytes) -> bool:
        """Whether a serialized Image can be compressed at all (32FC1, for one, cannot)."""
        try:
            self.apply(data)
        except DataError:
            return False
        return True


def _pixels(message: Any, channels: int) -> np.ndarray[Any, Any]:
    """Pixels of an Image without the padding of its rows."""
    deep = message.encoding in ('mono16', '16UC1')
    size = 2 if deep else 1
    height, width, step = int(message.height), int(message.width), int(message.step)
    data = np.asarray(message.data, np.uint8)
    if not height or not width or step < width * channels * size or len(data) < step * height:
        raise DataError(
            f'image of {width}x{height} {message.encoding} has step {step} and {len(data)} bytes'
        )
    rows = data[: step * height].reshape(height, step)[:, : width * channels * size]
    rows = np.ascontiguousarray(rows)
    if deep:
        order = '>' if message.is_bigendian else '<'
        return rows.view(f'{order}u2').astype(np.uint16, copy=False).reshape(height, width)
    return rows.reshape((height, width, channels) if channels > 1 else (height, width))


class Compressors:
    """Threads that compress the messages of some channels and hand them on, in order.

    A message that cannot be compressed is handed on as None.
    """

    def __init__(
        self,
        channels: Mapping[int, Compression],
        done: Callable[[int, Any, bytes | None], None],
    ) -> None:
        """Start the threads; none if there are no channels.

        Args:
            channels: How each channel is compressed.
            done: Called by the threads with a channel, what `put` was given, and the result.
        """
        self._channels = dict(channels)
        self._done = done
        count = min(THREADS, len(self._channels))
        self._queues: list[SimpleQueue[tuple[int, Any, bytes] | None]] = [
            SimpleQueue() for _ in range(count)
        ]
        self._of = {c: self._queues[i % count] for i, c in enumerate(sorted(self._channels))}
        self._threads = [
            threading.Thread(target=self._run, args=(queue,), name='compressor', daemon=True)
            for queue in self._queues
        ]
        for thread in self._threads:
            thread.start()

    def __contains__(self, channel: int) -> bool:
        """Whether a channel is compressed."""
        return channel in self._channels

    def put(self, channel: int, what: Any, data: bytes) -> None:
        """Have one message compressed."""
        self._of[channel].put((channel, what, data))

    def stop(self) -> None:
        """Compress what is waiting, and end the threads."""
        for queue in self._queues:
            queue.put(None)
        for thread in self._threads:
            thread.join()

    def _run(self, queue: 'SimpleQueue[tuple[int, Any, bytes] | None]') -> None:
        while (job := queue.get()) is not None:
            channel, what, data = job
            try:
                result = self._channels[channel].apply(data)
            except (DataError, BagError, cv2.error):
                result = None
            self._done(channel, what, result)
